"""Smaller graphs that look like a large one: vertices matched with a neighbour they talk much to, pairs contracted.

A graph is `start` int64[n + 1], `other` int32[m], `weight` int64[m], symmetric and without loops (the edges of vertex
v are start[v] to start[v + 1] - 1), and `load` int64[n]. Source: Karypis and Kumar (1998), A fast and high quality
multilevel scheme for partitioning irregular graphs, SIAM J. Sci. Comput. 20:359 (heavy-edge matching), with edges
rated by weight per load as in Osipov and Sanders (2010), n-level graph partitioning, ESA 2010.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels.jit import cached_njit

MOST_MERGED = 8
"""Vertices of a cluster, at most: more make fewer levels and a poorer likeness."""


@nb.njit(nogil=True)
def stride(n: int) -> Any:
    """A step that visits 0 to n - 1 once each, far apart in succession: (i * stride) % n."""
    step = max(np.int64(1), np.int64(n * 0.6180339887498949))
    while True:
        a, b = np.int64(n), step
        while b:
            a, b = b, a % b
        if a == 1:
            return step
        step += 1


@nb.njit(nogil=True)
def matched(start: Any, other: Any, weight: Any, load: Any, heaviest: int) -> Any:
    """(int32[n], number): the cluster of every vertex, of MOST_MERGED vertices and of `heaviest` load at most."""
    n = load.size
    cluster, loads, members = np.full(n, -1, np.int32), np.zeros(n, np.int64), np.zeros(n, np.int8)
    number, step, v = np.int32(0), stride(n), np.int64(0)
    for _ in range(n):
        v = (v + step) % n
        if cluster[v] >= 0:
            continue
        best, highest = np.int64(-1), 0.0
        for e in range(start[v], start[v + 1]):
            u = other[e]
            rate = weight[e] / (load[u] + 1.0)
            if rate > highest:
                c = cluster[u]
                fits = load[u] + load[v] <= heaviest if c < 0 else members[c] < MOST_MERGED
                if fits and (c < 0 or loads[c] + load[v] <= heaviest):
                    best, highest = np.int64(u), rate
        c = number if best < 0 or cluster[best] < 0 else cluster[best]
        if c == number:
            number += 1
            if best >= 0:
                cluster[best] = c
                loads[c] += load[best]
                members[c] += 1
        cluster[v] = c
        loads[c] += load[v]
        members[c] += 1
    return cluster, number


@nb.njit(nogil=True)
def contracted(start: Any, other: Any, weight: Any, load: Any, cluster: Any, number: int) -> Any:
    """(start, other, weight, load) of the graph whose vertices are the clusters."""
    first = np.zeros(number + 1, np.int64)
    for v in range(cluster.size):
        first[cluster[v] + 1] += 1
    first = np.cumsum(first)
    at, members = first.copy(), np.empty(cluster.size, np.int32)
    for v in range(cluster.size):
        members[at[cluster[v]]] = v
        at[cluster[v]] += 1
    begin, loads = np.zeros(number + 1, np.int64), np.zeros(number, np.int64)
    to, amount = np.empty(other.size, np.int32), np.empty(other.size, np.int64)
    where = np.full(number, -1, np.int64)
    m = np.int64(0)
    for c in range(number):
        for k in range(first[c], first[c + 1]):
            v = members[k]
            loads[c] += load[v]
            for e in range(start[v], start[v + 1]):
                d = cluster[other[e]]
                if d == c:
                    continue
                if where[d] >= begin[c]:
                    amount[where[d]] += weight[e]
                else:
                    where[d], to[m], amount[m] = m, d, weight[e]
                    m += 1
        begin[c + 1] = m
    return begin, to[:m].copy(), amount[:m].copy(), loads


@cached_njit
def coarsen(start: Any, other: Any, weight: Any, load: Any, heaviest: int) -> Any:
    """(cluster int32[n], start, other, weight, load): one level of coarsening."""
    cluster, number = matched(start, other, weight, load, heaviest)
    begin, to, amount, loads = contracted(start, other, weight, load, cluster, number)
    return cluster, begin, to, amount, loads
