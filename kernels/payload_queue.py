"""The payload queue of a dynamic projection: as the delay queue, but an entry brings along what its spike carries.

An entry is (first synapse << 16 | count) and WORDS - 1 further words.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L
from dtbsim.kernels.delay_queue import grow
from dtbsim.kernels.intrinsics import view_i64


@nb.njit(nogil=True)
def _grow_pool(table: Any) -> bool:
    """Double the pool; False when there is no memory (the old pool stays)."""
    words = 1 + L.CHUNK_ENTRIES * table[D.WORDS]
    old = table[D.POOL_CHUNKS]
    new = max(np.int64(64), 2 * old)
    address = grow(table[D.POOL_AT], new * words * 8)
    if address == 0:
        return False
    table[D.POOL_AT] = address
    pool = view_i64(address, new * words)
    for chunk in range(old, new):
        pool[chunk * words] = chunk + 1 if chunk + 1 < new else table[D.POOL_FREE]
    table[D.POOL_FREE] = old
    table[D.POOL_CHUNKS] = new
    return True


@nb.njit(nogil=True)
def enter(table: Any, due: int, entry: int, second: int, third: int, ring_mask: int) -> bool:
    """Add an entry to the bucket of step `due`; False when there is no memory. `third` is left out where WORDS is 2."""
    width = table[D.WORDS]
    words = 1 + L.CHUNK_ENTRIES * width
    buckets = view_i64(table[D.BUCKET_AT], 2 * (ring_mask + 1))
    slot = (due & ring_mask) * 2
    chunk = buckets[slot]
    filled = buckets[slot + 1]
    if chunk < 0 or filled == L.CHUNK_ENTRIES:
        if table[D.POOL_FREE] < 0 and not _grow_pool(table):
            return False
        fresh = table[D.POOL_FREE]
        pool = view_i64(table[D.POOL_AT], (fresh + 1) * words)
        table[D.POOL_FREE] = pool[fresh * words]
        pool[fresh * words] = chunk
        chunk = fresh
        filled = 0
        buckets[slot] = chunk
    pool = view_i64(table[D.POOL_AT], (chunk + 1) * words)
    at = chunk * words + 1 + filled * width
    pool[at] = entry
    pool[at + 1] = second
    if width > 2:
        pool[at + 2] = third
    buckets[slot + 1] = filled + 1
    return True


@nb.njit(nogil=True)
def take(table: Any, step: int, ring_mask: int) -> int | np.int64:
    """Move the bucket of `step` into the table's `due` array and free its chunks; returns the words, -1: no memory."""
    width = table[D.WORDS]
    words = 1 + L.CHUNK_ENTRIES * width
    buckets = view_i64(table[D.BUCKET_AT], 2 * (ring_mask + 1))
    slot = (step & ring_mask) * 2
    chunk = buckets[slot]
    filled = buckets[slot + 1]
    n = np.int64(0)
    while chunk >= 0:
        if n + words > table[D.DUE_CAPACITY]:
            capacity = 2 * (n + words)
            address = grow(table[D.DUE_AT], capacity * 8)
            if address == 0:
                return -1
            table[D.DUE_AT] = address
            table[D.DUE_CAPACITY] = capacity
        pool = view_i64(table[D.POOL_AT], (chunk + 1) * words)
        due = view_i64(table[D.DUE_AT], table[D.DUE_CAPACITY])
        base = chunk * words
        for k in range(filled * width):
            due[n + k] = pool[base + 1 + k]
        n += filled * width
        older = pool[base]
        pool[base] = table[D.POOL_FREE]
        table[D.POOL_FREE] = chunk
        chunk = older
        filled = np.int64(L.CHUNK_ENTRIES)
    buckets[slot] = -1
    buckets[slot + 1] = 0
    return n
