"""What the kernels of the build see of a lane's projections: tables on the device, and the launches they take."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device, Kernels, Launch
from dtbsim.backends.cuda.rows import BLOCKS_PER_MULTIPROCESSOR, THREADS, shape_for
from dtbsim.build.pairs import pair_table
from dtbsim.build.synapses import LaneBuilder, Wiring
from dtbsim.kernels import build_layout as B
from dtbsim.kernels import pair_layout as P
from dtbsim.kernels import tasks as T
from dtbsim.spec.network import Projection

WORK_BYTES = 256 << 20
"""Room for marks of sources, and for rows that are sorted outside of shared memory, unless one needs more by itself."""
I64 = NDArray[np.int64]
WARP = 32


def candidates_before(sizes: I64, pieces: I64) -> I64:
    """Per entry (int64[n_entries]): candidates of the entries before it in its piece; `pieces` int64[p + 1]."""
    before: I64 = np.cumsum(sizes) - sizes
    first = before[pieces[:-1].clip(max=sizes.size - 1)]
    return np.asarray(before - np.repeat(first, np.diff(pieces)), dtype=np.int64)


class _Wired:
    """A wiring table with the arrays that it points to."""

    kernel: str
    shape: Launch
    bit_words = 0
    warps = 0

    def __init__(self, device: Device) -> None:
        self._device = device
        self._kept: list[Any] = []
        self._table = np.zeros(B.WIRING_FIELDS, np.int64)

    def _put(self, values: NDArray[Any]) -> int:
        """Address of a copy, 0 for nothing."""
        if values.size == 0:
            return 0
        self._kept.append(self._device.upload(values))
        return self._device.address(self._kept[-1])

    def take_marks(self, bits: Any) -> None:
        """Bring the table to the device; `bits` uint32 has room for all warps' marks, zero, as they will leave it."""
        self._table[B.W_BIT_WORDS], self._table[B.W_BITS_AT] = self.bit_words, self._device.address(bits)
        self._on_device = self._device.upload(self._table)

    def launch(self, kernels: Kernels, rows: Any) -> None:
        """Count or write, as the rows table on the device says."""
        kernels.launch(self.kernel, self.shape, self._device.address(self._on_device), self._device.address(rows))

    def _warps_for(self, items: int, bytes_each: int) -> Launch:
        """A warp per item, as many as the device runs at once and WORK_BYTES has room for, at least one."""
        resident = self._device.limits.multiprocessors * BLOCKS_PER_MULTIPROCESSOR * THREADS // WARP
        warps = max(1, min(items, resident, WORK_BYTES // bytes_each))
        threads = WARP * min(warps, THREADS // WARP)
        return Launch(warps * WARP // threads, 1, threads)


class DeviceOutdegree(_Wired):
    """The same for all projections of a lane that are drawn by source."""

    kernel = "dtb_wire_sources"

    def __init__(self, device: Device, builder: LaneBuilder) -> None:
        super().__init__(device)
        pairs, table = pair_table(builder.pieces, self._put).table, self._table
        sources = pairs[:, P.N_SOURCES]
        most_parts = 1 << int(pairs[:, P.SPLITS].max())
        self.shape = self._warps_for(int(sources.sum()), 8 * most_parts)
        counts = device.xp.zeros(self.shape.x * self.shape.threads // WARP * most_parts, np.int64)
        self._kept.append(counts)
        table[B.W_SEED_LOW], table[B.W_SEED_HIGH] = int(builder.k0), int(builder.k1)
        table[B.W_N_TASKS], table[B.W_N_ITEMS] = len(pairs), int(sources.sum())
        table[B.W_FIRST_ITEM_AT] = self._put(np.append(0, np.cumsum(sources)))
        table[B.W_PAIRS_AT], table[B.W_MOST_PARTS] = self._put(pairs), most_parts
        table[B.W_PART_COUNTS_AT] = device.address(counts)


class DeviceWiring(_Wired):
    """Launches that count or write all synapses of one projection on one lane."""

    def __init__(self, device: Device, builder: LaneBuilder, projection: Projection, wiring: Wiring) -> None:
        super().__init__(device)
        items, self.kernel = _items(projection, wiring)
        n_items = int(items.sum())
        table = self._table
        table[B.W_RULE], table[B.W_PROJECTION] = projection.rule, projection.index
        table[B.W_SEED_LOW], table[B.W_SEED_HIGH] = int(builder.k0), int(builder.k1)
        table[B.W_N_TASKS], table[B.W_N_ITEMS] = len(items), n_items
        self._enter(table, wiring, items)
        self.shape = shape_for(device, n_items)
        if self.kernel == "dtb_wire_targets":
            self.bit_words = _bit_words(projection, wiring)
            self.shape = self._warps_for(n_items, 4 * self.bit_words)
            self.warps = self.shape.x * self.shape.threads // WARP

    def _enter(self, table: I64, wiring: Wiring, items: I64) -> None:
        pool, draws = wiring.pool, wiring.draws
        for field, values in (
            (B.W_TASKS_AT, wiring.tasks),
            (B.W_FIRST_ITEM_AT, np.append(0, np.cumsum(items))),
            (B.W_PIECES_AT, wiring.pieces),
            (B.W_PIECE_GID0_AT, wiring.piece_gid0),
            (B.W_KEY_AT, pool.key),
            (B.W_OFFSET_AT, pool.offset),
            (B.W_SIZE_AT, pool.size),
            (B.W_CUMULATIVE_AT, pool.cumulative),
            (B.W_FACTOR_AT, pool.factor),
            (B.W_OWN_DELAY_AT, pool.delay),
            (B.W_SELF_AT, pool.self_at),
            (B.W_PLACE_AT, candidates_before(pool.size, wiring.pieces)),
            (B.W_COUNT_STARTS_AT, wiring.count_starts),
            (B.W_COUNT_FIRST_AT, wiring.count_first),
            (B.W_COUNTS_AT, wiring.counts),
            (B.W_WEIGHT_TABLE_AT, draws.weight_table),
            (B.W_DELAY_TABLE_AT, draws.delay_table),
        ):
            dtype = np.uint32 if field in (B.W_CUMULATIVE_AT, B.W_COUNTS_AT) else np.int64
            table[field] = self._put(np.ascontiguousarray(values, dtype=dtype))
        table[B.W_WEIGHT], table[B.W_DELAY], table[B.W_MAX_DELAY] = draws.weight, draws.delay, draws.max_delay


def _items(projection: Projection, wiring: Wiring) -> tuple[I64, str]:
    """Items of every task, and the kernel that does them: synapses one by one, or targets."""
    tasks = wiring.tasks
    targets, number = tasks[:, T.COUNT], tasks[:, T.NUMBER]
    if projection.rule == T.BERNOULLI or (projection.rule == T.FIXED_INDEGREE and not projection.multapses):
        return targets, "dtb_wire_targets"
    if projection.rule == T.FIXED_INDEGREE:
        return targets * number, "dtb_wire_synapses"
    if projection.rule == T.FIXED_TOTAL:
        return number, "dtb_wire_synapses"
    if projection.rule == T.ALL_TO_ALL:
        return targets * wiring.pool.size[tasks[:, T.ENTRY]], "dtb_wire_synapses"
    return targets, "dtb_wire_synapses"


def _bit_words(projection: Projection, wiring: Wiring) -> int:
    """Words (32 bits) for the marks of a target's sources: those of the largest pool, or of the largest entry."""
    sizes = wiring.pool.size
    if projection.rule == T.FIXED_INDEGREE:
        sizes = np.add.reduceat(np.append(sizes, 0), wiring.pieces[:-1])
    return max(1, -(-int(sizes.max()) // 32))
