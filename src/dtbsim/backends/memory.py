"""Where the arrays lie that tables point to: in this process for the CPU, on a GPU for CUDA."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Output(Protocol):
    """Room that kernels write to."""

    address: int

    def values(self) -> NDArray[Any]:
        """What stands there, on the host."""


class Memory(Protocol):
    """Makes arrays visible to compiled code, and keeps them alive."""

    def place(self, array: NDArray[Any]) -> int:
        """Address of the array; on a GPU that of a copy."""

    def place_table(self, table: NDArray[np.int64]) -> int:
        """The same for a table that the host changes later; `refresh` brings the changes."""

    def refresh(self) -> None:
        """Bring all tables up to date."""

    def fetch(self, array: NDArray[Any], part: slice) -> None:
        """Bring a part of a placed array up to date on the host."""

    def store(self, array: NDArray[Any], part: slice) -> None:
        """Bring a part of a placed array, which the host has changed, to where compiled code reads it."""

    def replace(self, there: Any, array: NDArray[Any]) -> None:
        """Overwrite what was placed, or is an array of the device itself, with an array of the same size."""

    def lend(self, array: NDArray[Any]) -> int:
        """Address of an array that is needed until `reclaim`."""

    def reclaim(self) -> None:
        """Forget what was lent."""

    def scratch(self, size: int, dtype: DTypeLike) -> int:
        """Address of zeros that the CPU's kernels keep draws in; 0 where kernels draw anew in every step."""

    def output(self, size: int, dtype: DTypeLike) -> Output:
        """Room of `size` zeros."""

    def room(self, shape: tuple[int, ...], dtype: DTypeLike) -> Any:
        """Zeros where compiled code sees them, an array with numpy's interface that the caller keeps alive."""

    def address(self, array: Any) -> int:
        """Address of what `room` gave."""

    def contents(self, array: Any) -> NDArray[Any]:
        """What is in an array that `room` gave, on the host."""

    def fill(self, array: Any, values: NDArray[Any]) -> None:
        """Put values of the host into the first rows of an array that `room` gave."""


class HostOutput:
    """An array."""

    def __init__(self, size: int, dtype: DTypeLike) -> None:
        self._array = np.zeros(size, dtype)
        self.address = int(self._array.ctypes.data)

    def values(self) -> NDArray[Any]:
        """The array itself."""
        return self._array


class HostMemory:
    """Arrays are where they are."""

    def __init__(self) -> None:
        self._kept: list[NDArray[Any]] = []
        self._lent: list[NDArray[Any]] = []

    def place(self, array: NDArray[Any]) -> int:
        """Keep it."""
        self._kept.append(array)
        return int(array.ctypes.data)

    def place_table(self, table: NDArray[np.int64]) -> int:
        """Keep it."""
        return self.place(table)

    def refresh(self) -> None:
        """Nothing to do: compiled code reads the host's tables."""

    def fetch(self, array: NDArray[Any], part: slice) -> None:
        """Nothing to do."""

    def store(self, array: NDArray[Any], part: slice) -> None:
        """Nothing to do."""

    def replace(self, there: Any, array: NDArray[Any]) -> None:
        """Copy it."""
        there[...] = array

    def lend(self, array: NDArray[Any]) -> int:
        """Keep it until `reclaim`."""
        self._lent.append(array)
        return int(array.ctypes.data)

    def reclaim(self) -> None:
        """Forget what was lent."""
        self._lent.clear()

    def scratch(self, size: int, dtype: DTypeLike) -> int:
        """Zeros."""
        return self.place(np.zeros(size, dtype))

    def output(self, size: int, dtype: DTypeLike) -> Output:
        """Zeros."""
        return HostOutput(size, dtype)

    def room(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Zeros."""
        return np.zeros(shape, dtype)

    def address(self, array: NDArray[Any]) -> int:
        """Where it is."""
        return int(array.ctypes.data)

    def contents(self, array: NDArray[Any]) -> NDArray[Any]:
        """A copy."""
        return array.copy()

    def fill(self, array: NDArray[Any], values: NDArray[Any]) -> None:
        """Set them."""
        array[: len(values)] = values
