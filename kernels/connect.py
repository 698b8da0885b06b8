"""Connection rules: which synapses end on given targets, drawn by counters keyed with global ids.

Each function produces the synapses of one piece of a projection (a target population with its pool of source entries)
that end on one lane, and feeds them to a writer. Philox counters are (target gid or first gid of the block, synapse or
attempt number, entry and call, purpose | projection), so whoever owns a target gets the same synapses.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba as nb
import numpy as np

from dtbsim.kernels.philox import below, keyed, philox4x32
from dtbsim.kernels.row_writer import (
    CHUNK,
    DELAY,
    ENTRY,
    GID,
    SLOT,
    SOURCE,
    WEIGHT,
    count,
    draw_delays,
    draw_delays_of,
    draw_weights,
    draw_weights_of,
    put,
)
from dtbsim.numerics.philox import PURPOSE_COUNT, PURPOSE_SHIFT, PURPOSE_SOURCE

_PURPOSE = np.uint32(PURPOSE_SOURCE << PURPOSE_SHIFT)
_PURPOSE_COUNT = np.uint32(PURPOSE_COUNT << PURPOSE_SHIFT)
CALL_ENTRY = np.uint32(1)
CALL_VALUES = np.uint32(2)
FEW = 16
"""Times as many neurons as sources that are drawn of them, from which on a set is better than marks."""
MOST_MARKS = 1 << 20
"""Sources up to which there are marks for all of them."""
_GOLDEN, _HIGH = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
"""2**64 over the golden ratio: products spread numbers that follow each other."""


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
def _source_in(size: int, self_at: int, high: Any, low: Any, gid: int) -> Any:
    """Index within an entry's population, skipping the target itself where autapses are off."""
    if self_at < 0:
        return below(high, low, size)
    index = below(high, low, size - 1)
    return index + 1 if index >= gid - self_at else index


@nb.njit(nogil=True)
def _words(gid: int, first: int, m: int, c2: Any, c3: Any, k0: Any, k1: Any, w: Any) -> None:
    """Fill w (uint32[4, CHUNK]) for synapse numbers first .. first + m."""
    c0, key = np.uint32(gid), keyed(k1, gid >> 32)
    w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
    for i in range(m):
        r0, r1, r2, r3 = philox4x32(c0, np.uint32(first + i), c2, c3, k0, key)
        w0[i] = r0
        w1[i] = r1
        w2[i] = r2
        w3[i] = r3


def room_for(n: int) -> int:
    """Size of a set for `n` sources, as `fixed_indegree` and `pairwise_bernoulli` take it."""
    return int(max(4, 1 << (2 * n + 1).bit_length()))


@nb.njit(nogil=True)
def _mask(n: int) -> Any:
    """Size of the part of a set that holds `n` numbers, less one: a power of two, at least twice as many."""
    size = np.int64(4)
    while size < 2 * n + 2:
        size *= 2
    return size - 1


@nb.njit(nogil=True)
def _is_new(known: Any, mask: int, number: int) -> bool:
    """Whether a number is not in a set yet (uint32, 0: empty, else one more than a number), where it is put."""
    at = np.int64((np.uint64(number) * _GOLDEN) >> _HIGH) & mask
    while known[at] != 0:
        if known[at] == np.uint32(number + 1):
            return False
        at = (at + 1) & mask
    known[at] = np.uint32(number + 1)
    return True


@nb.njit(nogil=True)
def _has(known: Any, mask: int, number: int) -> Any:
    """Whether a number is in a set."""
    at = np.int64((np.uint64(number) * _GOLDEN) >> _HIGH) & mask
    while known[at] != 0 and known[at] != np.uint32(number + 1):
        at = (at + 1) & mask
    return known[at] != 0


