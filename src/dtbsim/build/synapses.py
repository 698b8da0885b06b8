"""Synapse rows of a lane: tasks per projection, counted, written and sorted by compiled loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.candidates import Candidates
from dtbsim.build.degrees import tasks_by_degree
from dtbsim.build.draws import draws_of
from dtbsim.build.lanes import Lane
from dtbsim.build.listed import ListedOnLane
from dtbsim.build.pairs import batches, find_pieces, pair_table
from dtbsim.build.sparse_rows import SparseRows, widened
from dtbsim.kernels import layout as L
from dtbsim.kernels import row_writer as S
from dtbsim.kernels import tasks as T
from dtbsim.kernels.connect import MOST_MARKS, Pool, room_for
from dtbsim.kernels.listed import put_listed
from dtbsim.kernels.outdegree import run_outdegree
from dtbsim.kernels.rows import add_magnitudes, add_repeated_magnitudes, fill_segments, sort_rows
from dtbsim.kernels.sparse_rows import sort_sparse
from dtbsim.numerics import fixed_point
from dtbsim.numerics.philox import seed_key
from dtbsim.spec.network import Network, Projection

EMPTY_I64 = np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Rows:
    """The synapses of a lane. `targets` is uint32, packed with the weight for KIND_PACKED."""

    kind: int
    rows: NDArray[np.int64]
    targets: NDArray[np.uint32]
    weights: NDArray[np.int16] | NDArray[np.int32]
    segment_rows: NDArray[np.int64]
    segments: NDArray[np.uint32]

    @property
    def n_synapses(self) -> int:
        """Synapses of the lane."""
        return int(self.rows[-1])

    @property
    def empty(self) -> bool:
        """Whether there are no rows at all, because no projection has any."""
        return self.rows.size == 1

    @property
    def n_bytes(self) -> int:
        """Everything that the rows hold."""
        arrays = (self.rows, self.targets, self.weights, self.segment_rows, self.segments)
        return sum(array.nbytes for array in arrays)

    def place(self, place: Callable[[NDArray[Any]], int]) -> tuple[int, int, int, int, int]:
        """Addresses of targets, weights, rows, segment rows, segments where `place` has put them; 0: no rows at all."""
        rows = (0, 0) if self.empty else (place(self.rows), place(self.segment_rows))
        return place(self.targets), place(self.weights), *rows, place(self.segments)

    def add_magnitudes(self, totals: NDArray[np.int64], times: NDArray[np.int64] | None = None) -> None:
        """totals[slot] += the sum of |weight| over all synapses of the slot: no step can add more than this.

        `times`: how often each source can spike in a step (None: once).
        """
        if times is None:
            add_magnitudes(self.kind, self.targets, self.weights, totals)
        elif not self.empty:
            add_repeated_magnitudes(self.kind, self.rows, self.targets, self.weights, times, totals)

    def cut_to_sources(self) -> tuple[int, Rows]:
        """First source with a synapse, and the rows from there to the last one."""
        used = np.flatnonzero(np.diff(self.rows))
        first, stop = int(used[0]), int(used[-1]) + 1
        rows, segment_rows = self.rows[first : stop + 1].copy(), self.segment_rows[first : stop + 1].copy()
        return first, Rows(self.kind, rows, self.targets, self.weights, segment_rows, self.segments)

    def widened(self) -> Rows:
        """The same synapses with 32-bit weights and targets, for 64-bit sums."""
        kind, targets, weights = widened(self)
        return Rows(kind, self.rows, targets, weights, self.segment_rows, self.segments)


def synapse_kind(wide_weights: bool, packed: bool, acc_bits: int) -> int:
    """The format of all lanes of a rank."""
    if acc_bits == 64:
        return L.KIND_WIDE64
    if wide_weights:
        return L.KIND_WIDE32
    return L.KIND_PACKED if packed else L.KIND_WIDE16


class LaneBuilder:
    """Builds the rows of one lane: `count`, then `write`."""

    def __init__(
        self,
        network: Network,
        lane: Lane,
        candidates: Candidates,
        kind: int,
        projections: Sequence[Projection],
        quantum: float | None = None,
        sources: slice | None = None,
        shift: int = 0,
    ) -> None:
        """Rows of `projections`, of all candidates or of the range `sources` (it has all of their sources).

        Weights are in `quantum`, by default that of each one's channel. `shift`: for `build_sparse`.
        """
        first, stop = (0, candidates.size) if sources is None else (sources.start, sources.stop)
        self.network, self.lane, self.candidates, self.kind, self.first = network, lane, candidates, kind, first
        self.quantum = quantum
        self.k0, self.k1 = seed_key(network.seed)
        self.shift = shift
        self.n_rows = ((stop - first - 1) >> shift) + 1 if projections and stop > first else 0
        self.largest = network.max_delay_steps
        here = [p for p in projections if lane.has_targets(p)]
        drawn = [p for p in here if p.listing is None]
        self.work = [(p, ProjectionTasks(self, p)) for p in drawn if not p.rule.by_source]
        most = max((tasks.most_once for _, tasks in self.work), default=0)
        self.known = np.zeros(room_for(most) if most else 0, dtype=np.uint32)
        self.bits = np.zeros(stop - first if most and stop - first <= MOST_MARKS else 0, dtype=np.uint8)
        self._listed = [p for p in here if p.listing is not None]
        by_source = [p for p in drawn if p.rule.by_source]
        self.pieces = find_pieces(network, lane, candidates, by_source, quantum, first)

    def _run(self, writer: S.RowWriter) -> None:
        for projection, plan in self.work:
            if plan.tasks.size:
                T.run_tasks(
                    T.LOOPS[str(projection.rule.loop)],
                    projection.index,
                    projection.multapses,
                    plan.tasks,
                    plan.pieces,
                    plan.piece_gid0,
                    plan.pool,
                    plan.count_starts,
                    plan.count_first,
                    plan.counts,
                    self.k0,
                    self.k1,
                    plan.draws,
                    writer,
                    self.bits,
                    self.known,
                )
        for synapses in self.listed():
            put_listed(synapses.source, synapses.slot, synapses.weight, synapses.delay, writer)
        for pieces in batches(self.pieces):
            pairs = pair_table(pieces)
            run_outdegree(pairs.table, self.k0, self.k1, writer)

    def listed(self) -> Iterator[ListedOnLane]:
        """Yield the synapses of every projection whose rule lists them, sources numbered as in the rows."""
        for projection in self._listed:
            synapses = self.candidates.listed.on_lane(projection, self.lane, self.quantum)
            if synapses.source.size:
                yield replace(synapses, source=synapses.source - np.int32(self.first))

    def _write(self) -> tuple[NDArray[np.int64], S.RowWriter, int]:
        """Count, then write: where rows begin (int64[n_rows + 1]), their synapses unsorted, and the longest row."""
        counted = np.zeros(self.n_rows, dtype=np.int32)
        self._run(_row_writer(self.kind, self.shift, rows=counted))
        rows = np.zeros(self.n_rows + 1, dtype=np.int64)
        np.cumsum(counted, out=rows[1:])
        longest = int(counted.max(initial=0))
        del counted
        wide = self.largest > 255
        writer = _row_writer(self.kind, self.shift, cursor=rows[:-1].copy(), total=int(rows[-1]), wide_delay=wide)
        self._run(writer)
        return rows, writer, longest

    def build_sparse(self) -> SparseRows:
        """Rows of 2**shift sources each."""
        first, writer, longest = self._write()
        order, other = np.empty(longest, np.uint32), np.empty(longest, np.uint32)
        sort_sparse(first, writer, order, other, np.empty(longest, np.int64))
        delays = writer.delays16 if writer.delays8.size == 0 else writer.delays8
        delay = int(delays[0]) if delays.size else 1
        if (delays == delay).all():
            delays = delays[:0].copy()
        return SparseRows(
            self.kind, self.shift, first.astype(np.uint32), writer.lows, delays, delay, *_targets_and_weights(writer)
        )

    def build(self) -> Rows:
        """Count, write, sort; without projections there is not even an empty row per source."""
        rows, writer, longest = self._write()
        segment_rows = np.zeros(self.n_rows + 1, dtype=np.int64)
        scratch = np.empty(longest, np.int64)
        order = np.empty(longest, np.uint32)
        total = sort_rows(
            rows, self.largest, writer, np.zeros(self.largest + 2, np.int64), order, scratch, segment_rows
        )
        np.cumsum(segment_rows, out=segment_rows)
        segments = np.empty(int(total), dtype=np.uint32)
        fill_segments(rows, writer, segment_rows, segments)
        targets, weights = _targets_and_weights(writer)
        return Rows(self.kind, rows, targets, weights, segment_rows, segments)


def _targets_and_weights(writer: S.RowWriter) -> tuple[NDArray[np.uint32], Any]:
    targets = writer.packed if writer.kind == L.KIND_PACKED else writer.targets
    return targets, writer.weights16 if writer.kind == L.KIND_WIDE16 else writer.weights32


def _row_writer(
    kind: int,
    shift: int,
    *,
    rows: NDArray[np.int32] | None = None,
    cursor: NDArray[np.int64] | None = None,
    total: int = 0,
    wide_delay: bool = False,
) -> S.RowWriter:
    """A counting writer (`rows`) or a writing one (`cursor`, `total` synapses)."""
    packed = total if kind == L.KIND_PACKED else 0
    return S.RowWriter(
        mode=0 if rows is not None else 1,
        kind=kind,
        shift=shift,
        rows=rows if rows is not None else np.zeros(0, np.int32),
        cursor=cursor if cursor is not None else EMPTY_I64,
        lows=np.empty(total if shift > 0 else 0, np.uint8),
        packed=np.empty(packed, np.uint32),
        targets=np.empty(total - packed, np.uint32),
        weights16=np.empty(total if kind == L.KIND_WIDE16 else 0, np.int16),
        weights32=np.empty(total if kind in (L.KIND_WIDE32, L.KIND_WIDE64) else 0, np.int32),
        delays8=np.empty(0 if wide_delay else total, np.uint8),
        delays16=np.empty(total if wide_delay else 0, np.uint16),
    )


class ProjectionTasks:
    """One projection on one lane: pools and tasks as arrays for the compiled loops, and what is drawn."""

    def __init__(self, builder: LaneBuilder, projection: Projection) -> None:
        network, candidates = builder.network, builder.candidates
        sizes = network.sizes
        gid0 = network.gid_starts[:-1]
        source = projection.entry_source.astype(np.int64)
        piece = np.repeat(np.arange(projection.piece_target.size), np.diff(projection.entry_start))
        own = (projection.piece_target[piece] == source) & (not projection.autapses)
        self.pieces = projection.entry_start
        self.piece_gid0 = gid0[projection.piece_target]
        self.pool = Pool(
            key=source,
            offset=candidates.offset[source] - builder.first,
            size=sizes[source],
            cumulative=projection.entry_cumulative,
            factor=np.rint(projection.weight_factor * 2.0**fixed_point.FACTOR_BITS).astype(np.int64),
            delay=projection.own_delay,
            self_at=np.where(own, gid0[source], -1),
        )
        channel = network.families[projection.target_family].channels[projection.channel]
        self._projection = projection
        self._draws_of = projection, builder.quantum or channel.quantum, network.dt_ms
        self.count_starts, self.count_first, self.counts = _binomials(projection, sizes, piece, own)
        self.tasks = self._tasks(builder, projection)

    @property
    def most_once(self) -> int:
        """The most sources of one target that the loop has to know, to draw each once only."""
        if not self.tasks.size or self._projection.multapses:
            return 0
        if self._projection.rule.loop == "fixed_indegree":
            return int(self.tasks[:, T.NUMBER].max())
        if self._projection.rule.loop == "pairwise_bernoulli":
            drawn = self.count_first + np.diff(self.count_starts)
            return int(np.minimum(drawn, self.pool.size // 2 + 1).max())
        return 0

    @property
    def draws(self) -> S.Draws:
        """How weights and delays are drawn; not kept, as the tables of many projections are large."""
        return draws_of(*self._draws_of)

    def _tasks(self, builder: LaneBuilder, projection: Projection) -> NDArray[np.int64]:
        lane = builder.lane
        tasks: list[tuple[int, int, int, int, int, int]] = []
        for piece, population in enumerate(projection.piece_target.tolist()):
            found = lane.runs_of.get(population)
            if found is None:
                continue
            kind = found[0].kind
            base = int(lane.slot_start[kind][projection.channel])
            start = int(lane.group_start[kind])
            runs = [(run.gid0, run.size, run.local - start) for run in found]
            entries = range(int(self.pieces[piece]), int(self.pieces[piece + 1]))
            if projection.rule.tasks == "pool":
                number = int(projection.piece_number[piece])
                if projection.degrees is not None and len(entries):
                    gid0 = builder.network.populations[population].gid0
                    tasks += tasks_by_degree(projection, piece, gid0, runs, base, builder.network.seed)
                elif number and len(entries):
                    tasks += [(piece, gid, n, base + slot, -1, number) for gid, n, slot in runs]
            elif projection.rule.tasks == "split":
                for entry in entries:
                    counts = self._split(builder.network, projection, population, entry, builder)
                    for gid, n, slot in runs:
                        block = (gid - builder.network.populations[population].gid0) // builder.network.block_size
                        tasks.append((piece, gid, n, base + slot, entry, int(counts[block])))
            else:
                tasks += [(piece, gid, n, base + slot, entry, 0) for entry in entries for gid, n, slot in runs]
        return np.array(tasks, dtype=np.int64).reshape(-1, T.TASK_FIELDS)

    def _split(
        self, network: Network, projection: Projection, population: int, entry: int, builder: LaneBuilder
    ) -> NDArray[np.int64]:
        target = network.populations[population]
        total, source = int(projection.entry_number[entry]), int(projection.entry_source[entry])
        return _counts_of_blocks(
            total, target.size, network.block_size, target.gid0, source, projection.index, builder.k0, builder.k1
        )


@lru_cache(maxsize=4096)
def _counts_of_blocks(
    total: int, size: int, block_size: int, gid0: int, source: int, projection: int, k0: np.uint32, k1: np.uint32
) -> NDArray[np.int64]:
    """How many of `total` synapses end on each block of a population; the same for all lanes, which share it."""
    starts = np.arange(0, size, block_size, dtype=np.int64)
    sizes = np.minimum(block_size, size - starts)
    counts = np.zeros(sizes.size, dtype=np.int64)
    T.split_total(total, sizes, gid0, source, projection, k0, k1, counts)
    counts.setflags(write=False)
    return counts


def _binomials(
    projection: Projection, sizes: NDArray[np.int64], piece: NDArray[np.int64], own: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32]]:
    """Thresholds of the number of sources per target, per entry: starts, first count, uint32 values."""
    n = projection.entry_source.size
    if projection.rule.loop != "pairwise_bernoulli":
        return np.zeros(n + 1, np.int64), np.zeros(n, np.int64), np.zeros(0, np.uint32)
    del piece
    starts, first, values = [0], [], []
    known: dict[tuple[int, float], tuple[int, NDArray[np.uint32]]] = {}
    for entry in range(n):
        available = int(sizes[projection.entry_source[entry]] - own[entry])
        key = available, float(projection.entry_number[entry])
        if key not in known:
            known[key] = binomial_thresholds(*key)
        first.append(known[key][0])
        values.append(known[key][1])
        starts.append(starts[-1] + known[key][1].size)
    return np.array(starts), np.array(first, dtype=np.int64), np.concatenate(values)


@lru_cache(maxsize=4096)
def binomial_thresholds(n: int, p: float) -> tuple[int, NDArray[np.uint32]]:
    """(k0, thresholds): a draw is k0 + the number of thresholds that a uniform uint32 word exceeds."""
    if p <= 0 or n == 0:
        return 0, np.zeros(0, np.uint32)
    if p >= 1:
        return n, np.zeros(0, np.uint32)
    from scipy.stats import binom

    low, high = (int(k) for k in binom.ppf((2.0**-33, 1 - 2.0**-33), n, p))
    low, high = max(low, 0), min(high, n)
    scaled = np.rint(binom.cdf(np.arange(low, high), n, p) * 2.0**32) - 1
    inside = (scaled >= 0) & (scaled < 2**32 - 1)
    return low + int((scaled < 0).sum()), scaled[inside].astype(np.uint32)


__all__ = ["LaneBuilder", "ProjectionTasks", "Rows", "synapse_kind"]
