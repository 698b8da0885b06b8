"""Neuron models and synapses in NEST, one thread: seconds per case. Started by `models.py --vs nest`.

    python benchmarks/nest_models.py CASES --out FILE

CASES is a JSON file that models.py writes. Needs the extra `reference`.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import common

CHUNKS = 5


def best_s(nest: Any, chunk_ms: float) -> tuple[float, int]:
    """Shortest wall time of a chunk after a first one, and the spikes of all of them."""
    nest.Prepare()
    nest.Run(chunk_ms)
    seconds, spikes = [], 0
    for _ in range(CHUNKS):
        begin_s = time.perf_counter()
        nest.Run(chunk_ms)
        seconds.append(time.perf_counter() - begin_s)
        spikes += nest.local_spike_counter
    nest.Cleanup()
    return min(seconds), spikes


def reset(nest: Any, dt_ms: float) -> None:
    """An empty network on one thread."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.local_num_threads = 1
    nest.resolution = dt_ms


def neurons(nest: Any, case: dict[str, Any]) -> dict[str, float]:
    """Neurons with a constant current, without synapses."""
    reset(nest, case["dt_ms"])
    nest.Create(case["model"], case["size"], params=case["parameters"])
    seconds, spikes = best_s(nest, case["chunk_ms"])
    return {"seconds": seconds, "spikes": spikes}


def synapses(nest: Any, case: dict[str, Any]) -> dict[str, float]:
    """Poisson sources onto tonically firing targets."""
    reset(nest, case["dt_ms"])
    drive = nest.Create("poisson_generator", params={"rate": case["rate_hz"]})
    sources = nest.Create("parrot_neuron", case["sources"])
    nest.Connect(drive, sources, syn_spec={"delay": case["dt_ms"]})
    targets = nest.Create("iaf_psc_exp", case["targets"], params={"I_e": nest.random.uniform(376.0, 400.0)})
    if case["model"] is not None:
        homogeneous = case["model"] == "stdp_pl_synapse_hom"
        nest.CopyModel(case["model"], "used", case["parameters"] if homogeneous else {})
        own = {} if homogeneous else case["parameters"]
        nest.Connect(sources, targets, "all_to_all", {"synapse_model": "used", "weight": case["weight_pA"],
                                                      "delay": case["delay_ms"], **own})  # fmt: skip
    seconds, spikes = best_s(nest, case["chunk_ms"])
    return {"seconds": seconds, "spikes": spikes}


def main() -> None:
    """Run all cases and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    options = parser.parse_args()
    os.environ["PYNEST_QUIET"] = "1"
    import nest

    cases = common.read_json(options.cases)
    run = {"neurons": neurons, "synapses": synapses}
    results = {part: {name: run[part](nest, case) for name, case in cases[part].items()} for part in run}
    common.write_json(options.out, {"version": nest.__version__, **results})


if __name__ == "__main__":
    main()
