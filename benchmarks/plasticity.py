"""A balanced network with plastic recurrent excitation, NEST's `hpc_benchmark`: 11,250 neurons, 126.6 million synapses.

    python benchmarks/plasticity.py --json benchmarks/results/plasticity.json
    python benchmarks/plasticity.py --vs nest           # the same network in NEST, in the same call
    python benchmarks/plasticity.py --scale 0.1         # a tenth of the neurons and of the inputs to each

81 million of the synapses change by the power-law STDP of Morrison, Aertsen and Diesmann (2007). Printed and stored:
the real-time factor (RTF, wall over biological time) with plasticity and, for comparison, with all synapses static;
what a plastic event costs; memory; the rate of both simulators.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import common
from pd14 import require_nest
from plasticity_model import network, plain_model
from stepping import MIN_CHUNKS, measure_apart


def arguments() -> argparse.Namespace:
    """Return the options, checked."""
    parser = common.parser(__doc__)
    parser.add_argument("--scale", type=common.positive, default=1.0, metavar="S", help="of neurons and in-degrees")
    parser.add_argument("--t-sim", type=common.positive, default=250.0, metavar="MS", help="time measured")
    parser.add_argument("--transient", type=common.positive, default=50.0, metavar="MS", help="time before it")
    parser.add_argument("--threads", type=common.count, metavar="N", help="per rank; default: its share of the cores")
    parser.add_argument("--ranks", type=common.count, default=1, metavar="R", help="over MPI, under mpiexec")
    parser.add_argument("--seed", type=common.count, default=12)
    parser.add_argument("--vs", choices=["nest"], help="compare with this simulator")
    parser.add_argument("--nest-python", default=sys.executable, metavar="PYTHON", help="default: this Python")
    options = parser.parse_args()
    if options.vs == "nest":
        require_nest(options.nest_python)
    return options


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for, each in a process of its own."""
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, plastic in (("plastic", True), ("static", False)):
            common.say(f"dtbsim: scale {options.scale:g}, {label}")
            duration_ms = options.transient + options.t_sim
            config = network(options.scale, duration_ms, options.seed, options.threads, plastic)
            result[label] = measure_apart(
                config, folder, ranks=options.ranks, transient_ms=options.transient, chunks=MIN_CHUNKS
            )
        if options.vs == "nest":
            threads = result["plastic"]["ranks"] * result["plastic"]["threads_per_rank"]
            for label, more in (("nest_plastic", ()), ("nest_static", ("--static",))):
                common.say(f"NEST: scale {options.scale:g}, {label}")
                result[label] = nest_apart(options, folder, threads, more)
            result["nest_over_dtbsim"] = {
                label: result[f"nest_{label}"]["rtf"]["median"] / result[label]["rtf"]["median"]
                for label in ("plastic", "static")
            }
    return result


def nest_apart(options: argparse.Namespace, folder: Path, threads: int, more: tuple[str, ...]) -> dict[str, Any]:
    """The same network in NEST, on as many threads as all ranks have together."""
    model, out = folder / "model.json", folder / "nest.json"
    model.write_text(json.dumps(plain_model(options.scale)), encoding="utf-8")
    fixed = ("--out", out, "--threads", threads, "--seed", options.seed)
    times = ("--transient", options.transient, "--t-sim", options.t_sim)
    common.run_python(common.HERE / "nest_plasticity.py", model, *fixed, *times, *more, python=options.nest_python)
    result: dict[str, Any] = common.read_json(out)
    return result


def show(report: dict[str, Any]) -> None:
    """Print the report."""
    print(common.headline(report))
    ours = report["plastic"]
    print(f"\n{ours['neurons']:,} neurons, {ours['synapses']:,} synapses, {ours['ranks']} rank(s) of "
          f"{ours['threads_per_rank']} thread(s)\n")  # fmt: skip
    rows: list[tuple[object, ...]] = []
    for label in ("plastic", "static", "nest_plastic", "nest_static"):
        if label not in report:
            continue
        entry = report[label]
        stages = entry.get("stages")
        event = stages["deliver_ns_per_event"] if stages else None
        rows.append(
            (label, entry["rtf"]["median"], entry["rtf"]["min"], event, entry["build_s"],
             entry["peak_rss_bytes_per_synapse"], entry["mean_rate_hz"])
        )  # fmt: skip
    headers = ("", "RTF median", "RTF min", "ns/event/thread", "build (s)", "bytes/synapse", "rate (Hz)")
    print(common.table(headers, rows))
    if "nest_over_dtbsim" in report:
        ratio = report["nest_over_dtbsim"]
        print(f"\nNEST over dtbsim: {ratio['plastic']:.1f} plastic, {ratio['static']:.1f} static")


def main() -> None:
    """Measure, write, print."""
    options = arguments()
    head = common.origin("plasticity")
    settings = {key: value for key, value in vars(options).items() if key not in ("json", "nest_python")}
    report = {**head, "settings": settings, **measure(options)}
    if options.json:
        common.write_json(options.json, report)
    show(report)


if __name__ == "__main__":
    main()
