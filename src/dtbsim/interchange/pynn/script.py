"""The script that comes with an exported network: it builds and runs it with PyNN, without dtbsim."""

from __future__ import annotations

HEAD = '''"""{title}: a network for PyNN, written by dtbsim {version}.

    python run.py [SIMULATOR] [--duration MS] [--out spikes.npz]

SIMULATOR is a backend of PyNN ({simulator} if none is named): nest, neuron, brian2, spiNNaker, dtbsim, ... .
Writes the spikes of all neurons: arrays `time_ms`, `neuron` (from 0) and `population` (a number in `names`).
"""

import argparse
import importlib
from pathlib import Path

import numpy as np
from pyNN.parameters import Sequence

HERE = Path(__file__).resolve().parent
DT_MS = {dt_ms!r}
MODULES = {{"dtbsim": "dtbsim.pynn", "brainscales2": "pynn_brainscales.brainscales2"}}


def arrays(name):
    return dict(np.load(HERE / f"{{name}}.npz"))


def neurons(sim, name, cell, parameters, initial):
    """A population; numbers that differ between neurons are arrays in neurons/NAME.npz."""
    given = arrays(f"neurons/{{name}}")
    own = {{key[2:]: value for key, value in given.items() if key.startswith("p_")}}
    states = {{key[2:]: value for key, value in given.items() if key.startswith("i_")}}
    population = sim.Population(int(given["size"]), cell(**parameters, **own), label=name)
    population.initialize(**initial, **states)
    if hasattr(population, "node_collection") and "v" in {{**initial, **states}}:
        # PyNN 0.13.0 does not set it of IF_curr_delta in NEST
        population.node_collection.V_m = np.broadcast_to({{**initial, **states}}["v"], population.size).tolist()
    return population


def sources(sim, name):
    """Sources of listed spikes."""
    given = arrays(f"inputs/{{name}}")
    # pyNN.nest subtracts a delay, and NEST rounds up: a time that comes out a little above a step would be the next one
    early = 1e-4 * DT_MS if sim.__name__ == "pyNN.nest" else 0.0
    trains = np.split(np.round(given["step"] * DT_MS, 9) - early, np.cumsum(given["n"])[:-1])
    times = [Sequence(train) for train in trains]
    return sim.Population(len(times), sim.SpikeSourceArray(spike_times=times), label=name)


def connect(sim, source, target, name, receptor):
    """The synapses of connections/NAME.npz: indices, weight (nA, uS or mV), delay (ms)."""
    given = arrays(f"connections/{{name}}")
    delays = np.round(given["delay_steps"] * DT_MS, 9)
    rows = np.column_stack([given["source"], given["target"], given["weight"], delays])
    connector = sim.FromListConnector(rows, column_names=["weight", "delay"])
    return sim.Projection(source, target, connector, sim.StaticSynapse(), receptor_type=receptor, label=name)


def inject(sim, population, name):
    """A current that changes step by step."""
    given = arrays(f"inputs/{{name}}")
    source = sim.StepCurrentSource(times=np.round(given["step"] * DT_MS, 9), amplitudes=given["amplitude"])
    source.inject_into(population[given["neuron"].tolist()])


def build(sim):
    """Make the network; return the populations of neurons by name."""
    found, n = {{}}, {{}}
'''
TAIL = """    return found


def main():
    parser = argparse.ArgumentParser(description="Run the network with PyNN.")
    parser.add_argument("simulator", nargs="?", default={simulator!r})
    parser.add_argument("--duration", type=float, default={duration_ms!r}, metavar="MS")
    parser.add_argument("--out", type=Path, default=HERE / "spikes.npz", metavar="FILE")
    given = parser.parse_args()
    sim = importlib.import_module(MODULES.get(given.simulator, f"pyNN.{{given.simulator}}"))
    more = {{"spike_precision": "on_grid"}} if given.simulator == "nest" else {{}}
    sim.setup(timestep=DT_MS, min_delay=DT_MS, max_delay={max_delay_ms!r}, **more)
    found = build(sim)
    for population in found.values():
        population.record("spikes")
    sim.run(given.duration)
    times, cells, numbers = [np.zeros(0)], [np.zeros(0, int)], [np.zeros(0, int)]
    for number, population in enumerate(found.values()):
        for cell, train in enumerate(population.get_data("spikes").segments[-1].spiketrains):
            times.append(np.asarray(train.rescale("ms").magnitude))
            cells.append(np.full(len(train), cell))
            numbers.append(np.full(len(train), number))
    sim.end()
    np.savez(
        given.out,
        time_ms=np.concatenate(times),
        neuron=np.concatenate(cells),
        population=np.concatenate(numbers),
        names=np.array(list(found)),
    )
    print(f"{{sum(len(part) for part in times)}} spikes in {{given.out}}")


if __name__ == "__main__":
    main()
"""
