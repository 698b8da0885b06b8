"""network.json: what was built, for readers of the run (docs/run_folder.md)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.blocks import traffic
from dtbsim.build.rank import RankPlan
from dtbsim.exchange.plan import ExchangePlan
from dtbsim.partition import find_placement
from dtbsim.spec.network import Network
from dtbsim.spec.region_network import RegionNetwork


def describe_network(
    network: Network, plan: RankPlan, exchange: ExchangePlan, synapses_of_rank: list[int]
) -> dict[str, Any]:
    """The content of network.json; `synapses_of_rank` are the numbers that the ranks built."""
    regions = sorted({population.region for population in network.populations if population.region >= 0})
    if network.regions is not None:
        nodes = {int(region) for population in network.regions.populations for region in population.regions}
        regions = sorted({*regions, *(nodes - {-1})})
    index = {region: position for position, region in enumerate(regions)} | {-1: -1}
    neurons, work = np.zeros(len(synapses_of_rank)), np.zeros(len(synapses_of_rank))
    np.add.at(neurons, plan.blocks.rank, plan.blocks.size)
    np.add.at(work, plan.blocks.rank, plan.table.work)
    return {
        "dt_ms": network.dt_ms,
        "n_steps": network.n_steps,
        "n_neurons": network.n_neurons,
        "n_synapses": sum(synapses_of_rank),
        "block_size": network.block_size,
        "max_delay_steps": network.max_delay_steps,
        "regions": [network.region_names[region] for region in regions],
        "atlas": network.atlas_given,
        "populations": [
            {
                "name": population.name,
                "family": network.families[population.family].name,
                "region": network.region_names[population.region] if population.region >= 0 else None,
                "region_index": index[population.region],
                "model": network.families[population.family].model.name,
                "gid0": population.gid0,
                "size": population.size,
            }
            for population in network.populations
        ],
        "projections": _projections(network),
        "weights": _weights(network),
        "partition": [
            {"rank": rank, "neurons": int(neurons[rank]), "synapses": int(synapses), "work": float(work[rank])}
            for rank, synapses in enumerate(synapses_of_rank)
        ],
        "ranks_per_spike": exchange.ranks_per_spike(network.sizes),
        "placement": _placement(network, plan) if len(synapses_of_rank) > 1 and network.n_neurons else None,
        **({} if network.regions is None else describe_regions(network, network.regions)),
    }


def describe_regions(network: Network, regions: RegionNetwork) -> dict[str, Any]:
    """Mean-field populations, their couplings, and the members of the ensemble."""
    names = [population.name for population in regions.populations]
    couplings = []
    for coupling in regions.couplings:
        wiring = coupling.wirings[0]
        couplings.append(
            {
                "name": coupling.name,
                "source": names[coupling.source],
                "target": names[coupling.target],
                "variable": coupling.variable,
                "input": coupling.input,
                "function": coupling.function,
                "connections": int(wiring.weights.size),
                "min_delay_steps": wiring.shortest if wiring.weights.size else 0,
                "max_delay_steps": wiring.longest,
                "connectomes": len(coupling.wirings),
            }
        )
    return {
        "region_populations": [
            {
                "name": population.name,
                "model": population.model.name,
                "integrator": population.integrator,
                "nodes": list(population.node_names),
                "first_node": population.first_node,
                "states": [row.name for row in population.model.states],
                "outputs": [row.name for row in population.model.outputs],
            }
            for population in regions.populations
        ],
        "couplings": couplings,
        "members": {
            "number": regions.members.n,
            "seeds": list(regions.members.seeds),
            "coordinates": {name: [_plain(one) for one in v] for name, v in regions.members.coordinates.items()},
        },
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str | bool | None) else str(value)


def _placement(network: Network, plan: RankPlan) -> dict[str, Any]:
    """Ranks of regions (populations, where these have none), and the traffic before and after ordering."""
    found = find_placement(plan.table, plan.blocks.rank, traffic(network))
    of = [network.populations[population] for population in plan.table.population[found.first].tolist()]
    names = [network.region_names[item.region] if item.region >= 0 else item.name for item in of]
    return {
        "regions": [
            {"name": name, "rank": rank, "ranks": ranks}
            for name, rank, ranks in zip(names, found.rank.tolist(), found.n_ranks.tolist(), strict=True)
        ],
        "traffic_given": _short(found.given),
        "traffic_placed": _short(found.placed),
    }


def _short(matrix: NDArray[np.float64]) -> list[list[float]]:
    """Numbers of four digits: for the eye."""
    return [[float(f"{value:.4g}") for value in row] for row in matrix.tolist()]


def _weights(network: Network) -> list[dict[str, Any]]:
    return [
        {
            "population": item.population,
            "ports": list(item.ports),
            "unit": item.unit,
            "quantum": item.quantum,
            "largest": item.largest,
            "largest_of": item.strongest,
            "relative_change": item.change,
            "changed": item.changed or None,
            "smallest_quanta": item.quanta,
            "smallest_of": item.least or None,
        }
        for item in network.resolutions
    ]


def _projections(network: Network) -> list[dict[str, Any]]:
    result = []
    expected = network.entries.per_projection(network.entries.synapses, len(network.projections)).tolist()
    for projection, synapses in zip(network.projections, expected, strict=True):
        shortest, longest = projection.delay_range(network.dt_ms)
        result.append(
            {
                "name": projection.name,
                "source": network.families[projection.source_family].name,
                "target": network.families[projection.target_family].name,
                "rule": projection.rule.kind,
                "scope": projection.scope,
                "connectome_reference": projection.reference,
                "expected_synapses": round(synapses),
                "min_delay_steps": shortest,
                "max_delay_steps": longest,
            }
        )
    return result
