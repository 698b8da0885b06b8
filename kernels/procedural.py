"""Procedural projections: the synapses of a spike are drawn again when it becomes known, nothing is stored of them.

A lane has a ring of input vectors, int32 or int64[MASK + 1, N_SLOTS]. When a spike of step t becomes known, the weight
of each of its synapses onto the lane is added to row (t + delay) & MASK; in step u row u & MASK is the input vector,
which the update clears. A spike of step u becomes known after that, so a ring of as many rows as the longest delay has
steps is enough. Sums are integers, so their order does not matter, and the result is that of stored synapses. Events
are counted per row when they are drawn, and in all when the row is taken.

What is drawn is what the stored form has: `outdegree` for fixed_outdegree; for all_to_all and one_to_one the words r0
(weight) and r1 (delay) of philox(gid of the target, index of the source in its population, key << 2 | CALL_VALUES,
PURPOSE_SOURCE << 24 | projection), key being the index of the source population, as in `connect`.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.kernels import pair_layout as P
from dtbsim.kernels.connect import CALL_VALUES
from dtbsim.kernels.intrinsics import view_i32, view_i64, view_u32
from dtbsim.kernels.outdegree import counts_of_parts, draw_slots, draws_of_pair
from dtbsim.kernels.philox import keyed, philox4x32
from dtbsim.kernels.row_writer import CHUNK, draw_delays, draw_weights
from dtbsim.kernels.tasks import FIXED_OUTDEGREE, ONE_TO_ONE
from dtbsim.numerics.philox import PURPOSE_SHIFT, PURPOSE_SOURCE

_PURPOSE = np.uint32(PURPOSE_SOURCE << PURPOSE_SHIFT)
SCRATCH_WORDS = 5 * CHUNK
"""int64 words of a lane's scratch: uint32[4, CHUNK] of Philox words, then int64[CHUNK] of slots, weights and delays."""


@nb.njit(nogil=True)
def _first_pair(pairs: Any, source: int) -> Any:
    """The first row of `pairs` (ascending SOURCE0) whose source population does not end before `source`."""
    low, high = np.int64(0), np.int64(pairs.shape[0])
    while low < high:
        middle = (low + high) >> 1
        if pairs[middle, P.SOURCE0] + pairs[middle, P.N_SOURCES] > source:
            high = middle
        else:
            low = middle + 1
    return low


@nb.njit(nogil=True)
def _add(
    lane: Any, pair: Any, draws: Any, m: int, slots: Any, weight_words: Any, delay_words: Any, step: int, now: int,
    ring: Any,
) -> None:  # fmt: skip
    """Add m synapses to the ring, all but those of slot -1 and those due before `now`."""
    n_slots, mask = lane[L.N_SLOTS], lane[L.PROCEDURAL_MASK]
    events = view_i64(lane[L.PROCEDURAL_EVENTS_AT], mask + 1)
    weights = view_i64(lane[L.PROCEDURAL_SCRATCH_AT] + 24 * CHUNK, CHUNK)
    delays = view_i64(lane[L.PROCEDURAL_SCRATCH_AT] + 32 * CHUNK, CHUNK)
    draw_weights(draws, weight_words, pair[P.FACTOR], weights, m)
    draw_delays(draws, delay_words, pair[P.OWN_DELAY], delays, m)
    for i in range(m):
        due = step + delays[i]
        if slots[i] >= 0 and due >= now:
            ring[(due & mask) * n_slots + slots[i]] += weights[i]
            events[due & mask] += 1


@nb.njit(nogil=True)
def _by_source(lane: Any, pair: Any, source: int, step: int, now: int, k0: Any, k1: Any, ring: Any) -> None:
    """The synapses of a source by the rule fixed_outdegree."""
    gid = pair[P.SOURCE_GID0] + source - pair[P.SOURCE0]
    words = view_u32(lane[L.PROCEDURAL_SCRATCH_AT], 4 * CHUNK).reshape((4, CHUNK))
    slots = view_i64(lane[L.PROCEDURAL_SCRATCH_AT] + 16 * CHUNK, CHUNK)
    parts = np.int64(1) << pair[P.SPLITS]
    counts = view_i64(lane[L.PROCEDURAL_COUNTS_AT], parts)
    draws = draws_of_pair(pair)
    counts_of_parts(pair, gid, k0, k1, counts)
    for part in range(parts):
        done = np.int64(0)
        while done < counts[part]:
            m = min(np.int64(CHUNK), counts[part] - done)
            draw_slots(pair, gid, part, done, m, k0, k1, words, slots)
            _add(lane, pair, draws, m, slots, words[2], words[3], step, now, ring)
            done += m


