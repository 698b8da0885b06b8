"""A network of PyNN that any backend runs on the time grid: python pynn_network.py BACKEND RULE prints spikes as JSON.

Sources of listed spikes reach neurons over synapses with spike-timing dependent plasticity of the RULE of its weights,
and neurons each other over static ones, with a current and a change between two runs.
"""

from __future__ import annotations

import importlib
import json
import sys

import numpy as np
from pyNN.parameters import Sequence
from pyNN.random import NumpyRNG


def main() -> None:
    name, rule = sys.argv[1:]
    sim = importlib.import_module("dtbsim.pynn" if name == "dtbsim" else f"pyNN.{name}")
    # pyNN.nest subtracts a delay, and NEST rounds up: a time a little above a step would be the next one
    early = 1e-5 if name == "nest" else 0.0
    sim.setup(timestep=0.1, min_delay=0.1, max_delay=10.0, spike_precision="on_grid")
    draw = np.random.default_rng(3)
    trains = [np.round(np.unique(draw.integers(20, 4990, 60)) * 0.1, 9) - early for _ in range(20)]
    sources = sim.Population(20, sim.SpikeSourceArray(spike_times=[Sequence(train) for train in trains]))
    neurons = sim.Population(12, sim.IF_curr_exp(tau_syn_E=2.0, tau_syn_I=4.0, tau_refrac=2.0))
    static = sim.StaticSynapse(weight=-0.5, delay=1.5)
    learning = sim.STDPMechanism(
        sim.SpikePairRule(tau_plus=20.0, tau_minus=15.0, A_plus=0.02, A_minus=0.022),
        getattr(sim, rule)(w_min=0.0, w_max=8.0),
        weight=3.2,
        delay=1.0,
    )
    sim.Projection(
        sources, neurons, sim.FixedProbabilityConnector(0.7, rng=NumpyRNG(seed=5)), learning, receptor_type="excitatory"
    )
    sim.Projection(
        neurons, neurons, sim.FixedProbabilityConnector(0.3, rng=NumpyRNG(seed=6)), static, receptor_type="inhibitory"
    )
    current = sim.DCSource(amplitude=0.6, start=100.0, stop=300.0)
    current.inject_into(neurons[:4])
    neurons.record("spikes")
    sim.run(250.0)
    neurons[6:].set(i_offset=0.3)
    sim.run(250.0)
    found = neurons.get_data().segments[0].spiketrains
    print(json.dumps([np.rint(np.asarray(train) * 10).astype(int).tolist() for train in found]))


if __name__ == "__main__":
    main()
