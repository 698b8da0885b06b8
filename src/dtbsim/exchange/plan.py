"""The exchange plan: the shortest delay between ranks, and which ranks need the spikes of which populations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.blocks import Blocks
from dtbsim.spec.network import MAX_DELAY_STEPS, Network

MOST_STEPS = 256
"""Between two exchanges on CPUs, however long the delays are: there the ranks agree whether time is up."""


@dataclass(frozen=True, eq=False)
class ExchangePlan:
    """`window`: shortest delay in steps of any synapse between two ranks (MAX_DELAY_STEPS where there is none);
    `needs` bool[n_ranks, n_populations]: the rank has targets of the population and does not own all of it.
    """

    window: int
    needs: NDArray[np.bool_]

    @property
    def silent(self) -> bool:
        """No spike ever has to travel."""
        return not self.needs.any()


def plan_exchange(network: Network, blocks: Blocks, n_ranks: int) -> ExchangePlan:
    """The same plan on every rank, from the network and the assignment of blocks."""
    n = len(network.populations)
    owners = np.zeros((n_ranks, n), dtype=bool)
    owners[blocks.rank, blocks.population] = True
    several = owners.sum(axis=0) > 1
    owner = owners.argmax(axis=0)
    needs = np.zeros((n_ranks, n), dtype=bool)
    window = MAX_DELAY_STEPS
    for projection in network.projections:
        target, source, shortest = projection.links(network.dt_ms)
        crossing = several[target] | several[source] | (owner[target] != owner[source])
        if crossing.any():
            window = min(window, int(shortest[crossing].min()))
        for rank in range(n_ranks):
            wanted = np.unique(source[crossing & owners[rank, target]])
            needs[rank, wanted] |= several[wanted] | (owner[wanted] != rank)
    return ExchangePlan(max(1, window), needs)
