"""Which ranks a rank sends spikes to, of which populations, and how long a spike is under way at least."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.blocks import Blocks
from dtbsim.spec.entries import heard
from dtbsim.spec.network import Network

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Links:
    """The neighbours of one rank, ascending.

    `to`, `sources` int64[n]: ranks that need spikes of this one, and ranks whose spikes it needs; `to_delay` and
    `sources_delay` int64[n]: the shortest delay in steps of any synapse between the two, known at both ends. Spikes of
    population p of this rank go to `wanted_by[first[p]]` up to `wanted_by[first[p + 1]]` (int32 indices of `to`);
    `first` int64[n_populations + 1].
    """

    to: I64
    to_delay: I64
    sources: I64
    sources_delay: I64
    first: I64
    wanted_by: NDArray[np.int32]


def find_links(network: Network, blocks: Blocks, rank: int, owners: tuple[I64, I64] | None = None) -> Links:
    """From the entries that begin or end on this rank: O(those entries and the ranks at their other ends).

    `owners`: what `owners_of` gave, where it is known already.
    """
    n = len(network.populations)
    owner_of, owner = owners_of(blocks, n) if owners is None else owners
    mine = np.zeros(n, bool)
    mine[blocks.population[blocks.rank == rank]] = True
    target, source, shortest = heard(network)
    out = mine[source]
    population, to, delay = _spread(source[out], target[out], shortest[out], owner_of, owner, rank)
    to_ranks, to_delay = _smallest(to, delay)
    width = max(1, to_ranks.size)
    pairs = np.unique(population * width + np.searchsorted(to_ranks, to)) if to.size else np.zeros(0, np.int64)
    first = np.searchsorted(pairs, np.arange(n + 1) * width)
    here = mine[target]
    _, sources, delay = _spread(target[here], source[here], shortest[here], owner_of, owner, rank)
    from_ranks, from_delay = _smallest(sources, delay)
    wanted_by = (pairs % width).astype(np.int32)
    return Links(to_ranks, to_delay, from_ranks, from_delay, first.astype(np.int64), wanted_by)


def owners_of(blocks: Blocks, n: int) -> tuple[I64, I64]:
    """Ranks that own neurons of each population: owner[owner_of[p]] up to owner[owner_of[p + 1]]."""
    n_ranks = int(blocks.rank.max()) + 1
    pairs = np.unique(blocks.population.astype(np.int64) * n_ranks + blocks.rank)
    return np.searchsorted(pairs, np.arange(n + 1) * n_ranks).astype(np.int64), pairs % n_ranks


def _spread(near: I64, far: I64, delay: I64, owner_of: I64, owner: I64, rank: int) -> tuple[I64, I64, I64]:
    """(population here, rank at the other end, delay) of pairs of populations, where that is another rank."""
    counts = owner_of[far + 1] - owner_of[far]
    begin = np.cumsum(counts) - counts
    at = np.arange(int(counts.sum())) - np.repeat(begin - owner_of[far], counts)
    other = owner[at]
    keep = other != rank
    return np.repeat(near, counts)[keep], other[keep], np.repeat(delay, counts)[keep]


def _smallest(ranks: I64, delay: I64) -> tuple[I64, I64]:
    """Distinct ranks, ascending, and the smallest delay of each."""
    order = np.lexsort((delay, ranks))
    distinct, begin = np.unique(ranks[order], return_index=True)
    return distinct, delay[order][begin]
