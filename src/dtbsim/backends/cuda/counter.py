"""Spikes counted per population and unit of time on the GPU, while they are in its log."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device, Kernels
from dtbsim.backends.cuda.source import whole_text
from dtbsim.kernels import device_layout as X

I64 = NDArray[np.int64]


class SpikeCounter:
    """Counts in units of `unit_steps` steps; `begin` a chunk, count its spikes part by part, take `values`."""

    def __init__(self, device: Device, gid_starts: I64, unit_steps: int) -> None:
        self._device, self._unit, self._n = device, unit_steps, gid_starts.size - 1
        self._starts = device.upload(np.ascontiguousarray(gid_starts, np.int64))
        self._table = np.zeros(X.COUNT_FIELDS, np.int64)
        self._on_device = device.upload(self._table)
        self._counts = device.xp.zeros((0, self._n), np.int64)

    def compile(self) -> None:
        """Compile the kernels, or load them."""
        self._kernels: Kernels = self._device.compile(whole_text("count.cu", {}))

    def begin(self, start: int, stop: int) -> None:
        """All counts of the steps `start` to `stop` (exclusive) are 0."""
        first = start // self._unit
        self._counts = self._device.xp.zeros(((stop - 1) // self._unit - first + 1, self._n), np.int64)
        table, address = self._table, self._device.address
        table[X.COUNT_GID_STARTS_AT], table[X.COUNT_COUNTS_AT] = address(self._starts), address(self._counts)
        table[X.COUNT_N_POPULATIONS], table[X.COUNT_UNIT], table[X.COUNT_FIRST] = self._n, self._unit, first
        self._device.overwrite(self._on_device, table)

    def count(self, log_at: int, n: int) -> None:
        """The first `n` spikes of a log."""
        shape = self._device.limits.spread(n)
        self._kernels.launch("dtb_count", shape, self._device.address(self._on_device), log_at, n)

    def count_lanes(self, rank_at: int, n_lanes: int) -> None:
        """What is in the logs of the lanes."""
        shape = self._device.limits.spread(1, n_lanes)
        self._kernels.launch("dtb_count_lanes", shape, rank_at, self._device.address(self._on_device))

    def values(self) -> I64:
        """int64[units, populations] of the chunk, the first and the last unit as far as the chunk has them."""
        return self._device.download(self._counts)
