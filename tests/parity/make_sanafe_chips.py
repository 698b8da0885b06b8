"""Spikes and packets of SANA-FE 2.2.9 for networks of `tests.helpers.chip_networks` on Loihi and on TrueNorth.

SANA-FE is under the GPL: it is run in an environment of its own, and what it gives is written to
tests/parity/data/sanafe_chips.npz:

    python -m venv /tmp/sanafe && /tmp/sanafe/bin/pip install sanafe==2.2.9 numpy pyyaml
    PYTHONPATH=. /tmp/sanafe/bin/python tests/parity/make_sanafe_chips.py [OUT.npz]

Of its Loihi, spikes are kept where they wait in the dendrite, which is what makes delays work.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import sanafe
import yaml
from tests.helpers.chip_networks import (
    CORES,
    LOIHI_BIAS,
    N_NEURONS,
    SANAFE_LOIHI,
    SANAFE_TRUENORTH,
    loihi_network,
    sanafe_truenorth,
)

OUT = Path(__file__).parent / "data" / "sanafe_chips.npz"
EXAMPLES = Path(sanafe.__file__).parent / "examples"


def loihi(folder: Path):
    """Spikes (step, neuron), packets and hops."""
    arch = yaml.safe_load((EXAMPLES / "loihi.yaml").read_text())
    for core in arch["architecture"]["tile"][0]["core"]:
        core["attributes"] |= {"buffer_position": "dendrite", "buffer_inside_unit": True}
    given = SANAFE_LOIHI
    each = [
        {
            "threshold": float(given["vth_mantissa"]), "reset": 0.0, "reset_mode": "hard", "reverse_threshold": -1e9,
            "leak_decay": (4096 - given["decay_v"]) / 4096, "input_decay": 0.0, "force_update": True,
            "bias": float(bias) / 64, "refractory_delay": given["refractory_steps"],
        }
        for bias in LOIHI_BIAS
    ]  # fmt: skip
    hardware = "loihi_lif", "loihi_dendrites_delay", "loihi_sparse_synapse"
    return run(arch, loihi_network(max_delay=5, n_inputs=0), each, hardware, folder, delays=True)


def truenorth(folder: Path):
    """The same of TrueNorth: delays of one step."""
    arch = yaml.safe_load((EXAMPLES / "truenorth.yaml").read_text())
    net, leaks = sanafe_truenorth()
    given = SANAFE_TRUENORTH
    each = [
        {
            "threshold": float(given["threshold"]), "reset": float(given["reset"]),
            "reset_mode": ("hard", "soft")[given["reset_mode"]], "reverse_reset_mode": "saturate",
            "reverse_threshold": -float(given["negative_threshold"]), "leak": float(leak), "leak_towards_zero": False,
            "force_update": True,
        }
        for leak in leaks
    ]  # fmt: skip
    return run(arch, net, each, ("core_soma", "core_dendrites", "core_synapses"), folder, delays=False)


def run(arch, net, each, hardware, folder: Path, *, delays: bool):
    """Put neuron n on core n % CORES and simulate."""
    path = folder / "arch.yaml"
    path.write_text(yaml.safe_dump(arch, sort_keys=False))
    made = sanafe.load_arch(str(path))
    cores = made.cores()
    soma, dendrite, synapse = hardware
    network = sanafe.Network()
    group = network.create_neuron_group(
        "N", N_NEURONS, model_attributes={}, soma_hw_name=soma, default_synapse_hw_name=synapse,
        default_dendrite_hw_name=dendrite, log_spikes=True,
    )  # fmt: skip
    for n in range(N_NEURONS):
        group[n].set_attributes(model_attributes=each[n], log_spikes=True)
        group[n].map_to_core(cores[n % CORES])
    attributes = {"weight": [float(w) for w in net.weight]}
    if delays:
        attributes["delay"] = [int(d) for d in net.delay]
    group.connect_neurons_sparse(group, attributes, list(zip(net.source.tolist(), net.target.tolist(), strict=True)))
    chip = sanafe.SpikingChip(made)
    chip.load(network)
    found = chip.sim(net.n_steps, timing_model="simple", spike_trace=True, perf_trace=True)
    spikes = [(k, int(str(n).split(".")[-1])) for k, row in enumerate(found["spike_trace"]) for n in row]
    traffic = {"packets_sent": found["packets_sent"], "hops": sum(found["perf_trace"]["hops"])}
    return np.array(sorted(spikes), np.uint16).reshape(-1, 2), traffic


if __name__ == "__main__":
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, simulate in (("loihi", loihi), ("truenorth", truenorth)):
            spikes, traffic = simulate(Path(folder))
            print(name, len(spikes), "spikes", traffic)
            result |= {f"{name}_spikes": spikes, **{f"{name}_{key}": value for key, value in traffic.items()}}
    np.savez_compressed(sys.argv[1] if len(sys.argv) > 1 else OUT, **result)
