"""Ordered partitioner: regions in a row in which those that talk much to each other are neighbours, cut into parts.

The order comes from recursive bisection of the traffic between regions (`dtbsim.kernels.graph_bisect`), or from a
Morton curve through their centroids. Consecutive parts are neighbours, too, which is what nodes of several ranks want.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dtbsim.partition.curve import morton_order
from dtbsim.partition.cuts import optimal_cuts
from dtbsim.partition.graph import Graph, block_groups, graph_of, group_traffic
from dtbsim.partition.table import BlockTable, Int32, Int64, Traffic, check_parts

PASSES = 8
"""Of the refinement, at most."""


@dataclass(frozen=True)
class OrderedPartitioner:
    """Lays the regions in a row and cuts it where the largest predicted work is smallest (`partition.cuts`).

    1. The order of regions (populations, for blocks without a region): by recursive bisection of the traffic, or,
       where no traffic is given, by `partition.curve` of the centroids; without those by first gid.
    2. Cut between regions, and single regions move to the part that they talk most to while no part comes above the
       mean by more than 1 % or two regions. If the largest load is within (1 + `tolerance`) times the mean, regions
       stay whole.
    3. Else the blocks are cut: those of a region lie together, those of its populations in equal shares all along.

    Memory and, but for a logarithm, time are proportional to the pairs of regions that talk to each other.
    """

    tolerance: float = 0.03
    unit: str = "ranks"

    def assign(self, blocks: BlockTable, n_parts: int, traffic: Traffic | None = None) -> Int32:
        """Return int32[b], the part of every block; every part has at least one.

        The answer for a block does not depend on the order of the rows of `blocks`.

        Raises:
            InputError: `n_parts` is below 1 or above the number of blocks, or `traffic` does not fit the blocks.
        """
        check_parts(blocks, n_parts, self.unit)
        order = blocks.order()
        groups, work = block_groups(blocks, order), blocks.integer_work()[order]
        load = np.zeros(int(groups.max()) + 1, dtype=np.int64)
        np.add.at(load, groups, work)
        graph = None if traffic is None else graph_of(group_traffic(blocks, order, groups, traffic), load)
        if n_parts == 1:
            return np.zeros(len(blocks), dtype=np.int32)
        place = self._place(blocks, order, groups, graph, n_parts)
        whole = None if len(load) < n_parts else self._whole(load, place, graph, n_parts)
        assignment = np.empty(len(blocks), dtype=np.int32)
        if whole is not None:
            assignment[order] = whole[groups]
        else:
            row = interleaved(blocks, order, groups, place)
            cuts = optimal_cuts(work[row], np.zeros(n_parts, np.int64), least_blocks=1)
            assignment[order[row]] = np.repeat(np.arange(n_parts, dtype=np.int32), np.diff(cuts))
        return assignment

    def _place(self, blocks: BlockTable, order: Int64, groups: Int64, graph: Graph | None, n_parts: int) -> Int64:
        """Return int64[g]: where in the row each group is."""
        if graph is not None and graph.other.size:
            from dtbsim.kernels.graph_bisect import bisection_order

            return positions(bisection_order(*graph.arrays, n_parts))
        return curve_place(blocks, order, groups)

    def _whole(self, load: Int64, place: Int64, graph: Graph | None, n_parts: int) -> Int32 | None:
        """Return int32[g]: the part of every group, None where whole groups cannot keep the balance."""
        row = np.argsort(place)
        cuts = optimal_cuts(load[row], np.zeros(n_parts, np.int64), least_blocks=1)
        part = np.empty(len(load), dtype=np.int32)
        part[row] = np.repeat(np.arange(n_parts, dtype=np.int32), np.diff(cuts))
        loads = np.zeros(n_parts, dtype=np.int64)
        np.add.at(loads, part, load)
        limit = int((1 + self.tolerance) * int(load.sum()) / n_parts)
        if graph is not None and graph.other.size:
            from dtbsim.kernels.graph_refine import refine_parts

            # less traffic is worth some balance: 1 %, and two regions where these are heavier, within the tolerance
            room = max(int(0.01 * int(load.sum()) / n_parts), 2 * int(np.median(load)))
            refine_parts(*graph.arrays, part, loads, min(limit, int(load.sum()) // n_parts + room), PASSES)
        return part if int(loads.max()) <= limit else None


@dataclass(frozen=True)
class MortonPartitioner(OrderedPartitioner):
    """As `OrderedPartitioner`, with the regions in Morton order of their centroids even where traffic is known.

    It takes a fraction of the time, for networks whose regions talk to their neighbours.
    """

    def _place(self, blocks: BlockTable, order: Int64, groups: Int64, graph: Graph | None, n_parts: int) -> Int64:
        return curve_place(blocks, order, groups)


def curve_place(blocks: BlockTable, order: Int64, groups: Int64) -> Int64:
    """Return int64[g]: groups along a Morton curve through their regions, those without a region behind them."""
    n = int(groups.max()) + 1
    first = np.full(n, len(groups), dtype=np.int64)
    np.minimum.at(first, groups, np.arange(len(groups)))
    region = blocks.region[order][first]
    if blocks.xyz_mm is None:
        return np.arange(n, dtype=np.int64)
    inside, outside = np.flatnonzero(region >= 0), np.flatnonzero(region < 0)
    return positions(np.concatenate([inside[morton_order(blocks.xyz_mm[region[inside]])], outside]))


def positions(row: Int64 | Int32) -> Int64:
    """Return int64[n]: the index in `row`, a permutation, of every number."""
    place = np.empty(len(row), dtype=np.int64)
    place[row] = np.arange(len(row))
    return place


def interleaved(blocks: BlockTable, order: Int64, groups: Int64, place: Int64) -> Int64:
    """Return int64[b], rows of `order` group after group; a stretch of a group has a fair share of its populations."""
    population = blocks.population[order].astype(np.int64)
    own = np.unique(groups * (int(population.max()) + 1) + population, return_inverse=True)[1]
    count = np.bincount(own)
    sorted_rows = np.argsort(own, kind="stable")
    rank = np.empty(len(own), dtype=np.int64)
    rank[sorted_rows] = np.arange(len(own)) - np.repeat(np.cumsum(count) - count, count)
    share = (2 * rank + 1) / (2 * count[own])
    return np.lexsort((np.arange(len(own)), share, place[groups])).astype(np.int64)
