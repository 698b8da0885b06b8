"""Synapse rows that lie on a GPU and have never been on the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device, Kernels, Launch
from dtbsim.build.synapses import Rows
from dtbsim.kernels import build_layout as B

THREADS = 256
BLOCKS_PER_MULTIPROCESSOR = 8


def shape_for(device: Device, items: int) -> Launch:
    """Threads for so many items, as many as the device runs at once at most."""
    most = device.limits.multiprocessors * BLOCKS_PER_MULTIPROCESSOR
    return Launch(max(1, min(-(-items // THREADS), most)), 1, THREADS)


@dataclass(frozen=True, eq=False)
class DeviceRows(Rows):
    """`Rows` whose arrays are the device's. `delays` is uint8 or uint16 per synapse where rows are not sorted.

    Rows that are not sorted have no segments: `segment_rows` and `segments` are empty, and `delays` is not None.
    """

    device: Device
    kernels: Kernels
    delays: Any = None

    @property
    def n_synapses(self) -> int:
        """Synapses of the lane."""
        return int(self.targets.size)

    @property
    def n_bytes(self) -> int:
        """Everything that the rows hold."""
        return super().n_bytes + (0 if self.delays is None else int(self.delays.nbytes))

    def place(self, place: Callable[[NDArray[Any]], int]) -> tuple[int, int, int, int, int]:
        """Addresses of what is there already."""
        return super().place(self.device.address)

    def place_delays(self, place: Callable[[NDArray[Any]], int], dtype: type[np.unsignedinteger[Any]]) -> int:
        """Address of what is there already; only rows that are not sorted have it."""
        assert self.delays is not None, "rows for this plan are built with in_order=False"
        assert self.delays.dtype == dtype
        return self.device.address(self.delays)

    def add_magnitudes(self, totals: NDArray[np.int64]) -> None:
        """totals[slot] += the sum of |weight| over all synapses of the slot; `totals` is the host's."""
        if self.n_synapses == 0:
            return
        sums = self.device.xp.zeros(totals.size, np.int64)
        table = np.zeros(B.ROWS_FIELDS, np.int64)
        table[B.B_KIND], table[B.B_N_SYNAPSES] = self.kind, self.n_synapses
        table[B.B_TARGET_AT], table[B.B_WEIGHT_AT] = (
            self.device.address(self.targets),
            self.device.address(self.weights),
        )
        table[B.B_TOTALS_AT] = self.device.address(sums)
        on_device = self.device.upload(table)
        shape = shape_for(self.device, self.n_synapses)
        self.kernels.launch("dtb_add_magnitudes", shape, self.device.address(on_device))
        totals += self.device.download(sums)

    def widened(self) -> DeviceRows:
        """The same synapses with 32-bit weights and targets, for 64-bit sums."""
        wide = super().widened()
        return replace(self, kind=wide.kind, targets=wide.targets, weights=wide.weights)
