"""The plastic balanced network in NEST: build time, real-time factor, memory. Started by `plasticity.py --vs nest`.

    python benchmarks/nest_plasticity.py MODEL --out FILE [--threads N] [--transient MS] [--t-sim MS] [--static]

MODEL is the network as numbers (`plasticity_model.plain_model`, as JSON). Nothing is recorded. Needs the extra
`reference`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any

import common

CHUNKS = 5


def build(nest: Any, model: dict[str, Any], threads: int, seed: int, static: bool) -> int:
    """Create and connect everything; returns the number of recurrent synapses."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.local_num_threads = threads
    nest.resolution = model["dt_ms"]
    nest.rng_seed = seed
    stdp = model["stdp"]
    start = nest.random.normal(model["V_m"]["mean"], model["V_m"]["sd"])
    parameters = model["membrane"] | {"tau_minus": stdp["tau_minus_ms"], "V_m": start}
    cells = {name: nest.Create("iaf_psc_alpha", size, params=parameters) for name, size in model["sizes"].items()}
    drive = nest.Create("poisson_generator", params={"rate": model["rate_hz"]})
    for name in cells:
        nest.Connect(drive, cells[name], "all_to_all", {"weight": model["weights_pA"]["E"], "delay": model["dt_ms"]})
    nest.CopyModel("static_synapse", "from_E")
    nest.CopyModel("static_synapse", "from_I")
    learning = {"lambda": stdp["learning_rate"], "alpha": stdp["alpha"], "mu": stdp["mu"]}
    nest.CopyModel("stdp_pl_synapse_hom", "plastic", learning | {"tau_plus": stdp["tau_plus_ms"]})
    total = 0
    for source in "EI":
        for target in "EI":
            kind = "plastic" if source + target == "EE" and not static else f"from_{source}"
            synapse = {"synapse_model": kind, "weight": model["weights_pA"][source], "delay": model["delay_ms"]}
            rule = {"rule": "fixed_indegree", "indegree": model["indegrees"][source]}
            nest.Connect(cells[source], cells[target], rule, synapse)
            total += model["indegrees"][source] * model["sizes"][target]
    return total


def measure(model: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Build, pass the transient, then run in equal chunks."""
    os.environ["PYNEST_QUIET"] = "1"
    import nest

    begin_s = time.perf_counter()
    synapses = build(nest, model, options.threads, options.seed, options.static)
    nest.Prepare()
    build_s = time.perf_counter() - begin_s
    nest.Run(options.transient)
    chunk_ms = round(options.t_sim / CHUNKS / model["dt_ms"]) * model["dt_ms"]
    spikes, factors = 0, []
    for _ in range(CHUNKS):
        begin_s = time.perf_counter()
        nest.Run(chunk_ms)
        factors.append((time.perf_counter() - begin_s) / (chunk_ms * 1e-3))
        spikes += nest.local_spike_counter
    nest.Cleanup()
    peak = common.peak_rss_bytes()
    neurons = sum(model["sizes"].values())
    return {
        "version": nest.__version__,
        "neurons": neurons,
        "synapses": synapses,
        "threads": options.threads,
        "build_s": build_s,
        "biological_ms": [options.transient, options.transient + CHUNKS * chunk_ms],
        "rtf": {"median": statistics.median(factors), "min": min(factors), "chunks": factors},
        "mean_rate_hz": spikes / neurons / (CHUNKS * chunk_ms * 1e-3),
        "peak_rss_bytes": peak,
        "peak_rss_bytes_per_synapse": peak / max(synapses, 1),
    }


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--threads", type=common.count, default=1, metavar="N")
    parser.add_argument("--transient", type=common.positive, default=50.0, metavar="MS")
    parser.add_argument("--t-sim", type=common.positive, default=150.0, metavar="MS")
    parser.add_argument("--seed", type=common.count, default=12)
    parser.add_argument("--static", action="store_true", help="no plasticity")
    options = parser.parse_args()
    common.write_json(options.out, measure(common.read_json(options.model), options))


if __name__ == "__main__":
    main()
