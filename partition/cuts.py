"""Optimal cuts of a row of blocks: the chains-on-chains problem, solved exactly in integers.

Source: Pinar and Aykanat (2004), Fast optimal load balancing algorithms for 1D partitioning, J. Parallel Distrib.
Comput. 64:974 (bisection on the bottleneck with a greedy probe), here with a load that each part carries beforehand.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import numpy as np

from dtbsim.partition.table import Int64


def optimal_cuts(work: Int64, loads: Int64, *, least_blocks: int) -> Int64:
    """Cut a row of blocks into consecutive pieces, one per part, so that the largest load is as small as possible.

    Args:
        work: int64[b], work of the blocks in their order.
        loads: int64[p], what each part carries already.
        least_blocks: the fewest blocks a piece may have, 0 or 1; with 1, b must be at least p.

    Returns:
        int64[p + 1]: piece i is blocks cuts[i] to cuts[i + 1] - 1. Among the optimal cuts, one whose loads are close
        to each other.
    """
    row = _Row(work, loads, least_blocks)
    low = max(int(loads.max()), -(-(int(loads.sum()) + int(work.sum())) // len(loads)))
    if least_blocks:
        low = max(low, int(work.max()))
    high = int(loads.max()) + int(work.sum())
    while low < high:
        middle = (low + high) // 2
        reached = row.probe(middle)
        if reached is None:
            low = middle + 1
        else:
            high = reached
    return row.even_cuts(high)


class _Row:
    """The row of blocks as prefix sums (Python integers: faster than numpy for single bisections)."""

    def __init__(self, work: Int64, loads: Int64, least_blocks: int) -> None:
        self.prefix: list[int] = np.concatenate([np.zeros(1, np.int64), np.cumsum(work)]).tolist()
        self.loads: list[int] = loads.tolist()
        self.least = least_blocks

    def furthest(self, part: int, start: int, bottleneck: int) -> int:
        """Return the furthest end of a piece of `part` from block `start` within `bottleneck` (-1: none)."""
        room = bottleneck - self.loads[part]
        end = bisect_right(self.prefix, self.prefix[start] + room) - 1
        end = min(end, len(self.prefix) - 1 - self.least * (len(self.loads) - part - 1))
        return end if end >= start + self.least else -1

    def probe(self, bottleneck: int) -> int | None:
        """Return the largest load that filling part after part within `bottleneck` gives, None if blocks remain."""
        start, largest = 0, 0
        for part, load in enumerate(self.loads):
            end = self.furthest(part, start, bottleneck)
            if end < 0:
                return None
            largest = max(largest, load + self.prefix[end] - self.prefix[start])
            start = end
        return largest if start == len(self.prefix) - 1 else None

    def earliest_starts(self, bottleneck: int) -> list[int]:
        """Return for every part the earliest block from which it and the parts after it can take all the rest."""
        starts = [len(self.prefix) - 1]
        for load in reversed(self.loads):
            start = bisect_left(self.prefix, self.prefix[starts[-1]] - (bottleneck - load))
            starts.append(min(start, starts[-1] - self.least))
        return starts[::-1]

    def even_cuts(self, bottleneck: int) -> Int64:
        """Return cuts within `bottleneck`, each as near as it may be to an equal share of what is left."""
        earliest = self.earliest_starts(bottleneck)
        left = self.prefix[-1] + sum(self.loads)
        cuts = [0]
        for part, load in enumerate(self.loads):
            start = cuts[-1]
            share = left // (len(self.loads) - part)
            wanted = _nearest(self.prefix, self.prefix[start] + share - load)
            end = min(max(wanted, earliest[part + 1], start + self.least), self.furthest(part, start, bottleneck))
            left -= load + self.prefix[end] - self.prefix[start]
            cuts.append(end)
        return np.array(cuts, dtype=np.int64)


def _nearest(prefix: list[int], target: int) -> int:
    """Return the index of the prefix sum closest to `target` (the lower one of two as close)."""
    above = min(bisect_left(prefix, target), len(prefix) - 1)
    below = max(above - 1, 0)
    return below if target - prefix[below] <= prefix[above] - target else above
