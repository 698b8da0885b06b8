"""Which members and nodes a rank steps: whole lane groups where there are enough, else nodes of all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.kernels.region_coupling import ROWS
from dtbsim.spec.region_network import RegionNetwork

I64 = NDArray[np.int64]
MOST_LANES = 16


@dataclass(frozen=True)
class Share:
    """What one rank steps: lane groups (members of each), and of every population the nodes [first, last)."""

    groups: tuple[tuple[int, ...], ...]
    nodes: tuple[tuple[int, int], ...]
    split: bool
    """Whether the nodes of every group are shared with other ranks, so that what they send must be exchanged."""

    @property
    def members(self) -> tuple[int, ...]:
        """Members of all groups, in their order."""
        return tuple(member for group in self.groups for member in group)


def lane_groups(network: RegionNetwork, lanes: int | None = None) -> list[tuple[int, ...]]:
    """Members in groups of at most so many that have the same wiring and the same high words of their seeds."""
    lanes = lanes or MOST_LANES
    keys: dict[tuple[int, ...], list[int]] = {}
    for member, seed in enumerate(network.members.seeds):
        wiring = tuple(int(coupling.wiring_of[member]) for coupling in network.couplings)
        keys.setdefault((seed >> 32, *wiring), []).append(member)
    return [
        tuple(members[first : first + lanes]) for members in keys.values() for first in range(0, len(members), lanes)
    ]


def share_of(network: RegionNetwork, rank: int, n_ranks: int, lanes: int | None = None) -> Share:
    """The share of a rank."""
    groups = lane_groups(network, lanes)
    everywhere = tuple((0, population.n_nodes) for population in network.populations)
    if n_ranks == 1:
        return Share(tuple(groups), everywhere, split=False)
    if len(groups) >= n_ranks:
        first, last = len(groups) * rank // n_ranks, len(groups) * (rank + 1) // n_ranks
        return Share(tuple(groups[first:last]), everywhere, split=False)
    return Share(tuple(groups), tuple(part_of(p.n_nodes, rank, n_ranks) for p in network.populations), split=True)


def part_of(n: int, rank: int, n_ranks: int) -> tuple[int, int]:
    """The nodes of a rank among `n`, beginning with a multiple of ROWS."""
    groups = -(-n // ROWS)
    first, last = (groups * k // n_ranks * ROWS for k in (rank, rank + 1))
    return min(n, first), min(n, last)
