"""All synapses of one projection that end on one lane: a compiled loop over its tasks, once to count, once to write."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import connect
from dtbsim.kernels import row_writer as S
from dtbsim.kernels.jit import cached_njit
from dtbsim.kernels.philox import keyed, philox4x32
from dtbsim.numerics.philox import PURPOSE_SHIFT, PURPOSE_SPLIT

TASK_FIELDS = 6
PIECE, FIRST_GID, COUNT, SLOT, ENTRY, NUMBER = range(TASK_FIELDS)
"""A task: targets FIRST_GID .. + COUNT at slots SLOT ..., one source entry (-1: the whole pool), in-degree or total."""

FIXED_INDEGREE, FIXED_TOTAL, BERNOULLI, ALL_TO_ALL, ONE_TO_ONE, FIXED_OUTDEGREE = range(6)
"""FIXED_OUTDEGREE has no tasks: it is drawn by source, in `outdegree`."""
LOOPS = {
    "fixed_indegree": FIXED_INDEGREE,
    "fixed_total_number": FIXED_TOTAL,
    "pairwise_bernoulli": BERNOULLI,
    "all_to_all": ALL_TO_ALL,
    "one_to_one": ONE_TO_ONE,
    "fixed_outdegree": FIXED_OUTDEGREE,
}
"""Compiled loops, by the name that connection rules know them by (`ConnectionRule.loop`)."""
_SPLIT = np.uint32(PURPOSE_SPLIT << PURPOSE_SHIFT)


@cached_njit
def run_tasks(
    rule: int, projection: int, multapses: bool, tasks: Any, pieces: Any, piece_gid0: Any, pool: Any,
    count_starts: Any, count_first: Any, counts: Any, k0: Any, k1: Any, draws: Any, writer: Any, bits: Any, known: Any,
) -> None:  # fmt: skip
    """Feed the writer with every synapse of `tasks` (int64[n, TASK_FIELDS]).

    `pieces` int64[p + 1] are the pool ranges, `piece_gid0` the first gid of each target population; `counts`
    (uint32 thresholds, ranges count_starts[e] .. count_starts[e + 1], offset count_first[e]) serve pairwise_bernoulli.
    `bits` uint8, a mark for each source or none, and `known` uint32, with room for the sources of a target that are
    drawn once each, are zero on entry and exit.
    """
    words = np.empty((4, S.CHUNK), np.uint32)
    made = np.empty((S.MADE, S.CHUNK), np.int64)
    most = np.int64(0)
    for k in range(tasks.shape[0]):
        most = max(most, tasks[k, COUNT])
    gids = np.empty(most, np.int64)
    for k in range(tasks.shape[0]):
        task = tasks[k]
        piece, slot, entry = task[PIECE], task[SLOT], task[ENTRY]
        n = task[COUNT]
        for i in range(n):
            gids[i] = task[FIRST_GID] + i
        targets = gids[:n]
        if rule == FIXED_INDEGREE:
            part = _slice(pool, pieces[piece], pieces[piece + 1])
            connect.fixed_indegree(
                targets, slot, task[NUMBER], multapses, part, projection, k0, k1, draws, writer, words, made, bits,
                known,
            )  # fmt: skip
        elif rule == FIXED_TOTAL:
            connect.fixed_total_number(
                task[FIRST_GID], n, slot, task[NUMBER], entry, pool, projection, k0, k1, draws, writer, words, made
            )
        elif rule == BERNOULLI:
            thresholds = counts[count_starts[entry] : count_starts[entry + 1]]
            connect.pairwise_bernoulli(
                targets, slot, thresholds, count_first[entry], entry, pool, projection, k0, k1, draws, writer, words,
                made, bits, known,
            )  # fmt: skip
        elif rule == ALL_TO_ALL:
            connect.all_to_all(targets, slot, entry, pool, projection, k0, k1, draws, writer, words, made)
        else:
            gid0 = piece_gid0[piece]
            connect.one_to_one(targets, slot, gid0, entry, pool, projection, k0, k1, draws, writer, words, made)


@nb.njit(nogil=True, inline="always")
def _slice(pool: Any, start: int, stop: int) -> Any:
    return connect.Pool(
        pool.key[start:stop],
        pool.offset[start:stop],
        pool.size[start:stop],
        pool.cumulative[start:stop],
        pool.factor[start:stop],
        pool.delay[start:stop],
        pool.self_at[start:stop],
    )


@cached_njit
def binomial(n: int, p: float, u: float) -> Any:
    """Binomial(n, p) by inversion from the mode outwards, u uniform in [0, 1); about sqrt(n p (1 - p)) operations."""
    if n <= 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return n
    mode: Any = min(n, np.int64(math.floor((n + 1) * p)))
    log_pmf = math.lgamma(n + 1.0) - math.lgamma(mode + 1.0) - math.lgamma(n - mode + 1.0)
    at_mode = math.exp(log_pmf + mode * math.log(p) + (n - mode) * math.log1p(-p))
    ratio = p / (1.0 - p)
    left = u - at_mode
    up, down = mode, mode
    pmf_up, pmf_down = at_mode, at_mode
    last = mode
    while left >= 0.0:
        moved = False
        if up < n:
            pmf_up *= ratio * (n - up) / (up + 1.0)
            up += 1
            left -= pmf_up
            last = up
            moved = pmf_up > 1e-18
            if left < 0.0:
                return up
        if down > 0:
            pmf_down *= down / (ratio * (n - down + 1.0))
            down -= 1
            left -= pmf_down
            last = down
            moved = moved or pmf_down > 1e-18
        if not moved:
            return mode  # u beyond what float64 sums resolve (about 1e-15)
    return last


@cached_njit
def split_total(total: int, sizes: Any, gid0: int, source: int, projection: int, k0: Any, k1: Any, out: Any) -> None:
    """Multinomial split of `total` over blocks in proportion to `sizes` (int64[b]), by halving; out int64[b].

    Keyed by (first gid of the target population, source population, node, projection): the same for every owner.
    """
    n, key = sizes.size, keyed(k1, gid0 >> 32)
    cumulative = np.zeros(n + 1, np.int64)
    for i in range(n):
        cumulative[i + 1] = cumulative[i] + sizes[i]
    stack = np.empty((128, 3), np.int64)
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, n, total
    depth = 1
    while depth > 0:
        depth -= 1
        low, high, count = stack[depth, 0], stack[depth, 1], stack[depth, 2]
        if high - low == 1:
            out[low] = count
            continue
        middle = (low + high) >> 1
        p = (cumulative[middle] - cumulative[low]) / (cumulative[high] - cumulative[low])
        # middle alone names the node: every split point occurs once in the tree
        c0, c1 = np.uint32(gid0), np.uint32(middle)
        r0, r1, _, _ = philox4x32(c0, c1, np.uint32(source), _SPLIT | np.uint32(projection), k0, key)
        u = (np.float64(r0) * 2097152.0 + np.float64(r1 >> np.uint32(11))) / 9007199254740992.0
        first = binomial(count, p, u)
        stack[depth, 0], stack[depth, 1], stack[depth, 2] = low, middle, first
        stack[depth + 1, 0], stack[depth + 1, 1], stack[depth + 1, 2] = middle, high, count - first
        depth += 2
