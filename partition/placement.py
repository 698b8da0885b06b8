"""Where regions went and what goes between them, small enough to be drawn: for run folders and reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dtbsim.partition.graph import block_groups
from dtbsim.partition.pieces import group_flow
from dtbsim.partition.table import BlockTable, Float64, Int32, Int64, Traffic

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MOST_ROWS = 100
"""Of the drawn matrices; more regions are added up."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Regions (populations, where there is none) by the first of their gids, and two pictures of the traffic.

    Attributes:
        first: int64[k], a row of the block table that belongs to each.
        rank: int32[k], the rank with most of its neurons, the lowest of equal ones.
        n_ranks: int64[k], ranks that it lies on.
        given: float64[m, m], events per second from row to column, regions in their order, m at most MOST_ROWS.
        placed: float64[m, m], the same with the regions in the order of their ranks.
    """

    first: Int64
    rank: Int32
    n_ranks: Int64
    given: Float64
    placed: Float64


def find_placement(blocks: BlockTable, assignment: Int32, traffic: Traffic) -> Placement:
    """Return where `assignment`, int32[b], puts regions. Time and memory are proportional to blocks and traffic."""
    from scipy.sparse import csr_array

    order = blocks.order()
    groups, rank = block_groups(blocks, order), assignment[order].astype(np.int64)
    neurons = blocks.n_neurons[order]
    n, n_ranks = int(groups.max()) + 1, int(rank.max()) + 1
    held = csr_array((neurons, (groups, rank)), shape=(n, n_ranks))
    held.sum_duplicates()
    group, on = np.repeat(np.arange(n), np.diff(held.indptr)), held.indices.astype(np.int64)
    best = np.lexsort((on, -held.data, group))
    main = on[best[held.indptr[:-1]]].astype(np.int32)
    mean = np.bincount(groups, neurons * rank, n) / np.bincount(groups, neurons, n)
    flow = group_flow(blocks, order, groups, traffic)
    return Placement(
        first=order[np.unique(groups, return_index=True)[1]],
        rank=main,
        n_ranks=np.diff(held.indptr).astype(np.int64),
        given=_added_up(flow, np.arange(n)),
        placed=_added_up(flow, np.lexsort((np.arange(n), mean))),
    )


def _added_up(flow: csr_array, order: Int64) -> Float64:
    """Return the matrix with rows and columns in `order`, in MOST_ROWS bins at most."""
    from scipy.sparse import csr_array

    n = len(order)
    bins = min(n, MOST_ROWS)
    bin_of = np.empty(n, dtype=np.int64)
    bin_of[order] = np.arange(n) * bins // n
    into = csr_array((np.ones(n), (np.arange(n), bin_of)), shape=(n, bins))
    return np.asarray((into.T @ flow @ into).toarray(), dtype=np.float64)
