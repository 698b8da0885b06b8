"""The part of a network that one rank owns: planned, checked against memory, then built in parallel."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.blocks import Blocks, assign_ranks, cut_blocks
from dtbsim.build.candidates import Candidates, find_candidates
from dtbsim.build.dynamic import DynamicRows, build_dynamic
from dtbsim.build.kinds import Kind, find_kinds
from dtbsim.build.lanes import MAX_LANES_PER_THREAD, Lane, RowTables, lay_out
from dtbsim.build.memory import MemoryPlan, acc_bits_for, one_delay, owned_share, plan_memory, synapses_onto
from dtbsim.build.most_spikes import most_spikes
from dtbsim.build.neurons import LaneNeurons, build_neurons
from dtbsim.build.pairs import Piece, find_pieces
from dtbsim.build.procedural import add_largest, count_synapses, largest_of_pieces
from dtbsim.build.sparse_rows import SparseRows, sparse_shift
from dtbsim.build.synapses import LaneBuilder, Rows, synapse_kind
from dtbsim.numerics.limits import MAX_COUNT
from dtbsim.partition import BlockTable
from dtbsim.spec.network import Drive, Network
from dtbsim.spec.simulated import check_simulated

_LOG = logging.getLogger(__name__)
INT32_LIMIT = 2**31 - 1


@dataclass(eq=False)
class LaneState:
    """Everything of one lane that the tables point into."""

    lane: Lane
    neurons: LaneNeurons
    rows: Rows | SparseRows
    acc: NDArray[Any]
    """Input vector; empty where there are procedural synapses: it is a row of their ring."""
    dynamic: list[DynamicRows]
    procedural: list[Piece]
    largest: int = 0
    """Largest |input| that synapses can give one slot in one step, in quanta."""


@dataclass(eq=False)
class RankNetwork:
    """What a backend needs to step a rank."""

    network: Network
    kinds: list[Kind]
    blocks: Blocks
    table: BlockTable
    lanes: list[LaneState]
    candidates: Candidates
    plan: MemoryPlan

    @property
    def n_synapses(self) -> int:
        """Synapses of the rank, procedural ones as `procedural.count_synapses` counts them."""
        procedural = sum(count_synapses(piece) for state in self.lanes for piece in state.procedural)
        return procedural + sum(rows.n_synapses for rows in self._all_rows())

    @property
    def synapse_bytes(self) -> int:
        """Bytes of all synapse rows and their tables."""
        return sum(rows.n_bytes for rows in self._all_rows())

    def _all_rows(self) -> Iterator[Rows | SparseRows]:
        for state in self.lanes:
            yield state.rows
            yield from (part.rows for part in state.dynamic)

    @property
    def total_bytes(self) -> int:
        """All that the built network holds: rows, source lists, states and constants of neurons, input vectors."""
        own = sum(s.acc.nbytes + s.neurons.f32.nbytes + s.neurons.i32.nbytes + s.lane.table.nbytes for s in self.lanes)
        own += sum(part.table_bytes for state in self.lanes for part in state.dynamic)
        return self.synapse_bytes + self.candidates.n_bytes + own

    @property
    def n_neurons(self) -> int:
        """Neurons of the rank."""
        return sum(state.lane.n_local for state in self.lanes)


@dataclass(eq=False)
class RankPlan:
    """Everything known before anything large is allocated."""

    network: Network
    kinds: list[Kind]
    table: BlockTable
    blocks: Blocks
    lanes: list[Lane]
    candidates: Candidates
    acc_bits: int
    synapse_kind: int
    memory: MemoryPlan
    sparse_shift: int = 0
    """Static rows hold 2**sparse_shift sources each (`sparse_rows`); 0: one, with tables per source."""


def plan_rank(
    network: Network,
    rank: int,
    n_ranks: int,
    threads: int,
    lanes_per_thread: int = MAX_LANES_PER_THREAD,
    *,
    static_on_device: bool = False,
    ranks: NDArray[np.int32] | None = None,
    table: BlockTable | None = None,
    bounded: bool = True,
) -> RankPlan:
    """Partition the network and plan this rank's lanes and memory. Raises InputError for more ranks than blocks.

    `static_on_device`: static synapses take no memory of the host. `ranks`, int32[blocks]: where each block goes, as
    `blocks.find_ranks` has found on another rank; `table`: the blocks, where they have been cut already. Not `bounded`:
    a rank that has more sources or inputs than can be numbered is planned, too, which could not be built.
    """
    kinds = find_kinds(network)
    table = cut_blocks(network) if table is None else table
    blocks = assign_ranks(network, table, n_ranks, ranks)
    candidates = find_candidates(network, blocks, rank, bounded=bounded)
    static = np.array([p.dynamics is None and not p.procedural for p in network.projections], dtype=bool)
    stored = float(synapses_onto(network, owned_share(network, blocks, rank))[static].sum())
    tables = None if static_on_device else RowTables(candidates.size, stored, _delay_bytes(network, static))
    lanes, packed = lay_out(network, kinds, blocks, table, rank, threads, lanes_per_thread, tables, bounded=bounded)
    shift = 0 if static_on_device or not static.any() else sparse_shift(candidates.size, stored / len(lanes))
    acc_bits = 64 if network.weight_changes else acc_bits_for(network)  # what weights sum up to is known of now only
    wide = any(channel.max_weight > 32_767 for family in network.families for channel in family.channels)
    kind = synapse_kind(wide, packed, acc_bits)
    memory = plan_memory(network, blocks, lanes, candidates, kind, rank, static_here=not static_on_device, shift=shift)
    return RankPlan(network, kinds, table, blocks, lanes, candidates, acc_bits, kind, memory, shift)


def _delay_bytes(network: Network, chosen: NDArray[np.bool_]) -> int:
    """Bytes of the delay of a synapse in sparse rows."""
    if one_delay(network, chosen):
        return 0
    return 1 if network.max_delay_steps <= 255 else 2


def build_rank(plan: RankPlan, threads: int, progress: Callable[[int, int], None] | None = None) -> RankNetwork:
    """Build all lanes, `threads` at a time. `progress` as of `LaneProgress`."""
    check_simulated(plan.network)
    per_lane = max(1, threads // len(plan.lanes))
    states: list[LaneState | None] = [None] * len(plan.lanes)
    told = LaneProgress(progress, len(plan.lanes))
    with _workers(threads) as pool:
        futures = {
            pool.submit(_build_lane, plan, lane, per_lane, told.alive): index for index, lane in enumerate(plan.lanes)
        }
        for future in as_completed(futures):
            states[futures[future]] = future.result()
            told.finished()
    plan.candidates.listed.release()
    lanes = [state for state in states if state is not None]
    return RankNetwork(plan.network, plan.kinds, plan.blocks, plan.table, lanes, plan.candidates, plan.memory)


class LaneProgress:
    """Tells `progress(done, of)` how many lanes are finished, also while one of many neurons goes on.

    Threads may share it.
    """

    def __init__(self, progress: Callable[[int, int], None] | None, n_lanes: int) -> None:
        self._progress, self._n, self._done = progress, n_lanes, 0
        self._lock = Lock()

    def finished(self) -> None:
        """One lane more."""
        self._done += 1
        self.alive()

    def alive(self) -> None:
        """A part of a lane more."""
        if self._progress is not None:
            with self._lock:
                self._progress(self._done, self._n)


@contextlib.contextmanager
def _workers(n: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that have finished when the `with` block ends, unless the user interrupts: a lane may take minutes."""
    pool = ThreadPoolExecutor(max_workers=max(1, n))
    try:
        yield pool
    except BaseException as error:
        pool.shutdown(wait=not isinstance(error, KeyboardInterrupt), cancel_futures=True)
        raise
    pool.shutdown()


