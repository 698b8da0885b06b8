"""Pairs of populations on a lane: what the loops that draw synapses by source need to know, as rows of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.draws import draws_of
from dtbsim.build.lanes import Lane, Run
from dtbsim.kernels import pair_layout as P
from dtbsim.kernels import row_writer as S
from dtbsim.kernels import tasks as T
from dtbsim.numerics import fixed_point
from dtbsim.spec.network import Network, Projection

if TYPE_CHECKING:
    from dtbsim.build.candidates import Candidates

TABLE_BYTES = 8 * P.TABLE_SIZE
BATCH_BYTES = 64 << 20
PART = 1 << 20
"""Most neurons of a part of a target population that is drawn by source."""


def splits_of(size: int, part: int = PART) -> int:
    """The smallest L with ceil(size / 2**L) <= part: a function of the population alone. `part` at least 4."""
    splits = 0
    while -(-size >> splits) > part:
        splits += 1
    return splits


@dataclass(frozen=True, eq=False)
class TargetLayout:
    """Where the neurons of one target population lie on a lane, in one channel; see `kernels.pair_layout`."""

    population: int
    gid0: int
    size: int
    splits: int
    slot_of_block: NDArray[np.int32]
    here: NDArray[np.int32]
    runs: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Piece:
    """The pairs of one piece of a projection. `rows` int64[entries, FIELDS] lacks only the addresses."""

    projection: Projection
    layout: TargetLayout
    quantum: float
    dt_ms: float
    rows: NDArray[np.int64]

    @property
    def draws(self) -> S.Draws:
        """How weights and delays are drawn; not kept, as the tables of many projections are large."""
        return draws_of(self.projection, self.quantum, self.dt_ms)


@dataclass(eq=False)
class PairTable:
    """int64[pairs, FIELDS], ascending SOURCE0, with the arrays that it points to."""

    table: NDArray[np.int64]
    keep: list[NDArray[Any]] = field(default_factory=list)


def find_pieces(
    network: Network,
    lane: Lane,
    candidates: Candidates,
    projections: Sequence[Projection],
    quantum: float | None = None,
    first: int = 0,
) -> list[Piece]:
    """Pieces of `projections` with targets on the lane; weights in `quantum`, by default that of the channel.

    Sources are numbered from candidate `first` on.
    """
    layouts: dict[tuple[int, int], TargetLayout] = {}
    found = []
    for projection in filter(lane.has_targets, projections):
        channel = network.families[projection.target_family].channels[projection.channel]
        unit = quantum or channel.quantum
        draws = draws_of(projection, unit, network.dt_ms)
        for piece, population in enumerate(projection.piece_target.tolist()):
            entries = np.arange(*projection.entries(piece).indices(projection.entry_source.size))
            if projection.rule.by_source:
                entries = entries[projection.entry_number[entries] > 0]
            runs = lane.runs_of.get(population)
            if runs is None or not entries.size:
                continue
            key = population, projection.channel
            if key not in layouts:
                kind = runs[0].kind
                shift = int(lane.slot_start[kind][projection.channel]) - int(lane.group_start[kind])
                layouts[key] = _target_layout(network, population, runs, shift)
            rows = _rows(network, candidates, projection, entries, layouts[key], draws)
            rows[:, P.SOURCE0] -= first
            found.append(Piece(projection, layouts[key], unit, network.dt_ms, rows))
    return found


def _target_layout(network: Network, population: int, runs: list[Run], shift: int) -> TargetLayout:
    target, block_size = network.populations[population], network.block_size
    splits = splits_of(target.size)
    slot_of_block = np.full(-(-target.size // block_size), -1, dtype=np.int32)
    begins = np.array([part * target.size >> splits for part in range(2**splits)], dtype=np.int64)
    inside = np.zeros(begins.size, dtype=bool)
    table = np.array([(run.gid0 - target.gid0, run.size, run.local + shift) for run in runs], dtype=np.int64)
    for first, n, slot in table.tolist():
        slot_of_block[first // block_size] = slot
        low, high = np.searchsorted(begins, [first, first + n - 1], side="right") - 1
        inside[low : high + 1] = True
    here = np.concatenate([[0], np.cumsum(inside)]).astype(np.int32)
    return TargetLayout(population, target.gid0, target.size, splits, slot_of_block, here, table)


def _rows(
    network: Network,
    candidates: Candidates,
    projection: Projection,
    entries: NDArray[np.int64],
    layout: TargetLayout,
    draws: S.Draws,
) -> NDArray[np.int64]:
    source = projection.entry_source[entries].astype(np.int64)
    rows = np.zeros((entries.size, P.FIELDS), dtype=np.int64)
    rows[:, P.RULE], rows[:, P.PROJECTION] = T.LOOPS[str(projection.rule.loop)], projection.index
    rows[:, P.SOURCE0], rows[:, P.N_SOURCES] = candidates.offset[source], network.sizes[source]
    rows[:, P.SOURCE_GID0], rows[:, P.SOURCE_KEY] = network.gid_starts[source], source
    rows[:, P.TARGET_GID0], rows[:, P.TARGET_SIZE] = layout.gid0, layout.size
    if projection.rule.by_source:
        rows[:, P.SPLITS], rows[:, P.NUMBER] = layout.splits, projection.entry_number[entries].astype(np.int64)
    rows[:, P.SKIP_SELF] = (source == layout.population) & (not projection.autapses)
    rows[:, P.BLOCK_SIZE], rows[:, P.N_BLOCKS] = network.block_size, layout.slot_of_block.size
    rows[:, P.N_RUNS] = len(layout.runs)
    rows[:, P.WEIGHT], rows[:, P.DELAY], rows[:, P.MAX_DELAY] = draws.weight, draws.delay, draws.max_delay
    rows[:, P.FACTOR] = np.rint(projection.weight_factor[entries] * 2.0**fixed_point.FACTOR_BITS)
    rows[:, P.OWN_DELAY] = projection.own_delay[entries]
    return rows


def address_of(array: NDArray[Any]) -> int:
    """Where an array lies in this process's memory."""
    return int(array.ctypes.data)


