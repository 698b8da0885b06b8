"""The exchange plan: the shortest delay between ranks, and which ranks need the spikes of which populations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dtbsim.build.blocks import Blocks
from dtbsim.spec.entries import heard
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

    def ranks_per_spike(self, sizes: NDArray[np.int64]) -> float:
        """Mean number of ranks that a spike is sent to; `sizes` of all populations, every neuron counts alike."""
        return float(self.needs.sum(axis=0) @ sizes / sizes.sum()) if sizes.size else 0.0


def plan_exchange(network: Network, blocks: Blocks, n_ranks: int) -> ExchangePlan:
    """The same plan on every rank, from the network and the assignment of blocks."""
    owned, several, crossing = _crossing(network, blocks, n_ranks)
    n = len(network.populations)
    population, rank = np.divmod(owned, n_ranks)
    owner = np.empty(n, dtype=np.int64)
    owner[population] = rank
    target, source, shortest = heard(network)
    owns = csr_array((np.ones(owned.size, dtype=np.int32), (rank, population)), shape=(n_ranks, n))
    pairs = np.ones(int(crossing.sum()), dtype=np.int32), (target[crossing], source[crossing])
    hears = (owns @ csr_array(pairs, shape=(n, n))).tocoo()
    wanted = several[hears.col] | (hears.row != owner[hears.col])
    needs = np.zeros((n_ranks, n), dtype=bool)
    needs[hears.row[wanted], hears.col[wanted]] = True
    return ExchangePlan(_window(shortest[crossing]), needs)


def shortest_window(network: Network, blocks: Blocks, n_ranks: int) -> int:
    """The `window` of `plan_exchange`, in time and memory that do not grow with ranks times populations."""
    return _window(heard(network)[2][_crossing(network, blocks, n_ranks)[2]])


def _window(crossing: NDArray[np.int64]) -> int:
    return max(1, int(crossing.min(initial=MAX_DELAY_STEPS)))


def _crossing(
    network: Network, blocks: Blocks, n_ranks: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Pairs (population, rank) as one number, ascending; populations on several ranks; pairs of populations on two."""
    n = len(network.populations)
    owned = np.unique(blocks.population * n_ranks + blocks.rank)
    population, rank = np.divmod(owned, n_ranks)
    several = np.bincount(population, minlength=n) > 1
    owner = np.empty(n, dtype=np.int64)
    owner[population] = rank
    target, source, _ = heard(network)
    return owned, several, several[target] | several[source] | (owner[target] != owner[source])
