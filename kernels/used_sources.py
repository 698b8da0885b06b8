"""Rows for those sources alone that have a synapse, and how the row of a source is found: by a bit, and by counting.

`used` int64[words, 2] has, for 64 source candidates each, a bit for every one with a row, and how many rows are before.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels.intrinsics import view_i64
from dtbsim.kernels.jit import cached_njit
from dtbsim.kernels.rows import MAX_SEGMENT

_M1, _M2 = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
_M4, _SUM = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)
_1, _2, _4, _56 = np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)


@nb.njit(nogil=True, inline="always")
def _ones(x: Any) -> Any:
    """Ones among the bits of a uint64."""
    x = x - ((x >> _1) & _M1)
    x = (x & _M2) + ((x >> _2) & _M2)
    x = (x + (x >> _4)) & _M4
    return np.int64((x * _SUM) >> _56)


@nb.njit(nogil=True)
def row_of(table: Any, source: int) -> Any:
    """Row of a source candidate in a dynamic projection; -1: it has none."""
    k = source - table[D.SOURCE0]
    if k < 0 or k >= table[D.N_HEARD]:
        return np.int64(-1)
    if table[D.USED_AT] == 0:
        return np.int64(k)
    used = view_i64(table[D.USED_AT] + 16 * (k >> 6), 2)
    bits, bit = np.uint64(used[0]), _1 << np.uint64(k & 63)
    if bits & bit == 0:
        return np.int64(-1)
    return used[1] + _ones(bits & (bit - _1))


@nb.njit(nogil=True, inline="always")
def _delay(delays: Any, delay: int, j: int) -> Any:
    return np.int64(delays[j]) if delays.size else np.int64(delay)


@cached_njit
def count_used(first: Any, lows: Any, delays: Any) -> Any:
    """(sources with a synapse, segments) of sparse rows, see `kernels.sparse_rows`."""
    sources, segments = np.int64(0), np.int64(0)
    for row in range(first.size - 1):
        n = np.int64(0)
        for j in range(np.int64(first[row]), np.int64(first[row + 1])):
            begins = j == np.int64(first[row]) or lows[j] != lows[j - 1]
            changes = begins or _delay(delays, 0, j) != _delay(delays, 0, j - 1) or n == MAX_SEGMENT
            n = np.int64(1) if changes else n + 1
            sources += np.int64(begins)
            segments += np.int64(changes)
    return sources, segments


@cached_njit
def fill_used(
    first: Any, shift: int, lows: Any, delays: Any, delay: int, rows: Any, segment_rows: Any, segments: Any, used: Any
) -> None:
    """Rows of the sources with a synapse, as `build.synapses.Rows` has them, and `used`, zeros before."""
    mask = (np.int64(1) << shift) - 1
    k, s, n = np.int64(0), np.int64(0), np.int64(0)
    for row in range(first.size - 1):
        for j in range(np.int64(first[row]), np.int64(first[row + 1])):
            begins = j == np.int64(first[row]) or lows[j] != lows[j - 1]
            if begins:
                source = (np.int64(row) << shift) | (np.int64(lows[j]) & mask)
                bits = np.uint64(used[source >> 6, 0]) | (_1 << np.uint64(source & 63))
                used[source >> 6, 0] = np.int64(bits)
                rows[k] = j
                segment_rows[k] = s
                k += 1
            if begins or _delay(delays, delay, j) != _delay(delays, delay, j - 1) or n == MAX_SEGMENT:
                n = np.int64(0)
                s += 1
            n += 1
            segments[s - 1] = np.uint32((_delay(delays, delay, j) << 16) | n)
    rows[k] = first[first.size - 1]
    segment_rows[k] = s
    before = np.int64(0)
    for word in range(used.shape[0]):
        used[word, 1] = before
        before += _ones(np.uint64(used[word, 0]))
