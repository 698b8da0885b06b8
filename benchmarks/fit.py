"""Fits and sweeps: how long ten thousand evaluations take, what one costs beside its simulation, how good fits are.

    python benchmarks/fit.py [--parts evaluations,spiking,table,aal2] [--json benchmarks/results/fit.json]

`evaluations`: one-minute dynamic mean fields of 80 regions at dt 1 ms on two workers, 10,000 of them estimated from a
slice; `spiking`: seconds of an evaluation of a small spiking network beside `simulate` of the same run; `table`: rows
written from 64 workers; `aal2`: `fit` of the dynamic mean field and of Hopf oscillators to the FC of the atlas aal2.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import common

import dtbsim
from dtbsim.fitting.evaluate import Batch, failed

DMF = common.ROOT / "examples" / "resting_dmf.yaml"
HOPF = common.ROOT / "examples" / "coupling_scan.yaml"
STRENGTH = "couplings.long_range.strength"
WANTED = 10_000
SPIKING = {
    "name": "spiking",
    "simulation": {"dt_ms": 0.1, "duration_ms": 1000},
    "populations": {"E": {"model": "iaf_psc_exp", "size": 1000}},
    "projections": {
        "EE": {
            "source": "E", "target": "E", "rule": {"kind": "fixed_indegree", "indegree": 50}, "weight_pA": 5.0,
            "delay_ms": 1.5,
        }
    },
    "drives": {"p": {"kind": "poisson", "target": "E", "rate_hz": 8000, "weight_pA": 60}},
    "record": {"spikes": None},
}  # fmt: skip


def evaluations(slice_of: int, workers: int) -> dict[str, Any]:
    """Seconds of a slice after one that warms up, and of 10,000 at that rate."""
    settings = {"simulation.duration_ms": 60000, "simulation.settling_ms": 10000}
    times = []
    with tempfile.TemporaryDirectory() as folder:
        for name, n in (("warm", 32), ("slice", slice_of)):
            begun = time.perf_counter()
            table = dtbsim.sweep(
                DMF, vary={STRENGTH: (0.1, 0.55, n)}, set=settings, workers=workers, out=Path(folder) / name,
                report=False, progress=False,
            )  # fmt: skip
            times.append(time.perf_counter() - begun)
    each = (times[1] - times[0]) / (slice_of - 32)
    return {
        "evaluations": slice_of, "workers": workers, "seconds": times[1], "failed": int(table.error.notna().sum()),
        "per_evaluation_ms": 1e3 * each, "of_10000_min": each * WANTED / 60,
    }  # fmt: skip


def spiking(n: int) -> dict[str, Any]:
    """Seconds of an evaluation of a network with neurons, by one worker that stays, and of its steps alone."""
    begun = time.perf_counter()
    table = dtbsim.sweep(SPIKING, vary={"drives.p.rate_hz": (7000, 9000, n)}, workers=1, progress=False)
    whole = time.perf_counter() - begun
    alone = dtbsim.run(SPIKING, temporary=True, report=False).summary["simulate_s"]
    later = float(table.seconds[1:].median())
    return {"evaluations": n, "seconds": whole, "one_s": later, "steps_alone_s": alone, "overhead_s": later - alone}


def made(batch: Batch) -> list[dict[str, Any]]:
    """Records as quickly as they can be: of nothing."""
    return [{**failed(item, "nothing is simulated"), "error": None} for item in batch.items]


class Nothing(ProcessPoolExecutor):
    """64 workers that return records at once."""

    def submit(self, function: Any, batch: Any) -> Any:
        """What it takes to write them."""
        return super().submit(made, batch)


def table(n: int) -> dict[str, Any]:
    """Rows written from 64 workers by the one process that writes."""
    with tempfile.TemporaryDirectory() as folder, Nothing(64) as pool:
        begun = time.perf_counter()
        found = dtbsim.sweep(
            DMF, vary={STRENGTH: (0.1, 0.5, n)}, executor=pool, out=Path(folder) / "out", report=False, progress=False
        )
        return {"rows": len(found), "workers": 64, "seconds": time.perf_counter() - begun}


def aal2(workers: int) -> dict[str, Any]:
    """Cold fits to the FC of the atlas, in processes of their own."""
    asked: dict[str, tuple[Path, dict[str, Any], dict[str, Any]]] = {
        "deco_2014": (DMF, {STRENGTH: (0.2, 0.55)}, {}),
        "hopf": (HOPF, {STRENGTH: (0.005, 0.03)}, {"ensemble": None}),
    }
    found: dict[str, Any] = {}
    for name, (config, free, settings) in asked.items():
        begun = time.perf_counter()
        fit = dtbsim.fit(config, "atlas", free, set=settings, workers=workers, repeats=5, progress=False)
        found[name] = {
            "seconds": time.perf_counter() - begun,
            "best": fit.best,
            "r": fit.scores["fc"],
            "linear": fit.baselines["linear_network"]["fitted"],
            "structure": fit.baselines["structure_alone"]["fitted"],
            "evaluations": fit.n_evaluations,
            "notes": fit.notes,
        }
        common.say(f"{name}: r = {found[name]['r']['mean']:.3f} in {found[name]['seconds']:.0f} s")
    return found


def main() -> None:
    """Measure and print, or write, what was found."""
    parser = common.parser(__doc__)
    parser.add_argument("--parts", default="evaluations,spiking,table,aal2", help="comma-separated; default: all")
    parser.add_argument("--slice", type=int, default=320, help="evaluations that are timed (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=20_000, help="rows of the table (default: %(default)s)")
    options = parser.parse_args()
    made_by = {
        "evaluations": lambda: evaluations(options.slice, options.workers),
        "spiking": lambda: spiking(20),
        "table": lambda: table(options.rows),
        "aal2": lambda: aal2(options.workers),
    }
    parts = options.parts.split(",")
    if unknown := set(parts) - set(made_by):
        parser.error(f"--parts: {', '.join(sorted(unknown))}; allowed: {', '.join(made_by)}")
    result = common.origin("fit", "cma")
    for name in parts:
        common.say(name)
        result[name] = made_by[name]()
        print(f"{name}: {common.rounded(result[name])}", flush=True)
    if options.json is not None:
        common.write_json(options.json, common.rounded(result))


if __name__ == "__main__":
    main()