@nb.njit(nogil=True)
def fixed_indegree(
    gids: Any, slot0: int, indegree: int, multapses: bool, pool: Any, projection: int, k0: Any, k1: Any,
    draws: Any, writer: Any, words: Any, made: Any, bits: Any, known: Any,
) -> None:  # fmt: skip
    """`indegree` synapses onto each of gids (int64[n], slots slot0 + i), sources from the pool.

    Without multapses, repeated sources are rejected: attempts go on until `indegree` distinct ones are found (the
    caller has checked that there are as many). `words` uint32[4, CHUNK], `made` a chunk. Those that are known stand in
    `bits` (uint8 marks) where there is one for every source, else in `known`, a set with room for `indegree`; both are
    empty before and after.
    """
    c3 = _PURPOSE | np.uint32(projection)
    several = pool.key.size > 1
    mask = np.int64(-1) if multapses else _mask(indegree)
    marked = bits.size > 0
    cumulative, offset, size, self_at = pool.cumulative, pool.offset, pool.size, pool.self_at
    w0, w1, w2, w3 = words[0], words[1], words[2], words[3]
    sources, slots, entries = made[SOURCE], made[SLOT], made[ENTRY]
    entries[:] = 0
    for t in range(gids.size):
        gid = gids[t]
        attempt = np.int64(0)
        found = np.int64(0)
        while found < indegree:
            m = min(np.int64(CHUNK), indegree - found)
            if several:
                _words(gids[t], attempt, m, CALL_ENTRY, c3, k0, k1, words)
                for i in range(m):
                    entries[i] = _choose(cumulative, w0[i])
            _words(gids[t], attempt, m, np.uint32(0), c3, k0, k1, words)
            attempt += m
            n = np.int64(0)
            for i in range(m):
                entry = entries[i]
                source = offset[entry] + _source_in(size[entry], self_at[entry], w0[i], w1[i], gid)
                if not multapses:
                    if marked:
                        if bits[source]:
                            continue
                        bits[source] = np.uint8(1)
                    elif not _is_new(known, mask, source):
                        continue
                sources[n] = source
                entries[n] = entry
                w2[n] = w2[i]
                w3[n] = w3[i]
                n += 1
            found += n
            if writer.mode == 0:
                count(writer, sources, n)
            else:
                slots[:n] = slot0 + t
                draw_weights_of(draws, w2, entries, pool.factor, made[WEIGHT], n)
                draw_delays_of(draws, w3, entries, pool.delay, made[DELAY], n)
                put(writer, made, n)
        if not multapses:
            if marked:
                for e in range(pool.key.size):
                    bits[pool.offset[e] : pool.offset[e] + pool.size[e]] = np.uint8(0)
            else:
                known[: mask + 1] = np.uint32(0)


@nb.njit(nogil=True)
def fixed_total_number(
    block_gid: int, block_size: int, slot0: int, total: int, entry: int, pool: Any, projection: int, k0: Any, k1: Any,
    draws: Any, writer: Any, words: Any, made: Any,
) -> None:  # fmt: skip
    """`total` synapses from one entry onto a block of `block_size` targets, both ends uniform."""
    c2 = np.uint32(pool.key[entry]) << np.uint32(2)
    c3 = _PURPOSE | np.uint32(projection)
    offset, size, self_at = pool.offset[entry], pool.size[entry], pool.self_at[entry]
    drawn = writer.mode != 0 and (draws.weight_table.size > 0 or draws.delay_table.size > 0)
    w0, w1, w2, sources, slots = words[0], words[1], words[2], made[SOURCE], made[SLOT]
    done = np.int64(0)
    while done < total:
        m = min(np.int64(CHUNK), total - done)
        _words(block_gid, done, m, c2, c3, k0, k1, words)
        for i in range(m):
            target = np.int64((np.uint64(w2[i]) * np.uint64(block_size)) >> np.uint64(32))
            sources[i] = offset + _source_in(size, self_at, w0[i], w1[i], block_gid + target)
            slots[i] = slot0 + target
        if writer.mode == 0:
            count(writer, sources, m)
        else:
            if drawn:
                _words(block_gid, done, m, c2 | CALL_VALUES, c3, k0, k1, words)
            draw_weights(draws, w0, pool.factor[entry], made[WEIGHT], m)
            draw_delays(draws, w1, pool.delay[entry], made[DELAY], m)
            put(writer, made, m)
        done += m


@nb.njit(nogil=True)
def _put_pairs(
    n: int, entry: int, pool: Any, projection: int, k0: Any, k1: Any, draws: Any, writer: Any, words: Any, made: Any
) -> None:
    """n synapses whose weights and delays are keyed by their pairs of target (GID) and index of the source (ENTRY)."""
    offset, sources, indices, gids = pool.offset[entry], made[SOURCE], made[ENTRY], made[GID]
    for i in range(n):
        sources[i] = offset + indices[i]
    if writer.mode == 0:
        count(writer, sources, n)
        return
    w0, w1 = words[0], words[1]
    c2 = (np.uint32(pool.key[entry]) << np.uint32(2)) | CALL_VALUES
    c3 = _PURPOSE | np.uint32(projection)
    if draws.weight_table.size > 0 or draws.delay_table.size > 0:
        for i in range(n):
            r0, r1, _, _ = philox4x32(np.uint32(gids[i]), np.uint32(indices[i]), c2, c3, k0, keyed(k1, gids[i] >> 32))
            w0[i] = r0
            w1[i] = r1
    draw_weights(draws, w0, pool.factor[entry], made[WEIGHT], n)
    draw_delays(draws, w1, pool.delay[entry], made[DELAY], n)
    put(writer, made, n)


