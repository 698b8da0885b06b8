"""The spikes of a rank on the device, until the host collects them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device
from dtbsim.kernels import device_layout as X

I64 = NDArray[np.int64]
LOG_ENTRIES = 1 << 24
"""Room for spikes between two looks of the host, at least one step's."""


class SpikeLog:
    """int64[size] on the device, step << 32 | gid; a rank table says how many there are, and how many were packed."""

    def __init__(self, device: Device, per_step: int) -> None:
        self._device, self._per_step = device, max(per_step, 1)
        self.entries = device.xp.zeros(max(LOG_ENTRIES, per_step), np.int64)
        self._collected: list[I64] = []
        self._taken = 0

    def enter(self, rank: I64) -> None:
        """Where it is, into the rank table."""
        rank[X.R_LOG_AT] = self._device.address(self.entries)

    def room(self, rank: I64) -> int:
        """Steps that fit whatever happens in them."""
        return (int(self.entries.size) - int(rank[X.R_LOG_COUNT])) // self._per_step

    def take(self, rank: I64, *, waiting: bool) -> None:
        """Copy to the host what is new, and make room; entries that wait for being packed stay if `waiting`.

        Changes the host's rank table, which has to be that of the device.
        """
        n = int(rank[X.R_LOG_COUNT])
        if n > self._taken:
            self._collected.append(self._device.download(self.entries[self._taken : n]))
        stay = n - int(rank[X.R_PACKED]) if waiting else 0
        if stay:
            self._keep(self.entries[n - stay : n].copy())
        rank[X.R_LOG_COUNT] = self._taken = stay
        rank[X.R_PACKED] = 0
        self.enter(rank)

    def _keep(self, waiting: NDArray[np.int64]) -> None:
        if waiting.size + self._per_step > self.entries.size:
            self.entries = self._device.xp.zeros(2 * (waiting.size + self._per_step), np.int64)
        self.entries[: waiting.size] = waiting

    def part(self, first: int, last: int) -> I64:
        """Entries `first` to `last` (exclusive) on the host."""
        return self._device.download(self.entries[first:last])

    def collected(self) -> I64:
        """All that was copied to the host since the last call."""
        entries = np.concatenate([np.zeros(0, np.int64), *self._collected])
        self._collected = []
        return entries
