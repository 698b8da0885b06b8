"""Pieces: runs of blocks of one region, small enough for graph partitioners, and the traffic between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dtbsim.partition.graph import block_groups
from dtbsim.partition.ordered import interleaved
from dtbsim.partition.table import BlockTable, Int32, Int64, Traffic

if TYPE_CHECKING:
    from scipy.sparse import csr_array

PER_PART = 16
"""Pieces of a part's work, at least: the balance that a partition of whole pieces can have."""
MOST_PAIRS = 20_000_000
"""Pairs of pieces with traffic, at most: pieces are made larger where they would be more."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """Attributes:
    piece: int64[b], of every row of the block table.
    work: int64[n], of every piece.
    neurons: int64[n].
    flow: float64[n, n] sparse, events per second from piece (row) to piece (column).
    """

    piece: Int64
    work: Int64
    neurons: Int64
    flow: csr_array

    def assign(self, blocks: BlockTable, part: Int32) -> Int32:
        """Return int32[b] from int32[n], the part of every piece."""
        return part[self.piece].astype(np.int32)


def cut_pieces(blocks: BlockTable, n_parts: int, traffic: Traffic | None) -> Pieces:
    """Return the pieces of a table: whole regions where these are light, else equal shares of them."""
    from scipy.sparse import csr_array

    order = blocks.order()
    groups, work = block_groups(blocks, order), blocks.integer_work()[order]
    n_groups = int(groups.max()) + 1
    row = interleaved(blocks, order, groups, np.arange(n_groups, dtype=np.int64))
    load = np.zeros(n_groups, dtype=np.int64)
    np.add.at(load, groups, work)
    members = np.bincount(groups, minlength=n_groups)
    between = group_flow(blocks, order, groups, traffic)
    largest = int(work.sum()) / (PER_PART * n_parts)
    while True:
        wanted = np.clip(np.ceil(load / largest), 1, members).astype(np.int64)
        pairs = float(wanted @ (csr_array(between != 0).astype(np.float64) @ wanted))
        if pairs <= MOST_PAIRS:
            break
        largest *= 1.5
    first = np.cumsum(members) - members
    at = np.arange(len(row)) - first[groups[row]]
    of_row = (np.cumsum(wanted) - wanted)[groups[row]] + at * wanted[groups[row]] // members[groups[row]]
    piece = np.empty(len(blocks), dtype=np.int64)
    piece[order[row]] = of_row
    n = int(wanted.sum())
    loads, neurons = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    np.add.at(loads, piece, blocks.integer_work())
    np.add.at(neurons, piece, blocks.n_neurons)
    group_of = np.repeat(np.arange(n_groups), wanted)
    size = np.bincount(group_of, neurons, n_groups)
    share = csr_array((neurons / size[group_of], (group_of, np.arange(n))), shape=(n_groups, n))
    return Pieces(piece, loads, neurons, csr_array(share.T @ between @ share))


def group_flow(blocks: BlockTable, order: Int64, groups: Int64, traffic: Traffic | None) -> csr_array:
    """Return float64[g, g], events per second from group to group, within groups, too."""
    from scipy.sparse import csr_array

    n = int(groups.max()) + 1
    if traffic is None:
        return csr_array((n, n))
    index = traffic.index(blocks)[order]
    known = index >= 0
    rows, first = np.unique(index[known], return_index=True)
    ends = rows, groups[known][first]
    belongs = csr_array((np.ones(rows.size), ends), shape=(traffic.matrix.shape[0], n))
    return csr_array(belongs.T @ traffic.matrix @ belongs)
