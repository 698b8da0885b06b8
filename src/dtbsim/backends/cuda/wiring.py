"""One projection on one lane as the kernels of the build see it: its tables on the device, and the launch it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device, Kernels, Launch
from dtbsim.backends.cuda.rows import BLOCKS_PER_MULTIPROCESSOR, THREADS, shape_for
from dtbsim.build.synapses import LaneBuilder, Wiring
from dtbsim.kernels import build_layout as B
from dtbsim.kernels import tasks as T
from dtbsim.spec.network import Projection

WORK_BYTES = 256 << 20
"""Room for marks of sources, and for rows that are sorted outside of shared memory, unless one needs more by itself."""
I64 = NDArray[np.int64]
WARP = 32


def candidates_before(sizes: I64, pieces: I64) -> I64:
    """Per entry (int64[n_entries]): candidates of the entries before it in its piece; `pieces` int64[p + 1]."""
    before = np.cumsum(sizes) - sizes
    return before - np.repeat(before[pieces[:-1].clip(max=max(sizes.size - 1, 0))], np.diff(pieces))


class DeviceWiring:
    """Launches that count or write all synapses of one projection on one lane."""

    def __init__(self, device: Device, builder: LaneBuilder, projection: Projection, wiring: Wiring) -> None:
        self._device = device
        self._kept: list[Any] = []
        items, self.kernel = _items(projection, wiring)
        n_items = int(items.sum())
        table = np.zeros(B.WIRING_FIELDS, np.int64)
        table[B.W_RULE], table[B.W_PROJECTION] = projection.rule, projection.index
        table[B.W_SEED_LOW], table[B.W_SEED_HIGH] = int(builder.k0), int(builder.k1)
        table[B.W_N_TASKS], table[B.W_N_ITEMS] = len(items), n_items
        self._enter(table, wiring, items)
        self.shape = shape_for(device, n_items)
        self.bit_words = self.warps = 0
        if self.kernel == "dtb_wire_targets":
            self.bit_words = _bit_words(projection, wiring)
            self.shape = self._warps(n_items)
            self.warps = self.shape.x * self.shape.threads // WARP
        self._table = table

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

    def _put(self, values: NDArray[Any]) -> int:
        """Address of a copy, 0 for nothing."""
        if values.size == 0:
            return 0
        self._kept.append(self._device.upload(values))
        return self._device.address(self._kept[-1])

    def _warps(self, n_targets: int) -> Launch:
        """As many warps as the device runs at once and WORK_BYTES gives marks to, at least one."""
        resident = self._device.limits.multiprocessors * BLOCKS_PER_MULTIPROCESSOR * THREADS // WARP
        warps = max(1, min(n_targets, resident, WORK_BYTES // (4 * self.bit_words)))
        threads = WARP * min(warps, THREADS // WARP)
        return Launch(max(1, warps * WARP // threads), 1, threads)

    def take_marks(self, bits: Any) -> None:
        """Bring the table to the device; `bits` uint32 has room for all warps' marks, zero, as they will leave it."""
        self._table[B.W_BIT_WORDS], self._table[B.W_BITS_AT] = self.bit_words, self._device.address(bits)
        self._on_device = self._device.upload(self._table)

    def launch(self, kernels: Kernels, rows: Any) -> None:
        """Count or write, as the rows table on the device says."""
        kernels.launch(self.kernel, self.shape, self._device.address(self._on_device), self._device.address(rows))


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
