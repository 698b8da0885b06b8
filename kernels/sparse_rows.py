"""Synapses of lanes that have few for each source: rows of many sources, in which a byte says whose a synapse is.

A row holds the synapses of 2**shift sources, sorted by source, then by delay. Of each synapse, beside target and
weight, the lowest byte of its source's number is kept, and its delay where the lane has several. A spike looks for its
byte in one row: some tens of bytes, in one or two cache lines.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.kernels.delay_queue import fresh_chunk
from dtbsim.kernels.intrinsics import prefetch, view_i64, view_u8, view_u16, view_u32
from dtbsim.kernels.jit import cached_njit
from dtbsim.kernels.rows import MAX_SEGMENT, permute

FEW = 32
"""Rows up to this length are sorted by insertion."""
HISTOGRAM = 257


@nb.njit(nogil=True, inline="always")
def _delay(writer: Any, at: int) -> Any:
    return np.int64(writer.delays16[at]) if writer.delays8.size == 0 else np.int64(writer.delays8[at])


@nb.njit(nogil=True)
def _insert(writer: Any, first: int, n: int, order: Any, keys: Any) -> None:
    """order[j] = which of a row's n synapses comes j-th by (source, delay), equal ones as they stand."""
    for j in range(n):
        key = (np.int64(writer.lows[first + j]) << 16) | _delay(writer, first + j)
        k = j
        while k > 0 and keys[k - 1] > key:
            keys[k] = keys[k - 1]
            order[k] = order[k - 1]
            k -= 1
        keys[k] = key
        order[k] = np.uint32(j)


@nb.njit(nogil=True)
def _by_byte(writer: Any, what: int, first: int, n: int, order: Any, other: Any, histogram: Any) -> None:
    """One pass of a radix sort, stable: `other` is `order` by the low (0) or high (1) byte of delays, or the source."""
    histogram[:] = 0
    for j in range(n):
        at = first + np.int64(order[j])
        byte = np.int64(writer.lows[at]) if what == 2 else (_delay(writer, at) >> (8 * what)) & 0xFF
        histogram[byte + 1] += 1
    for k in range(1, HISTOGRAM):
        histogram[k] += histogram[k - 1]
    for j in range(n):
        at = first + np.int64(order[j])
        byte = np.int64(writer.lows[at]) if what == 2 else (_delay(writer, at) >> (8 * what)) & 0xFF
        other[histogram[byte]] = order[j]
        histogram[byte] += 1


@cached_njit
def sort_sparse(first: Any, writer: Any, order: Any, other: Any, scratch: Any) -> None:
    """Sort every row by source and delay. `first` int64[rows + 1]; scratch uint32, uint32, int64[longest row]."""
    histogram = np.zeros(HISTOGRAM, np.int64)
    for row in range(first.size - 1):
        begin, n = first[row], first[row + 1] - first[row]
        if n <= 1:
            continue
        if n <= FEW:
            _insert(writer, begin, n, order, scratch)
        else:
            for j in range(n):
                order[j] = np.uint32(j)
            _by_byte(writer, 0, begin, n, order, other, histogram)
            if writer.delays8.size == 0:
                _by_byte(writer, 1, begin, n, other, order, histogram)
                order, other = other, order
            _by_byte(writer, 2, begin, n, other, order, histogram)
        for j in range(n):
            other[order[j]] = np.uint32(j)
        if writer.kind == L.KIND_PACKED:
            permute(writer.packed, begin, other, n, scratch)
        else:
            permute(writer.targets, begin, other, n, scratch)
            if writer.kind == L.KIND_WIDE16:
                permute(writer.weights16, begin, other, n, scratch)
            else:
                permute(writer.weights32, begin, other, n, scratch)
        permute(writer.lows, begin, other, n, scratch)
        if writer.delays8.size == 0:
            permute(writer.delays16, begin, other, n, scratch)
        else:
            permute(writer.delays8, begin, other, n, scratch)