@nb.njit(nogil=True)
def _onto(
    lane: Any, pair: Any, first: int, n: int, slot: int, source: int, step: int, now: int, k0: Any, k1: Any, ring: Any
) -> None:
    """One synapse of a source onto each of n targets, whose first has index `first` in its population."""
    words = view_u32(lane[L.PROCEDURAL_SCRATCH_AT], 4 * CHUNK).reshape((4, CHUNK))
    slots = view_i64(lane[L.PROCEDURAL_SCRATCH_AT] + 16 * CHUNK, CHUNK)
    w0, w1 = words[0], words[1]
    index = source - pair[P.SOURCE0]
    own = index if pair[P.SKIP_SELF] != 0 else np.int64(-1)
    draws = draws_of_pair(pair)
    drawn = draws.weight_table.size > 0 or draws.delay_table.size > 0
    c1, c3 = np.uint32(index), _PURPOSE | np.uint32(pair[P.PROJECTION])
    c2 = (np.uint32(pair[P.SOURCE_KEY]) << np.uint32(2)) | CALL_VALUES
    done = np.int64(0)
    while done < n:
        gid = pair[P.TARGET_GID0] + first + done
        m = min(np.int64(CHUNK), n - done, (((gid >> 32) + 1) << 32) - gid)
        key = keyed(k1, gid >> 32)
        if drawn:
            for i in range(m):
                r0, r1, _, _ = philox4x32(np.uint32(gid + i), c1, c2, c3, k0, key)
                w0[i] = r0
                w1[i] = r1
        for i in range(m):
            slots[i] = slot + done + i if first + done + i != own else np.int64(-1)
        _add(lane, pair, draws, m, slots, w0, w1, step, now, ring)
        done += m


@nb.njit(nogil=True)
def _draw_again(lane: Any, pair: Any, source: int, step: int, now: int, k0: Any, k1: Any, ring: Any) -> None:
    if pair[P.RULE] == FIXED_OUTDEGREE:
        _by_source(lane, pair, source, step, now, k0, k1, ring)
    elif pair[P.RULE] == ONE_TO_ONE:
        index = source - pair[P.SOURCE0]
        block = index // pair[P.BLOCK_SIZE]
        slot = np.int64(view_i32(pair[P.SLOT_OF_BLOCK_AT], pair[P.N_BLOCKS])[block])
        if slot >= 0:
            _onto(lane, pair, index, 1, slot + index - block * pair[P.BLOCK_SIZE], source, step, now, k0, k1, ring)
    else:
        runs = view_i64(pair[P.RUNS_AT], 3 * pair[P.N_RUNS])
        for r in range(pair[P.N_RUNS]):
            _onto(lane, pair, runs[3 * r], runs[3 * r + 1], runs[3 * r + 2], source, step, now, k0, k1, ring)


@nb.njit(nogil=True)
def schedule_procedural(lane: Any, source: int, step: int, now: int, k0: Any, k1: Any) -> None:
    """Add the procedural synapses of source candidate `source`, which fired at `step`; those due before `now` were."""
    n = lane[L.N_PROCEDURAL]
    pairs = view_i64(lane[L.PROCEDURAL_AT], n * P.FIELDS).reshape((n, P.FIELDS))
    size = lane[L.N_SLOTS] * (lane[L.PROCEDURAL_MASK] + 1)
    k = _first_pair(pairs, source)
    while k < n and pairs[k, P.SOURCE0] <= source:
        if lane[L.SYNAPSE_KIND] == L.KIND_WIDE64:
            _draw_again(lane, pairs[k], source, step, now, k0, k1, view_i64(lane[L.PROCEDURAL_RING_AT], size))
        else:
            _draw_again(lane, pairs[k], source, step, now, k0, k1, view_i32(lane[L.PROCEDURAL_RING_AT], size))
        k += 1


@nb.njit(nogil=True)
def deliver_procedural(lane: Any, step: int) -> None:
    """Make the row of what is due at `step` the lane's input vector."""
    mask = lane[L.PROCEDURAL_MASK]
    events = view_i64(lane[L.PROCEDURAL_EVENTS_AT], mask + 1)
    row = step & mask
    width = 8 if lane[L.SYNAPSE_KIND] == L.KIND_WIDE64 else 4
    lane[L.ACC_AT] = lane[L.PROCEDURAL_RING_AT] + width * row * lane[L.N_SLOTS]
    lane[L.EVENT_TOTAL] += events[row]
    events[row] = 0