@nb.njit(nogil=True)
def pairwise_bernoulli(
    gids: Any, slot0: int, counts: Any, first_count: int, entry: int, pool: Any, projection: int, k0: Any, k1: Any,
    draws: Any, writer: Any, words: Any, made: Any, bits: Any, known: Any,
) -> None:  # fmt: skip
    """Each (source, target) pair once with the probability behind `counts`.

    The number of sources of a target is binomial: first_count + the number of uint32 thresholds `counts` below its
    word; then so many distinct sources are drawn (of the complement, where they are more than half). `bits` and `known`
    are as for `fixed_indegree`; marks are looked through for every target, so few sources of many are better in a set.
    """
    size = pool.size[entry]
    c2 = np.uint32(pool.key[entry]) << np.uint32(2)
    own = pool.self_at[entry]
    available = size if own < 0 else size - 1
    slots, indices, of = made[SLOT], made[ENTRY], made[GID]
    n = np.int64(0)
    for t in range(gids.size):
        gid = gids[t]
        c0, key = np.uint32(gid), keyed(k1, gid >> 32)
        r0, _, _, _ = philox4x32(c0, np.uint32(0), c2, _PURPOSE_COUNT | np.uint32(projection), k0, key)
        k: Any = first_count
        low, high = np.int64(0), np.int64(counts.size)
        while low < high:
            middle = (low + high) >> 1
            if r0 > counts[middle]:
                low = middle + 1
            else:
                high = middle
        k += low
        few = 2 * k <= available
        wanted = k if few else available - k
        mask = _mask(wanted)
        marked = bits.size > 0 and not (few and FEW * wanted < size)
        found = np.int64(0)
        attempt = np.int64(0)
        while found < wanted:
            r0, r1, _, _ = philox4x32(c0, np.uint32(attempt), c2, _PURPOSE | np.uint32(projection), k0, key)
            attempt += 1
            index = _source_in(size, own, r0, r1, gid)
            if marked:
                found += np.int64(bits[index] == 0)
                bits[index] = np.uint8(1)
                continue
            if not _is_new(known, mask, index):
                continue
            found += 1
            if few:
                if n == CHUNK:
                    _put_pairs(n, entry, pool, projection, k0, k1, draws, writer, words, made)
                    n = np.int64(0)
                slots[n], indices[n], of[n] = slot0 + t, index, gid
                n += 1
        mark = np.uint8(1) if few else np.uint8(0)
        for index in range(0 if few and not marked else size):
            is_one = bits[index] == mark if marked else not _has(known, mask, index)
            if is_one and not (own >= 0 and index == gid - own):
                if n == CHUNK:
                    _put_pairs(n, entry, pool, projection, k0, k1, draws, writer, words, made)
                    n = np.int64(0)
                slots[n], indices[n], of[n] = slot0 + t, index, gid
                n += 1
        if marked:
            bits[:size] = np.uint8(0)
        else:
            known[: mask + 1] = np.uint32(0)
    _put_pairs(n, entry, pool, projection, k0, k1, draws, writer, words, made)


@nb.njit(nogil=True)
def all_to_all(
    gids: Any, slot0: int, entry: int, pool: Any, projection: int, k0: Any, k1: Any, draws: Any, writer: Any,
    words: Any, made: Any,
) -> None:  # fmt: skip
    """Every neuron of the entry to every target."""
    own, size = pool.self_at[entry], pool.size[entry]
    slots, indices, of = made[SLOT], made[ENTRY], made[GID]
    n = np.int64(0)
    for t in range(gids.size):
        for index in range(size):
            if own < 0 or index != gids[t] - own:
                slots[n] = slot0 + t
                indices[n] = index
                of[n] = gids[t]
                n += 1
                if n == CHUNK:
                    _put_pairs(n, entry, pool, projection, k0, k1, draws, writer, words, made)
                    n = np.int64(0)
    _put_pairs(n, entry, pool, projection, k0, k1, draws, writer, words, made)


@nb.njit(nogil=True)
def one_to_one(
    gids: Any, slot0: int, gid0: int, entry: int, pool: Any, projection: int, k0: Any, k1: Any, draws: Any, writer: Any,
    words: Any, made: Any,
) -> None:  # fmt: skip
    """Neuron i of the entry to neuron i of the target population, whose first gid is `gid0`."""
    slots, indices, of = made[SLOT], made[ENTRY], made[GID]
    done = np.int64(0)
    while done < gids.size:
        n = min(np.int64(CHUNK), gids.size - done)
        for i in range(n):
            slots[i] = slot0 + done + i
            of[i] = gids[done + i]
            indices[i] = of[i] - gid0
        _put_pairs(n, entry, pool, projection, k0, k1, draws, writer, words, made)
        done += n