@cached_njit
def add_repeated_sparse(
    kind: int, first: Any, shift: int, lows: Any, targets: Any, weights: Any, starts: Any, times: Any, totals: Any
) -> None:
    """totals[slot] += |weight| times how often the source can spike in a step, over all synapses.

    Sources from starts[k] (int64, ascending) to starts[k + 1] can do so times[k] times.
    """
    for row in range(first.size - 1):
        for j in range(np.int64(first[row]), np.int64(first[row + 1])):
            source = (np.int64(row) << shift) | (np.int64(lows[j]) & ((np.int64(1) << shift) - 1))
            often = times[np.searchsorted(starts, source, side="right") - 1]
            if kind == L.KIND_PACKED:
                totals[targets[j] & np.uint32(0xFFFF)] += often * abs(np.int64(np.int32(targets[j]) >> np.int32(16)))
            else:
                totals[targets[j]] += often * abs(np.int64(weights[j]))


@nb.njit(nogil=True, inline="always")
def prefetch_first(lane: Any, source: int) -> None:
    """Fetch where the row of `source` begins."""
    prefetch(lane[L.SPARSE_FIRST_AT] + 4 * (source >> lane[L.SPARSE_SHIFT]))


@nb.njit(nogil=True, inline="always")
def prefetch_bytes(lane: Any, source: int) -> None:
    """Fetch the bytes that name the sources of the row of `source`, and the delays beside them."""
    row = source >> lane[L.SPARSE_SHIFT]
    first = view_u32(lane[L.SPARSE_FIRST_AT], row + 2)
    begin, end = np.int64(first[row]), np.int64(first[row + 1])
    if begin < end:
        prefetch(lane[L.SPARSE_LOW_AT] + begin)
        prefetch(lane[L.SPARSE_LOW_AT] + end - 1)
        if lane[L.SPARSE_DELAY_AT] != 0:
            prefetch(lane[L.SPARSE_DELAY_AT] + lane[L.SPARSE_DELAY_BYTES] * begin)
            prefetch(lane[L.SPARSE_DELAY_AT] + lane[L.SPARSE_DELAY_BYTES] * (end - 1))


@nb.njit(nogil=True, inline="always")
def _delay_of(lane: Any, synapse: int) -> Any:
    """Delay of a synapse in steps."""
    if lane[L.SPARSE_DELAY_AT] == 0:
        return lane[L.SPARSE_DELAY]
    if lane[L.SPARSE_DELAY_BYTES] == 1:
        return np.int64(view_u8(lane[L.SPARSE_DELAY_AT], synapse + 1)[synapse])
    return np.int64(view_u16(lane[L.SPARSE_DELAY_AT], synapse + 1)[synapse])


@nb.njit(nogil=True)
def schedule_sparse(lane: Any, source: int, step: int, now: int, ring_mask: int) -> bool:
    """Enter all synapses of `source`, which fired at `step`; those due before `now` were entered earlier."""
    row = source >> lane[L.SPARSE_SHIFT]
    first = view_u32(lane[L.SPARSE_FIRST_AT], row + 2)
    begin, n = np.int64(first[row]), np.int64(first[row + 1]) - np.int64(first[row])
    lows = view_u8(lane[L.SPARSE_LOW_AT] + begin, n)
    mine = np.uint8(source & 0xFF)
    before, same = np.int64(0), np.int64(0)
    for j in range(n):
        before += np.int64(lows[j] < mine)
        same += np.int64(lows[j] == mine)
    synapse, end = begin + before, begin + before + same
    buckets = view_i64(lane[L.BUCKET_AT], 2 * (ring_mask + 1))
    while synapse < end:
        delay = _delay_of(lane, synapse)
        stop = synapse + 1
        while stop < end and stop - synapse < MAX_SEGMENT and _delay_of(lane, stop) == delay:
            stop += 1
        if step + delay >= now:  # as in `delay_queue.schedule`
            slot = ((step + delay) & ring_mask) * 2
            chunk, filled = buckets[slot], buckets[slot + 1]
            if chunk < 0 or filled == L.CHUNK_ENTRIES:
                chunk = fresh_chunk(lane, chunk)
                if chunk < 0:
                    return False
                filled = 0
                buckets[slot] = chunk
            pool = view_i64(lane[L.POOL_AT], (chunk + 1) * L.CHUNK_WORDS)
            pool[chunk * L.CHUNK_WORDS + 1 + filled] = (synapse << L.ENTRY_SHIFT) | (stop - synapse)
            buckets[slot + 1] = filled + 1
        synapse = stop
    return True
