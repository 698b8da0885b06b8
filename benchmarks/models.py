"""Every neuron model and every kind of synapse: nanoseconds per neuron and step, and per synaptic event.

    python benchmarks/models.py --json benchmarks/results/models.json
    python benchmarks/models.py --vs nest                # the same in NEST, in the same call

One thread, dt 0.1 ms. Neurons: 2000 with a constant current, without synapses; everything that a step does is in the
figure. Synapses: 1000 Poisson sources of 20 Hz onto 1000 tonically firing targets, all to all; the time of the same
network without synapses is subtracted. Each figure is the shortest of five chunks. Nothing is recorded.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
import models_cases as cases
from pd14 import require_nest

CHUNKS = 5


def arguments() -> argparse.Namespace:
    """Return the options, checked."""
    parser = common.parser(__doc__)
    parser.add_argument("--chunk", type=common.positive, default=200.0, metavar="MS", help="length of a chunk")
    parser.add_argument("--vs", choices=["nest"], help="compare with this simulator")
    parser.add_argument("--nest-chunk", type=common.positive, default=100.0, metavar="MS")
    parser.add_argument("--nest-python", default=sys.executable, metavar="PYTHON", help="default: this Python")
    options = parser.parse_args()
    if options.vs == "nest":
        require_nest(options.nest_python)
    return options


def best(config: dict[str, Any], chunk_ms: float) -> tuple[float, int, int]:
    """Shortest wall time of a chunk after a first one; spikes and synaptic events of all but the first."""
    from dtbsim.backends.cpu import CpuBackend
    from dtbsim.build.rank import build_rank, plan_rank
    from dtbsim.config import load_config_data
    from dtbsim.spec import compile_network

    network = compile_network(load_config_data(config))
    backend = CpuBackend(build_rank(plan_rank(network, 0, 1, 1), 1), None, 1)
    steps = round(chunk_ms / network.dt_ms)
    try:
        backend.advance(0, steps)
        backend.collect()
        before, seconds, spikes = backend.events(), [], 0
        for k in range(1, CHUNKS + 1):
            begin_s = time.perf_counter()
            backend.advance(k * steps, (k + 1) * steps)
            seconds.append(time.perf_counter() - begin_s)
            spikes += backend.collect()[0].size
        return min(seconds), spikes, backend.events() - before
    finally:
        backend.close()


def measure_neurons(chunk_ms: float) -> dict[str, dict[str, float]]:
    """ns per neuron and step, and the rate, of every model."""
    found = {}
    for name in cases.NEURON_MODELS:
        common.say(name)
        seconds, spikes, _ = best(cases.neurons_alone(name, (CHUNKS + 1) * chunk_ms), chunk_ms)
        found[name] = figures(seconds, spikes, chunk_ms)
    return found


def figures(seconds: float, spikes: int, chunk_ms: float) -> dict[str, float]:
    """What a chunk of `neurons_alone` amounts to."""
    return {
        "ns_per_neuron_step": seconds * 1e9 / (cases.NEURONS * chunk_ms / cases.DT_MS),
        "rate_hz": spikes / cases.NEURONS / (CHUNKS * chunk_ms * 1e-3),
    }


def measure_synapses(chunk_ms: float) -> dict[str, dict[str, float]]:
    """ns per synaptic event of every kind."""
    common.say("no synapses")
    without, _, _ = best(cases.synapses(None, (CHUNKS + 1) * chunk_ms), chunk_ms)
    found = {}
    for kind in cases.SYNAPSES:
        common.say(kind)
        seconds, _, events = best(cases.synapses(kind, (CHUNKS + 1) * chunk_ms), chunk_ms)
        found[kind] = {"ns_per_event": (seconds - without) * 1e9 / (events / CHUNKS)}
    return found


def measure_nest(options: argparse.Namespace) -> dict[str, Any]:
    """The same in NEST, in a process of its own."""
    chunk_ms = options.nest_chunk
    neurons = {
        name: {"dt_ms": cases.DT_MS, "model": model, "size": cases.NEURONS, "parameters": parameters,
               "chunk_ms": chunk_ms}
        for name, (_, model, parameters) in cases.NEURON_MODELS.items()
        if model is not None
    }  # fmt: skip
    common_part = {
        "dt_ms": cases.DT_MS, "rate_hz": cases.RATE_HZ, "sources": cases.SOURCES, "targets": cases.TARGETS,
        "weight_pA": cases.WEIGHT_PA, "delay_ms": cases.DELAY_MS, "chunk_ms": chunk_ms,
    }  # fmt: skip
    synapses = {
        kind: {**common_part, "model": model, "parameters": parameters}
        for kind, (_, model, parameters) in cases.SYNAPSES.items()
        if model is not None
    }
    synapses["none"] = {**common_part, "model": None, "parameters": {}}
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "cases.json", Path(folder) / "nest.json"
        given.write_text(json.dumps({"neurons": neurons, "synapses": synapses}), encoding="utf-8")
        common.say("NEST")
        common.run_python(common.HERE / "nest_models.py", given, "--out", out, python=options.nest_python)
        result = common.read_json(out)
    without = result["synapses"].pop("none")["seconds"]
    events = cases.SOURCES * cases.TARGETS * cases.RATE_HZ * chunk_ms * 1e-3
    return {
        "version": result["version"],
        "neurons": {name: figures(x["seconds"], x["spikes"], chunk_ms) for name, x in result["neurons"].items()},
        "synapses": {
            kind: {"ns_per_event": (x["seconds"] - without) * 1e9 / events} for kind, x in result["synapses"].items()
        },
    }


def show(report: dict[str, Any]) -> None:
    """Print the report."""
    print(common.headline(report) + "\n")
    nest = report.get("nest", {"neurons": {}, "synapses": {}})
    for part, key, title in (
        ("neurons", "ns_per_neuron_step", "ns per neuron and step"),
        ("synapses", "ns_per_event", "ns per synaptic event"),
    ):
        rows: list[tuple[object, ...]] = []
        for name, entry in report[part].items():
            other = nest[part].get(name)
            ratio = other[key] / entry[key] if other else None
            rates = (entry.get("rate_hz"), other.get("rate_hz") if other else None) if part == "neurons" else ()
            rows.append((name, entry[key], other[key] if other else None, ratio, *rates))
        rate_headers = ("Hz", "NEST Hz") if part == "neurons" else ()
        print(common.table((title, "dtbsim", "NEST", "ratio", *rate_headers), rows) + "\n")


def main() -> None:
    """Measure, write, print."""
    options = arguments()
    head = common.origin("models")
    settings = {key: value for key, value in vars(options).items() if key not in ("json", "nest_python")}
    report: dict[str, Any] = {
        **head,
        "settings": settings,
        "neurons": measure_neurons(options.chunk),
        "synapses": measure_synapses(options.chunk),
    }
    if options.vs == "nest":
        report["nest"] = measure_nest(options)
    if options.json:
        common.write_json(options.json, report)
    show(report)


if __name__ == "__main__":
    main()
