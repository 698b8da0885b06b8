"""Buckets on a GPU that kernels fill, and that the host enlarges when one was too small."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device


class Buckets:
    """int64[n, capacity, words] of entries, int32[n] of counts, and of the counts to which `make_room` goes back."""

    def __init__(self, device: Device, n: int, capacity: int, words: int = 1) -> None:
        self._device, self.capacity = device, capacity
        self.entries = device.xp.zeros((n, capacity, words), np.int64)
        self.counts = device.xp.zeros(n, np.int32)
        self._before = device.xp.zeros(n, np.int32)

    @property
    def n_bytes(self) -> int:
        """Of the entries."""
        return int(self.entries.nbytes)

    def enter(self, row: NDArray[np.int64], field_at: int) -> None:
        """Fill in the four fields of a table that begin with the address of the entries."""
        address = self._device.address
        row[field_at], row[field_at + 1] = address(self.entries), self.capacity
        row[field_at + 2], row[field_at + 3] = address(self.counts), address(self._before)

    def make_room(self) -> bool:
        """Restore the counts; enlarge all buckets if one of them was too small, and say so."""
        needed = int(self._device.download(self.counts).max())
        self.counts[...] = self._before
        if needed <= self.capacity:
            return False
        n, _, words = self.entries.shape
        larger = self._device.xp.zeros((n, needed + needed // 2, words), np.int64)
        larger[:, : self.capacity] = self.entries
        self.entries, self.capacity = larger, int(larger.shape[1])
        return True
