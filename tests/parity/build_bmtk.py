"""Build a small SONATA network with bmtk.builder, and run it with BMTK PointNet and NEST: python build_bmtk.py FOLDER

Needs a Python with bmtk and nest-simulator, and no dtbsim. Excitatory and inhibitory neurons with attributes, edges by
functions of them, several of a pair (nsyns), virtual neurons with trains of spikes, one dynamics_params for each type.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import h5py
import numpy as np
from bmtk.builder.networks import NetworkBuilder
from bmtk.simulator import pointnet
from bmtk.utils.reports.spike_trains import SpikeTrains
from bmtk.utils.sim_setup import build_env_pointnet

CELLS = {
    "exc": {"C_m": 239.0, "tau_m": 44.9, "t_ref": 3.0, "E_L": -78.0, "V_th": -62.0, "V_reset": -72.0},
    "inh": {"C_m": 180.0, "tau_m": 22.2, "t_ref": 1.0, "E_L": -75.0, "V_th": -50.0, "V_reset": -62.0},
}
MODELS = {"exc": "nest:iaf_psc_alpha", "inh": "nest:iaf_psc_exp"}


def build(folder: Path, n_exc: int, n_inh: int) -> None:
    """Write nodes and edges."""
    draw = np.random.default_rng(5)
    net = NetworkBuilder("cortex")
    for name, n in (("exc", n_exc), ("inh", n_inh)):
        net.add_nodes(
            N=n, pop_name=name, ei=name[0], positions=draw.uniform(-50, 50, (n, 3)), model_type="point_neuron",
            model_template=MODELS[name], dynamics_params=f"{name}.json", tuning=np.linspace(0, 360, n, endpoint=False),
        )  # fmt: skip

    def near(source: dict, target: dict, most: int, scale: float) -> int | None:
        """More synapses between neurons of like tuning."""
        if source["node_id"] == target["node_id"]:
            return None
        apart = abs((source["tuning"] - target["tuning"] + 180) % 360 - 180)
        n = draw.binomial(most, np.exp(-apart / scale))
        return int(n) if n else None

    edges = {"dynamics_params": "static.json", "model_template": "static_synapse"}
    for pre, post, weight, delay, most, scale in (
        ("exc", "exc", 18.0, 2.0, 3, 60.0),
        ("exc", "inh", 25.0, 1.2, 2, 90.0),
        ("inh", "exc", -30.0, 0.8, 3, 90.0),
        ("inh", "inh", -35.0, 0.8, 1, 90.0),
    ):
        net.add_edges(
            source={"pop_name": pre}, target={"pop_name": post}, connection_rule=near,
            connection_params={"most": most, "scale": scale}, syn_weight=weight, delay=delay,
            weight_function="wmax", **edges,
        )  # fmt: skip
    thalamus = NetworkBuilder("thalamus")
    thalamus.add_nodes(N=80, pop_name="tw", model_type="virtual", potential="spiking")
    thalamus.add_edges(
        source=thalamus.nodes(), target=net.nodes(), connection_rule=lambda s, t: int(draw.integers(0, 5)),
        syn_weight=60.0, delay=1.5, weight_function=None, **edges,
    )  # fmt: skip
    for item in (net, thalamus):
        item.build()
        item.save(output_dir=str(folder / "network"))


def stimulate(folder: Path, duration_ms: float) -> None:
    """Trains of spikes on the grid of 0.1 ms, of the virtual neurons."""
    draw = np.random.default_rng(7)
    trains = SpikeTrains(population="thalamus")
    for node in range(80):
        steps = np.flatnonzero(draw.random(round(duration_ms * 10) - 10) < 0.004) + 5
        for step in steps.tolist():
            trains.add_spike(node_id=node, timestamp=round(step * 0.1, 1), population="thalamus")
    (folder / "inputs").mkdir()
    trains.to_sonata(str(folder / "inputs" / "thalamus.h5"))


def main(folder: Path, duration_ms: float = 600.0) -> None:
    """Build, set up and run."""
    build(folder, 200, 50)
    stimulate(folder, duration_ms)
    build_env_pointnet(
        base_dir=str(folder), network_dir=str(folder / "network"), tstop=duration_ms, dt=0.1,
        include_examples=False, spikes_inputs=[("thalamus", str(folder / "inputs" / "thalamus.h5"))],
        config_file="config.json",
    )  # fmt: skip
    components = folder / "components"
    for name, values in CELLS.items():
        path = components / "point_neuron_models" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**values, "I_e": 0.0, "V_m": values["E_L"]}))
    path = components / "synaptic_models" / "static.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    config = pointnet.Config.from_json(str(folder / "config.json"))
    config.build_env(force=True)
    network = pointnet.PointNetwork.from_config(config)
    pointnet.PointSimulator.from_config(config, network).run()
    with h5py.File(folder / "output" / "spikes.h5") as file:
        print(file["spikes/cortex/timestamps"].size, "spikes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
