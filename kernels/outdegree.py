"""The rule fixed_outdegree: synapses drawn by their source, so that those of one spike can be drawn again.

Each source makes NUMBER synapses onto a target population of T neurons, which is cut into 2**L parts: part p holds the
neurons [p * T >> L, (p + 1) * T >> L) of the population. All draws are Philox 4x32-10 with word 0 of the counter = gid
of the source, word 3 = purpose << 24 | index of the projection; gids above 2**32 change the key, that of the source its
second word, that in word 2 its first (`numerics.philox`). No two purposes, projections, target populations or
parts share a counter, as word 2 is a gid of the target population that names one thing only:

- How many synapses of a source fall into each part is a tree of halvings. A node is 2**j parts; of its n synapses as
  many go to the first half as there are ones among n random bits, an exact Binomial(n, 1/2). Purpose
  PURPOSE_OUT_SPLIT, word 1 = number of the 128-bit chunk, word 2 = gid of the first neuron of the second half (every
  such boundary occurs once in the tree). The bits of a chunk are those of r0, r1, r2, r3 in turn, each from the lowest
  bit up; of the last chunk only as many as are left count.
- Synapse i of a source and a part has purpose PURPOSE_OUT_TARGET, word 1 = i, word 2 = gid of the part's first neuron.
  r0, r1 give the target: below(r0, r1, neurons of the part), counted from its first; where autapses are off and the
  source lies in the part, below(r0, r1, neurons - 1), plus 1 from the source on. r2 gives the weight
  (row_writer.draw_weight), r3 the delay (row_writer.draw_delay).

Parts differ by at most one neuron. With production's parts of more than 2**19 neurons a target's probability is off by
at most 2**-19 of its value (2**-18 without autapses); with one part it is exact.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import pair_layout as P
from dtbsim.kernels import row_writer as S
from dtbsim.kernels.intrinsics import view_i32, view_i64
from dtbsim.kernels.jit import cached_njit
from dtbsim.kernels.philox import below, keyed, philox4x32
from dtbsim.numerics.philox import PURPOSE_OUT_SPLIT, PURPOSE_OUT_TARGET, PURPOSE_SHIFT

_SPLIT = np.uint32(PURPOSE_OUT_SPLIT << PURPOSE_SHIFT)
_TARGET = np.uint32(PURPOSE_OUT_TARGET << PURPOSE_SHIFT)
_M1, _M2, _M4 = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
_SUM = np.uint64(0x0101010101010101)
_1, _2, _4, _56 = np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)


@nb.njit(nogil=True, inline="always")
def _ones(word: Any, bits: int) -> Any:
    """Ones among the lowest `bits` (at most 32; below 1: none) of a uint32 word."""
    if bits <= 0:
        return np.int64(0)
    x = np.uint64(word)
    if bits < 32:
        x &= (_1 << np.uint64(bits)) - _1
    x = x - ((x >> _1) & _M1)
    x = (x & _M2) + ((x >> _2) & _M2)
    x = (x + (x >> _4)) & _M4
    return np.int64((x * _SUM) >> _56)


@nb.njit(nogil=True)
def first_half(source_gid: Any, n: int, boundary_gid: int, projection: int, k0: Any, k1: Any) -> Any:
    """Synapses of a node of the tree that fall into its first half, of `n`."""
    c2, c3 = np.uint32(boundary_gid), _SPLIT | np.uint32(projection)
    key0, key1 = keyed(k0, boundary_gid >> 32), keyed(k1, source_gid >> 32)
    ones = np.int64(0)
    chunk = np.int64(0)
    while 128 * chunk < n:
        left = n - 128 * chunk
        r0, r1, r2, r3 = philox4x32(np.uint32(source_gid), np.uint32(chunk), c2, c3, key0, key1)
        ones += _ones(r0, left) + _ones(r1, left - 32) + _ones(r2, left - 64) + _ones(r3, left - 96)
        chunk += 1
    return ones


@nb.njit(nogil=True)
def counts_of_parts(pair: Any, source_gid: Any, k0: Any, k1: Any, counts: Any) -> None:
    """counts[p] (int64[2**SPLITS]) = synapses of the source in part p; 0 for parts without a neuron on the lane."""
    splits = pair[P.SPLITS]
    parts = np.int64(1) << splits
    here = view_i32(pair[P.HERE_AT], parts + 1)
    counts[0] = pair[P.NUMBER] if here[parts] > 0 else np.int64(0)
    span = parts
    while span > 1:
        half = span >> 1
        for first in range(0, parts, span):
            n = counts[first]
            left = np.int64(0)
            if n > 0:
                boundary = pair[P.TARGET_GID0] + (((first + half) * pair[P.TARGET_SIZE]) >> splits)
                left = first_half(source_gid, n, boundary, pair[P.PROJECTION], k0, k1)
            counts[first] = left if here[first + half] > here[first] else np.int64(0)
            counts[first + half] = n - left if here[first + span] > here[first + half] else np.int64(0)
        span = half


@nb.njit(nogil=True)
def draw_slots(
    pair: Any, source_gid: int, part: int, first: int, m: int, k0: Any, k1: Any, words: Any, slots: Any
) -> None:
    """Synapses first .. first + m of a source and a part: their slots (int64[m], -1: on another lane), and the words.

    `words` uint32[4, CHUNK]: rows 2 and 3 are those of weight and delay.
    """
    splits = pair[P.SPLITS]
    begin = (part * pair[P.TARGET_SIZE]) >> splits
    size = (((part + 1) * pair[P.TARGET_SIZE]) >> splits) - begin
    own = source_gid - pair[P.TARGET_GID0] - begin
    inside = pair[P.SKIP_SELF] != 0 and 0 <= own < size
    available = size - 1 if inside else size
    slot_of_block = view_i32(pair[P.SLOT_OF_BLOCK_AT], pair[P.N_BLOCKS])
    block_size = pair[P.BLOCK_SIZE]
    c0, c2 = np.uint32(source_gid), np.uint32(pair[P.TARGET_GID0] + begin)
    key0, key1 = keyed(k0, (pair[P.TARGET_GID0] + begin) >> 32), keyed(k1, source_gid >> 32)
    c3 = _TARGET | np.uint32(pair[P.PROJECTION])
    w0, w1, w2, w3 = words[0], words[1], words[2], words[3]
    for i in range(m):
        r0, r1, r2, r3 = philox4x32(c0, np.uint32(first + i), c2, c3, key0, key1)
        w0[i] = r0
        w1[i] = r1
        w2[i] = r2
        w3[i] = r3
    for i in range(m):
        index = below(w0[i], w1[i], available)
        if inside and index >= own:
            index += 1
        target = begin + index
        block = target // block_size
        slot = np.int64(slot_of_block[block])
        slots[i] = slot + (target - block * block_size) if slot >= 0 else np.int64(-1)


@nb.njit(nogil=True)
def draws_of_pair(pair: Any) -> Any:
    """`row_writer.Draws` of a pair."""
    weights = P.TABLE_SIZE if pair[P.WEIGHT_TABLE_AT] != 0 else 0
    delays = P.TABLE_SIZE if pair[P.DELAY_TABLE_AT] != 0 else 0
    return S.Draws(
        pair[P.WEIGHT],
        view_i64(pair[P.WEIGHT_TABLE_AT], weights),
        pair[P.DELAY],
        view_i64(pair[P.DELAY_TABLE_AT], delays),
        pair[P.MAX_DELAY],
    )


@cached_njit
def run_outdegree(pairs: Any, k0: Any, k1: Any, writer: Any) -> None:
    """Feed the writer with every synapse of `pairs` (int64[n, FIELDS], rule fixed_outdegree) that ends on the lane."""
    words = np.empty((4, S.CHUNK), np.uint32)
    slots = np.empty(S.CHUNK, np.int64)
    made = np.empty((S.MADE, S.CHUNK), np.int64)
    splits = np.int64(0)
    for k in range(pairs.shape[0]):
        splits = max(splits, pairs[k, P.SPLITS])
    counts = np.empty(np.int64(1) << splits, np.int64)
    for k in range(pairs.shape[0]):
        pair = pairs[k]
        draws = draws_of_pair(pair)
        for s in range(pair[P.N_SOURCES]):
            gid = pair[P.SOURCE_GID0] + s
            counts_of_parts(pair, gid, k0, k1, counts)
            for part in range(np.int64(1) << pair[P.SPLITS]):
                done = np.int64(0)
                while done < counts[part]:
                    m = min(np.int64(S.CHUNK), counts[part] - done)
                    draw_slots(pair, gid, part, done, m, k0, k1, words, slots)
                    _feed(writer, pair, draws, pair[P.SOURCE0] + s, m, slots, words, made)
                    done += m


@nb.njit(nogil=True)
def _feed(writer: Any, pair: Any, draws: Any, source: int, m: int, slots: Any, words: Any, made: Any) -> None:
    sources, kept, w2, w3 = made[S.SOURCE], made[S.SLOT], words[2], words[3]
    n = np.int64(0)
    for i in range(m):
        if slots[i] >= 0:
            sources[n] = source
            kept[n] = slots[i]
            w2[n] = w2[i]
            w3[n] = w3[i]
            n += 1
    if writer.mode == 0:
        S.count(writer, sources, n)
        return
    S.draw_weights(draws, w2, pair[P.FACTOR], made[S.WEIGHT], n)
    S.draw_delays(draws, w3, pair[P.OWN_DELAY], made[S.DELAY], n)
    S.put(writer, made, n)
