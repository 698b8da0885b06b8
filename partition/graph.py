"""The traffic graph: groups of blocks, whose places are sought, and what goes between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dtbsim.partition.table import WORK_UNITS, BlockTable, Int32, Int64, Traffic

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def block_groups(blocks: BlockTable, order: Int64) -> Int64:
    """Return int64[b]: the group of each block of the row, a region or, without one, a population; by first gid."""
    region, population = blocks.region[order].astype(np.int64), blocks.population[order].astype(np.int64)
    key = np.where(region >= 0, region, -1 - population)
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def group_traffic(blocks: BlockTable, order: Int64, groups: Int64, traffic: Traffic) -> csr_array:
    """Return int64[g, g], the traffic between two different groups, both directions together; symmetric.

    In units of 2**-52 of all that goes between groups, so that sums are exact. A row of the traffic matrix counts for
    the group of its first block (a population lives in one region). `groups`, int64[b], is the group of each block of
    the row `order`.
    """
    from scipy.sparse import csr_array

    index = traffic.index(blocks)[order]
    rows, first = np.unique(index, return_index=True)
    group_of = np.full(traffic.matrix.shape[0], -1, dtype=np.int32)
    group_of[rows[rows >= 0]] = groups[first[rows >= 0]]
    source = np.repeat(group_of, np.diff(traffic.matrix.indptr))
    target = group_of[traffic.matrix.indices]
    between = (source >= 0) & (target >= 0) & (source != target)
    source, target, events = source[between], target[between], traffic.matrix.data[between]
    total = float(events.sum())
    events = np.rint(events * (WORK_UNITS / total)).astype(np.int64) if total > 0 else np.zeros(events.size, np.int64)
    n = int(groups.max()) + 1
    one_way = csr_array((events, (source, target)), shape=(n, n))
    return csr_array(one_way + one_way.T)


@dataclass(frozen=True, eq=False)
class Graph:
    """What `dtbsim.kernels.graph_bisect` and its neighbours work on; the edges of vertex v are start[v]:start[v + 1].

    Attributes:
        start: int64[n + 1].
        other: int32[m], the vertex at the other end.
        weight: int64[m], above 0.
        load: int64[n], the work of each vertex.
    """

    start: Int64
    other: Int32
    weight: Int64
    load: Int64

    @property
    def arrays(self) -> tuple[Int64, Int32, Int64, Int64]:
        """All four."""
        return self.start, self.other, self.weight, self.load


def graph_of(between: csr_array, load: Int64) -> Graph:
    """Return the graph of a symmetric matrix without a diagonal, int64[n, n], and int64[n] work."""
    between.eliminate_zeros()
    between.sort_indices()
    return Graph(between.indptr.astype(np.int64), between.indices.astype(np.int32), between.data.astype(np.int64), load)
