"""Blocks: populations cut into fixed-size pieces, the unit that partitioners assign; and what a step of each costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.partition import BlockTable, Traffic, get_partitioner
from dtbsim.spec.network import ALL_TO_ALL, BERNOULLI, FIXED_INDEGREE, FIXED_OUTDEGREE, FIXED_TOTAL, ONE_TO_ONE, Network

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
    totals = np.zeros(len(network.populations))
    sizes = np.array([population.size for population in network.populations], dtype=np.float64)
    for target, source, synapses in expected_synapses(network):
        del source
        np.add.at(totals, target, synapses)
    return np.asarray(totals / sizes)


def expected_synapses(
    network: Network,
) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Per projection: target population, source population and expected synapses of each entry."""
    sizes = np.array([population.size for population in network.populations], dtype=np.float64)
    result = []
    for projection in network.projections:
        piece = np.repeat(np.arange(projection.piece_target.size), np.diff(projection.entry_start))
        target = projection.piece_target[piece].astype(np.int64)
        source = projection.entry_source.astype(np.int64)
        if projection.rule == FIXED_INDEGREE:
            edges = projection.entry_cumulative.astype(np.float64) + 1.0
            first = np.isin(np.arange(edges.size), projection.entry_start[:-1])
            share = np.where(first, edges, edges - np.roll(edges, 1)) / 2.0**32
            synapses = projection.piece_number[piece] * share * sizes[target]
        elif projection.rule == FIXED_TOTAL:
            synapses = projection.entry_number
        elif projection.rule == FIXED_OUTDEGREE:
            synapses = projection.entry_number * sizes[source]
        else:
            own = (target == source) & (not projection.autapses)
            pairs = sizes[target] * (sizes[source] - own)
            probability = {BERNOULLI: projection.entry_number, ALL_TO_ALL: 1.0, ONE_TO_ONE: 1.0 / sizes[source]}
            synapses = pairs * probability[projection.rule]
        result.append((target, source, np.asarray(synapses, dtype=np.float64)))
    return result


def traffic(network: Network) -> Traffic:
    """Expected synaptic events per second from population (row) to population (column) at the assumed rate."""
    n = len(network.populations)
    matrix = np.zeros((n, n))
    for target, source, synapses in expected_synapses(network):
        np.add.at(matrix, (source, target), synapses * ASSUMED_RATE_HZ)
    return Traffic(matrix, by="population")


def cut_blocks(network: Network) -> BlockTable:
    """All blocks of the network with their predicted work."""
    gid0, size, population, region, work = [], [], [], [], []
    cost = NS_PER_NEURON_STEP + indegrees(network) * ASSUMED_RATE_HZ * network.dt_ms * 1e-3 * NS_PER_EVENT
    for index, item in enumerate(network.populations):
        starts = np.arange(0, item.size, network.block_size, dtype=np.int64)
        sizes = np.minimum(network.block_size, item.size - starts)
        gid0.append(item.gid0 + starts)
        size.append(sizes)
        population.append(np.full(starts.size, index))
        region.append(np.full(starts.size, item.region))
        work.append(sizes * cost[index])
    return BlockTable(
        n_neurons=np.concatenate(size),
        work=np.concatenate(work),
        region=np.concatenate(region),
        population=np.concatenate(population),
        gid0=np.concatenate(gid0),
    )


def assign_ranks(network: Network, table: BlockTable, n_ranks: int) -> Blocks:
    """Blocks with their ranks, by the configured partitioner."""
    partitioner = get_partitioner(network.config.simulation.partitioner)
    rank = partitioner.assign(table, n_ranks) if n_ranks > 1 else np.zeros(len(table), dtype=np.int32)
    return Blocks(
        gid0=table.gid0, size=table.n_neurons, population=table.population.astype(np.int64), rank=rank.astype(np.int32)
    )
