"""Procedural projections on a lane: how many synapses they count for, and the most that they can add in one step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.draws import largest_weight
from dtbsim.build.lanes import Lane
from dtbsim.build.pairs import TABLE_BYTES, Piece
from dtbsim.kernels import layout as L
from dtbsim.kernels import pair_layout as P
from dtbsim.models.connections.base import Pairs
from dtbsim.numerics.rings import ring_steps
from dtbsim.spec.network import Network


def ring_size(network: Network) -> int:
    """Rows of the rings of a GPU: a power of two above the largest procedural delay; 0 without procedural synapses."""
    longest = _longest(network)
    return ring_steps(longest) if longest else 0


def ring_rows(network: Network) -> int:
    """The same on CPUs, where it may be the largest delay itself: spikes of a step are drawn when it is done."""
    longest = _longest(network)
    return ring_steps(longest - 1) if longest else 0


def _longest(network: Network) -> int:
    """Largest delay of the procedural projections, 0 without any."""
    procedural = [projection for projection in network.projections if projection.procedural]
    return max((projection.delay_range(network.dt_ms)[1] for projection in procedural), default=0)


def largest_indegree(piece: Piece) -> int:
    """The most synapses of the piece on one target: exact, or a bound where targets are drawn (see the rule)."""
    rows, layout = piece.rows, piece.layout
    pairs = Pairs(rows[:, P.N_SOURCES], rows[:, P.SKIP_SELF], rows[:, P.NUMBER], layout.size, layout.splits)
    return piece.projection.rule.largest_indegree(pairs)


def add_largest(piece: Piece, totals: NDArray[np.int64], times: NDArray[np.int64] | None = None) -> None:
    """totals[slot] += the largest |input| that the piece can give each of its slots in one step.

    `times`: how often neurons of each population can spike in a step (None: once).
    """
    most = _largest_input(piece, times)
    for _, n, slot in piece.layout.runs.tolist():
        totals[slot : slot + n] += most


def largest_of_pieces(pieces: list[Piece], times: NDArray[np.int64] | None = None) -> int:
    """Largest |input| that all pieces together can give a slot in one step: slots of a layout are all alike."""
    totals: dict[int, int] = {}
    for piece in pieces:
        totals[id(piece.layout)] = totals.get(id(piece.layout), 0) + _largest_input(piece, times)
    return max(totals.values(), default=0)


def _largest_input(piece: Piece, times: NDArray[np.int64] | None) -> int:
    once = largest_indegree(piece) * largest_weight(piece.draws, int(piece.rows[:, P.FACTOR].max()))
    return once if times is None else once * int(times[piece.rows[:, P.SOURCE_KEY]].max())


def count_synapses(piece: Piece) -> int:
    """Synapses of the piece that count for the lane; over all lanes of a network they add up to the exact number.

    Of a rule drawn by source nobody knows how many end on a block without drawing them all: a block counts for its
    share of the target population.
    """
    runs: list[list[int]] = piece.layout.runs.tolist()
    rows, size = piece.rows, piece.layout.size
    if piece.projection.rule.by_source:
        total = _from_sources(rows)
        return sum(total * (first + n) // size - total * first // size for first, n, _ in runs)
    return largest_indegree(piece) * sum(n for _, n, _ in runs)


def _from_sources(rows: NDArray[np.int64]) -> int:
    table: list[list[int]] = rows[:, [P.N_SOURCES, P.NUMBER]].tolist()
    return sum(sources * number for sources, number in table)


def procedural_bytes(network: Network, lanes: list[Lane], kind: int, ring: int) -> int:
    """Memory of rings of so many rows, rows of pairs, maps of blocks and tables of draws of the lanes of a rank."""
    if ring == 0:
        return 0
    width = 8 if kind == L.KIND_WIDE64 else 4
    total = sum(lane.n_slots * ring * width + 8 * ring for lane in lanes)
    blocks = -(-network.sizes // network.block_size)
    on_lanes = np.zeros(blocks.size, dtype=np.int64)
    for lane in lanes:
        on_lanes[lane.populations] += 1
    for projection in (projection for projection in network.projections if projection.procedural):
        times, pool = on_lanes[projection.piece_target], np.diff(projection.entry_start)
        total += int((times * (pool * 8 * P.FIELDS + 4 * blocks[projection.piece_target])).sum())
        total += TABLE_BYTES * len(projection.tables)
    return total