def batches(pieces: Sequence[Piece]) -> Iterator[Sequence[Piece]]:
    """Pieces in order, in batches whose tables of draws take at most BATCH_BYTES together."""
    begin, held = 0, 0
    for k, piece in enumerate(pieces):
        projection = piece.projection
        same = k > begin and pieces[k - 1].projection is projection
        own = 0 if same else TABLE_BYTES * len(projection.tables)
        if held + own > BATCH_BYTES:
            yield pieces[begin:k]
            begin, held = k, 0
        held += own
    if len(pieces) > begin:
        yield pieces[begin:]


def pair_table(
    pieces: Sequence[Piece],
    address: Callable[[NDArray[Any]], int] = address_of,
    table_address: Callable[[NDArray[Any]], int] | None = None,
) -> PairTable:
    """The rows of all pieces with addresses, which `address` gives for an array (of another memory, once each).

    `table_address` does so for the tables that weights and delays are drawn from, where that is to be another way.
    """
    known: dict[int, int] = {}
    keep: list[NDArray[Any]] = []

    def at(array: NDArray[Any], address: Callable[[NDArray[Any]], int] = address) -> int:
        if array.size == 0:
            return 0
        if id(array) not in known:
            known[id(array)] = address(array)
            keep.append(array)
        return known[id(array)]

    for_tables = table_address or address

    parts = [np.zeros((0, P.FIELDS), np.int64)]
    for piece in pieces:
        rows, layout, draws = piece.rows.copy(), piece.layout, piece.draws
        rows[:, P.SLOT_OF_BLOCK_AT], rows[:, P.HERE_AT] = at(layout.slot_of_block), at(layout.here)
        rows[:, P.RUNS_AT] = at(layout.runs)
        rows[:, P.WEIGHT_TABLE_AT] = at(draws.weight_table, for_tables)
        rows[:, P.DELAY_TABLE_AT] = at(draws.delay_table, for_tables)
        parts.append(rows)
    table = np.concatenate(parts)
    return PairTable(np.ascontiguousarray(table[np.argsort(table[:, P.SOURCE0], kind="stable")]), keep)
