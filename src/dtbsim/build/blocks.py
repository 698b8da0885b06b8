"""Blocks: populations cut into fixed-size pieces, the unit that partitioners assign; and what a step of each costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.partition import BlockTable, Traffic, get_partitioner
from dtbsim.spec.network import Network

NS_PER_NEURON_STEP = 0.9
NS_PER_EVENT = 0.9
ASSUMED_RATE_HZ = 4.0
"""Costs of one step: update with drive per neuron, delivery per event at an assumed rate (measured on a Zen 5 core)."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """int64[b] each, ascending gid0: first gid, neurons, population; and the rank that owns each block."""

    gid0: NDArray[np.int64]
    size: NDArray[np.int64]
    population: NDArray[np.int64]
    rank: NDArray[np.int32]


def indegrees(network: Network) -> NDArray[np.float64]:
    """float64[n_populations]: expected synapses per target neuron over all projections."""
    entries = network.entries
    return np.asarray(np.bincount(entries.target, entries.synapses, network.sizes.size) / network.sizes)


def traffic(network: Network) -> Traffic:
    """Expected synaptic events per second from population (row) to population (column) at the assumed rate."""
    from scipy.sparse import coo_array

    entries, n = network.entries, network.sizes.size
    events = entries.synapses * ASSUMED_RATE_HZ
    return Traffic(coo_array((events, (entries.source, entries.target)), shape=(n, n)), by="population")


def cut_blocks(network: Network) -> BlockTable:
    """All blocks of the network with their predicted work."""
    number = -(-network.sizes // network.block_size)
    population = np.repeat(np.arange(number.size), number)
    start = (np.arange(population.size) - np.repeat(np.cumsum(number) - number, number)) * network.block_size
    size = np.minimum(network.block_size, network.sizes[population] - start)
    region = np.array([item.region for item in network.populations])
    cost = NS_PER_NEURON_STEP + indegrees(network) * ASSUMED_RATE_HZ * network.dt_ms * 1e-3 * NS_PER_EVENT
    return BlockTable(
        n_neurons=size,
        work=size * cost[population],
        region=region[population],
        population=population.astype(np.int32),
        gid0=network.gid_starts[population] + start,
        xyz_mm=None if network.atlas is None else network.atlas.xyz_mm,
    )


def find_ranks(network: Network, table: BlockTable, n_ranks: int) -> NDArray[np.int32]:
    """int32[b]: the rank of every block, by the configured partitioner, which knows the expected traffic."""
    partitioner = get_partitioner(network.execution.partitioner)
    if n_ranks == 1:
        return np.zeros(len(table), dtype=np.int32)
    return partitioner.assign(table, n_ranks, traffic(network)).astype(np.int32)


def assign_ranks(network: Network, table: BlockTable, n_ranks: int, ranks: NDArray[np.int32] | None = None) -> Blocks:
    """Blocks with their ranks: `ranks`, int32[b], where another rank has found them, else those of `find_ranks`."""
    rank = find_ranks(network, table, n_ranks) if ranks is None else ranks
    return Blocks(gid0=table.gid0, size=table.n_neurons, population=table.population.astype(np.int64), rank=rank)
