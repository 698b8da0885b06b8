"""Connection rules: which synapses end on given targets, drawn by counters keyed with global ids.

Each function produces the synapses of one piece of a projection (a target population with its pool of source entries)
that end on one lane, and feeds them to a writer. Philox counters are (target gid or first gid of the block, synapse or
attempt number, entry and call, purpose | projection), so whoever owns a target gets the same synapses.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba as nb
import numpy as np

from dtbsim.kernels.philox import below, philox4x32
from dtbsim.kernels.row_writer import CHUNK, count, draw_delay, draw_weight, put
from dtbsim.numerics.philox import PURPOSE_COUNT, PURPOSE_SHIFT, PURPOSE_SOURCE

_PURPOSE = np.uint32(PURPOSE_SOURCE << PURPOSE_SHIFT)
_PURPOSE_COUNT = np.uint32(PURPOSE_COUNT << PURPOSE_SHIFT)
CALL_ENTRY = np.uint32(1)
CALL_VALUES = np.uint32(2)


class Pool(NamedTuple):
    """Source entries of a piece, arrays of equal length.

    `key` population index; `offset` first candidate index; `size`; `cumulative` uint32 (entry chosen: first with
    word <= cumulative); `factor` weight factor in 2**-20; `delay` own delay in steps or 0; `self_at`: gid of the
    entry's first neuron where it is the target population itself and autapses are off, else -1.
    """

    key: Any
    offset: Any
    size: Any
    cumulative: Any
    factor: Any
    delay: Any
    self_at: Any


@nb.njit(nogil=True, inline="always")
def _choose(cumulative: Any, word: Any) -> int | np.int64:
    low, high = np.int64(0), np.int64(cumulative.size - 1)
    while low < high:
        middle = (low + high) >> 1
        if word <= cumulative[middle]:
            high = middle
        else:
            low = middle + 1
    return low


@nb.njit(nogil=True, inline="always")
def _source_in(pool: Any, entry: int, high: Any, low: Any, gid: int) -> Any:
    """Index within the entry's population, skipping the target itself where autapses are off."""
    if pool.self_at[entry] < 0:
        return below(high, low, pool.size[entry])
    index = below(high, low, pool.size[entry] - 1)
    return index + 1 if index >= gid - pool.self_at[entry] else index


@nb.njit(nogil=True)
def _words(c0: Any, first: int, m: int, c2: Any, c3: Any, k0: Any, k1: Any, w: Any) -> None:
    """Fill w (uint32[4, CHUNK]) for synapse numbers first .. first + m."""
    w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
    for i in range(m):
        r0, r1, r2, r3 = philox4x32(c0, np.uint32(first + i), c2, c3, k0, k1)
        w0[i] = r0
        w1[i] = r1
        w2[i] = r2
        w3[i] = r3


@nb.njit(nogil=True)
def fixed_indegree(
    gids: Any, slot0: int, indegree: int, multapses: bool, pool: Any, projection: int, k0: Any, k1: Any,
    draws: Any, writer: Any, words: Any, chosen: Any, bits: Any,
) -> None:  # fmt: skip
    """`indegree` synapses onto each of gids (uint32[n], slots slot0 + i), sources from the pool.

    Without multapses, repeated sources are rejected: attempts go on until `indegree` distinct ones are found (the
    caller has checked that there are as many). `words` uint32[4, CHUNK], `chosen` uint32[CHUNK], `bits` uint8 marks.
    """
    c3 = _PURPOSE | np.uint32(projection)
    several = pool.key.size > 1
    for t in range(gids.size):
        gid = np.int64(gids[t])
        attempt = np.int64(0)
        found = np.int64(0)
        while found < indegree:
            m = min(np.int64(CHUNK), indegree - found)
            if several:
                _words(gids[t], attempt, m, CALL_ENTRY, c3, k0, k1, words)
                for i in range(m):
                    chosen[i] = words[0, i]
            _words(gids[t], attempt, m, np.uint32(0), c3, k0, k1, words)
            attempt += m
            for i in range(m):
                entry = _choose(pool.cumulative, chosen[i]) if several else np.int64(0)
                source = pool.offset[entry] + _source_in(pool, entry, words[0, i], words[1, i], gid)
                if not multapses:
                    if bits[source]:
                        continue
                    bits[source] = np.uint8(1)
                found += 1
                if writer.mode == 0:
                    count(writer, source)
                else:
                    weight = draw_weight(draws, words[2, i], pool.factor[entry])
                    put(writer, source, slot0 + t, weight, draw_delay(draws, words[3, i], pool.delay[entry]))
        if not multapses:
            for e in range(pool.key.size):
                bits[pool.offset[e] : pool.offset[e] + pool.size[e]] = np.uint8(0)


