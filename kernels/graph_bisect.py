"""Recursive bisection of a graph (`kernels.graph_coarsen`), and the order of vertices that it gives.

Every bisection is multilevel: coarsened by matching, halved by growing a region from several vertices, refined on the
way back as in Fiduccia and Mattheyses (1982), A linear-time heuristic for improving network partitions, Proc. 19th
Design Automation Conference, 175. Sums are of integers, so that the order is the same on every machine.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import graph_heap as H
from dtbsim.kernels.graph_coarsen import contracted, matched, stride
from dtbsim.kernels.jit import cached_njit

COARSEST = 60
"""Vertices of a graph that is not coarsened further."""
TRIALS = 4
PASSES = 6


@nb.njit(nogil=True)
def _grown(start: Any, other: Any, weight: Any, load: Any, seed: int, wanted: int) -> Any:
    """int8[n]: 0 for a region grown from `seed` to a load of about `wanted`, by what cuts least; 1 for the rest."""
    n = load.size
    side = np.ones(n, np.int8)
    gain, heap, at = np.zeros(n, np.int64), np.empty(n, np.int32), np.full(n, -1, np.int32)
    for v in range(n):
        for e in range(start[v], start[v + 1]):
            gain[v] -= weight[e]
    size, left, unvisited = H.insert(heap, at, gain, 0, seed), np.int64(0), 0
    while left < wanted:
        if size == 0:
            while unvisited < n and side[unvisited] == 0:
                unvisited += 1
            if unvisited == n:
                break
            size = H.insert(heap, at, gain, size, unvisited)
        v = heap[0]
        size = H.remove(heap, at, gain, size, v)
        if left > 0 and 2 * (left + load[v] - wanted) > load[v]:
            break
        side[v] = 0
        left += load[v]
        for e in range(start[v], start[v + 1]):
            u = other[e]
            if side[u] == 1:
                gain[u] += 2 * weight[e]
                if at[u] >= 0:
                    H.moved(heap, at, gain, size, u)
                else:
                    size = H.insert(heap, at, gain, size, u)
    return side


@nb.njit(nogil=True)
def _cross(start: Any, other: Any, weight: Any, side: Any, gain: Any, v: int) -> None:
    """Move vertex v to the other side; the gains of moves follow."""
    side[v] = 1 - side[v]
    gain[v] = -gain[v]
    for e in range(start[v], start[v + 1]):
        u = other[e]
        gain[u] += -2 * weight[e] if side[u] == side[v] else 2 * weight[e]


@nb.njit(nogil=True)
def _next_side(heaps: Any, sizes: Any, gain: Any, load: Any, off: int, slack: int) -> Any:
    """The side whose best vertex is moved next, -1 for none; `off`: load of side 0 above what is wanted."""
    if abs(off) > slack:
        heavy = 0 if off > 0 else 1
        return heavy if sizes[heavy] > 0 else -1
    best = -1
    for s in range(2):
        if sizes[s] == 0:
            continue
        v = heaps[s, 0]
        after = off - load[v] if s == 0 else off + load[v]
        if abs(after) > slack and abs(after) >= abs(off):
            continue
        if best < 0 or gain[v] > gain[heaps[0, 0]] or (gain[v] == gain[heaps[0, 0]] and off < 0):
            best = s
    return best


@nb.njit(nogil=True)
def _refined(start: Any, other: Any, weight: Any, load: Any, side: Any, off: int, slack: int, passes: int) -> Any:
    """Move single vertices across, in place, so that less is cut; returns (what the cut lost, load still too much).

    `off`: load of side 0 above what is wanted, kept within `slack` or brought nearer to it.
    """
    n = load.size
    gain, outside = np.zeros(n, np.int64), np.zeros(n, np.bool_)
    for v in range(n):
        for e in range(start[v], start[v + 1]):
            if side[other[e]] == side[v]:
                gain[v] -= weight[e]
            else:
                gain[v] += weight[e]
                outside[v] = True
        outside[v] |= start[v] == start[v + 1]
    heaps, at, sizes = np.empty((2, n), np.int32), np.full((2, n), -1, np.int32), np.zeros(2, np.int64)
    locked, moves = np.zeros(n, np.bool_), np.empty(n, np.int32)
    patience = min(max(n // 20, 20), 120)
    lost = np.int64(0)
    for _ in range(passes):
        for v in range(n):
            if outside[v]:
                sizes[side[v]] = H.insert(heaps[side[v]], at[side[v]], gain, sizes[side[v]], v)
        n_moves, n_best, now, best = 0, 0, np.int64(0), np.int64(0)
        best_excess = begun = max(abs(off) - slack, 0)
        while n_moves - n_best < patience:
            s = _next_side(heaps, sizes, gain, load, off, slack)
            if s < 0:
                break
            v = heaps[s, 0]
            sizes[s] = H.remove(heaps[s], at[s], gain, sizes[s], v)
            locked[v] = outside[v] = True
            off += -load[v] if s == 0 else load[v]
            now += gain[v]
            moves[n_moves] = v
            n_moves += 1
            _cross(start, other, weight, side, gain, v)
            for e in range(start[v], start[v + 1]):
                u = other[e]
                t = side[u]
                if at[t, u] >= 0:
                    H.moved(heaps[t], at[t], gain, sizes[t], u)
                elif not locked[u]:
                    outside[u] = True
                    sizes[t] = H.insert(heaps[t], at[t], gain, sizes[t], u)
            excess = max(abs(off) - slack, 0)
            if excess < best_excess or (excess == best_excess and now > best):
                n_best, best, best_excess = n_moves, now, excess
        for k in range(n_moves):
            locked[moves[k]] = False
        for k in range(n_moves - 1, n_best - 1, -1):
            v = moves[k]
            _cross(start, other, weight, side, gain, v)
            off += load[v] if side[v] == 0 else -load[v]
        for t in range(2):
            for k in range(sizes[t]):
                at[t, heaps[t, k]] = -1
            sizes[t] = 0
        lost += best
        if best == 0 and best_excess == begun:
            break
    return lost, max(abs(off) - slack, 0)


@nb.njit(nogil=True)
def _excess(load: Any, side: Any, wanted: int) -> Any:
    """Load of side 0 above `wanted`."""
    left = np.int64(0)
    for v in range(load.size):
        if side[v] == 0:
            left += load[v]
    return left - wanted


@nb.njit(nogil=True)
def _cut(start: Any, other: Any, weight: Any, side: Any) -> Any:
    """Twice what goes between the sides."""
    cut = np.int64(0)
    for v in range(side.size):
        for e in range(start[v], start[v + 1]):
            if side[other[e]] != side[v]:
                cut += weight[e]
    return cut


@nb.njit(nogil=True)
def _bisected(start: Any, other: Any, weight: Any, load: Any, wanted: int) -> Any:
    """int8[n]: sides of a graph, side 0 of a load of about `wanted`."""
    total, largest = load.sum(), load.max()
    slack = max(largest // 2 + 1, min(wanted, total - wanted) // 200)
    starts, others, weights, loads, clusters = [start], [other], [weight], [load], [np.zeros(0, np.int32)]
    while loads[-1].size > COARSEST:
        heaviest = max(total // (COARSEST // 3), largest)
        cluster, number = matched(starts[-1], others[-1], weights[-1], loads[-1], heaviest)
        if number > 0.92 * loads[-1].size:
            break
        a, b, c, d = contracted(starts[-1], others[-1], weights[-1], loads[-1], cluster, number)
        clusters.append(cluster)
        starts.append(a)
        others.append(b)
        weights.append(c)
        loads.append(d)
    k = len(loads) - 1
    n = loads[k].size
    trials = min(TRIALS, n)
    side = best_side = np.zeros(n, np.int8)
    best = best_off = np.int64(0)
    for turn in range(trials + k):
        a, b, c, d = starts[k], others[k], weights[k], loads[k]
        if turn < trials:
            side = _grown(a, b, c, d, (turn * stride(n)) % n, wanted)
        else:
            side = side[clusters[k + 1]]
        room = max(slack, d.max() // 2 + 1)
        _, off = _refined(a, b, c, d, side, _excess(d, side, wanted), room, PASSES)
        if turn < trials:
            cut = _cut(a, b, c, side)
            if turn == 0 or off < best_off or (off == best_off and cut < best):
                best_side, best, best_off = side, cut, off
            if turn + 1 < trials:
                continue
            side = best_side
        k -= 1
    return side


@nb.njit(nogil=True)
def _inside(start: Any, other: Any, weight: Any, order: Any, place: Any, first: int, last: int) -> Any:
    """(start, other, weight) of the part of the graph whose vertices are order[first:last]."""
    n = last - first
    begin = np.zeros(n + 1, np.int64)
    for i in range(n):
        v = order[first + i]
        m = 0
        for e in range(start[v], start[v + 1]):
            at = place[other[e]]
            if first <= at < last:
                m += 1
        begin[i + 1] = begin[i] + m
    to, amount = np.empty(begin[n], np.int32), np.empty(begin[n], np.int64)
    k = 0
    for i in range(n):
        v = order[first + i]
        for e in range(start[v], start[v + 1]):
            at = place[other[e]]
            if first <= at < last:
                to[k], amount[k] = at - first, weight[e]
                k += 1
    return begin, to, amount


@nb.njit(nogil=True)
def _turned(start: Any, other: Any, weight: Any, order: Any, place: Any, first: int, last: int, side: Any) -> Any:
    """Whether side 1 talks more than side 0, in proportion, to what comes before than to what comes after."""
    pull, size = np.zeros(2), np.zeros(2)
    for i in range(last - first):
        v = order[first + i]
        for e in range(start[v], start[v + 1]):
            at = place[other[e]]
            if at < first:
                pull[side[i]] += weight[e]
            elif at >= last:
                pull[side[i]] -= weight[e]
        size[side[i]] += 1
    return pull[1] * size[0] > pull[0] * size[1]


@cached_njit
def bisection_order(start: Any, other: Any, weight: Any, load: Any, parts: int) -> Any:
    """int32[n]: the vertices in an order in which those that talk much to each other are near each other.

    The graph is halved, each half again and so on to single vertices or half a part; as long as a piece is to be
    shared by several of `parts` parts of equal load it is cut where one of them ends. Of two halves that one comes
    first which talks more to what is before.
    """
    n, finest = load.size, load.sum() // (2 * parts)
    order, place, fresh = np.arange(n).astype(np.int32), np.arange(n).astype(np.int32), np.empty(n, np.int32)
    pieces = np.empty((2 * n + 1, 3), np.int64)
    pieces[0] = 0, n, parts
    done, number = 0, 1
    while done < number:
        first, last, share = pieces[done]
        done += 1
        own = load[order[first:last]]
        total = own.sum()
        if last - first < 2 or total <= finest:
            continue
        halves = share // 2, share - share // 2
        wanted = total // 2 if share < 2 else np.int64(total / share * halves[0])
        begin, to, amount = _inside(start, other, weight, order, place, first, last)
        side = _bisected(begin, to, amount, own, wanted)
        zeros = (side == 0).sum()
        if zeros == 0 or zeros == last - first:
            side[:] = 1
            side[: (last - first) // 2] = 0
        front = 1 if _turned(start, other, weight, order, place, first, last, side) else 0
        at = first
        for s in (front, 1 - front):
            for i in range(last - first):
                if side[i] == s:
                    fresh[at] = order[first + i]
                    at += 1
            if s == front:
                middle = at
        for k in range(first, last):
            order[k] = fresh[k]
            place[order[k]] = k
        pieces[number] = first, middle, halves[front]
        pieces[number + 1] = middle, last, halves[1 - front]
        number += 2
    return order
