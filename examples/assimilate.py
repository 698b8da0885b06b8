"""A network follows BOLD: regional parameters that were planted in a synthetic brain are found again, forecasts scored.

    python examples/assimilate.py --picture assimilation.png

Twelve regions of AAL2 are dynamic mean fields (Deco et al. 2014) whose recurrent excitation w_plus differs from region
to region. Their BOLD, with noise of measurement, is all that the assimilation sees; it begins with w_plus anywhere
between 1 and 1.6. The last quarter is held out. Leaves brain.yaml, bold.csv and the folder of the results, for the
commands of docs/assimilation.md. A picture needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import dtbsim

KEY = "populations.cortex.parameters.w_plus"
TR_S = 1.0
SETTLING = 40  # volumes


def configuration(n_regions: int) -> dict[str, Any]:
    """The brain, with the same w_plus everywhere."""
    regions = list(dtbsim.load_atlas("aal2").region_names)[:n_regions]
    noise = {"S_E": {"sigma": 0.01}, "S_I": {"sigma": 0.01}}
    return {
        "name": "followed",
        "seed": 1,
        "atlas": "aal2",
        "simulation": {"dt_ms": 1, "duration_ms": 60_000},
        "populations": {"cortex": {"model": "deco_2014", "regions": regions, "noise": noise}},
        "couplings": {"long_range": {"source": "cortex", "target": "cortex", "strength": 0.2}},
        "bold": {"population": "cortex", "variable": "r_E_Hz", "gain": 0.02, "tr_ms": 1000 * TR_S},
    }


def synthetic(config: dict[str, Any], planted: dict[str, float], volumes: int) -> np.ndarray:
    """BOLD of the brain with planted values, [volumes, regions], with noise of a fifth of its deviation."""
    duration = {"simulation.duration_ms": 1000 * TR_S * (volumes + SETTLING), "seed": 99}
    run = dtbsim.run(config, set={**duration, KEY: {"regions": planted}}, temporary=True, report=False)
    bold = np.asarray(run.open().bold())[-volumes:]
    return bold + np.random.default_rng(5).normal(0, 0.2 * bold.std(axis=0), bold.shape)


def draw(found: dtbsim.AssimilationResult, planted: dict[str, float], file: Path) -> None:
    """BOLD of a region, courses of the parameter, planted and found, errors by lead."""
    import matplotlib.pyplot as plt

    arrays, summary, split = found.arrays, found.summary, found.summary["followed_volumes"]
    fig, axes = plt.subplots(2, 2, figsize=(11, 6.5), layout="constrained")
    time_s, k = arrays["time_s"], 2
    bold, courses, values, leads = axes.ravel()
    bold.plot(time_s, arrays["measured"][:, k], color="0.35", lw=1, label="measured")
    mean, sd = arrays["forecast"][:, k], arrays["forecast_sd"][:, k]
    bold.plot(time_s, mean, color="C0", lw=1, label="expected of each volume")
    bold.fill_between(time_s, mean - sd, mean + sd, color="C0", alpha=0.2, lw=0)
    free = arrays["free"][:, :, k]
    bold.plot(time_s[split:], free.mean(axis=1), color="C3", lw=1, label="running freely")
    low, high = free.mean(axis=1) - free.std(axis=1), free.mean(axis=1) + free.std(axis=1)
    bold.fill_between(time_s[split:], low, high, color="C3", alpha=0.15, lw=0)
    bold.axvline(time_s[split - 1], color="0.6", ls=":")
    bold.set(xlabel="time (s)", ylabel="BOLD (sd)", title=str(arrays["region"][k]), xlim=(time_s[split] - 90, None))
    bold.legend(fontsize=8, loc="upper left")
    courses.plot(time_s[:split], arrays["parameters"][:split, :, 0], lw=1)
    courses.set(xlabel="time (s)", ylabel="w_plus", title="estimates, region by region")
    names = [str(name) for name in arrays["region"]]
    x, y = [planted[name] for name in names], [found.parameters[KEY][name] for name in names]
    values.errorbar(x, y, yerr=arrays["parameters_sd"][split - 1, :, 0], fmt="o", ms=4, lw=1)
    values.plot([1.1, 1.5], [1.1, 1.5], color="0.6", lw=1)
    values.set(xlabel="planted", ylabel="found", title="w_plus")
    for name, scores in summary["skill"].items():
        leads.plot(TR_S * np.arange(1, len(scores["rmse"]) + 1), scores["rmse"], marker="o", ms=3, label=name)
    leads.set(xlabel="lead (s)", ylabel="error (sd)", title="forecasts of held-out volumes", ylim=(0, None))
    leads.legend(fontsize=8)
    fig.savefig(file, dpi=110)


def main() -> None:
    """Plant, follow, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regions", type=int, default=12, metavar="N", help="at least 2 (default: %(default)s)")
    parser.add_argument("--volumes", type=int, default=240, metavar="N", help="at least 40 (default: %(default)s)")
    parser.add_argument("--members", type=int, default=32, metavar="N", help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=Path("followed"), metavar="DIR", help="default: %(default)s")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the result (needs matplotlib)")
    options = parser.parse_args()
    if not 2 <= options.regions <= 80 or options.volumes < 40:
        parser.error("give 2 to 80 regions and at least 40 volumes")
    if options.out.exists():
        parser.error(f"{options.out} is there already: name a new folder, --out DIR")
    config = configuration(options.regions)
    names = config["populations"]["cortex"]["regions"]
    values = np.random.default_rng(3).uniform(1.15, 1.45, len(names)).round(3).tolist()
    planted = dict(zip(names, values, strict=True))
    bold = synthetic(config, planted, options.volumes)
    options.out.mkdir(parents=True)
    (options.out / "brain.yaml").write_text(json.dumps(config, indent=1))  # JSON is YAML
    np.savetxt(options.out / "bold.csv", bold, delimiter=",", header=",".join(names), comments="", fmt="%.8g")
    found = dtbsim.assimilate(
        options.out / "brain.yaml",
        options.out / "bold.csv",
        tr_s=TR_S,
        out=options.out / "result",
        free=[f"{KEY}=1:1.6"],
        members=options.members,
        units="model",  # the series is BOLD as this model has it
    )
    print(f"{'region':<24} planted  found")
    for name, value in planted.items():
        print(f"{name:<24} {value:7.3f} {found.parameters[KEY][name]:6.3f}")
    estimate = [found.parameters[KEY][name] for name in names]
    print(f"mean error {np.abs(np.array(values) - estimate).mean():.4f}, r {np.corrcoef(values, estimate)[0, 1]:.3f}")
    for name, scores in found.summary["one_step"].items():
        print(f"error of the next volume, held out, {name}: {scores['rmse'][0]:.3f} sd")
    print(f"report: {options.out / 'result' / 'report.html'}")
    if options.picture is not None:
        draw(found, planted, options.picture)


if __name__ == "__main__":
    main()
