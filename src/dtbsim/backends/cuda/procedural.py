"""Procedural projections on a GPU: rings of input vectors, and the launches that draw the synapses of spikes again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device, Kernels, Launch
from dtbsim.backends.cuda.memory import DeviceMemory
from dtbsim.backends.cuda.source import whole_text
from dtbsim.build.pairs import pair_table
from dtbsim.build.rank import LaneState
from dtbsim.kernels import device_layout as X
from dtbsim.kernels import layout as L
from dtbsim.kernels import pair_layout as P
from dtbsim.kernels.tasks import FIXED_OUTDEGREE

I64 = NDArray[np.int64]
ORDERED_SPLITS = 5
"""Target populations of 2**ORDERED_SPLITS parts or more (above 16.8 million neurons) are drawn in the order of their
parts: their input for one step is larger than any level-2 cache."""
BATCH = 1 << 19
"""Most spikes of a batch: its blocks for two parts are as many as a GPU runs at once, so few parts are under way."""


class ProceduralLane:
    """Pairs, ring and counters of lane number `index` in device memory, `rows` rows in its ring."""

    def __init__(self, state: LaneState, index: int, rows: int, device: Device) -> None:
        self.index = index
        self._state, self._device = state, device
        self._ring = device.xp.zeros((rows, state.lane.n_slots), state.acc.dtype)
        self._events = device.xp.zeros(rows, np.int64)
        self.pairs = np.zeros((0, P.FIELDS), np.int64)

    def fill(self, row: I64, memory: DeviceMemory) -> None:
        """Set the fields of the lane's row."""
        self.pairs = pair_table(self._state.procedural, memory.place).table
        row[L.N_PROCEDURAL], row[L.PROCEDURAL_AT] = len(self.pairs), memory.place(self.pairs)
        row[L.PROCEDURAL_RING_AT], row[L.PROCEDURAL_MASK] = self.input_vector(0), len(self._ring) - 1
        row[L.PROCEDURAL_EVENTS_AT] = self._device.address(self._events)

    def input_vector(self, step: int) -> int:
        """Address of the ring's row of `step`, which is the lane's input vector in that step."""
        return self._device.address(self._ring[step & (len(self._ring) - 1)])

    @property
    def shared_bytes(self) -> int:
        """Shared memory of the kernels that draw."""
        return 4 * len(self._ring) if len(self._ring) <= P.SHARED_ROWS else 0

    @property
    def n_bytes(self) -> int:
        """Bytes of the ring and its counters."""
        return int(self._ring.nbytes) + int(self._events.nbytes)


class ProceduralSteps:
    """Draws the synapses of a step's spikes, and of spikes of other ranks, exactly once each.

    Pairs with large target populations are drawn in launches of their own. How many these are depends on the number of
    spikes; with such pairs the host has to look at every step (`ordered`).
    """

    def __init__(self, lanes: Sequence[ProceduralLane], table: I64, table_at: int, n_most: int, device: Device) -> None:
        """`table` int64[n_lanes, DEVICE_LANE_FIELDS], on the device at `table_at`."""
        self._device, self._threads = device, device.limits.threads
        self.shared_bytes = max(lane.shared_bytes for lane in lanes)
        self._size = min(BATCH, -(-max(n_most, 1) // self._threads) * self._threads)
        chosen = [(lane, k) for lane in lanes for k, pair in enumerate(lane.pairs) if is_ordered(pair)]
        self._parts = [1 << int(lane.pairs[k][P.SPLITS]) for lane, k in chosen]
        self._chosen = device.xp.zeros(self._size if chosen else 1, np.int64)
        self._counts = device.xp.zeros((max(self._parts, default=0), self._size), np.uint16)
        self._batches = []
        for lane, k in chosen:
            batch = np.zeros(X.BATCH_FIELDS, np.int64)
            batch[X.BATCH_LANE_AT] = table_at + 8 * lane.index * table.shape[1]
            batch[X.BATCH_PAIR_AT] = int(table[lane.index, L.PROCEDURAL_AT]) + 8 * k * P.FIELDS
            batch[X.BATCH_SIZE] = self._size
            batch[X.BATCH_CHOSEN_AT], batch[X.BATCH_COUNTS_AT] = map(device.address, (self._chosen, self._counts))
            self._batches.append(device.upload(batch))

    @property
    def ordered(self) -> bool:
        """Whether `draw_ordered` has something to do."""
        return bool(self._batches)

    @property
    def n_bytes(self) -> int:
        """Bytes of the room for batches."""
        return int(self._chosen.nbytes) + int(self._counts.nbytes)

    def compile(self) -> None:
        """Compile the kernels, or load them."""
        self._kernels: Kernels = self._device.compile(whole_text("procedural.cu", {}))

    def draw(self, rank_at: int, shape: Launch, *, remote: bool) -> None:
        """Draw all pairs but the ordered ones for the spikes of the step, or those of other ranks."""
        self._kernels.launch("dtb_procedural_remote" if remote else "dtb_procedural", shape, rank_at, ORDERED_SPLITS)

    def draw_ordered(self, rank_at: int, n_spikes: int, *, remote: bool) -> None:
        """Draw the ordered pairs for the `n_spikes` spikes of the step, or those of other ranks."""
        launch = self._kernels.launch
        chunks, draws = self._size // self._threads, -(-self._size // (self._threads * X.BATCH_SHARE))
        for batch, parts in zip(self._batches, self._parts, strict=True):
            at = self._device.address(batch)
            for first in range(0, n_spikes, self._size):
                batch[X.BATCH_N : X.BATCH_N + 1] = 0
                launch("dtb_part_sources", Launch(chunks, 1, self._threads), rank_at, at, first, int(remote))
                launch("dtb_part_counts", Launch(chunks, 1, self._threads), rank_at, at)
                blocks = Launch(parts * draws, 1, self._threads, self.shared_bytes)
                launch("dtb_part_draws", blocks, rank_at, at, draws, int(remote))


def is_ordered(pair: I64) -> bool:
    """Whether a pair is drawn in the order of its targets; kernels ask the same."""
    return bool(
        pair[P.RULE] == FIXED_OUTDEGREE and pair[P.SPLITS] >= ORDERED_SPLITS and pair[P.NUMBER] <= P.ORDERED_NUMBER
    )