@nb.njit(nogil=True)
def fixed_total_number(
    block_gid: int, block_size: int, slot0: int, total: int, entry: int, pool: Any, projection: int, k0: Any, k1: Any,
    draws: Any, writer: Any, words: Any, values: Any,
) -> None:  # fmt: skip
    """`total` synapses from one entry onto a block of `block_size` targets, both ends uniform."""
    c0 = np.uint32(block_gid)
    c2 = np.uint32(pool.key[entry]) << np.uint32(2)
    c3 = _PURPOSE | np.uint32(projection)
    offset = pool.offset[entry]
    drawn = writer.mode != 0 and (draws.weight_table.size > 0 or draws.delay_table.size > 0)
    done = np.int64(0)
    while done < total:
        m = min(np.int64(CHUNK), total - done)
        _words(c0, done, m, c2, c3, k0, k1, words)
        if drawn:
            _words(c0, done, m, c2 | CALL_VALUES, c3, k0, k1, values)
        for i in range(m):
            target = np.int64((np.uint64(words[2, i]) * np.uint64(block_size)) >> np.uint64(32))
            source = offset + _source_in(pool, entry, words[0, i], words[1, i], block_gid + target)
            if writer.mode == 0:
                count(writer, source)
            else:
                weight = draw_weight(draws, values[0, i], pool.factor[entry])
                delay = draw_delay(draws, values[1, i], pool.delay[entry])
                put(writer, source, slot0 + target, weight, delay)
        done += m


@nb.njit(nogil=True)
def _pair(
    gid: Any, slot: int, index: int, entry: int, pool: Any, projection: int, k0: Any, k1: Any, draws: Any, writer: Any
) -> None:
    """One synapse whose weight and delay are keyed by its (target, source) pair."""
    source = pool.offset[entry] + index
    if writer.mode == 0:
        count(writer, source)
        return
    c2 = (np.uint32(pool.key[entry]) << np.uint32(2)) | CALL_VALUES
    r0, r1, _, _ = philox4x32(gid, np.uint32(index), c2, _PURPOSE | np.uint32(projection), k0, k1)
    weight = draw_weight(draws, r0, pool.factor[entry])
    put(writer, source, slot, weight, draw_delay(draws, r1, pool.delay[entry]))


@nb.njit(nogil=True)
def pairwise_bernoulli(
    gids: Any, slot0: int, counts: Any, first_count: int, entry: int, pool: Any, projection: int, k0: Any, k1: Any,
    draws: Any, writer: Any, bits: Any,
) -> None:  # fmt: skip
    """Each (source, target) pair once with the probability behind `counts`.

    The number of sources of a target is binomial: first_count + the number of uint32 thresholds `counts` below its
    word; then so many distinct sources are drawn (of the complement, where they are more than half).
    """
    size = pool.size[entry]
    c2 = np.uint32(pool.key[entry]) << np.uint32(2)
    own = pool.self_at[entry]
    available = size if own < 0 else size - 1
    for t in range(gids.size):
        gid = gids[t]
        r0, _, _, _ = philox4x32(gid, np.uint32(0), c2, _PURPOSE_COUNT | np.uint32(projection), k0, k1)
        k: Any = first_count
        low, high = np.int64(0), np.int64(counts.size)
        while low < high:
            middle = (low + high) >> 1
            if r0 > counts[middle]:
                low = middle + 1
            else:
                high = middle
        k += low
        wanted = k if 2 * k <= available else available - k
        found = np.int64(0)
        attempt = np.int64(0)
        while found < wanted:
            r0, r1, _, _ = philox4x32(gid, np.uint32(attempt), c2, _PURPOSE | np.uint32(projection), k0, k1)
            attempt += 1
            index = _source_in(pool, entry, r0, r1, np.int64(gid))
            if bits[index] == 0:
                bits[index] = np.uint8(1)
                found += 1
        mark = np.uint8(1) if wanted == k else np.uint8(0)
        for index in range(size):
            if bits[index] == mark and not (own >= 0 and index == np.int64(gid) - own):
                _pair(gid, slot0 + t, index, entry, pool, projection, k0, k1, draws, writer)
            bits[index] = np.uint8(0)


@nb.njit(nogil=True)
def all_to_all(
    gids: Any, slot0: int, entry: int, pool: Any, projection: int, k0: Any, k1: Any, draws: Any, writer: Any
) -> None:
    """Every neuron of the entry to every target."""
    own = pool.self_at[entry]
    for t in range(gids.size):
        for index in range(pool.size[entry]):
            if own < 0 or index != np.int64(gids[t]) - own:
                _pair(gids[t], slot0 + t, index, entry, pool, projection, k0, k1, draws, writer)


@nb.njit(nogil=True)
def one_to_one(
    gids: Any, slot0: int, gid0: int, entry: int, pool: Any, projection: int, k0: Any, k1: Any, draws: Any, writer: Any
) -> None:
    """Neuron i of the entry to neuron i of the target population, whose first gid is `gid0`."""
    for t in range(gids.size):
        _pair(gids[t], slot0 + t, np.int64(gids[t]) - gid0, entry, pool, projection, k0, k1, draws, writer)
