"""Does each bundled atlas live? Mean-field and spiking networks on all of them, tuned, beside what needs no simulation.

    python benchmarks/atlases.py --json benchmarks/results/atlases.json
    python benchmarks/atlases.py --atlases dk68 --examples spiking --json benchmarks/results/atlases.json   # adds to it
    python benchmarks/atlases.py --show --json benchmarks/results/atlases.json                              # its table

For every atlas and every example of examples/atlases: `dtbsim tune` finds the edge at which regions move as one, and
the coupling is chosen 10 % below it; the measured functional connectivity (FC) is not looked at for that. The tuned
network runs with other seeds than the scan; FC r is the Pearson correlation of the upper triangles of simulated and
measured FC. Beside it: structural connectivity (SC) alone, its logarithm, and the best linear network on SC, whose
coupling is fitted to that FC; rates; CV of inter-spike intervals of the last ten seconds. `--folder` keeps the runs, so
that the same call goes on with them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import common

EXAMPLES = common.ROOT / "examples" / "atlases"
ATLASES = ("aal2", "dk68", "schaefer100", "schaefer200", "schaefer400")
NAMES = ("dmf", "hopf", "spiking")
BELOW = 0.1
SCANS: dict[str, dict[str, Any]] = {"spiking": {"span": (0.5, 4.0), "points": 7}}
"""Where mean-field scans, which are quick, look further, spiking ones begin near the edge."""
SCORED_S = {"dmf": 600.0, "hopf": 600.0, "spiking": 300.0}
"""BOLD that FC is computed from; what the example lets settle comes before."""
FIRST_SEED = 11


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = common.parser(__doc__)
    parser.add_argument("--atlases", nargs="+", choices=ATLASES, default=list(ATLASES), metavar="NAME")
    parser.add_argument("--examples", nargs="+", choices=NAMES, default=list(NAMES), metavar="NAME")
    parser.add_argument("--seeds", type=common.count, default=2, metavar="N", help="runs that are scored")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="default: a temporary one")
    parser.add_argument("--show", action="store_true", help="print the table of --json, and measure nothing")
    parser.add_argument("--workers", type=common.count, metavar="N", help="default: one for each core")
    return parser.parse_args()


def measure(atlas: str, name: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Tune one example on one atlas, and score what comes out."""
    import dtbsim

    common.say(f"{name} on {atlas}")
    place = folder / f"{name}_{atlas}"
    tuned = dtbsim.tune(
        EXAMPLES / f"{name}.yaml", set={"atlas": atlas}, below=BELOW, out=place, workers=options.workers,
        progress=False, **SCANS.get(name, {}),
    )  # fmt: skip
    assert tuned.edge is not None, "every network on every atlas has an edge"
    key = tuned.changes[0].key
    runs = score(place / "tuned.yaml", name, options)
    return {
        "atlas": atlas,
        "example": name,
        "key": key,
        "given": tuned.changes[0].old,
        "edge": tuned.changes[0].old * tuned.edge.factor,
        "edge_kind": tuned.edge.kind,
        "tuned": tuned.changes[0].new,
        "warnings": list(tuned.warnings),
        "scored_s": SCORED_S[name],
        "baselines": baselines(atlas),
        "runs": runs,
    }


