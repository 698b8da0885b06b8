"""Circuit and simulation configurations: one circuit for all readers, and a simulation each for BMTK and libsonata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dtbsim.clock import time_of
from dtbsim.interchange.sonata.drives import Inputs
from dtbsim.interchange.sonata.models import nest_name
from dtbsim.interchange.sonata.nodes import NEURONS, NodeMap
from dtbsim.interchange.sonata.tables import write_json
from dtbsim.spec.network import Network


def write_configs(
    root: Path,
    network: Network,
    nodes: NodeMap,
    circuit: tuple[list[dict[str, Any]], list[dict[str, Any]]],
    inputs: Inputs,
) -> None:
    """Write the configurations, node sets, and what the script reads."""
    write_json(
        root / "circuit_config.json",
        {
            "version": 2.4,
            "manifest": {
                "$BASE_DIR": ".",
                "$NETWORK_DIR": "$BASE_DIR/network",
                "$COMPONENT_DIR": "$BASE_DIR/components",
            },
            "components": {
                "point_neuron_models_dir": "$COMPONENT_DIR/point_neuron_models",
                "synaptic_models_dir": "$COMPONENT_DIR/synaptic_models",
            },
            "node_sets_file": "$BASE_DIR/node_sets.json",
            "networks": {"nodes": circuit[0], "edges": circuit[1]},
        },
    )
    write_json(root / "node_sets.json", _node_sets(network, nodes) | inputs.node_sets)
    _write_bmtk(root, network, inputs, _reports(network, nodes))
    _write_libsonata(root, network, inputs)
    if inputs.generators:
        write_json(root / "generators.json", inputs.generators)


def _node_sets(network: Network, nodes: NodeMap) -> dict[str, Any]:
    """Each population of the configuration by name, and all neurons."""
    found: dict[str, Any] = {NEURONS: {"population": NEURONS}}
    for index, family in enumerate(network.families):
        where = nodes.population[index]
        found[family.name] = {"population": where}
        if not family.declared.is_source:
            found[family.name]["population_name"] = family.name
    return found


def _run_times(network: Network) -> dict[str, Any]:
    return {"tstop": time_of(network.n_steps, network.dt_ms), "dt": network.dt_ms}


def _write_bmtk(root: Path, network: Network, inputs: Inputs, reports: dict[str, Any]) -> None:
    write_json(
        root / "simulation_config_pointnet.json",
        {
            "manifest": {"$BASE_DIR": ".", "$OUTPUT_DIR": "$BASE_DIR/output", "$INPUT_DIR": "$BASE_DIR/inputs"},
            "target_simulator": "NEST",
            # BMTK runs for the duration, a step more than tstop: NEST records the last step with the next one
            "run": {
                **_run_times(network), "duration": time_of(network.n_steps + 1, network.dt_ms),
                "overwrite_output_dir": True, "precise_times": False,
            },
            "inputs": inputs.bmtk,
            "output": {
                "log_file": "log.txt", "output_dir": "$OUTPUT_DIR", "spikes_file": "spikes.h5",
                "spikes_sort_order": "time",
            },
            "reports": reports,
            "network": "$BASE_DIR/circuit_config.json",
        },
    )  # fmt: skip


def _write_libsonata(root: Path, network: Network, inputs: Inputs) -> None:
    write_json(
        root / "simulation_config.json",
        {
            "version": 1,
            "manifest": {"$OUTPUT_DIR": "./output"},
            "network": "circuit_config.json",
            "node_set": NEURONS,
            "run": {**_run_times(network), "random_seed": network.seed % 2**31},
            "inputs": inputs.libsonata,
            "output": {"output_dir": "$OUTPUT_DIR", "spikes_file": "spikes.h5", "spikes_sort_order": "by_time"},
        },
    )


def _reports(network: Network, nodes: NodeMap) -> dict[str, Any]:
    """record.states as reports of multimeters."""
    found: dict[str, Any] = {}
    for request in network.samples[: network.records.states]:
        family = network.families[request.family]
        chosen: list[int] = []
        for member in family.populations.tolist():
            population = network.populations[member]
            wanted = request.neurons
            picked = range(min(wanted, population.size)) if isinstance(wanted, int) else wanted
            chosen += [int(nodes.nodes(request.family, population.gid0 + neuron)) for neuron in picked]
        found[f"states_{request.owner}"] = {
            "module": "multimeter_report",
            "variable_name": [nest_name(name) for name in request.variables],
            "cells": {"population": nodes.population[request.family], "node_id": chosen},
            "interval": time_of(request.interval, network.dt_ms),
            "file_name": f"states_{request.owner}.h5",
        }
    return found
