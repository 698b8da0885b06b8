"""Lanes: how the neurons of a rank are laid out for its threads.

A lane owns whole blocks. Its neurons are ordered by kind, then gid; every kind has one run of local indices (a group),
and one run of input slots per channel. Slots of 16-bit lanes stay below 65,536, so that a synapse fits four bytes.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.blocks import Blocks
from dtbsim.build.kinds import Kind
from dtbsim.build.sparse_rows import table_bytes
from dtbsim.errors import InputError
from dtbsim.numerics.gids import Gids, as_gids
from dtbsim.partition import BlockTable
from dtbsim.spec.network import Family, Network, Projection

PACKED_SLOTS = 65_536
PACKED_SAVES = 2
"""Bytes of a synapse that 16-bit slots save."""
MOST_SLOTS = 2**31 - 1
"""Slots are numbered by int32."""
MAX_LANES_PER_THREAD = 8
MAX_DEVICE_LANES = 4096
"""A GPU steps all lanes at once, so that many of them cost it little."""
ALIGN = 16
"""Runs of 4-byte items start on cache lines."""


@dataclass(frozen=True)
class RowTables:
    """What a rank needs to find its stored static synapses: by candidates, expected synapses, bytes of a delay."""

    sources: int
    synapses: float
    delay_bytes: int

    def of(self, n_lanes: int) -> float:
        """Bytes with so many lanes."""
        return n_lanes * table_bytes(self.sources, self.synapses / n_lanes, self.delay_bytes)


@dataclass(frozen=True)
class Run:
    """Consecutive neurons of one block on a lane: first gid, neurons, population, first local index."""

    gid0: int
    size: int
    population: int
    local: int
    kind: int


@dataclass(frozen=True, eq=False)
class Lane:
    """The layout of one lane."""

    table: NDArray[np.int64]
    """int64[n_runs, 5]: the runs, with the fields of `Run`, ascending local indices."""
    group_start: NDArray[np.int64]
    """int64[n_kinds]: first local index of each kind's group."""
    group_size: NDArray[np.int64]
    slot_start: tuple[NDArray[np.int64], ...]
    """Per kind: first slot of each channel."""
    n_slots: int

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Runs of neurons, ascending local indices; made when they are asked for: a plan needs their sizes alone."""
        return tuple(Run(*row) for row in self.table.tolist())

    @cached_property
    def gids(self) -> Gids:
        """The global id of every neuron [n_local]; made when it is asked for, and kept: `gids_of` gives some."""
        return self.gids_of(slice(0, self.n_local))

    def gids_of(self, local: slice | NDArray[np.int64]) -> Gids:
        """Global ids of neurons by local index (a slice has a start and a stop)."""
        chosen = np.arange(local.start, local.stop) if isinstance(local, slice) else local
        run = np.searchsorted(self.table[:, 3], chosen, side="right") - 1
        found: Gids = as_gids(chosen + (self.table[:, 0] - self.table[:, 3])[run])
        return found

    @property
    def populations(self) -> NDArray[np.int64]:
        """int64[n]: those that are on the lane, ascending."""
        return np.unique(self.table[:, 2])

    def per_population(self, n_populations: int) -> NDArray[np.int64]:
        """int64[n_populations]: neurons of each on the lane."""
        found = np.zeros(n_populations, dtype=np.int64)
        np.add.at(found, self.table[:, 2], self.table[:, 1])
        return found

    @cached_property
    def runs_of(self) -> dict[int, list[Run]]:
        """Runs of each population that is on the lane, ascending."""
        found: dict[int, list[Run]] = {}
        for run in self.runs:
            found.setdefault(run.population, []).append(run)
        return found

    def has_targets(self, projection: Projection) -> bool:
        """Whether a target population of the projection is on the lane."""
        return any(population in self.runs_of for population in projection.piece_target.tolist())

    def runs_of_family(self, family: Family) -> list[Run]:
        """Runs of all populations of a family, ascending; they have neighbouring local indices."""
        return [run for population in family.populations.tolist() for run in self.runs_of.get(population, ())]

    @property
    def n_local(self) -> int:
        """Neurons of the lane."""
        return int(self.table[:, 1].sum())


def aligned(n: int) -> int:
    """`n` rounded up to a multiple of ALIGN."""
    return (n + ALIGN - 1) // ALIGN * ALIGN


def deal(work: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Lane of every block, int64[b]: block by block to the least loaded lane, so each population is spread evenly."""
    if n == 1:
        return np.zeros(work.size, dtype=np.int64)
    loads = [(0.0, lane) for lane in range(n)]
    lane_of = np.zeros(work.size, dtype=np.int64)
    for block, cost in enumerate(work.tolist()):
        load, lane = loads[0]
        lane_of[block] = lane
        heapq.heapreplace(loads, (load + max(cost, 1e-9), lane))
    return lane_of


