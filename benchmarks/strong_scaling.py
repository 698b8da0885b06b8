"""How much faster is the same network on more ranks? The cortical microcircuit, and a resting cortex of 80 regions.

    python benchmarks/strong_scaling.py --ranks 1 2 --json benchmarks/results/strong_scaling.json

Whole runs through `dtbsim.run` with what they record by default, one thread a rank; all numbers of ranks take turns,
as often as `--repeats` says, as a machine may be slower in one minute than in another. Printed and stored per network
and number of ranks: real-time factor (RTF: wall over biological time, median of the repeats), efficiency (median over
the repeats of: RTF of the fewest ranks times those, over RTF times ranks), and seconds of each stage, all ranks
together. What the stages say beside the efficiency: `exchange` and `wait` are what ranks cost; where `deliver` or
`update` grow, they share the memory of one machine. A spike hash that is another on another number of ranks ends it.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from pathlib import Path
from typing import Any

import common
from pd14_model import microcircuit
from recording import recording_apart

NETWORKS = ("pd14", "resting")
EXAMPLE = common.ROOT / "examples" / "resting_state.yaml"


def arguments() -> argparse.Namespace:
    """Return the options, checked."""
    parser = common.parser(__doc__)
    parser.add_argument("--ranks", type=common.count, nargs="+", default=[1, 2], metavar="R")
    parser.add_argument("--only", nargs="+", choices=NETWORKS, default=list(NETWORKS), help="these networks")
    parser.add_argument("--repeats", type=common.count, default=3, metavar="N")
    parser.add_argument(
        "--scale", type=common.positive, default=1.0, metavar="S", help="of the microcircuit, 1 at most"
    )
    parser.add_argument("--t-sim", type=common.positive, default=2000.0, metavar="MS", help="of the microcircuit")
    parser.add_argument(
        "--t-resting", type=common.positive, default=20000.0, metavar="MS", help="of the resting cortex"
    )
    options = parser.parse_args()
    if options.scale > 1:
        parser.error("--scale is at most 1")
    options.ranks = sorted(set(options.ranks))
    return options


def network(name: str, options: argparse.Namespace) -> Any:
    """Return the RunConfig of one network."""
    if name == "pd14":
        return microcircuit(options.scale, options.t_sim, 55, 1)
    import dtbsim

    whole = dtbsim.load_config(EXAMPLE)
    shrink = options.t_resting / whole.simulation.duration_ms
    times_ms = {
        "simulation.settling_ms": whole.simulation.settling_ms,
        "record.spikes.stop_ms": whole.record.spikes.stop_ms,
        "signals.eeg.stop_ms": whole.signals["eeg"].stop_ms,
    }
    second_ms = 1000.0  # a whole number of all intervals of the example
    changes = {key: math.ceil(value * shrink / second_ms) * second_ms for key, value in times_ms.items()}
    changes |= {"simulation.threads": 1, "simulation.duration_ms": options.t_resting}
    return dtbsim.load_config(EXAMPLE, changes)


def measure(name: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """One network on all numbers of ranks in turn."""
    config = network(name, options)
    runs: dict[int, list[dict[str, Any]]] = {ranks: [] for ranks in options.ranks}
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(options.repeats):
            for ranks in options.ranks:
                common.say(f"{name}: {ranks} rank(s), {repeat + 1} of {options.repeats}")
                runs[ranks].append(recording_apart(config, Path(folder), ranks=ranks))
    hashes = {run["spike_hash"] for done in runs.values() for run in done}
    if len(hashes) > 1:
        raise common.fail(f"{name}: the spikes depend on the number of ranks: {', '.join(sorted(hashes))}")
    return [entry(name, ranks, runs, min(options.ranks)) for ranks in options.ranks]


def entry(name: str, ranks: int, runs: dict[int, list[dict[str, Any]]], fewest: int) -> dict[str, Any]:
    """What the repeats on one number of ranks amount to."""
    mine = runs[ranks]
    pairs = [first["rtf"] * fewest / (run["rtf"] * ranks) for first, run in zip(runs[fewest], mine, strict=True)]
    stages = {stage: statistics.median(run["stages_s"][stage] for run in mine) for stage in mine[0]["stages_s"]}
    return {
        "network": name,
        "ranks": ranks,
        "oversubscribed": ranks > common.cores(),
        "spikes": mine[0]["spikes"],
        "spike_hash": mine[0]["spike_hash"],
        "rtf": {"median": statistics.median(run["rtf"] for run in mine), "runs": [run["rtf"] for run in mine]},
        "efficiency": {"median": statistics.median(pairs), "pairs": pairs},
        "build_s": statistics.median(run["build_s"] for run in mine),
        "peak_rss_bytes": mine[0]["peak_rss_bytes"],
        "stages_s": stages,
    }


def show(report: dict[str, Any]) -> None:
    """Print the report."""
    print(common.headline(report) + "\n")
    stages = list(report["results"][0]["stages_s"])
    rows = []
    for found in report["results"]:
        pairs = found["efficiency"]["pairs"]
        rows.append(
            (
                found["network"],
                f"{found['ranks']}{' *' if found['oversubscribed'] else ''}",
                found["rtf"]["median"],
                f"{found['efficiency']['median']:.3f} ({min(pairs):.3f} to {max(pairs):.3f})",
                found["build_s"],
                *(found["stages_s"][stage] for stage in stages),
            )
        )
    print(
        common.table(("network", "ranks", "RTF", "efficiency", "build (s)", *(f"{name} (s)" for name in stages)), rows)
    )
    if any(found["oversubscribed"] for found in report["results"]):
        print(f"\n* more ranks than the {common.cores()} cores: this efficiency says nothing about scaling")


def main() -> None:
    """Measure, write, print."""
    options = arguments()
    head = common.origin("strong_scaling", "mpi4py", "mpich")
    results = [found for name in options.only for found in measure(name, options)]
    settings = {key: value for key, value in vars(options).items() if key != "json"}
    report = {**head, "settings": settings, "results": results}
    if options.json:
        common.write_json(options.json, report)
    show(report)


if __name__ == "__main__":
    main()
