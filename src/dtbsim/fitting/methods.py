"""Searches that ask for points of the unit cube and are told what came of them.

All are deterministic: with one seed and the same answers they ask the same questions, so that a study goes on after a
kill by asking again and answering from its journal.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError, MissingDependencyError
from dtbsim.fitting.space import unit_points

F64 = NDArray[np.float64]
METHODS = ("grid", "cmaes", "tpe", "sbi", "enki")
POPULATION = 16
"""Points of a generation: as many members as are simulated side by side."""


class Search(Protocol):
    """One search."""

    label: str

    def ask(self) -> F64 | None:
        """Points float64[k, parameters] that are to be evaluated; None: the search has ended."""

    def tell(self, points: F64, losses: Sequence[Sequence[float]], features: Sequence[Any]) -> None:
        """What came of them: losses [k][objectives], NaN where an evaluation failed; features where asked for."""


class Grid:
    """Every combination of evenly spaced values, as many as the budget allows."""

    def __init__(self, dimensions: int, evaluations: int, population: int) -> None:
        each = max(2, round(evaluations ** (1.0 / dimensions) - 0.4999))
        while (each + 1) ** dimensions <= evaluations:
            each += 1
        axis = np.linspace(0.0, 1.0, each)
        mesh = np.meshgrid(*[axis] * dimensions, indexing="ij")
        self._points, self._step = np.stack([one.ravel() for one in mesh], axis=1), max(1, population)
        self._at = 0
        self.label = f"grid of {each} values each"

    def ask(self) -> F64 | None:
        """The next points in order."""
        if self._at >= len(self._points):
            return None
        self._at += self._step
        return self._points[self._at - self._step : self._at]

    def tell(self, points: F64, losses: Sequence[Sequence[float]], features: Sequence[Any]) -> None:
        """Nothing depends on it."""


class Random:
    """Points of the prior, uniform in the cube, for inference: all are asked at once, a population at a time."""

    def __init__(self, dimensions: int, evaluations: int, population: int, seed: int) -> None:
        self._points = np.random.default_rng(seed).random((evaluations, dimensions))
        self._step, self._at = population, 0
        self.label = f"{evaluations} draws from the prior"

    def ask(self) -> F64 | None:
        """The next ones."""
        if self._at >= len(self._points):
            return None
        self._at += self._step
        return self._points[self._at - self._step : self._at]

    def tell(self, points: F64, losses: Sequence[Sequence[float]], features: Sequence[Any]) -> None:
        """Nothing depends on it."""


class CMAES:
    """Covariance matrix adaptation (Hansen 2001) of the package cma, within the bounds."""

    def __init__(self, dimensions: int, evaluations: int, population: int, seed: int, tolerance: float) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that plots need matplotlib
            try:
                import cma
            except ModuleNotFoundError:
                raise MissingDependencyError("--method cmaes needs the package cma", remedy="pip install cma") from None
        random = np.random.RandomState(seed % 2**32)
        options = {
            "bounds": [0.0, 1.0],
            "popsize": population,
            "randn": random.randn,
            "seed": np.nan,  # the random numbers are those above, whatever numpy's own are used for
            "verbose": -9,
            "tolx": 1e-3,
            "tolfun": tolerance,
            "tolstagnation": 20,
            "maxstd": 1e9,  # cma 4.5 fails where it brings a single parameter back to its default limit
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._es = cma.CMAEvolutionStrategy([0.5] * dimensions, 0.3, options)
        self._left = max(1, evaluations // population)
        self._asked: list[Any] = []
        self.label = f"CMA-ES, {population} points a generation"

    def ask(self) -> F64 | None:
        """A generation."""
        if self._left <= 0 or self._es.stop():
            return None
        self._left -= 1
        self._asked = self._es.ask()
        return np.clip(np.array(self._asked, np.float64), 0.0, 1.0)

    def tell(self, points: F64, losses: Sequence[Sequence[float]], features: Sequence[Any]) -> None:
        """Failed points count as worse than every other of the generation."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._es.tell(self._asked, worst_for_failed([one[0] for one in losses]))


def worst_for_failed(losses: Sequence[float]) -> list[float]:
    """Losses in which NaN is worse than everything else, by as much as the others differ."""
    good = [loss for loss in losses if math.isfinite(loss)]
    bad = max(good) + (max(good) - min(good)) + 1.0 if good else 1e6
    return [loss if math.isfinite(loss) else bad for loss in losses]


class TPE:
    """Tree-structured Parzen estimator of optuna (Bergstra 2011), also for several objectives."""

    def __init__(self, dimensions: int, evaluations: int, population: int, seed: int, objectives: int) -> None:
        try:
            import optuna
        except ModuleNotFoundError:
            remedy = "pip install 'dtbsim[optuna]'"
            raise MissingDependencyError("--method tpe needs the package optuna", remedy=remedy) from None
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._optuna = optuna
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that some options are experimental
            sampler = optuna.samplers.TPESampler(seed=seed % 2**32, multivariate=True, constant_liar=True)
            self._study = optuna.create_study(directions=["minimize"] * objectives, sampler=sampler)
        self._left, self._population = evaluations, population
        ranges = {f"x{k}": optuna.distributions.FloatDistribution(0.0, 1.0) for k in range(dimensions)}
        self._ranges: dict[str, Any] = ranges
        self._asked: list[Any] = []
        self.label = f"TPE, {population} points at a time"

    def ask(self) -> F64 | None:
        """Points at a time."""
        n = min(self._left, self._population)
        if n <= 0:
            return None
        self._left -= n
        self._asked = [self._study.ask(self._ranges) for _ in range(n)]
        return np.array([[trial.params[name] for name in self._ranges] for trial in self._asked])

    def tell(self, points: F64, losses: Sequence[Sequence[float]], features: Sequence[Any]) -> None:
        """Failed points are failed trials."""
        failed = self._optuna.trial.TrialState.FAIL
        for trial, loss in zip(self._asked, losses, strict=True):
            good = all(math.isfinite(one) for one in loss)
            self._study.tell(trial, list(loss) if good else None, state=None if good else failed)


def search_of(
    method: str, dimensions: int, *, evaluations: int, population: int, seed: int, objectives: int, tolerance: float
) -> Search:
    """Return the search that a method names. InputError, MissingDependencyError."""
    if method not in METHODS:
        raise InputError(f"got '{method}'", where="--method", remedy=f"allowed: {', '.join(METHODS)}")
    if objectives > 1 and method not in ("grid", "tpe"):
        remedy = "give --method tpe or grid, or one sum of objectives: fc + 0.5*fcd"
        raise InputError(f"{method} has one objective, not {objectives}", where="--objective", remedy=remedy)
    if method == "cmaes":
        return CMAES(dimensions, evaluations, population, seed, tolerance)
    if method == "tpe":
        return TPE(dimensions, evaluations, population, seed, objectives)
    if method == "grid":
        return Grid(dimensions, evaluations, population)
    return Random(dimensions, evaluations, population, seed)


__all__ = ["CMAES", "METHODS", "POPULATION", "TPE", "Grid", "Random", "Search", "search_of", "unit_points"]
