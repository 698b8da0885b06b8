"""Arrays on a GPU, as the tables of lanes need them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dtbsim.backends.cuda.device import Device


class DeviceOutput:
    """Room that kernels write to."""

    def __init__(self, device: Device, size: int, dtype: DTypeLike) -> None:
        self._device = device
        self._array = device.xp.zeros(size, dtype)
        self.address = device.address(self._array)

    def values(self) -> NDArray[Any]:
        """A copy on the host."""
        return self._device.download(self._array)


class DeviceMemory:
    """Copies of host arrays on a device; `of` finds the copy of an array that was placed."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._placed: dict[int, tuple[NDArray[Any], Any]] = {}
        self._tables: list[tuple[NDArray[np.int64], Any]] = []
        self._kept: list[Any] = []
        self._lent: list[Any] = []

    def place(self, array: NDArray[Any]) -> int:
        """Copy it, once."""
        if id(array) not in self._placed:
            self._placed[id(array)] = array, self._device.upload(array)
        return self._device.address(self.of(array))

    def knows(self, array: NDArray[Any]) -> bool:
        """Whether it has a copy here."""
        return id(array) in self._placed

    def reserve(self, array: NDArray[Any]) -> None:
        """Zeros in its place, where it is all zeros: neither copied nor read."""
        self._placed[id(array)] = array, self._device.xp.zeros(array.shape, array.dtype)

    @property
    def n_bytes(self) -> int:
        """Bytes of what was placed."""
        return sum(int(copy.nbytes) for _, copy in self._placed.values())

    def place_table(self, table: NDArray[np.int64]) -> int:
        """Copy it, and again on `refresh`."""
        copy = self._device.upload(table)
        self._tables.append((table, copy))
        return self._device.address(copy)

    def refresh(self) -> None:
        """Copy all tables that have changed."""
        for table, copy in self._tables:
            if table.size:
                self._device.overwrite(copy, table)

    def fetch(self, array: NDArray[Any], part: slice) -> None:
        """Copy a part of a placed array from the device."""
        array[part] = self._device.download(self.of(array)[part])

    def store(self, array: NDArray[Any], part: slice) -> None:
        """Copy a part of a placed array to the device."""
        self._device.overwrite(self.of(array)[part], array[part])

    def replace(self, there: Any, array: NDArray[Any]) -> None:
        """Copy it to the device, over the copy of a placed array, or over an array that has never been on the host."""
        placed = self._placed.get(id(there))
        if array.size:
            self._device.overwrite(there if placed is None else placed[1], array)

    def lend(self, array: NDArray[Any]) -> int:
        """Copy it; the copy goes on `reclaim`."""
        copy = self._device.upload(array)
        self._lent.append(copy)
        return self._device.address(copy)

    def reclaim(self) -> None:
        """Forget what was lent, once nothing reads it any more."""
        if self._lent:
            self._device.synchronise()
            self._lent.clear()

    def scratch(self, size: int, dtype: DTypeLike) -> int:
        """None: a thread draws what it needs in every step."""
        return 0

    def output(self, size: int, dtype: DTypeLike) -> DeviceOutput:
        """Zeros."""
        return DeviceOutput(self._device, size, dtype)

    def room(self, shape: tuple[int, ...], dtype: DTypeLike) -> Any:
        """Zeros on the device."""
        return self._device.xp.zeros(shape, dtype)

    def address(self, array: Any) -> int:
        """Its address on the device."""
        return self._device.address(array)

    def contents(self, array: Any) -> NDArray[Any]:
        """A copy on the host."""
        return self._device.download(array)

    def fill(self, array: Any, values: NDArray[Any]) -> None:
        """Copy them to the first rows."""
        array[: len(values)] = self._device.upload(values)

    def zeros(self, size: int, dtype: DTypeLike) -> Any:
        """Zeros that stay."""
        array = self._device.xp.zeros(size, dtype)
        self._kept.append(array)
        return array

    def of(self, array: NDArray[Any]) -> Any:
        """The copy of a placed array."""
        return self._placed[id(array)][1]
