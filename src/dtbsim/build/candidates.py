"""Source candidates of a rank: the neurons whose spikes its synapses may transmit, numbered without a list of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.blocks import Blocks
from dtbsim.build.listed import ListedOnRank
from dtbsim.errors import InputError
from dtbsim.kernels.sources import RANGE_FIELDS, jump_table
from dtbsim.numerics.gids import Gids, as_gids
from dtbsim.spec.entries import heard
from dtbsim.spec.network import Network, Projection

MOST_SOURCES = 2**31 - 1
"""Source candidates are numbered by int32."""

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Source candidates of a rank: neurons of every population that projects to one of its populations.

    They are numbered in the order of their global ids, population after population. `offset` int64[n_populations]:
    first number of each population, -1 where it has none; `ranges` int64[n, 3]: first global id, the one after the
    last, and first number of runs of candidates with consecutive ids, ascending. `jump` int32[...] and `shift` find
    the range of an id (`kernels.sources`). `listed`: synapses of the rank that rules list, while it is built.
    """

    offset: I64
    ranges: I64
    jump: NDArray[np.int32]
    shift: int
    listed: ListedOnRank

    @property
    def size(self) -> int:
        """Candidates."""
        return int((self.ranges[:, 1] - self.ranges[:, 0]).sum())

    @property
    def n_bytes(self) -> int:
        """What stays in memory: a few bytes for each population."""
        return self.offset.nbytes + self.ranges.nbytes + self.jump.nbytes

    def gids(self, first: int = 0, stop: int | None = None) -> Gids:
        """Global ids (ascending) of the candidates from number `first` to `stop` (exclusive; None: all)."""
        number = self.ranges[:, 2]
        stop = self.size if stop is None else stop
        low = np.maximum(number, first)
        high = np.minimum(number + self.ranges[:, 1] - self.ranges[:, 0], stop)
        counts = np.maximum(high - low, 0)
        shift = np.repeat(self.ranges[:, 0] - number, counts)
        found: Gids = as_gids(np.arange(first, first + shift.size) + shift)
        return found

    def numbers(self, gids: NDArray[np.integer]) -> I64:
        """Number of each of these neurons (int64[n]), -1 for those that are no candidates."""
        wanted = np.asarray(gids, np.int64)
        if not len(self.ranges):
            return np.full(wanted.size, -1, np.int64)
        at = np.searchsorted(self.ranges[:, 0], wanted, side="right") - 1
        inside = (at >= 0) & (wanted < self.ranges[at, 1])
        return np.where(inside, wanted - self.ranges[at, 0] + self.ranges[at, 2], -1)

    def gids_of(self, numbers: I64) -> NDArray[np.uint32]:
        """Global ids (uint32[n]) of the candidates with these numbers."""
        at = np.searchsorted(self.ranges[:, 2], numbers, side="right") - 1
        gids: NDArray[np.uint32] = (numbers - self.ranges[at, 2] + self.ranges[at, 0]).astype(np.uint32)
        return gids

    def of(self, network: Network, projection: Projection) -> slice:
        """The candidates from the first to the last that projects in a projection; none: no synapse here."""
        populations = np.unique(projection.entry_source)
        populations = populations[self.offset[populations] >= 0]
        if not populations.size:
            return slice(0, 0)
        first = self.offset[populations]
        return slice(int(first.min()), int((first + network.sizes[populations]).max()))


def find_candidates(network: Network, blocks: Blocks, rank: int, *, bounded: bool = True) -> Candidates:
    """Populations whose spikes synapses onto a population of this rank transmit or are changed by.

    Raises InputError where their neurons are more than MOST_SOURCES, if `bounded`.
    """
    mine = np.zeros(network.sizes.size, dtype=bool)
    mine[blocks.population[blocks.rank == rank]] = True
    target, source, _ = heard(network)
    return number_candidates(network, source[mine[target]], blocks, rank, f"rank {rank}", bounded=bounded)


def number_candidates(
    network: Network, populations: I64, blocks: Blocks, rank: int, who: str, *, bounded: bool = True
) -> Candidates:
    """All neurons of these populations, for targets in the blocks of `rank`.

    Raises InputError where `who` hears more than MOST_SOURCES, if `bounded`.
    """
    used = np.unique(populations)
    sizes = network.sizes[used].astype(np.int64)
    offset = np.full(network.sizes.size, -1, dtype=np.int64)
    offset[used] = np.cumsum(sizes) - sizes
    total = int(sizes.sum())
    if bounded and total > MOST_SOURCES:
        raise InputError(
            f"{who} hears {total:,} neurons; a rank can number {MOST_SOURCES:,}",
            where="populations",
            remedy="use fewer neurons, or a connectome with more regions than ranks",
        )
    ranges = _ranges(network.gid_starts[used], sizes)
    return Candidates(offset, ranges, *jump_table(ranges), ListedOnRank(network, blocks, rank, offset))


def _ranges(gid0: I64, sizes: I64) -> I64:
    """Runs of consecutive ids, int64[n, RANGE_FIELDS]; populations follow each other ascending."""
    if not gid0.size:
        return np.zeros((0, RANGE_FIELDS), np.int64)
    begins = np.flatnonzero(np.concatenate([[True], gid0[1:] != (gid0 + sizes)[:-1]]))
    ends = np.append(begins[1:], gid0.size) - 1
    first = np.cumsum(sizes) - sizes
    return np.stack([gid0[begins], gid0[ends] + sizes[ends], first[begins]], axis=1).astype(np.int64)