def lane_builder(plan: RankPlan, lane: Lane) -> LaneBuilder:
    """The builder of a lane's static synapses, those that are stored."""
    static = [p for p in plan.network.projections if p.dynamics is None and not p.procedural]
    return LaneBuilder(plan.network, lane, plan.candidates, plan.synapse_kind, static, shift=plan.sparse_shift)


def rebuilt_rows(built: RankNetwork, network: Network, state: LaneState) -> Rows | SparseRows:
    """The static rows of a lane for a network that differs from the one that was built in weights alone.

    The same synapses in the same rows and segments.
    """
    static = [p for p in network.projections if p.dynamics is None and not p.procedural]
    shift = state.rows.shift if isinstance(state.rows, SparseRows) else 0
    return _rows(LaneBuilder(network, state.lane, built.candidates, state.rows.kind, static, shift=shift))


def _rows(builder: LaneBuilder) -> Rows | SparseRows:
    return builder.build_sparse() if builder.shift else builder.build()


def _build_lane(plan: RankPlan, lane: Lane, threads: int, alive: Callable[[], None]) -> LaneState:
    return finish_lane(plan, lane, _rows(lane_builder(plan, lane)), threads, alive)


def finish_lane(
    plan: RankPlan,
    lane: Lane,
    rows: Rows | SparseRows,
    threads: int = 1,
    alive: Callable[[], None] | None = None,
) -> LaneState:
    """What a lane has beside its static synapses; sums are widened where 32 bits might not hold them.

    `alive` is called now and then, as filling many neurons takes long.
    """
    by_spike = [p for p in plan.network.projections if p.procedural]
    dynamic = build_dynamic(plan.network, lane, plan.candidates, plan.synapse_kind)
    procedural = find_pieces(plan.network, lane, plan.candidates, by_spike)
    bits = plan.acc_bits
    most = largest_input(plan.network, plan.candidates, lane, rows, dynamic, procedural)
    if bits == 32 and most + drive_bound(plan.network.drives) > INT32_LIMIT:
        _LOG.info("a neuron's input could exceed 32 bits: using 64-bit sums")
        bits = 64
        rows, dynamic = rows.widened(), [part.widened() for part in dynamic]
    neurons = build_neurons(plan.network, plan.kinds, lane, bits, threads, alive)
    size = 0 if procedural else lane.n_slots
    acc: NDArray[Any] = np.zeros(size, dtype=np.int64 if bits == 64 else np.int32)
    return LaneState(lane, neurons, rows, acc, dynamic, procedural, most)


