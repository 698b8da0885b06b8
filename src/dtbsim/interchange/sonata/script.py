"""`run_pointnet.py`, which comes with an exported network: it runs it in BMTK's PointNet on NEST."""

from __future__ import annotations

SCRIPT = '''"""Run this network with BMTK PointNet and NEST: python run_pointnet.py

Needs bmtk (1.2.0 was tested) and nest-simulator (3.10.0); spikes are written to output/spikes.h5.

PointNet ignores parameters that nodes.h5 has for every neuron (`dynamics_params`); they are set here after the neurons
are made. Elements of NEST's lists stand in columns NAME_1, NAME_2, ... .
"""

import json
import os
from pathlib import Path

import h5py
import nest
import numpy as np
from bmtk.simulator import pointnet

CONFIG = "simulation_config_pointnet.json"
LISTS = ("tau_syn", "asc_amps", "asc_decay", "asc_r")


def split(name):
    """NAME_2 of a list is (NAME, 1); others are (name, None)."""
    stem, _, number = name.rpartition("_")
    return (stem, int(number) - 1) if stem in LISTS and number.isdigit() else (name, None)


def set_parameters(network):
    with h5py.File("network/nodes.h5", "r") as file:
        for population in file["nodes"]:
            group = file[f"nodes/{population}/0"]
            if "dynamics_params" not in group:
                continue
            n = file[f"nodes/{population}/node_id"].shape[0]
            values = {name: data[()] for name, data in group["dynamics_params"].items()}
            ids = network.gid_map.get_nestids(population, np.arange(n))
            for node in range(n):
                given = {}
                for name, column in values.items():
                    if np.isnan(column[node]):
                        continue
                    stem, place = split(name)
                    if place is None:
                        given[stem] = float(column[node])
                    else:
                        given.setdefault(stem, {})[place] = float(column[node])
                plain = {k: [v[i] for i in sorted(v)] if isinstance(v, dict) else v for k, v in given.items()}
                if plain:
                    nest.NodeCollection([int(ids[node])]).set(plain)


def add_generators(network, dt):
    """Poisson drives that were exported with --drives poisson."""
    path = Path("generators.json")
    for item in json.loads(path.read_text()) if path.exists() else []:
        nodes = item["node_ids"] or list(range(item["first"], item["first"] + item["n"]))
        targets = nest.NodeCollection(sorted(int(k) for k in network.gid_map.get_nestids(item["population"], nodes)))
        given = {"rate": item["rate"], "start": item["start"], "stop": item["stop"]}
        synapse = {"weight": item["weight"], "delay": dt}
        if item["receptor_type"] is not None:
            synapse["receptor_type"] = item["receptor_type"]
        nest.Connect(nest.Create("poisson_generator", params=given), targets, syn_spec=synapse)


def main():
    os.chdir(Path(__file__).resolve().parent)
    configuration = pointnet.Config.from_json(CONFIG)
    configuration.build_env()
    network = pointnet.PointNetwork.from_config(configuration)
    simulator = pointnet.PointSimulator.from_config(configuration, network)
    set_parameters(network)
    add_generators(network, json.loads(Path(CONFIG).read_text())["run"]["dt"])
    simulator.run()


if __name__ == "__main__":
    main()
'''
