"""The network of `chips.py` in SANA-FE, run by a Python of its own: FOLDER/network.npz to FOLDER/sanafe.npz."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import sanafe
import yaml


def main(folder: Path) -> None:
    """Build and simulate; write spikes, packets and times."""
    given, p = np.load(folder / "network.npz"), json.loads((folder / "parameters.json").read_text())
    arch = yaml.safe_load((Path(sanafe.__file__).parent / "examples" / "loihi.yaml").read_text())
    for core in arch["architecture"]["tile"][0]["core"]:  # where delays work
        core["attributes"] |= {"buffer_position": "dendrite", "buffer_inside_unit": True}
    (folder / "arch.yaml").write_text(yaml.safe_dump(arch, sort_keys=False))
    began = time.perf_counter()
    made = sanafe.load_arch(str(folder / "arch.yaml"))
    cores, network, n = made.cores(), sanafe.Network(), given["bias"].size
    group = network.create_neuron_group(
        "N", n, soma_hw_name="loihi_lif", default_synapse_hw_name="loihi_sparse_synapse",
        default_dendrite_hw_name="loihi_dendrites_delay", log_spikes=True,
    )  # fmt: skip
    same = {
        "threshold": float(p["vth_mantissa"]), "reset": 0.0, "reset_mode": "hard", "reverse_threshold": -1e9,
        "leak_decay": (4096 - p["decay_v"]) / 4096, "input_decay": 0.0, "force_update": True,
        "refractory_delay": p["refractory_steps"],
    }  # fmt: skip
    for k, bias in enumerate(given["bias"].tolist()):
        group[k].set_attributes(model_attributes=same | {"bias": bias / 64}, log_spikes=True)
        group[k].map_to_core(cores[k // int(given["per_core"])])
    attributes = {"weight": given["weight"].astype(float).tolist(), "delay": given["delay"].tolist()}
    group.connect_neurons_sparse(
        group, attributes, list(zip(given["source"].tolist(), given["target"].tolist(), strict=True))
    )
    chip = sanafe.SpikingChip(made)
    chip.load(network)
    built = time.perf_counter()
    found = chip.sim(int(given["steps"]), timing_model="simple", spike_trace=True)
    simulated = time.perf_counter()
    spikes = [(k, int(str(x).split(".")[-1])) for k, row in enumerate(found["spike_trace"]) for x in row]
    np.savez(folder / "sanafe.npz", spikes=np.array(sorted(spikes), np.int64).reshape(-1, 2))
    result = {
        "steps": int(given["steps"]), "build_s": round(built - began, 2), "simulate_s": round(simulated - built, 3),
        "peak_rss_MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "packets_sent": int(found["packets_sent"]),
    }  # fmt: skip
    (folder / "sanafe.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
