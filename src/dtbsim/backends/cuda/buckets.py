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

    def contents(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Bucket of every entry, int64[m], and the entries, int64[m, words]."""
        counts = self._device.download(self.counts).astype(np.int64)
        longest = int(counts.max(initial=0))
        filled = np.arange(longest) < counts[:, None]
        entries = self._device.download(self.entries[:, :longest])
        return np.nonzero(filled)[0], entries[filled]

    def fill(self, buckets: NDArray[np.int64], entries: NDArray[np.int64]) -> None:
        """Put entries into empty buckets, enlarging them if need be."""
        counts = np.bincount(buckets, minlength=self.counts.size).astype(np.int32)
        n, _, words = self.entries.shape
        self.capacity = max(self.capacity, int(counts.max(initial=0)))
        order = np.argsort(buckets, kind="stable")
        place = np.arange(buckets.size) - np.repeat(np.cumsum(counts) - counts, counts)
        filled = np.zeros((n, self.capacity, words), np.int64)
        filled[buckets[order], place] = entries[order]
        self.entries = self._device.upload(filled)
        self.counts[...] = self._device.upload(counts)
        self._before[...] = self.counts