def gather(region: NDArray[np.int64], places: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Lane of every block, int64[b], so that a region's blocks are on as few lanes as can be; lanes of equal size.

    A source then has its synapses onto a region, which share a tract delay, in one or two rows instead of in all.
    `places`, at least 1, is the size of every block: a block without inputs takes up room, too, and has a lane.
    """
    order = np.lexsort((np.arange(region.size), region))
    begin = np.cumsum(places[order]) - places[order]
    lane_of = np.zeros(region.size, dtype=np.int64)
    lane_of[order] = begin * n // int(places.sum())
    return lane_of


def lay_out(
    network: Network,
    kinds: list[Kind],
    blocks: Blocks,
    table: BlockTable,
    rank: int,
    threads: int,
    lanes_per_thread: int = MAX_LANES_PER_THREAD,
    tables: RowTables | None = None,
    *,
    bounded: bool = True,
) -> tuple[list[Lane], bool]:
    """Lanes of a rank, a whole number per thread, and whether all of them have 16-bit slots.

    Few lanes have an even share of every population each; the many of a GPU have whole regions as far as can be. With
    `tables`, more lanes than threads must save as much in their synapses as finding these takes more.
    Raises InputError for a lane of more than MOST_SLOTS slots, if `bounded`.
    """
    mine = np.flatnonzero(blocks.rank == rank)
    kind_of, channels = _kinds_and_channels(network, kinds)
    slots = blocks.size[mine] * channels[kind_of[blocks.population[mine]]]
    threads = min(threads, mine.size)
    padding = int(channels.sum()) * ALIGN
    per_thread = max(1, int(slots.sum()) // (threads * PACKED_SLOTS))  # fewer cannot be enough
    if not _worth_packing(network):
        lanes_per_thread = 0
    while per_thread <= lanes_per_thread and per_thread * threads <= mine.size:
        n_lanes = per_thread * threads
        if lanes_per_thread > MAX_LANES_PER_THREAD and np.unique(table.region[mine]).size > 1:
            lane_of = gather(table.region[mine].astype(np.int64), slots + blocks.size[mine], n_lanes)
        else:
            lane_of = deal(table.work[mine], n_lanes)
        if np.bincount(lane_of, slots, n_lanes).max() + padding <= PACKED_SLOTS:
            if tables is not None and tables.of(n_lanes) > tables.of(threads) + PACKED_SAVES * tables.synapses:
                break
            return _lanes(blocks, mine, lane_of, n_lanes, kind_of, channels, bounded), True
        per_thread += 1 + per_thread // 16
    lane_of = deal(table.work[mine], threads)
    return _lanes(blocks, mine, lane_of, threads, kind_of, channels, bounded), False


def lane_of_blocks(network: Network, kinds: list[Kind], blocks: Blocks, chosen: NDArray[np.int64]) -> Lane:
    """The lane of these blocks, int64[b], ascending. Raises InputError for more than MOST_SLOTS slots."""
    return _lane(blocks, chosen, *_kinds_and_channels(network, kinds))


def _kinds_and_channels(network: Network, kinds: list[Kind]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Kind of every population, channels of every kind."""
    family_kind = np.zeros(len(network.families), dtype=np.int64)
    for k, kind in enumerate(kinds):
        family_kind[kind.families] = k
    kind_of = family_kind[[population.family for population in network.populations]]
    return kind_of, np.array([len(kind.channels) for kind in kinds])


def _worth_packing(network: Network) -> bool:
    """Whether 16-bit slots save memory; each lane of a thread draws procedural synapses, so more of them cost time."""
    procedural = [projection.procedural for projection in network.projections]
    return not any(procedural) or not all(procedural)


def _lanes(
    blocks: Blocks,
    mine: NDArray[np.int64],
    lane_of: NDArray[np.int64],
    n_lanes: int,
    kind_of: NDArray[np.int64],
    channels: NDArray[np.int64],
    bounded: bool,
) -> list[Lane]:
    assert 0 <= lane_of.min() <= lane_of.max() < n_lanes, "every block has a lane"
    chosen = np.split(mine[np.argsort(lane_of, kind="stable")], np.cumsum(np.bincount(lane_of, minlength=n_lanes)))
    return [_lane(blocks, chosen[lane], kind_of, channels, bounded) for lane in range(n_lanes)]


def _lane(
    blocks: Blocks,
    chosen: NDArray[np.int64],
    kind_of: NDArray[np.int64],
    channels: NDArray[np.int64],
    bounded: bool = True,
) -> Lane:
    kinds = kind_of[blocks.population[chosen]]
    order = np.argsort(kinds, kind="stable")
    chosen, kinds = chosen[order], kinds[order]
    size = blocks.size[chosen].astype(np.int64)
    local = np.cumsum(size) - size
    sizes = np.bincount(kinds, size, channels.size).astype(np.int64)
    slot_start, slot = [], 0
    for kind in range(channels.size):
        step = aligned(int(sizes[kind]))
        slot_start.append(slot + step * np.arange(channels[kind], dtype=np.int64))
        slot += step * int(channels[kind])
    if bounded and slot > MOST_SLOTS:
        raise InputError(
            f"a lane would have {slot:,} inputs (neurons times receptor channels); at most {MOST_SLOTS:,} can be",
            where="populations",
            remedy="use more ranks or more threads",
        )
    table = np.stack([blocks.gid0[chosen], size, blocks.population[chosen], local, kinds], axis=1).astype(np.int64)
    return Lane(table, np.cumsum(sizes) - sizes, sizes, tuple(slot_start), max(slot, 1))
