"""The script beside the files for SANA-FE, which runs them without dtbsim."""

SCRIPT = '''\
"""Run this network with SANA-FE (pip install sanafe numpy): python run_sanafe.py [STEPS]

Leaves sanafe.npz: `step` and `gid` of every spike, sorted; `packets`, what SANA-FE counted as packets_sent, and
`packets_of_spikes`, what follows from the spikes and the cores that neurons reach; `energy` in joules.
"""

import pathlib
import sys

import numpy as np
import sanafe

here = pathlib.Path(__file__).parent
steps = int(sys.argv[1]) if len(sys.argv) > 1 else @STEPS@
arch = sanafe.load_arch(str(here / "arch.yaml"))
network = sanafe.load_net(str(here / "net.yaml"), arch)
chip = sanafe.SpikingChip(arch)
chip.load(network)
result = chip.sim(steps, spike_trace=True)
neurons = np.load(here / "neurons.npz")
found = []
for step, spikes in enumerate(result["spike_trace"]):
    for spike in spikes:
        group, index = str(spike).rsplit(".", 1)
        if group in neurons:
            found.append((step, int(neurons[group][int(index)])))
found = np.array(sorted(found), np.int64).reshape(-1, 2)
packets_of_spikes = int(neurons["reached"][found[:, 1]].sum())
energy = result["energy"]
total = float(energy["total"] if isinstance(energy, dict) else energy)
np.savez(
    here / "sanafe.npz", step=found[:, 0], gid=found[:, 1], packets=int(result["packets_sent"]),
    packets_of_spikes=packets_of_spikes, energy=total,
)
print(f"{len(found):,} spikes, {result['packets_sent']:,} packets ({packets_of_spikes:,} of spikes), {total:.4g} J")
'''
