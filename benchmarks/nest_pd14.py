"""The Potjans-Diesmann microcircuit in NEST: build time, real-time factor, memory. Started by `pd14.py --vs nest`.

    python benchmarks/nest_pd14.py MODEL --out FILE [--threads N] [--transient MS] [--t-sim MS] [--chunks N] [--seed S]

MODEL is the circuit as numbers (`pd14_model.plain_model`, as JSON), so that both simulators run the same one. Nothing
is recorded; spikes are counted by the kernel. Build time includes `nest.Prepare()`, which completes the connections.
NEST takes at most 2^27 - 2 connections per thread and synapse model, so every source population has its own copy of
the model. Needs the extra `reference`.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import time
from pathlib import Path
from typing import Any

import common


def build(nest: Any, model: dict[str, Any], threads: int, seed: int) -> int:
    """Create and connect everything; returns the number of recurrent synapses."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.local_num_threads = threads
    nest.resolution = model["dt_ms"]
    nest.rng_seed = seed
    neurons = {name: create(nest, entry) for name, entry in model["populations"].items()}
    for name in neurons:
        nest.CopyModel("static_synapse", f"from_{name}")
    for projection in model["projections"]:
        connect(nest, neurons, projection)
    for name, entry in model["populations"].items():
        generator = nest.Create("poisson_generator", params={"rate": entry["poisson_rate_hz"]})
        synapse = {"synapse_model": "static_synapse", "weight": entry["poisson_weight"], "delay": model["dt_ms"]}
        nest.Connect(generator, neurons[name], "all_to_all", synapse)
    return int(sum(projection["total"] for projection in model["projections"]))


def create(nest: Any, entry: dict[str, Any]) -> Any:
    """One population with its initial potentials."""
    initial = nest.random.normal(entry["V_m_mean"], entry["V_m_sd"])
    return nest.Create(
        "iaf_psc_exp", entry["size"], params={**entry["parameters"], "I_e": entry["I_e"], "V_m": initial}
    )


def connect(nest: Any, neurons: dict[str, Any], projection: dict[str, Any]) -> None:
    """One projection: fixed total number, truncated normal weights and delays."""
    low, high = projection["weight_low"], projection["weight_high"]
    weight = nest.math.redraw(
        nest.random.normal(projection["weight_mean"], projection["weight_sd"]),
        min=-math.inf if low is None else low,
        max=math.inf if high is None else high,
    )
    delay = nest.math.redraw(
        nest.random.normal(projection["delay_mean"], projection["delay_sd"]), min=projection["delay_low"], max=math.inf
    )
    nest.Connect(
        neurons[projection["source"]],
        neurons[projection["target"]],
        {"rule": "fixed_total_number", "N": projection["total"]},
        {"synapse_model": f"from_{projection['source']}", "weight": weight, "delay": delay},
    )


def measure(model: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Build, pass the transient, then run in equal chunks."""
    os.environ["PYNEST_QUIET"] = "1"
    import nest

    begin_s = time.perf_counter()
    synapses = build(nest, model, options.threads, options.seed)
    nest.Prepare()
    build_s = time.perf_counter() - begin_s
    nest.Run(options.transient)
    chunk_ms = round(options.t_sim / options.chunks / model["dt_ms"]) * model["dt_ms"]
    spikes, factors = 0, []
    for _ in range(options.chunks):
        begin_s = time.perf_counter()
        nest.Run(chunk_ms)
        factors.append((time.perf_counter() - begin_s) / (chunk_ms * 1e-3))
        spikes += nest.local_spike_counter  # of the latest run alone
    nest.Cleanup()
    peak = common.peak_rss_bytes()
    neurons = sum(entry["size"] for entry in model["populations"].values())
    return {
        "version": nest.__version__,
        "wheel": bool(common.versions("nest-simulator")),
        "neurons": neurons,
        "synapses": synapses,
        "threads": options.threads,
        "build_s": build_s,
        "biological_ms": [options.transient, options.transient + options.chunks * chunk_ms],
        "rtf": {"median": statistics.median(factors), "min": min(factors), "chunks": factors},
        "mean_rate_hz": spikes / neurons / (options.chunks * chunk_ms * 1e-3),
        "peak_rss_bytes": {"sum": peak, "max": peak},
        "peak_rss_bytes_per_synapse": peak / max(synapses, 1),
    }


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--threads", type=common.count, default=1, metavar="N")
    parser.add_argument("--transient", type=common.positive, default=100.0, metavar="MS")
    parser.add_argument("--t-sim", type=common.positive, default=300.0, metavar="MS")
    parser.add_argument("--chunks", type=common.count, default=5, metavar="N")
    parser.add_argument("--seed", type=common.count, default=55)
    options = parser.parse_args()
    common.write_json(options.out, measure(common.read_json(options.model), options))


if __name__ == "__main__":
    main()
