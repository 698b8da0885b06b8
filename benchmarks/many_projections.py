"""How long does a network of very many small projections take from its file to the first step, and how much memory?

    python benchmarks/many_projections.py --json benchmarks/results/many_projections.json

P populations of a few neurons, all connected with all: P squared projections, written to a YAML file and run for one
step by `dtbsim run` in a process of its own. 64 populations give 4,096 projections; 254 give 64,516, the size of the
multi-area model of Schmidt et al. (2018). Printed and stored per size: wall time of the whole command and of its
stages, peak memory, and seconds per 1,000 projections beyond the smallest size, which stay the same where nothing is
quadratic. With --distinct every projection has a weight and a distribution of delays of its own. The limits are those
that the project sets itself: 25 s for 4,096, 300 s and 4 GB for 64,516; a size beyond its limit makes the exit status
1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import common

DT_MS = 0.1
LIMITS = {64: (25.0, 4e9), 254: (300.0, 4e9)}
"""Populations: seconds and bytes."""


def arguments() -> argparse.Namespace:
    """Return the options, checked."""
    parser = common.parser(__doc__)
    parser.add_argument("--populations", type=common.count, nargs="+", default=[16, 64, 254], metavar="P")
    parser.add_argument("--size", type=common.count, default=20, metavar="N", help="neurons of a population")
    parser.add_argument(
        "--indegree", type=common.count, default=2, metavar="K", help="synapses per neuron, each projection"
    )
    parser.add_argument("--ranks", type=common.count, default=1, metavar="R")
    parser.add_argument("--threads", type=common.count, default=1, metavar="N", help="per rank")
    parser.add_argument("--distinct", action="store_true", help="a weight and delays of its own for every projection")
    options = parser.parse_args()
    options.populations = sorted(set(options.populations))
    return options


def network(populations: int, size: int, indegree: int, *, distinct: bool = False) -> str:
    """Return the YAML text of a network in which every population projects to every other and itself."""
    names = [f"p{k}" for k in range(populations)]
    lines = [f"simulation: {{dt_ms: {DT_MS}, duration_ms: {DT_MS}}}", "populations:"]
    lines += [f"  {name}: {{model: iaf_psc_exp, size: {size}}}" for name in names]
    lines.append("projections:")
    rule = f"{{kind: fixed_indegree, indegree: {indegree}}}"
    for k, (source, target) in enumerate(product(names, names)):
        weight, delay = "-5", "1.5"
        if distinct:
            weight = f"-{5 + k * 1e-4:.4f}"
            delay = f"{{distribution: normal, mean: {3 + k * 1e-5:.5f}, sd: 0.3}}"
        ends = f"source: {source}, target: {target}, rule: {rule}"
        lines.append(f"  {source}_{target}: {{{ends}, weight_pA: {weight}, delay_ms: {delay}}}")
    return "\n".join([*lines, ""])


def measure(options: argparse.Namespace, populations: int) -> dict[str, Any]:
    """One size: times and memory of the whole command."""
    common.say(f"{populations} populations, {populations**2:,} projections")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = network(populations, options.size, options.indegree, distinct=options.distinct)
        (folder / "net.yaml").write_text(text, encoding="utf-8")
        begin_s = time.perf_counter()
        summary = run(folder, options)
        wall_s = time.perf_counter() - begin_s
    stages = {key: stage["max_s"] for key, stage in summary["stages"].items() if ":" not in key}
    result: dict[str, Any] = {
        "populations": populations,
        "projections": populations**2,
        "synapses": summary["synapses"],
        "file_bytes": len(text),
        "wall_s": wall_s,
        "stages_s": stages,
        "peak_rss_bytes": summary["peak_rss_bytes"]["sum"],
    }
    if populations in LIMITS:
        seconds, memory = LIMITS[populations]
        result["within_limits"] = wall_s <= seconds and result["peak_rss_bytes"] <= memory
    return result


def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run the command and return the summary of its run."""
    dtbsim = ["-m", "dtbsim", "run", "net.yaml", "--out", "run", "--no-report", "--quiet", "--threads", options.threads]
    command = [sys.executable, *map(str, dtbsim)]
    if options.ranks > 1:
        command = [str(common.mpiexec()), "-n", str(options.ranks), sys.executable, "-m", "mpi4py", *command[1:]]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise common.fail(f"dtbsim run ended with exit status {done.returncode}; what it said stands above")
    summary: dict[str, Any] = common.read_json(folder / "run" / "summary.json")
    return summary


def with_slopes(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the results with seconds per 1,000 projections beyond the smallest size."""
    first = results[0]
    for result in results[1:]:
        more = result["projections"] - first["projections"]
        result["s_per_1000_projections"] = 1000 * (result["wall_s"] - first["wall_s"]) / more
    return results


def show(results: list[dict[str, Any]]) -> None:
    """Print the table."""
    stages = list(dict.fromkeys(key for result in results for key in result["stages_s"]))
    headers = ["projections", "wall s", "s / 1000 more", "peak MB", *stages, "within limits"]
    rows = [
        [
            f"{result['projections']:,}",
            result["wall_s"],
            result.get("s_per_1000_projections"),
            result["peak_rss_bytes"] / 1e6,
            *(result["stages_s"].get(stage) for stage in stages),
            result.get("within_limits"),
        ]
        for result in results
    ]
    print(common.table(headers, rows))


def main() -> int:
    """Measure, print, store."""
    options = arguments()
    report = common.origin("many_projections", "ruamel.yaml", "pydantic")
    report["settings"] = {key: value for key, value in vars(options).items() if key != "json"}
    report["results"] = with_slopes([measure(options, populations) for populations in options.populations])
    print(common.headline(report))
    show(report["results"])
    if options.json is not None:
        common.write_json(options.json, report)
    return 0 if all(result.get("within_limits", True) for result in report["results"]) else 1


if __name__ == "__main__":
    sys.exit(main())
