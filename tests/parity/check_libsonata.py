"""Open an exported network with libsonata: python check_libsonata.py FOLDER (needs the package libsonata; no dtbsim).

Prints, as JSON, what it read of nodes, edges from both sides (the files need --index), parameters, and spikes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import libsonata


def main(folder: Path) -> None:
    """Read everything."""
    simulation = libsonata.SimulationConfig.from_file(str(folder / "simulation_config.json"))
    circuit = libsonata.CircuitConfig.from_file(str(folder / "circuit_config.json"))
    found: dict[str, object] = {"tstop": simulation.run.tstop, "inputs": sorted(simulation.list_input_names)}
    found["populations"] = sorted(circuit.node_populations)
    nodes = circuit.node_population("neurons")
    everyone = nodes.select_all()
    found["neurons"] = nodes.size
    found["names"] = sorted(set(nodes.get_attribute("population_name", everyone).tolist()))
    found["parameters"] = {
        name: nodes.get_dynamics_attribute(name, everyone).tolist() for name in sorted(nodes.dynamics_attribute_names)
    }
    sets = libsonata.NodeSets.from_file(str(folder / "node_sets.json"))
    found["node_sets"] = {name: int(sets.materialize(name, nodes).flat_size) for name in ("E", "I")}
    edges: dict[str, object] = {}
    for name in sorted(circuit.edge_populations):
        population = circuit.edge_population(name)
        if not population.size:
            continue
        chosen = population.select_all()
        target, source = population.target_nodes(chosen), population.source_nodes(chosen)
        edges[name] = {
            "size": population.size,
            "weights": float(population.get_attribute("syn_weight", chosen).sum()),
            "onto": [int(population.afferent_edges([k]).flat_size) for k in range(3)],
            "onto_counted": [int((target == k).sum()) for k in range(3)],
            "from": [int(population.efferent_edges([k]).flat_size) for k in range(3)],
            "from_counted": [int((source == k).sum()) for k in range(3)],
        }
    found["edges"] = edges
    spikes = {}
    for path in sorted((folder / "inputs").glob("*.h5")):
        reader = libsonata.SpikeReader(str(path))
        for name in reader.get_population_names():
            spikes[name] = len(reader[name].get())
    found["spikes"] = spikes
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
