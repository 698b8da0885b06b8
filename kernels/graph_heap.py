"""A heap of vertices by gain, the largest first, of equals the lowest index; members can be changed and removed."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np


@nb.njit(nogil=True)
def _precedes(gain: Any, a: int, b: int) -> Any:
    return gain[a] > gain[b] or (gain[a] == gain[b] and a < b)


@nb.njit(nogil=True)
def _up(heap: Any, at: Any, gain: Any, i: int) -> None:
    """Move the member at index i of the heap up to its place."""
    v = heap[i]
    while i > 0:
        parent = (i - 1) >> 1
        if not _precedes(gain, v, heap[parent]):
            break
        heap[i] = heap[parent]
        at[heap[i]] = i
        i = parent
    heap[i] = v
    at[v] = i


@nb.njit(nogil=True)
def _down(heap: Any, at: Any, gain: Any, i: int, n: int) -> None:
    """Move the member at index i of n down to its place."""
    v = heap[i]
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and _precedes(gain, heap[child + 1], heap[child]):
            child += 1
        if not _precedes(gain, heap[child], v):
            break
        heap[i] = heap[child]
        at[heap[i]] = i
        i = child
    heap[i] = v
    at[v] = i


@nb.njit(nogil=True)
def insert(heap: Any, at: Any, gain: Any, n: int, v: int) -> Any:
    """Insert vertex v into a heap of n members; returns n + 1. `at` int32: where each vertex is, -1 for not in it."""
    heap[n] = v
    _up(heap, at, gain, n)
    return n + 1


@nb.njit(nogil=True)
def moved(heap: Any, at: Any, gain: Any, n: int, v: int) -> None:
    """Find the place of member v, whose gain has changed."""
    _up(heap, at, gain, at[v])
    _down(heap, at, gain, at[v], n)


@nb.njit(nogil=True)
def remove(heap: Any, at: Any, gain: Any, n: int, v: int) -> Any:
    """Remove member v; returns n - 1."""
    i = at[v]
    at[v] = np.int32(-1)
    last = heap[n - 1]
    if last != v:
        heap[i] = last
        at[last] = i
        moved(heap, at, gain, n - 1, last)
    return n - 1
