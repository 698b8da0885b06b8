"""What the kernels of the build see of a lane's projections: tables on the device, and the launches they take."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device, Kernels, Launch
from dtbsim.backends.cuda.upload import SharedTables, Upload
from dtbsim.build.listed import ListedOnLane
from dtbsim.build.pairs import pair_table
from dtbsim.build.synapses import LaneBuilder, ProjectionTasks
from dtbsim.kernels import build_layout as B
from dtbsim.kernels import pair_layout as P
from dtbsim.kernels import tasks as T
from dtbsim.spec.network import Projection

WORK_BYTES = 256 << 20
"""Room for marks of sources, and for rows that are sorted outside of shared memory, unless one needs more by itself."""
I64 = NDArray[np.int64]
WARP = 32


class DeviceProjectionTasks:
    """All stored static projections of a lane: `launch` counts or writes their synapses."""

    def __init__(self, device: Device, builder: LaneBuilder, tables: SharedTables) -> None:
        self._device, self._tables, self._upload = device, tables, Upload(device)
        self._launches: list[tuple[str, Launch, int]] = []
        drawn = [(p, work) for p, work in builder.work if work.tasks.size]
        marks = [self._marks(projection, work) for projection, work in drawn]
        self._bits = device.xp.zeros(max([1, *(_warps(shape) * words for shape, words in marks)]), np.uint32)
        for (projection, work), (shape, words) in zip(drawn, marks, strict=True):
            self._add(builder, projection, work, shape, words)
        for synapses in builder.listed():
            self._add_listed(synapses)
        if builder.pieces:
            self._add_by_source(builder)
        self._upload.send()

    def launch(self, kernels: Kernels, rows: Any) -> None:
        """Count or write, as the rows table on the device says."""
        for name, shape, at in self._launches:
            kernels.launch(name, shape, self._upload.address(at), self._device.address(rows))

    # -- drawn by target --------------------------------------------------------------------------------------

    def _marks(self, projection: Projection, work: ProjectionTasks) -> tuple[Launch, int]:
        """The launch of a projection, and the words (uint32) in which each of its warps marks sources, 0: it does not.

        Marks are those of the largest pool of a target, or of the largest entry.
        """
        items, name = _items(projection, work)
        if name == "dtb_connect_synapses":
            return self._device.limits.spread(int(items.sum())), 0
        sizes = work.pool.size
        if projection.rule.tasks == "pool":
            sizes = np.add.reduceat(np.append(sizes, 0), work.pieces[:-1])
        words = -(-int(sizes.max()) // 32)
        return warps_for(self._device, int(items.sum()), 4 * words), words

    def _add(
        self, builder: LaneBuilder, projection: Projection, work: ProjectionTasks, shape: Launch, words: int
    ) -> None:
        table = np.zeros(B.PROJECTION_FIELDS, np.int64)
        items, name = _items(projection, work)
        draws = work.draws
        table[B.W_RULE], table[B.W_PROJECTION] = T.LOOPS[str(projection.rule.loop)], projection.index
        table[B.W_SEED_LOW], table[B.W_SEED_HIGH] = int(builder.k0), int(builder.k1)
        table[B.W_N_TASKS], table[B.W_N_ITEMS] = len(items), int(items.sum())
        table[B.W_WEIGHT], table[B.W_DELAY], table[B.W_MAX_DELAY] = draws.weight, draws.delay, draws.max_delay
        table[B.W_WEIGHT_TABLE_AT] = self._tables.address(draws.weight_table)
        table[B.W_DELAY_TABLE_AT] = self._tables.address(draws.delay_table)
        table[B.W_BIT_WORDS], table[B.W_BITS_AT] = words, self._device.address(self._bits)
        arrays = _arrays(work, items)
        for field, values in arrays.items():
            dtype = np.uint32 if field in (B.W_CUMULATIVE_AT, B.W_COUNTS_AT) else np.int64
            table[field] = self._upload.add(values.astype(dtype, copy=False))
        self._launches.append((name, shape, self._upload.add(table, tuple(arrays))))

    # -- listed by the rule -----------------------------------------------------------------------------------

    def _add_listed(self, synapses: ListedOnLane) -> None:
        """The synapses themselves, a thread each."""
        table = np.zeros(B.PROJECTION_FIELDS, np.int64)
        table[B.W_N_ITEMS] = synapses.source.size
        table[B.W_LISTED_SOURCE_AT] = self._upload.add(synapses.source)
        table[B.W_LISTED_SLOT_AT] = self._upload.add(synapses.slot)
        table[B.W_LISTED_WEIGHT_AT] = self._upload.add(synapses.weight)
        table[B.W_LISTED_DELAY_AT] = self._upload.add(synapses.delay.astype(np.int32))
        fields = (B.W_LISTED_SOURCE_AT, B.W_LISTED_SLOT_AT, B.W_LISTED_WEIGHT_AT, B.W_LISTED_DELAY_AT)
        shape = self._device.limits.spread(synapses.source.size)
        self._launches.append(("dtb_connect_listed", shape, self._upload.add(table, fields)))

    # -- drawn by source --------------------------------------------------------------------------------------

    def _add_by_source(self, builder: LaneBuilder) -> None:
        pairs = pair_table(builder.pieces, self._upload.add, self._tables.address).table
        sources = pairs[:, P.N_SOURCES]
        shape = warps_for(self._device, int(sources.sum()), 1)
        table = np.zeros(B.PROJECTION_FIELDS, np.int64)
        table[B.W_SEED_LOW], table[B.W_SEED_HIGH] = int(builder.k0), int(builder.k1)
        table[B.W_N_TASKS], table[B.W_N_ITEMS] = len(pairs), int(sources.sum())
        table[B.W_FIRST_ITEM_AT] = self._upload.add(np.append(0, np.cumsum(sources)))
        table[B.W_PAIRS_AT] = self._upload.add(pairs, (P.SLOT_OF_BLOCK_AT, P.HERE_AT, P.RUNS_AT))
        at = self._upload.add(table, (B.W_FIRST_ITEM_AT, B.W_PAIRS_AT))
        self._launches.append(("dtb_connect_sources", shape, at))


def warps_for(device: Device, items: int, bytes_each: int) -> Launch:
    """A warp per item, as many as the device runs at once and WORK_BYTES has room for, at least one."""
    limits = device.limits
    resident = limits.most_blocks * limits.threads // WARP
    warps = max(1, min(items, resident, WORK_BYTES // bytes_each))
    threads = WARP * min(warps, limits.threads // WARP)
    return Launch(warps * WARP // threads, 1, threads)


def _warps(shape: Launch) -> int:
    return shape.x * shape.threads // WARP


def _arrays(work: ProjectionTasks, items: I64) -> dict[int, NDArray[Any]]:
    """What a table of tasks points to."""
    pool = work.pool
    return {
        B.W_TASKS_AT: work.tasks,
        B.W_FIRST_ITEM_AT: np.append(0, np.cumsum(items)),
        B.W_PIECES_AT: work.pieces,
        B.W_PIECE_GID0_AT: work.piece_gid0,
        B.W_KEY_AT: pool.key,
        B.W_OFFSET_AT: pool.offset,
        B.W_SIZE_AT: pool.size,
        B.W_CUMULATIVE_AT: pool.cumulative,
        B.W_FACTOR_AT: pool.factor,
        B.W_OWN_DELAY_AT: pool.delay,
        B.W_SELF_AT: pool.self_at,
        B.W_PLACE_AT: candidates_before(pool.size, work.pieces),
        B.W_COUNT_STARTS_AT: work.count_starts,
        B.W_COUNT_FIRST_AT: work.count_first,
        B.W_COUNTS_AT: work.counts,
    }


def candidates_before(sizes: I64, pieces: I64) -> I64:
    """Per entry (int64[n_entries]): candidates of the entries before it in its piece; `pieces` int64[p + 1]."""
    before: I64 = np.cumsum(sizes) - sizes
    first = before[pieces[:-1].clip(max=sizes.size - 1)]
    return np.asarray(before - np.repeat(first, np.diff(pieces)), dtype=np.int64)


def _items(projection: Projection, work: ProjectionTasks) -> tuple[I64, str]:
    """Items of every task, and the kernel that does them: synapses one by one, or targets."""
    tasks, sizes = work.tasks, work.pool.size
    sources = sizes[np.maximum(tasks[:, T.ENTRY], 0)] if sizes.size else np.zeros(len(tasks), np.int64)
    items, one_by_one = projection.rule.items(
        tasks[:, T.COUNT], tasks[:, T.NUMBER], sources, multapses=projection.multapses
    )
    return items, "dtb_connect_synapses" if one_by_one else "dtb_connect_targets"