def score(config: Path, name: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Runs with other seeds: FC r, mean |FC|, rates, CV of ISI. A call that was killed is gone on with."""
    import dtbsim
    from dtbsim.tuning.observe import Watched

    settling_ms = dtbsim.load_config(config).simulation.settling_ms
    stop_ms = settling_ms + SCORED_S[name] * 1e3
    record: dict[str, Any] = {"spikes": {"start_ms": stop_ms - 10_000}} if name == "spiking" else {}
    watched = Watched(("cortex.E", "cortex.I"), (), 100.0, cv_of=True)
    if name != "spiking":
        variable = "r_E_Hz" if name == "dmf" else "x"
        watched = Watched((), (("cortex", variable, name == "dmf"),), 100.0)
        record["states"] = [{"population": "cortex", "variables": [variable], "interval_ms": 100.0}]
    seeds = list(range(FIRST_SEED, FIRST_SEED + options.seeds))
    table = dtbsim.sweep(
        config,
        {"seed": seeds},
        out=config.parent / "scored",
        set={"simulation.duration_ms": stop_ms, "record": record, "checkpoint": {"every_min": 1}},
        workers=options.workers,
        measure=partial(seen, watched=watched),
        progress=False,
    )
    if table.error.notna().any():
        raise common.fail(f"{config}: {table.error.dropna().iloc[0]}")
    known = ["folder", "seconds", "error", "spike_hash", "spikes", "mean_rate_hz"]
    found: list[dict[str, Any]] = json.loads(table.drop(columns=known).dropna(axis=1).to_json(orient="records"))
    return found


def seen(run: Any, watched: Any) -> dict[str, Any]:
    """What `dtbsim tune` sees of a run, and FC r after node strength was regressed out of both matrices."""
    from dtbsim.analysis.fc import fc_correlation_without_node_strength, functional_connectivity
    from dtbsim.atlas import load_atlas
    from dtbsim.tuning.observe import observe

    fc = functional_connectivity(run.bold().values)
    measured = load_atlas(run.config["atlas"]).fc
    without = fc_correlation_without_node_strength(fc, measured)
    return {**observe(run, watched), "fc_correlation_without_node_strength": without}


def baselines(name: str) -> dict[str, Any]:
    """What needs no simulation, and the mean |FC| that was measured."""
    import numpy as np

    from dtbsim.analysis.baselines import best_linear_network, log_structural_correlation, structural_correlation
    from dtbsim.atlas import load_atlas

    atlas = load_atlas(name)
    weights = atlas.weights.toarray() if atlas.is_sparse else atlas.weights
    upper = np.asarray(atlas.fc)[np.triu_indices(atlas.n_regions, 1)]
    return {
        "structural": structural_correlation(weights, atlas.fc),
        "log_structural": log_structural_correlation(weights, atlas.fc),
        "linear_network": best_linear_network(weights, atlas.fc).correlation,
        "mean_abs_fc": float(np.abs(upper).mean()),
    }


def earlier(path: Path | None) -> list[dict[str, Any]]:
    """Results of other atlases and examples that the file holds already."""
    if path is None or not path.is_file():
        return []
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["results"]
    return found


def show(results: list[dict[str, Any]]) -> None:
    """Print a row for each atlas and example, as Markdown for docs/tuning.md."""
    head = (
        "atlas", "example", "edge", "tuned", "FC r", "r without node strength", "linear", "log SC", "SC",
        "mean |FC|", "measured", "rates (Hz)", "CV of ISI",
    )  # fmt: skip
    print(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in head)} |\n|{' --- |' * len(head)}")
    for entry in results:
        known = entry["baselines"]
        rates = [key for key in ("rate.cortex", "rate.cortex.E", "rate.cortex.I") if key in entry["runs"][0]]
        cvs = [key for key in ("cv.cortex.E", "cv.cortex.I") if key in entry["runs"][0]]
        cells = [
            entry["atlas"], entry["example"], f"{entry['edge']:.3g}", f"{entry['tuned']:.3g}",
            " ".join(f"{run['fc_correlation']:.2f}" for run in entry["runs"]),
            " ".join(f"{run['fc_correlation_without_node_strength']:.2f}" for run in entry["runs"]),
            *(f"{known[key]:.2f}" for key in ("linear_network", "log_structural", "structural")),
            f"{median(entry, 'mean_abs_fc'):.2f}", f"{known['mean_abs_fc']:.2f}",
            " ".join(f"{median(entry, key):.1f}" for key in rates),
            " ".join(f"{median(entry, key):.2f}" for key in cvs),
        ]  # fmt: skip
        print(f"| {' | '.join(cells)} |")


def median(entry: dict[str, Any], key: str) -> float:
    """The median over runs."""
    return statistics.median(run[key] for run in entry["runs"])


def main() -> None:
    """Measure, write after each, print."""
    options = arguments()
    head = common.origin("atlases")
    results = earlier(options.json)
    if options.show:
        return show(results)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        for name in options.examples:
            for atlas in options.atlases:
                new = measure(atlas, name, options, folder)
                results = [one for one in results if (one["atlas"], one["example"]) != (atlas, name)] + [new]
                results.sort(key=lambda one: (NAMES.index(one["example"]), ATLASES.index(one["atlas"])))
                if options.json:
                    common.write_json(options.json, {**head, "below": BELOW, "results": results})
    show(results)


if __name__ == "__main__":
    main()