def largest_input(
    network: Network,
    candidates: Candidates,
    lane: Lane,
    rows: Rows | SparseRows,
    dynamic: list[DynamicRows],
    procedural: list[Piece],
) -> int:
    """Largest |input| that synapses can give one slot in one step, in quanta."""
    times = sources = ranges = None
    most = most_spikes(network)
    if most.max() > 1:
        heard = np.flatnonzero(candidates.offset >= 0)
        times, ranges = most, (candidates.offset[heard], most[heard])
        if dynamic or isinstance(rows, Rows):
            sources = np.repeat(most[heard], network.sizes[heard])
    if rows.empty and not dynamic:
        return largest_of_pieces(procedural, times)
    totals = np.zeros(lane.n_slots, dtype=np.int64)
    for part in dynamic:
        part.add_largest(totals, sources)
    if isinstance(rows, SparseRows):
        rows.add_magnitudes(totals, ranges)
    else:
        rows.add_magnitudes(totals, sources)
    for piece in procedural:
        add_largest(piece, totals, times)
    return int(totals.max(initial=0))


def drive_bound(drives: Iterable[Drive]) -> int:
    """Largest |input| that drives can give one neuron in one step, in quanta.

    Of a drive that changes only one form is on at a time.
    """
    largest: dict[tuple[int, int], dict[int, int]] = {}
    for drive in drives:
        if drive.channel >= 0:
            of_channel = largest.setdefault((drive.population, drive.channel), {})
            of_channel[drive.index] = max(of_channel.get(drive.index, 0), MAX_COUNT * abs(drive.weight))
    return max((sum(weights.values()) for weights in largest.values()), default=0)
