"""The script for sPyNNaker, and the configuration of a virtual board."""

VIRTUAL = """\
[Machine]
version = {version}
virtual_board = True

[Reports]
write_application_graph_placer_report = True
write_partitioner_reports = True
write_router_info_report = True
write_uncompressed = True
write_sdram_usage_report_per_chip = True
"""

SCRIPT = '''\
"""Run this network with sPyNNaker (pip install sPyNNaker): python run_spynnaker.py [--virtual] [--ms DURATION]

With --virtual it is only mapped, onto a board that does not exist: reports are in the folder `reports`, nothing is
simulated. Otherwise a machine is needed, as ~/.spynnaker.cfg says; spikes go to spikes.npz.
"""

import json
import os
import pathlib
import sys

here = pathlib.Path(__file__).resolve().parent
virtual = "--virtual" in sys.argv
if virtual:
    os.environ["HOME"] = str(here / "virtual")

import numpy as np
import pyNN.spiNNaker as sim

network = json.loads((here / "network.json").read_text())
arrays = dict(np.load(here / "network.npz"))
duration = float(sys.argv[sys.argv.index("--ms") + 1]) if "--ms" in sys.argv else network["duration_ms"]


def value(array):
    return float(array[0]) if array.size == 1 else array.tolist()


def trains(neurons, times, size):
    found = [[] for _ in range(size)]
    for neuron, time in zip(neurons.tolist(), times.tolist()):
        found[neuron].append(time)
    return found


sim.setup(timestep=network["dt_ms"], time_scale_factor=None if network["dt_ms"] >= 1 else round(1 / network["dt_ms"]))
for cell in sorted({entry["cell"] for entry in network["populations"]} - {"SpikeSourceArray"}):
    sim.set_number_of_neurons_per_core(getattr(sim, cell), network["neurons_per_core"])
made = {}
for entry in network["populations"]:
    name, size = entry["name"], entry["size"]
    if entry["cell"] == "SpikeSourceArray":
        spikes = trains(arrays[f"{name}/spike_neuron"], arrays[f"{name}/spike_ms"], size)
        made[name] = sim.Population(size, sim.SpikeSourceArray(spike_times=spikes), label=name)
        continue
    cell = getattr(sim, entry["cell"])
    prefix = name + "/"
    own = {key[len(prefix):]: value(array) for key, array in arrays.items() if key.startswith(prefix)}
    start = own.pop("v")
    made[name] = sim.Population(size, cell(**own), label=name)
    made[name].initialize(v=start)
    made[name].record("spikes")
for entry in network["projections"]:
    listed = arrays["connections/" + entry["name"]]
    connector = sim.FromListConnector(listed, column_names=["weight", "delay"])
    sim.Projection(made[entry["source"]], made[entry["target"]], connector, receptor_type=entry["receptor"])
for entry in network["drives"]:
    prefix = "drives/" + entry["name"] + "/"
    neuron, weight = arrays[prefix + "neuron"], arrays[prefix + "weight"]
    if entry["kind"] == "poisson":
        cell = sim.SpikeSourcePoisson(rate=value(arrays[prefix + "rate_hz"]))
    else:
        cell = sim.SpikeSourceArray(
            spike_times=trains(arrays[prefix + "spike_neuron"], arrays[prefix + "spike_ms"], neuron.size)
        )
    source = sim.Population(neuron.size, cell, label="drive " + entry["name"])
    listed = np.column_stack([np.arange(neuron.size), neuron, np.abs(weight), np.full(neuron.size, network["dt_ms"])])
    connector = sim.FromListConnector(listed, column_names=["weight", "delay"])
    receptor = "excitatory" if (weight >= 0).all() else "inhibitory"
    sim.Projection(source, made[entry["target"]], connector, receptor_type=receptor)
sim.run(duration)
if not virtual:
    found = {}
    for entry in network["populations"]:
        if entry["cell"] != "SpikeSourceArray":
            trains_of = made[entry["name"]].get_data("spikes").segments[0].spiketrains
            counts = [len(train) for train in trains_of]
            found[entry["name"] + "/neuron"] = np.repeat(np.arange(len(counts)), counts)
            found[entry["name"] + "/time_ms"] = np.concatenate([np.asarray(t.magnitude) for t in trains_of])
    np.savez(here / "spikes.npz", **found)
sim.end()
'''
