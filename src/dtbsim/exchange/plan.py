"""The exchange plan: the shortest delay between ranks, and which ranks need the spikes of which populations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.blocks import Blocks
from dtbsim.spec.entries import heard
from dtbsim.spec.network import MAX_DELAY_STEPS, Network

MOST_STEPS = 256
"""Between two exchanges on CPUs, however long the delays are: there the ranks agree whether time is up."""


@dataclass(frozen=True, eq=False)
class ExchangePlan:
    """`window`: shortest delay in steps of any synapse between two ranks (MAX_DELAY_STEPS where there is none).

    `rank`, `population` int32[n]: pairs, by rank, then population, where the rank has targets of the population and
    does not own all of it. `shape`: how many ranks and populations there are.
    """

    window: int
    rank: NDArray[np.int32]
    population: NDArray[np.int32]
    shape: tuple[int, int]

    @classmethod
    def of(cls, window: int, needs: NDArray[np.bool_]) -> ExchangePlan:
        """The plan of a table as `needs`."""
        rank, population = np.nonzero(needs)
        return cls(window, rank.astype(np.int32), population.astype(np.int32), (needs.shape[0], needs.shape[1]))

    @property
    def needs(self) -> NDArray[np.bool_]:
        """bool[n_ranks, n_populations]: the pairs as a table, made anew."""
        table = np.zeros(self.shape, dtype=bool)
        table[self.rank, self.population] = True
        return table

    @property
    def silent(self) -> bool:
        """No spike ever has to travel."""
        return not self.rank.size

    def ranks_per_spike(self, sizes: NDArray[np.int64]) -> float:
        """Mean number of ranks that a spike is sent to; `sizes` of all populations, every neuron counts alike."""
        return float(sizes[self.population].sum() / sizes.sum()) if sizes.size else 0.0


def plan_exchange(network: Network, blocks: Blocks, n_ranks: int) -> ExchangePlan:
    """From the network and the assignment of blocks: O(e log e), e being the entries of what each rank owns."""
    from scipy.sparse import csr_array

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
    found = np.sort(hears.row[wanted].astype(np.int64) * n + hears.col[wanted])
    ranks, populations = np.divmod(found, n)
    return ExchangePlan(_window(shortest[crossing]), ranks.astype(np.int32), populations.astype(np.int32), (n_ranks, n))


def shortest_window(network: Network, blocks: Blocks, n_ranks: int) -> int:
    """The `window` of `plan_exchange`, in time and memory that do not grow with ranks times populations."""
    return _window(heard(network)[2][_crossing(network, blocks, n_ranks)[2]])


def steps_between(window: int) -> int:
    """Steps between two exchanges of ranks with GPUs, which step half a window while the other half travels."""
    return max(1, window // 2)


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
