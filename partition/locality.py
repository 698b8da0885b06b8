"""Swaps of whole groups between parts that keep more traffic local without giving up balance.

Source of the gain formula: Kernighan and Lin (1970), An efficient heuristic procedure for partitioning graphs,
Bell Syst. Tech. J. 49:291; here for any number of parts, without uphill moves.
"""

from __future__ import annotations

import numpy as np

from dtbsim.partition.table import BlockTable, Float64, Int32, Int64, Traffic

MAX_PASSES = 10


def group_traffic(blocks: BlockTable, order: Int64, groups: Int64, traffic: Traffic) -> Float64:
    """Return float64[g, g], events per second between two different groups, both directions together.

    A row of the traffic matrix counts for the group of its first block (a population lives in one region).
    `groups`, int64[b], is the group of each block of the row `order`.
    """
    index = traffic.index(blocks)[order]
    rows, first = np.unique(index, return_index=True)
    first, rows = first[rows >= 0], rows[rows >= 0]
    group = groups[first]
    n_groups = int(groups.max()) + 1
    one_way = np.zeros((n_groups, n_groups))
    np.add.at(one_way, (group[:, None], group[None, :]), traffic.matrix[np.ix_(rows, rows)])
    both: Float64 = one_way + one_way.T
    np.fill_diagonal(both, 0.0)
    return both


def swap_groups(whole: Int32, loads: Int64, work: Int64, between: Float64, ceiling: int) -> None:
    """Swap pairs of groups, in place, as long as that brings more traffic onto one part.

    Args:
        whole: int32[g], the part of every group; -1 for groups that are not placed, which stay so.
        loads: int64[p], the work of every part.
        work: int64[g], the work of every group.
        between: float64[g, g], symmetric traffic with a zero diagonal.
        ceiling: no swap lifts a part above this.
    """
    placed = np.flatnonzero(whole >= 0)
    pull = np.zeros((len(loads), len(work)))
    np.add.at(pull, whole[placed], between[placed])
    least_gain = 1e-9 * float(between.max(initial=0.0))
    for _ in range(MAX_PASSES):
        swapped = False
        for group in placed:
            here, there = int(whole[group]), whole[placed]
            gain = pull[there, group] - pull[here, group] + pull[here, placed] - pull[there, placed]
            gain -= 2 * between[group, placed]
            heavier = work[placed] - work[group]
            allowed = (there != here) & (loads[here] + heavier <= ceiling) & (loads[there] - heavier <= ceiling)
            best = int(np.argmax(np.where(allowed, gain, -np.inf)))
            if allowed[best] and gain[best] > least_gain:
                other, away = int(placed[best]), int(there[best])
                pull[here] += between[other] - between[group]
                pull[away] += between[group] - between[other]
                loads[here] += heavier[best]
                loads[away] -= heavier[best]
                whole[group], whole[other] = away, here
                swapped = True
        if not swapped:
            return
