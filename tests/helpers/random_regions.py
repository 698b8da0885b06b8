"""Networks of mean-field regions drawn at random, from a seed: models, couplings, noise, drives, changes, members."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
from tests.helpers.region_runs import small_atlas

from dtbsim.models.region_registry import get_region_model

MODELS = (
    "aln", "deco_2013", "deco_2014", "di_volo_2019", "epileptor", "epileptor_2d", "fitzhugh_nagumo",
    "generic_2d_oscillator", "hopf", "jansen_rit", "kuramoto", "larter_breakspear", "linear", "montbrio_pazo_roxin",
    "wilson_cowan", "wilson_cowan_1972", "zetterberg_jansen",
)  # fmt: skip
DT_MS, STEPS = 0.1, 90
_SMALL = 0.01


def _needs_own(model: str) -> bool:
    return get_region_model(model).coupling in ("difference", "kuramoto")


class RandomRegions:
    """The configuration of a seed, as plain data."""

    def __init__(self, seed: int, folder: Path, models: tuple[str, ...] = MODELS) -> None:
        self.draw, self._models = random.Random(seed), models
        draw = self.draw
        self.n = draw.choice([1, 2, 3, 5, 9, 17, 33])
        numbers = np.random.default_rng(seed)
        weights = np.round(numbers.random((self.n, self.n)), 3)
        weights[numbers.random(weights.shape) < draw.choice([0.0, 0.3, 0.9])] = 0.0
        np.fill_diagonal(weights, 0.0)
        self._numbers, self._weights = numbers, weights
        lengths = np.round(numbers.uniform(2.0, 40.0, weights.shape), 1)
        self.names = [f"r{k}" for k in range(self.n)]
        folder.mkdir(exist_ok=True)
        self.populations = {f"p{k}": self._population() for k in range(draw.randint(1, 3))}
        self.couplings = {f"c{k}": self._coupling() for k in range(draw.randint(0, 4))}
        self.drives = {f"d{k}": self._drive() for k in range(draw.randint(0, 3))}
        self.data: dict[str, Any] = {
            "atlas": str(small_atlas(folder, weights, lengths)),
            "seed": draw.randint(0, 2**40),
            "simulation": {"dt_ms": DT_MS, "duration_ms": DT_MS * STEPS},
            "populations": self.populations,
            "couplings": self.couplings,
            "drives": self.drives,
            "record": {"states": [self._states(name) for name in self.populations]},
        }
        self.data["changes"] = {f"x{k}": self._change() for k in range(draw.randint(0, 3))}
        if draw.random() < 0.6:
            self.data["ensemble"] = self._ensemble()

    def _population(self) -> dict[str, Any]:
        draw, model = self.draw, get_region_model(self.draw.choice(self._models))
        some = draw.sample(self.names, draw.randint(1, self.n))
        given: dict[str, Any] = {"model": model.name, "regions": "all" if draw.random() < 0.6 else sorted(some)}
        if draw.random() < 0.6:
            given["integrator"] = draw.choice(model.integrators)
        states = {row.name for row in model.states}
        noise = {}
        for target in draw.sample(list(model.targets), draw.randint(0, min(2, len(model.targets)))):
            kinds = ["additive", "ornstein_uhlenbeck"] + (["multiplicative"] if target in states else [])
            kind = draw.choice(kinds)
            noise[target] = {"kind": kind, "sigma": 1e-3} | ({"tau_ms": 2.0} if kind == "ornstein_uhlenbeck" else {})
        given["noise"] = noise
        return given

    def _delay(self) -> Any:
        draw = self.draw
        kind = draw.choice(["none", "one", "tracts", "matrix"])
        if kind == "matrix":
            steps = self._numbers.integers(0, draw.choice([2, 40]), (self.n, self.n))
            return {"matrix": np.round(steps * DT_MS, 1).tolist()}
        velocity = {"tract_velocity_m_per_s": draw.choice([5.0, 20.0, 1000.0]), "minimum_ms": draw.choice([None, 0.4])}
        return {"none": 0.0, "one": draw.choice([0.1, 0.7, 3.0]), "tracts": velocity}[kind]

    def _coupling(self) -> dict[str, Any]:
        draw, names = self.draw, list(self.populations)
        targets = draw.sample(names, draw.randint(1, len(names)))
        model = get_region_model(self.populations[targets[0]]["model"])
        given: dict[str, Any] = {
            "source": draw.sample(names, draw.randint(1, len(names))),
            "target": targets,
            "strength": draw.choice([_SMALL, -_SMALL, 0.0]),
            "weights": draw.choice(["connectome", "connectome", "same_region", "all", "matrix"]),
            "normalise": draw.choice(["none", "none", "largest", "total", "sources", "mean_total", "spectral_radius"]),
        }
        matrix = given["weights"] == "matrix"
        whole = all(self.populations[name]["regions"] == "all" for name in [*given["source"], *targets])
        if matrix and not whole:
            given["weights"] = "all"
        elif matrix:
            given["weights"] = {"matrix": np.round(self._numbers.normal(0, 1, (self.n, self.n)), 2).tolist()}
        if given["normalise"] == "spectral_radius" and not whole:
            given["normalise"] = "largest"
        delay = self._delay()
        square = isinstance(delay, dict) and "matrix" in delay
        given["delay_ms"] = delay if not square or whole else 0.5
        kind = draw.choice(["own", "linear", "scaling", "sigmoidal", "hyperbolic_tangent", "difference"])
        ends = {self.populations[name]["model"] for name in [*given["source"], *targets]}
        own = kind == "difference" or (kind == "own" and any(_needs_own(name) for name in ends))
        if own and len(ends) > 1:
            kind = "linear"  # the target has no such variable
        if kind != "own" and not (kind == "difference" and model.coupling == "kuramoto"):
            given["function"] = {"kind": kind}
        return given

    def _windows(self) -> dict[str, Any]:
        start = self.draw.randint(0, STEPS // 2)
        windows = {"start_ms": round(start * DT_MS, 1), "stop_ms": round((start + 20) * DT_MS, 1)}
        return windows if self.draw.random() < 0.5 else {}

    def _drive(self) -> dict[str, Any]:
        draw, name = self.draw, self.draw.choice(list(self.populations))
        model = get_region_model(self.populations[name]["model"])
        kinds: list[dict[str, Any]] = [
            {"kind": "dc", "amplitude": _SMALL},
            {"kind": "sinusoidal", "amplitude": _SMALL, "frequency_hz": 300.0},
            {"kind": "noise_current", "std": _SMALL, "dt_ms": draw.choice([0.1, 0.3])},
            {"kind": "ou_current", "sigma": _SMALL, "tau_ms": 3.0, "shared": draw.random() < 0.5},
        ]
        given = draw.choice(kinds) | {"target": name} | self._windows()
        if not model.uses_stimulus or draw.random() < 0.5:
            given["input"] = draw.choice([row.name for row in model.inputs])
        return given

    def _change(self) -> dict[str, Any]:
        draw = self.draw
        at = {"t_ms": round(draw.randint(0, STEPS - 1) * DT_MS, 1)}
        what = draw.choice(["coupling", "drive", "state", "parameter", "seed"])
        steady = [name for name, drive in self.drives.items() if drive["kind"] == "dc"]
        if what == "coupling" and self.couplings:
            return {"coupling": draw.choice(list(self.couplings)), **at, "set": {"strength": 2 * _SMALL}}
        if what == "drive" and steady:
            return {"drive": draw.choice(steady), **at, "set": {"amplitude": -_SMALL}}
        name = draw.choice(list(self.populations))
        model = get_region_model(self.populations[name]["model"])
        if what == "parameter":
            row = next((row for row in model.parameters if row.default), None)
            late = {delay.parameter for delay in model.delays}
            if row is not None and row.name not in late:
                return {"population": name, **at, "set": {row.name: 1.01 * float(row.default)}}
        if what == "state":
            row = next(row for row in model.states if not row.instant)
            return {"population": name, **at, "set": {row.name: 0.1}}
        return {"noise_seed": draw.randint(0, 99), **at}

    def _ensemble(self) -> dict[str, Any]:
        draw = self.draw
        grid: dict[str, list[Any]] = {}
        for name in self.couplings:
            if draw.random() < 0.5:
                grid[f"couplings.{name}.strength"] = [0.5 * _SMALL, -0.5 * _SMALL, 0.02][: draw.randint(1, 3)]
        for name, drive in self.drives.items():
            if drive["kind"] == "dc":
                grid[f"drives.{name}.amplitude"] = [0.0, _SMALL]
        if not grid or draw.random() < 0.5:
            grid["seed"] = draw.sample(range(1000), draw.choice([1, 2, 3, 17]))
        own = "own" if "seed" not in grid and draw.random() < 0.5 else "shared"
        return {"grid": dict(list(grid.items())[:3]), "seeds": own}

    def _states(self, name: str) -> dict[str, Any]:
        model = get_region_model(self.populations[name]["model"])
        variables = self.draw.sample(list(model.variables), self.draw.randint(1, len(model.variables)))
        return {"population": name, "variables": variables, "interval_ms": self.draw.choice([0.1, 0.3, 0.7])}
