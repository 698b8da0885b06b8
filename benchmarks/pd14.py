"""The cortical microcircuit of Potjans and Diesmann (2014), 77,169 neurons and 0.3 billion synapses: speed and memory.

    python benchmarks/pd14.py --json benchmarks/results/pd14.json
    python benchmarks/pd14.py --vs nest                # the same circuit in NEST, in the same call
    python benchmarks/pd14.py --ranks 2 --threads 1    # over MPI
    python benchmarks/pd14.py --scale 0.1              # a tenth of the neurons and of the inputs to each

dt 0.1 ms, Poisson drive. Printed and stored: build and compile time, real-time factor (RTF: wall over biological
time; median and minimum of the chunks after a transient), synaptic events per second and core (without those of the
Poisson drive), bytes per synapse, peak memory, times of the stages of a step, what recording costs, and whether rates,
CV of ISI and correlations are right. The exit status is 1 if they are not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import common
import pd14_validation
from pd14_model import DT_MS, microcircuit, plain_model
from recording import recording_apart
from stepping import MIN_CHUNKS, measure_apart

NEST_CHUNKS = 5


def arguments() -> argparse.Namespace:
    """Return the options, checked."""
    parser = common.parser(__doc__)
    parser.add_argument("--scale", type=common.positive, default=1.0, metavar="S", help="of neurons and in-degrees")
    parser.add_argument("--t-sim", type=common.positive, default=5000.0, metavar="MS", help="time measured")
    parser.add_argument("--transient", type=float, default=500.0, metavar="MS", help="time before it")
    parser.add_argument("--chunks", type=common.count, default=10, metavar="N", help="pieces of the time measured")
    parser.add_argument("--threads", type=common.count, metavar="N", help="per rank; default: its share of the cores")
    parser.add_argument("--ranks", type=common.count, default=1, metavar="R", help="over MPI, under mpiexec")
    parser.add_argument("--seed", type=common.count, default=55)
    parser.add_argument("--without-recording", action="store_true", help="do not measure what recording costs")
    parser.add_argument("--vs", choices=["nest"], help="compare with this simulator")
    parser.add_argument("--nest-t-sim", type=common.positive, default=300.0, metavar="MS")
    parser.add_argument("--nest-transient", type=common.positive, default=100.0, metavar="MS")
    parser.add_argument("--nest-python", default=sys.executable, metavar="PYTHON", help="default: this Python")
    options = parser.parse_args()
    if options.scale > 1:
        parser.error("--scale is at most 1")
    if options.transient < 0 or options.chunks < MIN_CHUNKS or options.t_sim < options.chunks * DT_MS:
        parser.error(f"--transient is 0 or more, --chunks at least {MIN_CHUNKS}, --t-sim at least a step per chunk")
    if options.vs == "nest":
        require_nest(options.nest_python)
    return options


def require_nest(python: str) -> None:
    """Leave with one line where that Python has no NEST."""
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('nest') is None)"
    try:
        found = subprocess.run([python, "-c", look], check=False).returncode == 0
    except OSError as error:
        raise common.fail(f"--nest-python: {python} cannot be started: {error.strerror}") from None
    if not found:
        raise common.fail("--vs nest needs nest-simulator, the extra `reference`: pip install 'dtbsim[reference]'")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for, each in a process of its own."""
    result: dict[str, Any] = {}
    config = microcircuit(options.scale, options.transient + options.t_sim, options.seed, options.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spikes = folder / "spikes.npz"
        common.say(f"dtbsim: scale {options.scale:g}, {options.ranks} rank(s)")
        stepped = measure_apart(
            config,
            folder,
            ranks=options.ranks,
            transient_ms=options.transient,
            chunks=options.chunks,
            spikes=spikes,
        )
        result["results"] = stepped
        result["validation"] = pd14_validation.validate(spikes, options.scale, DT_MS, stepped["biological_ms"])
        if not options.without_recording:
            common.say("dtbsim.run with default recording")
            result["recording"] = recording_apart(config, folder, ranks=options.ranks)
        if options.vs == "nest":
            result["nest"] = nest_apart(options, folder, stepped["ranks"] * stepped["threads_per_rank"])
            result["nest_over_dtbsim"] = ratios(stepped, result["nest"])
    return result


def nest_apart(options: argparse.Namespace, folder: Path, threads: int) -> dict[str, Any]:
    """The same circuit in NEST, on as many threads as all ranks have together."""
    common.say(f"NEST: scale {options.scale:g}, {threads} thread(s)")
    model, out = folder / "model.json", folder / "nest.json"
    model.write_text(json.dumps(plain_model(options.scale)), encoding="utf-8")
    times = ("--transient", options.nest_transient, "--t-sim", options.nest_t_sim, "--chunks", NEST_CHUNKS)
    more = ("--out", out, "--threads", threads, "--seed", options.seed)
    common.run_python(common.HERE / "nest_pd14.py", model, *times, *more, python=options.nest_python)
    result: dict[str, Any] = common.read_json(out)
    return result


def ratios(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, float]:
    """NEST's figures over those of dtbsim: above 1, dtbsim needs less."""
    return {
        "rtf_median": theirs["rtf"]["median"] / ours["rtf"]["median"],
        "rtf_min": theirs["rtf"]["min"] / ours["rtf"]["min"],
        "build_s": theirs["build_s"] / ours["build_s"],
        "peak_rss_bytes_per_synapse": theirs["peak_rss_bytes_per_synapse"] / ours["peak_rss_bytes_per_synapse"],
    }


# --- for people -----------------------------------------------------------------------------------------------------


def show(report: dict[str, Any]) -> None:
    """Print the report."""
    ours, nest = report["results"], report.get("nest")
    print(common.headline(report))
    print(f"\n{ours['neurons']:,} neurons, {ours['synapses']:,} synapses, {ours['ranks']} rank(s) of "
          f"{ours['threads_per_rank']} thread(s)\n")  # fmt: skip
    print(common.table(*comparison(ours, nest, report.get("nest_over_dtbsim"))))
    if nest is not None:
        kind = "the PyPI wheel" if nest["wheel"] else "a build of its own"
        print(f"NEST {nest['version']}, {kind}, {nest['threads']} thread(s), {span(nest)}; dtbsim {span(ours)}; both "
              "record nothing")  # fmt: skip
    stages = ours["stages"]
    rows = [(name, us, f"{stages['share'][name]:.1%}") for name, us in stages["us_per_step"].items()]
    print("\n" + common.table(("stage of a step", "us per step", "share"), rows))
    deliver, neuron = stages["deliver_ns_per_event"], stages["ns_per_neuron_step"]
    print(f"\nper thread: {common.rounded(deliver or 0.0)} ns per synaptic event; per neuron and step "
          + ", ".join(f"{name} {value:.3f}" for name, value in neuron.items()) + " ns")  # fmt: skip
    if "recording" in report:
        cost = report["recording"]
        print(f"\nwith default recording: RTF {cost['rtf']:.3g} (transient included; {ours['rtf_with_transient']:.3g} "
              f"without), recorders {cost['recording_share']:.1%} of stepping (at most {cost['at_most']:.0%}), "
              f"everything beyond stepping {cost['beyond_stepping_share']:.1%}")  # fmt: skip
    print("\n" + pd14_validation.shown(report["validation"]))
    verdict = {True: "passed", False: "FAILED", None: "not applicable"}[report["validation"]["passed"]]
    print(f"validation: {verdict}")


def span(result: dict[str, Any]) -> str:
    """The time that was measured, as text."""
    begin_ms, end_ms = result["biological_ms"]
    return f"{end_ms - begin_ms:g} ms after {begin_ms:g} ms"


def comparison(
    ours: dict[str, Any], nest: dict[str, Any] | None, ratio: dict[str, float] | None
) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Headers and rows of the main table, with NEST beside where it was measured."""
    theirs, times = nest or {"rtf": {}, "peak_rss_bytes": {}}, ratio or {}
    gib = 2.0**30
    rss = theirs["peak_rss_bytes"].get("sum")
    rows: list[tuple[object, ...]] = [
        ("RTF, median", ours["rtf"]["median"], theirs["rtf"].get("median"), times.get("rtf_median")),
        ("RTF, min", ours["rtf"]["min"], theirs["rtf"].get("min"), times.get("rtf_min")),
        ("build (s)", ours["build_s"], theirs.get("build_s"), times.get("build_s")),
        ("compile (s)", ours["compile_s"], None, None),
        ("synaptic events / s / core", ours["synaptic_events_per_s_per_core"], None, None),
        ("bytes per synapse, arrays", ours["bytes_per_synapse"], None, None),
        (
            "bytes per synapse, peak RSS",
            ours["peak_rss_bytes_per_synapse"],
            theirs.get("peak_rss_bytes_per_synapse"),
            times.get("peak_rss_bytes_per_synapse"),
        ),
        ("peak RSS (GiB)", ours["peak_rss_bytes"]["sum"] / gib, None if rss is None else rss / gib, None),
        ("mean rate (Hz)", ours["mean_rate_hz"], theirs.get("mean_rate_hz"), None),
    ]
    if nest is None:
        return ("quantity", "dtbsim"), [row[:2] for row in rows]
    return ("quantity", "dtbsim", f"NEST {nest['version']}", "ratio"), rows


def main() -> None:
    """Measure, write, print."""
    options = arguments()
    head = common.origin("pd14", "mpi4py", "mpich")
    settings = {key: value for key, value in vars(options).items() if key not in ("json", "nest_python")}
    report = {**head, "settings": {"dt_ms": DT_MS, **settings}, **measure(options)}
    if options.json:
        common.write_json(options.json, report)
    show(report)
    if report["validation"]["passed"] is False:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
