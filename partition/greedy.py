"""Greedy partitioner: regions by longest processing time, whole where that keeps the balance, else split by blocks.

Source of the rule and its bound of 4/3: Graham (1969), Bounds on multiprocessing timing anomalies, SIAM J. Appl.
Math. 17:416.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from dtbsim.errors import InputError
from dtbsim.partition.contiguous import ContiguousPartitioner
from dtbsim.partition.cuts import optimal_cuts
from dtbsim.partition.graph import block_groups, group_traffic
from dtbsim.partition.locality import swap_groups
from dtbsim.partition.table import BlockTable, Int32, Int64, Traffic, check_parts, fill_empty


@dataclass(frozen=True)
class GreedyPartitioner:
    """Keeps regions together where that costs at most `tolerance` of balance.

    1. Regions (populations, for blocks without a region) in the order of falling work go whole to a part whose load
       stays within (1 + `tolerance`) times the mean: the least loaded one. Where traffic is given, regions are then
       swapped while that keeps more of it local and no part comes above the largest load so far or, if that is more,
       (1 + `swap_tolerance`) times the mean.
    2. Blocks of the regions that fit nowhere are laid in a row, cut over the parts with the smallest largest load.
    3. Where the largest load still exceeds the limit, the result is compared with longest processing time over single
       blocks and with the contiguous cut, and the smallest largest load wins.

    So the largest load is at most the larger of the limit and that of `ContiguousPartitioner`. Below the limit it may
    exceed the contiguous cut's: that is the price of whole regions. Ties go to the lower part and the lower gid.
    """

    tolerance: float = 0.05
    swap_tolerance: float = 0.01
    unit: str = "ranks"

    def __post_init__(self) -> None:
        if not 0 <= self.swap_tolerance <= self.tolerance < 1:
            raise InputError(
                f"tolerance {self.tolerance:g} and swap_tolerance {self.swap_tolerance:g}",
                remedy="give 0 <= swap_tolerance <= tolerance < 1",
            )

    def assign(self, blocks: BlockTable, n_parts: int, traffic: Traffic | None = None) -> Int32:
        """Return int32[b], the part of every block; every part has at least one.

        The answer for a block does not depend on the order of the rows of `blocks`.

        Raises:
            InputError: `n_parts` is below 1 or above the number of blocks, or `traffic` does not fit the blocks.
        """
        check_parts(blocks, n_parts, self.unit)
        order = blocks.order()
        work = blocks.integer_work()[order]
        groups = block_groups(blocks, order)
        limit = int((1 + self.tolerance) * int(work.sum()) / n_parts)
        total = np.zeros(int(groups.max()) + 1, dtype=np.int64)
        np.add.at(total, groups, work)
        whole, loads = _place_whole(total, n_parts, limit)
        if traffic is not None:
            ceiling = max(int(loads.max()), int((1 + self.swap_tolerance) * int(work.sum()) / n_parts))
            swap_groups(whole, loads, total, group_traffic(blocks, order, groups, traffic), ceiling)
        row = _place_rest(work, groups, whole[groups], loads)
        if _bottleneck(work, row, n_parts) > limit:
            contiguous = ContiguousPartitioner(self.unit).assign(blocks, n_parts)[order]
            rivals = [row, _longest_first(work, n_parts), contiguous]
            row = min(rivals, key=lambda rival: _bottleneck(work, rival, n_parts))
        assignment = np.empty(len(blocks), dtype=np.int32)
        assignment[order] = fill_empty(work, row, n_parts)
        return assignment


def _place_whole(total: Int64, n_parts: int, limit: int) -> tuple[Int32, Int64]:
    """Return int32[g], the part of every group that fits whole (-1: none), and int64[p], the loads that gives."""
    whole = np.full(len(total), -1, dtype=np.int32)
    loads = np.zeros(n_parts, dtype=np.int64)
    for group in np.argsort(-total, kind="stable"):
        part = int(np.argmin(loads))
        if loads[part] + total[group] <= limit:
            whole[group] = part
            loads[part] += total[group]
    return whole, loads


def _place_rest(work: Int64, groups: Int64, row: Int32, loads: Int64) -> Int32:
    """Return `row` with the blocks not placed yet (-1) cut over the parts, those with most room first.

    The blocks lie group after group, so that few groups are cut and each into few pieces. A part may stay empty.
    """
    rest = np.flatnonzero(row < 0)
    if not len(rest):
        return row
    rest = rest[np.argsort(groups[rest], kind="stable")]
    parts = np.argsort(loads, kind="stable")
    cuts = optimal_cuts(work[rest], loads[parts], least_blocks=0)
    row = row.copy()
    row[rest] = np.repeat(parts, np.diff(cuts))
    return row


def _longest_first(work: Int64, n_parts: int) -> Int32:
    """Return int32[b], longest processing time over single blocks: at most 4/3 of the best possible largest load."""
    row = np.empty(len(work), dtype=np.int32)
    order = np.argsort(-work, kind="stable")
    heap = [(0, part) for part in range(n_parts)]
    chosen = []
    for item in work[order].tolist():
        load, part = heap[0]
        chosen.append(part)
        heapq.heapreplace(heap, (load + item, part))
    row[order] = chosen
    return row


def _bottleneck(work: Int64, row: Int32, n_parts: int) -> int:
    loads = np.zeros(n_parts, dtype=np.int64)
    np.add.at(loads, row, work)
    return int(loads.max())
