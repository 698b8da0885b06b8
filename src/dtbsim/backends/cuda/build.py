"""A rank's network built on a GPU: static synapses are drawn, counted, written and sorted where they stay.

The draws are those of the CPU's build, hence the synapses too: `rows`, `segment_rows` and `segments` are equal to the
CPU's, and so are the synapses of every (source, delay), in no particular order. States and constants of neurons, and
projections whose synapses change, are built on the host as for the CPU, and copied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device, Kernels, Launch
from dtbsim.backends.cuda.projection_tasks import WORK_BYTES, DeviceProjectionTasks
from dtbsim.backends.cuda.rows import NO_SYNAPSE, DeviceRows
from dtbsim.backends.cuda.source import whole_text
from dtbsim.backends.cuda.upload import SharedTables
from dtbsim.build.lanes import PACKED_SLOTS
from dtbsim.build.rank import LaneProgress, RankNetwork, RankPlan, finish_lane, lane_builder
from dtbsim.build.synapses import LaneBuilder
from dtbsim.kernels import build_layout as B
from dtbsim.kernels import layout as L

I64 = NDArray[np.int64]
StrideOf = Callable[[int, int, int], int]
"""Places of every row from the longest row, the rows and the synapses of a lane; 0: rows are as long as they are."""
SHARED_BYTES = 48 << 10
"""Shared memory that every block may have."""
HISTOGRAM_BYTES = 16 << 10
"""A larger histogram of delays lies in global memory."""


def build_text() -> str:
    """The text of the kernels that build."""
    return whole_text("build.cu", {}, B.macros())


def build_rank_on_device(
    plan: RankPlan,
    device: Device,
    *,
    in_order: bool = True,
    stride_of: StrideOf | None = None,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> RankNetwork:
    """Build all lanes, one after the other; `threads` of the host fill in neurons, `progress` as of `LaneProgress`.

    `in_order`: rows sorted by delay, with segments; otherwise every synapse keeps its delay (`DeviceRows.delays`), and
    `stride_of` may give the rows of a lane one length.
    Raises MemoryError when the device has less memory left than was planned.
    """
    kernels, tables = device.compile(build_text()), SharedTables(device)
    lanes, told = [], LaneProgress(progress, len(plan.lanes))
    for lane in plan.lanes:
        rows = DeviceLaneBuilder(lane_builder(plan, lane), device, kernels, tables).build(
            in_order=in_order, stride_of=stride_of
        )
        told.alive()
        lanes.append(finish_lane(plan, lane, rows, threads, told.alive))
        told.finished()
    plan.candidates.listed.release()
    return RankNetwork(plan.network, plan.kinds, plan.blocks, plan.table, lanes, plan.candidates, plan.memory)


class DeviceLaneBuilder:
    """Builds the rows of one lane."""

    def __init__(self, builder: LaneBuilder, device: Device, kernels: Kernels, tables: SharedTables) -> None:
        self._device, self._kernels = device, kernels
        self._kind, self._largest = builder.kind, builder.largest
        self._n_rows = builder.n_rows  # none without projections
        self._may_be_filled_up = builder.kind == L.KIND_PACKED and builder.lane.n_slots < PACKED_SLOTS
        self._projections = DeviceProjectionTasks(device, builder, tables)

    def build(self, *, in_order: bool, stride_of: StrideOf | None = None) -> DeviceRows:
        """Count, write, sort; `in_order` and `stride_of` as for `build_rank_on_device`."""
        xp, n = self._device.xp, self._n_rows
        counts = xp.zeros(max(n, 1), np.int32)
        self._connect({B.B_COUNT_AT: counts})
        rows = xp.zeros(n + 1, np.int64)
        if n:
            rows[1:] = xp.cumsum(counts, dtype=np.int64)
        total, longest = int(rows[-1]), int(counts.max())
        del counts
        stride = 0
        if stride_of is not None and not in_order and self._may_be_filled_up:
            stride = stride_of(longest, n, total)
        written = self._room(n * stride if stride else total, filled_up=stride > 0)
        self._connect(written | {B.B_CURSOR_AT: xp.arange(n) * stride if stride else rows[:-1].copy()})
        segment_rows, segments = xp.zeros(0, np.int64), xp.zeros(0, np.uint32)
        if in_order:
            segment_rows, segments = self._sort(rows, longest, written)
        return DeviceRows(
            kind=self._kind,
            rows=rows,
            targets=written[B.B_TARGET_AT],
            weights=written[B.B_WEIGHT_AT],
            segment_rows=segment_rows,
            segments=segments,
            device=self._device,
            kernels=self._kernels,
            total=total,
            delays=None if in_order else written[B.B_DELAY_AT],
            stride=stride,
        )

    def _room(self, places: int, *, filled_up: bool) -> dict[int, Any]:
        """Arrays for so many synapses."""
        xp, kind = self._device.xp, self._kind
        targets = xp.full(places, NO_SYNAPSE, np.uint32) if filled_up else xp.empty(places, np.uint32)
        weights = xp.empty(0 if kind == L.KIND_PACKED else places, np.int16 if kind == L.KIND_WIDE16 else np.int32)
        delays = xp.zeros(places, np.uint16 if self._largest > 255 else np.uint8)
        return {B.B_TARGET_AT: targets, B.B_WEIGHT_AT: weights, B.B_DELAY_AT: delays}

    def _table(self, arrays: dict[int, Any], **fields: int) -> Any:
        """The rows table on the device."""
        table = np.zeros(B.ROWS_FIELDS, np.int64)
        table[B.B_KIND], table[B.B_N_ROWS] = self._kind, self._n_rows
        table[B.B_LARGEST_DELAY], table[B.B_WIDE_DELAYS] = self._largest, self._largest > 255
        for field, array in arrays.items():
            table[field] = self._device.address(array)
        for name, value in fields.items():
            table[getattr(B, name)] = value
        return self._device.upload(table)

    def _connect(self, arrays: dict[int, Any]) -> None:
        self._projections.launch(self._kernels, self._table(arrays))

    def _sort(self, rows: Any, longest: int, written: dict[int, Any]) -> tuple[Any, Any]:
        """Sort the rows by delay; returns segment_rows and segments."""
        xp = self._device.xp
        segment_rows = xp.zeros(self._n_rows + 1, np.int64)
        if longest == 0:
            return segment_rows, xp.zeros(0, np.uint32)
        bench = Bench.of(self._device, self._kind, self._largest, self._n_rows, longest)
        arrays = written | bench.arrays | {B.B_ROW_AT: rows, B.B_SEGMENT_ROW_AT: segment_rows}
        self._launch("dtb_count_segments", bench, self._table(arrays))
        segment_rows = xp.cumsum(segment_rows)
        segments = xp.empty(int(segment_rows[-1]), np.uint32)
        arrays |= {B.B_SEGMENT_ROW_AT: segment_rows, B.B_SEGMENT_AT: segments}
        self._launch("dtb_sort_rows", bench, self._table(arrays, B_STAGED=bench.staged, B_LONGEST=longest))
        return segment_rows, segments

    def _launch(self, name: str, bench: Bench, table: Any) -> None:
        self._kernels.launch(name, bench.shape, self._device.address(table))


class Bench:
    """Where rows are sorted: in shared memory as far as they fit, else in arrays of the blocks."""

    def __init__(self, shape: Launch, staged: int, arrays: dict[int, Any]) -> None:
        self.shape, self.staged, self.arrays = shape, staged, arrays

    @classmethod
    def of(cls, device: Device, kind: int, largest: int, n_rows: int, longest: int) -> Bench:
        """For delays up to `largest` steps and rows of up to `longest` synapses."""
        width, histogram = 4 if kind == L.KIND_PACKED else 8, 4 * (largest + 1)
        shared, per_block = 8 * B.MOST_SUMS, 0
        if histogram <= HISTOGRAM_BYTES:
            shared += histogram
        else:
            per_block += histogram
        staged = min(longest, (min(SHARED_BYTES, device.limits.shared_bytes) - shared) // width)
        if staged < longest:
            per_block += 8 * longest
        most = device.limits.most_blocks
        blocks = min(n_rows, most, max(1, WORK_BYTES // per_block) if per_block else most)
        arrays = {}
        if histogram > HISTOGRAM_BYTES:
            arrays[B.B_HISTOGRAM_AT] = device.xp.empty(blocks * (largest + 1), np.int32)
        if staged < longest:
            arrays[B.B_STAGE_AT] = device.xp.empty(2 * blocks * longest, np.uint32)
        return cls(Launch(blocks, 1, device.limits.threads, shared + staged * width), staged, arrays)
