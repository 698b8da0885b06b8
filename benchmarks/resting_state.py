"""A resting human cortex: how long it takes, and how well its functional connectivity (FC) resembles the measured one.

    python benchmarks/resting_state.py --seeds 1 2 3 --json benchmarks/results/resting_state.json

Runs examples/resting_state.yaml (700 s, the BOLD of the last 600 s is analysed) once per seed through `dtbsim.run`.
Printed and stored per seed: wall time of 600 s of biological time (measured real-time factor, RTF, times 600), FC
correlation, FCD distance, rates, CV of ISI; and, as they belong beside such a correlation, what the structural
connectivity (SC) alone, its logarithm, and the best linear network on it reach. A shorter --duration is for trying
things out: what is discarded and recorded shrinks in proportion, and the controllers may not have settled.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import common

EXAMPLE = common.ROOT / "examples" / "resting_state.yaml"
STATED_S = 600.0
"""Biological time for which the wall time is stated."""
MIN_SPIKES = 4


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = common.parser(__doc__)
    parser.add_argument("--seeds", type=common.count, nargs="+", default=[1, 2, 3], metavar="SEED")
    parser.add_argument("--duration", type=common.positive, metavar="MS", help="default: that of the example")
    parser.add_argument("--threads", type=common.count, metavar="N", help="default: all cores")
    return parser.parse_args()


def overrides(options: argparse.Namespace, seed: int, example: Any) -> list[str]:
    """Return what differs from the example."""
    changes = [f"seed={seed}"]
    if options.threads is not None:
        changes.append(f"simulation.threads={options.threads}")
    if options.duration is not None and options.duration != example.simulation.duration_ms:
        shrink = options.duration / example.simulation.duration_ms
        dt_ms, spikes = example.simulation.dt_ms, example.record.spikes
        times = {
            "record.spikes.start_ms": spikes.start_ms,
            "record.spikes.stop_ms": spikes.stop_ms,
            "bold.discard_ms": example.bold.discard_ms,
            "analysis.statistics_start_ms": example.analysis.statistics_start_ms,
        }
        changes.append(f"simulation.duration_ms={options.duration}")
        changes += [f"{key}={round(value * shrink / dt_ms) * dt_ms}" for key, value in times.items()]
    return changes


def measure(options: argparse.Namespace, seed: int, example: Any) -> dict[str, Any]:
    """One run and its numbers."""
    import dtbsim

    common.say(f"seed {seed}")
    with tempfile.TemporaryDirectory() as folder:
        done = dtbsim.run(EXAMPLE, out=Path(folder) / "run", set=overrides(options, seed, example))
        summary, run = done.summary, done.open()
        return {
            "seed": seed,
            "spike_hash": summary["spike_hash"],
            "biological_s": summary["biological_s"],
            "threads": summary["threads"],
            "rtf": summary["rtf"],
            "wall_s_of_600_s": summary["rtf"] * STATED_S,
            "build_s": summary["build_s"],
            "compile_s": summary["compile_s"],
            **activity(run),
            **connectivity(run),
        }


def activity(run: Any) -> dict[str, Any]:
    """Rates of E and I after what is discarded, CV and CV2 of ISI within the recorded spikes."""
    import numpy as np

    from dtbsim.analysis.spikes import cv2_per_neuron, cv_per_neuron, inter_spike_intervals

    rates = run.rates()
    rates = rates.sel(time_ms=slice(run.config["bold"]["discard_ms"], None))
    table = run.populations
    result: dict[str, Any] = {}
    for family in dict.fromkeys(table["family"]):
        chosen = table[table["family"] == family]
        side = family.rpartition(".")[2]
        per_region = rates.sel(population=list(chosen["name"])).mean("time_ms").values
        result[f"rate_{side}_hz"] = float(np.average(per_region, weights=chosen["size"]))
        steps, gids = run.spike_steps(family)
        gid0, stop = int(chosen["gid0"].min()), int((chosen["gid0"] + chosen["size"]).max())
        intervals = inter_spike_intervals(steps, gids, gid0=gid0, size=stop - gid0)
        for key, values in (("cv", cv_per_neuron(intervals, min_spikes=MIN_SPIKES)),
                            ("cv2", cv2_per_neuron(intervals, min_spikes=MIN_SPIKES))):  # fmt: skip
            values = values[~np.isnan(values)]
            result[f"{key}_isi_{side}"] = float(values.mean()) if values.size else None
    return result


def connectivity(run: Any) -> dict[str, Any]:
    """FC and FCD of the BOLD against the measured ones, and the baselines."""
    from dtbsim.analysis.summary import analyse_resting_state
    from dtbsim.atlas import load_atlas

    bold, atlas = run.bold(), load_atlas(run.config["atlas"])
    keys = (
        "fc_correlation",
        "fc_correlation_halves",
        "fc_correlation_bandpassed",
        "fc_correlation_without_node_strength",
        "fcd_ks",
        "baselines",
        "notes",
    )
    if bold.shape[0] < 3:
        return dict.fromkeys(keys) | {"bold_samples": bold.shape[0], "notes": ["too short for connectivity"]}
    fcd = atlas.fcd
    result = analyse_resting_state(
        bold.values,
        float(bold.attrs["tr_s"]),
        weights=atlas.weights,
        fc_empirical=atlas.fc,
        fcd_counts=fcd.hist,
        fcd_edges=fcd.bin_edges,
        fcd_window_s=fcd.window_s,
        fcd_step_s=fcd.step_s,
    )
    return {"bold_samples": bold.shape[0]} | {key: result[key] for key in keys}


def baselines(atlas_name: str) -> dict[str, Any]:
    """What needs no spikes: SC, log SC and the best linear network against the measured FC, and single people."""
    from dtbsim.analysis.baselines import best_linear_network, log_structural_correlation, structural_correlation
    from dtbsim.atlas import load_atlas

    atlas = load_atlas(atlas_name)
    fit = best_linear_network(atlas.weights, atlas.fc)
    people, scans = atlas.fc_leave_one_out, atlas.fcd.single_scan_ks
    return {
        "structural": structural_correlation(atlas.weights, atlas.fc),
        "log_structural": log_structural_correlation(atlas.weights, atlas.fc),
        "linear_network": {"correlation": fit.correlation, "coupling": fit.coupling, "kind": fit.kind},
        "one_person_against_the_others": None if people is None else [float(people.min()), float(people.max())],
        "fcd_ks_of_single_scans": None if scans is None else [float(scans.min()), float(scans.max())],
    }


def show(report: dict[str, Any]) -> None:
    """Print the report."""
    print(common.headline(report) + "\n")
    columns = {
        "wall_s_of_600_s": "600 s take (s)",
        "rtf": "RTF",
        "fc_correlation": "FC r",
        "fc_correlation_without_node_strength": "r w/o strength",
        "fcd_ks": "FCD KS",
        "rate_E_hz": "E (Hz)",
        "rate_I_hz": "I (Hz)",
        "cv_isi_E": "CV E",
        "cv_isi_I": "CV I",
        "cv2_isi_E": "CV2 E",
    }
    rows: list[tuple[object, ...]] = [
        (f"seed {entry['seed']}", *(entry[key] for key in columns)) for entry in report["results"]
    ]
    rows.append(("median", *(report["median"][key] for key in columns)))
    print(common.table(("", *columns.values()), rows))
    known = report["baselines"]
    low, high = known["one_person_against_the_others"] or (float("nan"),) * 2
    print(
        f"\nFC r of the structure alone {known['structural']:.3f}, of its logarithm {known['log_structural']:.3f}, of "
        f"the best linear network {known['linear_network']['correlation']:.3f};\n"
        f"one person against the others {low:.2f} to {high:.2f}. The coupling is fitted to the same FC."
    )
    for note in dict.fromkeys(note for entry in report["results"] for note in entry["notes"]):
        print(f"note: {note}")


def medians(results: list[dict[str, Any]]) -> dict[str, float | None]:
    """Medians over seeds of every number; None where a seed has none."""
    keys = [key for key, value in results[0].items() if isinstance(value, int | float) and key != "seed"]
    keys += [key for key, value in results[0].items() if value is None]
    columns = {key: [entry[key] for entry in results] for key in keys}
    return {key: None if None in values else statistics.median(values) for key, values in columns.items()}


def main() -> None:
    """Measure, write, print."""
    options = arguments()
    head = common.origin("resting_state")
    import dtbsim

    example = dtbsim.load_config(EXAMPLE)
    results = [measure(options, seed, example) for seed in options.seeds]
    report = {
        **head,
        "settings": {"example": EXAMPLE.name, "seeds": options.seeds, "duration_ms": options.duration},
        "wall_time_of_600_s": "600 times the measured real-time factor of the whole run, recording included",
        "baselines": baselines(example.atlas),
        "median": medians(results),
        "results": results,
    }
    if options.json:
        common.write_json(options.json, report)
    show(report)


if __name__ == "__main__":
    main()
