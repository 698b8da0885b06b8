"""Procedural projections on a lane: how many synapses they count for, and the most that they can add in one step."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.draws import largest_weight
from dtbsim.build.lanes import Lane
from dtbsim.build.pairs import TABLE_BYTES, Piece
from dtbsim.kernels import layout as L
from dtbsim.kernels import pair_layout as P
from dtbsim.spec.network import ALL_TO_ALL, FIXED_OUTDEGREE, Network

LOG_RARE = 64 * math.log(2.0)
"""A bound on an in-degree that is not known may be exceeded with probability 2**-64."""


def ring_size(network: Network) -> int:
    """Rows of the rings: a power of two above the largest delay of the procedural projections; 0 without any."""
    procedural = [projection for projection in network.projections if projection.procedural]
    if not procedural:
        return 0
    longest = max(projection.delay_range(network.dt_ms)[1] for projection in procedural)
    return 1 << math.ceil(math.log2(longest + 1))


def drawn_indegree(n_synapses: int, probability: float, n_targets: int) -> int:
    """The smallest k for which Chernoff's bound shows n_targets * P(Binomial(n_synapses, probability) > k) < 2**-64.

    P(X >= a) <= exp(a - m - a log(a / m)) for a above the mean m = n_synapses * probability.
    """
    mean = n_synapses * probability
    enough = LOG_RARE + math.log(n_targets)

    def shown(k: int) -> bool:
        a = float(k + 1)
        return a > mean and a * math.log(a / mean) - a + mean > enough

    if mean == 0.0:
        return 0
    low, high = -1, n_synapses
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return high


def largest_indegree(piece: Piece) -> int:
    """The most synapses of the piece on one target: exact, but for fixed_outdegree that of `drawn_indegree`."""
    rows, size = piece.rows, piece.landing.size
    if piece.projection.rule == FIXED_OUTDEGREE:
        part = size >> piece.landing.splits  # of the smallest part
        probability = (1.0 + 2.0**-40) / ((part - int(rows[:, P.SKIP_SELF].max())) << piece.landing.splits)
        return drawn_indegree(_from_sources(rows), probability, size)
    if piece.projection.rule == ALL_TO_ALL:
        return int(rows[:, P.N_SOURCES].sum() - rows[:, P.SKIP_SELF].sum())
    return len(rows)


def add_largest(piece: Piece, totals: NDArray[np.int64], times: NDArray[np.int64] | None = None) -> None:
    """totals[slot] += the largest |input| that the piece can give each of its slots in one step.

    `times`: how often neurons of each population can spike in a step (None: once).
    """
    most = _largest_input(piece, times)
    for _, n, slot in piece.landing.runs.tolist():
        totals[slot : slot + n] += most


def largest_of_pieces(pieces: list[Piece], times: NDArray[np.int64] | None = None) -> int:
    """Largest |input| that all pieces together can give a slot in one step: slots of a landing are all alike."""
    totals: dict[int, int] = {}
    for piece in pieces:
        totals[id(piece.landing)] = totals.get(id(piece.landing), 0) + _largest_input(piece, times)
    return max(totals.values(), default=0)


def _largest_input(piece: Piece, times: NDArray[np.int64] | None) -> int:
    once = largest_indegree(piece) * largest_weight(piece.draws, int(piece.rows[:, P.FACTOR].max()))
    return once if times is None else once * int(times[piece.rows[:, P.SOURCE_KEY]].max())


def count_synapses(piece: Piece) -> int:
    """Synapses of the piece that count for the lane; over all lanes of a network they add up to the exact number.

    With fixed_outdegree nobody knows how many end on a block unless it draws them all: a block counts for its share
    of the target population.
    """
    runs: list[list[int]] = piece.landing.runs.tolist()
    rows, size = piece.rows, piece.landing.size
    if piece.projection.rule == FIXED_OUTDEGREE:
        total = _from_sources(rows)
        return sum(total * (first + n) // size - total * first // size for first, n, _ in runs)
    return largest_indegree(piece) * sum(n for _, n, _ in runs)


def _from_sources(rows: NDArray[np.int64]) -> int:
    table: list[list[int]] = rows[:, [P.N_SOURCES, P.NUMBER]].tolist()
    return sum(sources * number for sources, number in table)


def procedural_bytes(network: Network, lanes: list[Lane], kind: int) -> int:
    """Memory of rings, rows of pairs, maps of blocks and tables of draws of the lanes of a rank."""
    ring = ring_size(network)
    if ring == 0:
        return 0
    width = 8 if kind == L.KIND_WIDE64 else 4
    total = sum(lane.n_slots * ring * width + 8 * ring for lane in lanes)
    blocks = -(-network.sizes // network.block_size)
    on_lanes = np.zeros(blocks.size, dtype=np.int64)
    for lane in lanes:
        on_lanes[list({run.population for run in lane.runs})] += 1
    for projection in (projection for projection in network.projections if projection.procedural):
        times, pool = on_lanes[projection.piece_target], np.diff(projection.entry_start)
        total += int((times * (pool * 8 * P.FIELDS + 4 * blocks[projection.piece_target])).sum())
        total += TABLE_BYTES * (not projection.weight.constant)
        total += TABLE_BYTES * (projection.delay is not None and not projection.delay.constant)
    return total
