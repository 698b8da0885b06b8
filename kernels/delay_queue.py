"""The delay queue of a lane: segments of synapses by the step at which they are due.

When a spike becomes known, each segment (delay, count) of its row goes into the bucket of the step at which it arrives;
at that step the bucket is walked once. Buckets are lists of fixed-size chunks from a pool that grows as needed.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numba import types

from dtbsim.kernels import layout as L
from dtbsim.kernels.intrinsics import prefetch, view_i64, view_u32

ROW_AHEAD, SEGMENTS_AHEAD = 8, 4
"""How many spikes ahead of the one being scheduled row entries and segments are fetched."""

_realloc = types.ExternalFunction("realloc", types.int64(types.int64, types.int64))


@nb.njit(nogil=True)
def grow(address: int, n_bytes: int) -> Any:
    """`realloc`; 0 when there is no memory."""
    return _realloc(address, n_bytes)


@nb.njit(nogil=True)
def _grow_pool(lane: Any) -> bool:
    """Double the pool; False when there is no memory (the old pool stays)."""
    old = lane[L.POOL_CHUNKS]
    new = max(np.int64(64), 2 * old)
    address = grow(lane[L.POOL_AT], new * L.CHUNK_WORDS * 8)
    if address == 0:
        return False
    lane[L.POOL_AT] = address
    pool = view_i64(address, new * L.CHUNK_WORDS)
    for chunk in range(old, new):
        pool[chunk * L.CHUNK_WORDS] = chunk + 1 if chunk + 1 < new else lane[L.POOL_FREE]
    lane[L.POOL_FREE] = old
    lane[L.POOL_CHUNKS] = new
    return True


@nb.njit(nogil=True)
def fresh_chunk(lane: Any, older: int) -> Any:
    """A chunk of the pool that links to an older one of its bucket (-1: none); -1 where there is no memory."""
    if lane[L.POOL_FREE] < 0 and not _grow_pool(lane):
        return np.int64(-1)
    fresh = lane[L.POOL_FREE]
    pool = view_i64(lane[L.POOL_AT], (fresh + 1) * L.CHUNK_WORDS)
    lane[L.POOL_FREE] = pool[fresh * L.CHUNK_WORDS]
    pool[fresh * L.CHUNK_WORDS] = older
    return fresh


@nb.njit(nogil=True, inline="always")
def prefetch_row(lane: Any, source: int) -> None:
    """Fetch the entries of `source` in the row tables."""
    prefetch(lane[L.SEGMENT_ROW_AT] + 8 * source)
    prefetch(lane[L.ROW_AT] + 8 * source)


@nb.njit(nogil=True, inline="always")
def prefetch_segments(lane: Any, source: int) -> None:
    """Fetch the segments of `source`, a few cache lines."""
    rows = view_i64(lane[L.SEGMENT_ROW_AT], source + 2)
    line = lane[L.SEGMENT_AT] + 4 * rows[source]
    end = lane[L.SEGMENT_AT] + 4 * rows[source + 1]
    while line < end:
        prefetch(line)
        line += 64


@nb.njit(nogil=True)
def schedule(lane: Any, source: int, step: int, now: int, ring_mask: int) -> bool:
    """Enter all segments of `source`, which fired at `step`; segments due before `now` were entered earlier."""
    if lane[L.SEGMENT_ROW_AT] == 0:
        return True
    rows = view_i64(lane[L.SEGMENT_ROW_AT], source + 2)
    first = rows[source]
    last = rows[source + 1]
    if first == last:
        return True
    segments = view_u32(lane[L.SEGMENT_AT], last)
    synapse = view_i64(lane[L.ROW_AT], source + 1)[source]
    buckets = view_i64(lane[L.BUCKET_AT], 2 * (ring_mask + 1))
    for s in range(first, last):
        word = segments[s]
        delay = np.int64(word >> np.uint32(16))
        n = np.int64(word & np.uint32(0xFFFF))
        if step + delay >= now:  # here and not in an inlined function, by which it takes three times as long
            slot = ((step + delay) & ring_mask) * 2
            chunk, filled = buckets[slot], buckets[slot + 1]
            if chunk < 0 or filled == L.CHUNK_ENTRIES:
                chunk = fresh_chunk(lane, chunk)
                if chunk < 0:
                    return False
                filled = 0
                buckets[slot] = chunk
            pool = view_i64(lane[L.POOL_AT], (chunk + 1) * L.CHUNK_WORDS)
            pool[chunk * L.CHUNK_WORDS + 1 + filled] = (synapse << L.ENTRY_SHIFT) | n
            buckets[slot + 1] = filled + 1
        synapse += n
    return True


@nb.njit(nogil=True)
def take_due(lane: Any, step: int, ring_mask: int) -> int | np.int64:
    """Move the bucket of `step` into the lane's `due` array and free its chunks; returns the entries, -1 no memory."""
    buckets = view_i64(lane[L.BUCKET_AT], 2 * (ring_mask + 1))
    slot = (step & ring_mask) * 2
    chunk = buckets[slot]
    filled = buckets[slot + 1]
    pool = view_i64(lane[L.POOL_AT], lane[L.POOL_CHUNKS] * L.CHUNK_WORDS)
    n = np.int64(0)
    while chunk >= 0:
        if n + L.CHUNK_ENTRIES > lane[L.DUE_CAPACITY]:
            capacity = 2 * (n + L.CHUNK_ENTRIES)
            address = grow(lane[L.DUE_AT], capacity * 8)
            if address == 0:
                return -1
            lane[L.DUE_AT] = address
            lane[L.DUE_CAPACITY] = capacity
        due = view_i64(lane[L.DUE_AT], lane[L.DUE_CAPACITY])
        base = chunk * L.CHUNK_WORDS
        for k in range(filled):
            due[n + k] = pool[base + 1 + k]
        n += filled
        older = pool[base]
        pool[base] = lane[L.POOL_FREE]
        lane[L.POOL_FREE] = chunk
        chunk = older
        filled = L.CHUNK_ENTRIES
    buckets[slot] = -1
    buckets[slot + 1] = 0
    return n
