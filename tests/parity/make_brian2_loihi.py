"""Spikes of Brian2Loihi 0.5.2 for the network of `tests.helpers.chip_networks.loihi_network`.

It needs an environment of its own, and writes tests/parity/data/brian2_loihi.npz:

    python -m venv /tmp/brian2loihi && /tmp/brian2loihi/bin/pip install 'numpy<2.3' brian2-loihi==0.5.2
    PYTHONPATH=. /tmp/brian2loihi/bin/python tests/parity/make_brian2_loihi.py [OUT.npz]
"""

from __future__ import annotations

import sys
from pathlib import Path

import brian2
import numpy as np
from brian2_loihi import LoihiNetwork, LoihiNeuronGroup, LoihiSpikeGeneratorGroup, LoihiSpikeMonitor, LoihiSynapses
from tests.helpers.chip_networks import LOIHI_CASES, N_NEURONS, loihi_network

OUT = Path(__file__).parent / "data" / "brian2_loihi.npz"
MIXED = 1


def spikes(case: dict[str, int]) -> np.ndarray:
    """uint16[n, 2]: steps and neurons, in this order."""
    net = loihi_network()
    neurons = LoihiNeuronGroup(
        N_NEURONS, refractory=case["refractory_steps"], threshold_v_mant=case["vth_mantissa"],
        decay_v=case["decay_v"], decay_I=case["decay_u"],
    )  # fmt: skip
    given = LoihiSpikeGeneratorGroup(net.n_inputs, net.input[:, 1], net.input[:, 0])
    monitor = LoihiSpikeMonitor(neurons)
    parts = [given, neurons, monitor]
    parts += _connect(given, neurons, net.in_source, net.in_target, net.in_weight, net.in_delay)
    parts += _connect(neurons, neurons, net.source, net.target, net.weight, net.delay)
    LoihiNetwork(*parts).run(net.n_steps)
    steps, index = np.rint(np.asarray(monitor.t)).astype(int), np.asarray(monitor.i)
    return np.array(sorted(zip(steps.tolist(), index.tolist(), strict=True)), np.uint16)


def _connect(source, target, sources, targets, weights, delays):
    """One object for each delay; weights of both signs have 8 bits with the lowest at 2."""
    made = []
    for delay in sorted(set(delays.tolist())):
        mine = delays == delay
        synapses = LoihiSynapses(source, target, delay=int(delay), sign_mode=MIXED, w_exp=0)
        synapses.connect(i=sources[mine], j=targets[mine])
        synapses.w = 2 * weights[mine]
        made.append(synapses)
    return made


if __name__ == "__main__":
    brian2.prefs.codegen.target = "numpy"
    found = {name: spikes(case) for name, case in LOIHI_CASES.items()}
    for name, each in found.items():
        print(name, len(each), "spikes")
    np.savez_compressed(sys.argv[1] if len(sys.argv) > 1 else OUT, **found)
