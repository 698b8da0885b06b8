"""Synapse rows that lie on a GPU and have never been on the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device, Kernels
from dtbsim.build.synapses import Rows
from dtbsim.kernels import build_layout as B

NO_SYNAPSE = np.uint32(0xFFFFFFFF)
"""Fills rows up to one length; lanes with such rows have fewer than 65,536 slots, so it is none of their synapses."""


@dataclass(frozen=True, eq=False)
class DeviceRows(Rows):
    """`Rows` whose arrays are the device's. `delays` is uint8 or uint16 per synapse where rows are not sorted.

    Rows that are not sorted have no segments: `segment_rows` and `segments` are empty, and `delays` is not None. With a
    `stride` they are packed, and the row of source s lies at s * stride of `targets` and `delays`, not at `rows[s]`,
    filled up with NO_SYNAPSE. With `negative` delays are in the words of the synapses (`one_word`); `delays`
    is empty.
    """

    device: Device
    kernels: Kernels
    total: int
    delays: Any = None
    stride: int = 0
    negative: int | None = None

    @property
    def n_synapses(self) -> int:
        """Synapses of the lane."""
        return self.total

    @property
    def n_bytes(self) -> int:
        """Everything that the rows hold."""
        return super().n_bytes + (0 if self.delays is None else int(self.delays.nbytes))

    def place(self, place: Callable[[NDArray[Any]], int]) -> tuple[int, int, int, int, int]:
        """Addresses of what is there already."""
        return super().place(self.device.address)

    def add_magnitudes(self, totals: NDArray[np.int64], times: NDArray[np.int64] | None = None) -> None:
        """totals[slot] += the sum of |weight| over all synapses of the slot; `totals` is the host's.

        With `times` (how often each source can spike in a step) times the largest of them.
        """
        if self.n_synapses == 0:
            return
        sums = self.device.xp.zeros(totals.size, np.int64)
        table = np.zeros(B.ROWS_FIELDS, np.int64)
        table[B.B_KIND], table[B.B_N_SYNAPSES], table[B.B_STRIDE] = self.kind, self.targets.size, self.stride
        table[B.B_TARGET_AT], table[B.B_WEIGHT_AT] = (
            self.device.address(self.targets),
            self.device.address(self.weights),
        )
        table[B.B_TOTALS_AT] = self.device.address(sums)
        on_device = self.device.upload(table)
        shape = self.device.limits.spread(int(self.targets.size))
        self.kernels.launch("dtb_add_magnitudes", shape, self.device.address(on_device))
        totals += self.device.download(sums) * (1 if times is None else int(times.max(initial=1)))

    def widened(self) -> DeviceRows:
        """The same synapses with 32-bit weights and targets, for 64-bit sums; they lie where `rows` says."""
        if self.stride:
            there = self.targets != NO_SYNAPSE
            return replace(self, targets=self.targets[there], delays=self.delays[there], stride=0).widened()
        wide = super().widened()
        return replace(self, kind=wide.kind, targets=wide.targets, weights=wide.weights)
