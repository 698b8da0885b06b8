"""Standard cells of PyNN with input of both signs: python pynn_cells.py BACKEND prints their spikes as JSON."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import numpy as np
from pyNN.parameters import Sequence

WEIGHTS = {
    "IF_curr_exp": (0.35, -0.3),
    "IF_curr_alpha": (1.2, -0.8),
    "IF_cond_exp": (0.006, 0.01),
    "IF_cond_alpha": (0.04, 0.05),
    "HH_cond_exp": (0.05, 0.1),
    "IF_facets_hardware1": (0.0006, 0.001),
}
"""Excitatory and inhibitory weights."""


def main() -> None:
    name = sys.argv[1]
    sim = importlib.import_module("dtbsim.pynn" if name == "dtbsim" else f"pyNN.{name}")
    early = 1e-5 if name == "nest" else 0.0  # as in pynn_network.py
    sim.setup(timestep=0.1, min_delay=0.1, max_delay=10.0, spike_precision="on_grid")
    draw = np.random.default_rng(1)

    def sources(n: int) -> Any:
        trains = [np.round(np.unique(draw.integers(20, 4990, 150)) * 0.1, 9) - early for _ in range(n)]
        return sim.Population(n, sim.SpikeSourceArray(spike_times=[Sequence(train) for train in trains]))

    ends = sources(40), sources(10)
    cells = {}
    for cell, weights in WEIGHTS.items():
        offset = {} if cell == "IF_facets_hardware1" else {"i_offset": 0.05}
        cells[cell] = sim.Population(2, getattr(sim, cell)(**offset))
        for source, weight, receptor in zip(ends, weights, ("excitatory", "inhibitory"), strict=True):
            synapse = sim.StaticSynapse(weight=weight, delay=1.2)
            sim.Projection(source, cells[cell], sim.AllToAllConnector(), synapse, receptor_type=receptor)
        cells[cell].record("spikes")
    sim.run(500.0)
    found = {}
    for cell, population in cells.items():
        trains = population.get_data().segments[0].spiketrains
        found[cell] = [np.rint(np.asarray(train) * 10).astype(int).tolist() for train in trains]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
