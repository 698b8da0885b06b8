"""Many small arrays that go to a GPU in one copy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device

WORD = 8


class Upload:
    """Collects arrays with `add`, brings them to the device with `send`."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._packed: list[tuple[int, NDArray[Any], tuple[int, ...]]] = []
        self._words = 1  # no array is at 0, which stands for none

    def add(self, values: NDArray[Any], addresses: tuple[int, ...] = ()) -> int:
        """Where the array lies in the upload, in bytes; 0: it is empty.

        Columns `addresses` of int64 values hold places in the upload or 0; `send` makes device addresses of them.
        """
        if values.size == 0:
            return 0
        at = self._words * WORD
        self._packed.append((at, np.ascontiguousarray(values), addresses))
        self._words += -(-values.nbytes // WORD)
        return at

    def send(self) -> None:
        """Copy everything that was added."""
        self._array = self._device.xp.empty(self._words, np.int64)
        base = self._device.address(self._array)
        packed = np.zeros(self._words * WORD, np.uint8)
        for at, values, addresses in self._packed:
            sent = values
            if addresses:
                sent = values.copy()
                columns = list(addresses)
                sent[..., columns] += np.where(values[..., columns] != 0, base, 0)
            packed[at : at + sent.nbytes] = sent.reshape(-1).view(np.uint8)
        self._device.overwrite(self._array, packed.view(np.int64))
        self._packed.clear()

    def address(self, at: int) -> int:
        """Device address of a place in the upload, once it was sent."""
        return self._device.address(self._array) + at


class SharedTables:
    """Arrays that stay on the device for all lanes: each is copied once."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._known: dict[int, tuple[NDArray[Any], Any]] = {}

    def address(self, values: NDArray[Any]) -> int:
        """Device address of the copy, 0 for nothing."""
        if values.size == 0:
            return 0
        if id(values) not in self._known:
            self._known[id(values)] = values, self._device.upload(values)
        return self._device.address(self._known[id(values)][1])
