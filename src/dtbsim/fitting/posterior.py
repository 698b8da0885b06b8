"""`--method sbi`: a posterior by neural estimation from simulations, and whether it keeps what it promises.

Neural posterior estimation (Papamakarios & Murray 2016; Greenberg et al. 2019) of the package sbi, over the features
of functional connectivity, of which the leading principal components of the simulations are kept. A part of the
simulations is not shown to the network: their true parameters say whether its credible intervals hold what they promise
(simulation-based calibration, Talts et al. 2018).
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError, MissingDependencyError, NumericsError
from dtbsim.fitting.features import features_of
from dtbsim.fitting.journal import Record
from dtbsim.fitting.space import Space
from dtbsim.fitting.target import Target

if TYPE_CHECKING:
    from dtbsim.fitting.evaluate import Task
    from dtbsim.fitting.study import Study

F64 = NDArray[np.float64]
FEWEST = 100
SAMPLES = 4000
COMPONENTS, FEWEST_COMPONENTS, PER_COMPONENT = 12, 3, 60
"""Principal components that are kept at most and at least, and simulations for each of them."""
TESTED = 0.2
PREDICTED = 32
_EDGE = 1e-6
LEVELS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])


@dataclass(frozen=True, eq=False)
class Posterior:
    """What the data say of the parameters.

    samples: float64[k, p] values of the parameters. covered: float64[levels, p] share of held-back simulations whose
    parameter is in the credible interval of each of LEVELS; `n_tested` simulations. predicted: float64[m, features] of
    simulations at draws of the posterior; observed: float64[features]. `outside`: share of features that are outside
    of the central 98 % of the simulations that the network learnt from.
    """

    space: Space
    samples: F64
    covered: F64
    n_tested: int
    predicted: F64
    observed: F64
    outside: float

    def interval(self, share: float = 0.9) -> dict[str, tuple[float, float]]:
        """Central credible intervals by key."""
        low, high = np.quantile(self.samples, [(1 - share) / 2, (1 + share) / 2], axis=0)
        return {key: (float(a), float(b)) for key, a, b in zip(self.space.keys, low, high, strict=True)}

    def bounds(self, level: float, chance: float = 0.99) -> tuple[float, float]:
        """Shares that chance allows where intervals are right (binomial), with `n_tested` simulations."""
        from scipy.stats import binom

        low, high = binom.interval(chance, self.n_tested, level)
        return float(low) / self.n_tested, float(high) / self.n_tested

    @property
    def calibrated(self) -> bool:
        """Whether the 90 % intervals hold as many of the true values as chance allows, for every parameter."""
        low, high = self.bounds(0.9)
        at = int(np.argmin(np.abs(LEVELS - 0.9)))
        return bool(((self.covered[at] >= low) & (self.covered[at] <= high)).all())

    @property
    def lines(self) -> list[str]:
        """In words."""
        found = ["", "posterior, 90 % intervals"]
        at = int(np.argmin(np.abs(LEVELS - 0.9)))
        for k, (key, (low, high)) in enumerate(self.interval().items()):
            share = f"these hold {self.covered[at, k]:.0%} of {self.n_tested} known values"
            found.append(f"  {key}: {low:.5g} to {high:.5g} (median {np.median(self.samples[:, k]):.5g}; {share})")
        low, high = self.bounds(0.9)
        if not self.calibrated:
            found.append(
                f"note: the intervals are not calibrated: {low:.0%} to {high:.0%} would be chance; simulate more"
            )
        if self.outside > 0.1:
            text = (
                f"note: {self.outside:.0%} of the measured features are beyond all simulations: the model cannot make"
            )
            found.append(f"{text} these data, and the posterior means little")
        return found

    @property
    def summary(self) -> dict[str, Any]:
        """For summary.json."""
        at = int(np.argmin(np.abs(LEVELS - 0.9)))
        return {
            "interval_90": {key: list(pair) for key, pair in self.interval().items()},
            "median": dict(zip(self.space.keys, np.median(self.samples, axis=0).tolist(), strict=True)),
            "coverage_90": dict(zip(self.space.keys, self.covered[at].tolist(), strict=True)),
            "tested": self.n_tested,
            "calibrated": self.calibrated,
            "features_outside": self.outside,
        }

    def sections(self) -> list[Any]:
        """Of the report."""
        from dtbsim.report.figures_fit import calibration, corner, predictive
        from dtbsim.report.parts import Panel, Section

        keys = [key.rpartition(".")[2] for key in self.space.keys]
        limits = [(one.low, one.high) for one in self.space.free]
        median = np.median(self.samples, axis=0).tolist()
        low, high = (np.array([self.bounds(level)[side] for level in LEVELS]) for side in (0, 1))
        covered = {key: self.covered[:, k] for k, key in enumerate(keys)}
        text = (
            f"{self.n_tested} simulations that the network has not seen: how often their true parameter is in the "
            "interval that promises so much. Grey: 99 % of what chance does."
        )
        check = "Simulations at draws of the posterior: 90 % of each feature of FC (band), and the measured one (dots)."
        panels = [
            Panel(
                "Corner plot",
                "The lines are medians; axes are the prior.",
                corner(self.samples, keys, limits, median),
                "",
            ),
            Panel("Posterior-predictive check", check, predictive(self.predicted, self.observed, "feature of FC"), ""),
            Panel("Calibration by simulation", text, calibration(LEVELS, covered, low, high), ""),
        ]
        return [Section("posterior", "Posterior", "", panels)]


def check_installed(target: Target) -> None:
    """Raise MissingDependencyError without sbi, InputError without FC."""
    import sys

    missing = sys.modules.get("sbi", ...) is None or (
        "sbi" not in sys.modules and importlib.util.find_spec("sbi") is None
    )
    if missing:
        remedy = "pip install 'dtbsim[infer]' (with PyTorch, some 750 MB)"
        raise MissingDependencyError("--method sbi needs the package sbi", remedy=remedy)
    if target.fc is None:
        raise InputError(f"{target.name} has no FC", where="--method sbi", remedy="give an FC, or a series with --tr")


def posterior_of(study: Study, space: Space, target: Target, task: Task, seed: int, first_seed: int) -> Posterior:
    """Learn the posterior from the evaluations in the journal, test it, and simulate at draws of it."""
    from dataclasses import replace

    from dtbsim.fitting.study import Point

    assert target.fc is not None
    units, features = _learnt(study.journal, space)
    if len(units) < FEWEST:
        remedy = "give more --evaluations"
        raise NumericsError(f"{len(units)} simulations are too few; {FEWEST} are needed", where="sbi", remedy=remedy)
    observed = features_of(target.fc)
    samples, covered, n_tested = estimate(units, features, observed, seed)
    values = np.array([list(space.values(row).values()) for row in samples])
    points = [Point(space.values(row), (first_seed + 1000 + k,)) for k, row in enumerate(samples[:PREDICTED])]
    found = study.evaluate(points, replace(task, stage="predictive"))
    predicted = [records[0]["features"] for records in found if records[0].get("features")]
    low, high = np.quantile(features, [0.01, 0.99], axis=0)
    outside = float(((observed < low) | (observed > high)).mean())
    return Posterior(space, values, covered, n_tested, np.array(predicted), observed, outside)


def _learnt(journal: Any, space: Space) -> tuple[F64, F64]:
    units: list[F64] = []
    features: list[Sequence[float]] = []
    record: Record
    for record in journal:
        if record.get("stage") == "search" and record["error"] is None and record.get("features"):
            units.append(space.unit(record["values"]))
            features.append(record["features"])
    return np.array(units), np.array(features)


def estimate(units: F64, features: F64, observed: F64, seed: int) -> tuple[F64, F64, int]:
    """Samples of the posterior float64[SAMPLES, p] in the unit cube, coverage float64[levels, p], how many tested.

    The network learns the logits of parameters. In the cube itself its density would leak over the faces, and what is
    left when that is cut off is too narrow: intervals of 90 % then held 85 % in 900 tests of a linear problem.
    """
    import torch
    from sbi.inference import NPE

    torch.manual_seed(seed % 2**31)
    torch.set_num_threads(1)
    n, p = units.shape
    order = np.random.default_rng(seed).permutation(n)
    n_tested = max(20, math.floor(TESTED * n))
    test, train = order[:n_tested], order[n_tested:]
    project = _projection(features[train])
    inside = np.clip(units[train], _EDGE, 1 - _EDGE)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        inference = NPE(show_progress_bars=False, tracker=_NoTracker())
        logits = torch.as_tensor(np.log(inside / (1 - inside)), dtype=torch.float32)
        x = torch.as_tensor(project(features[train]), dtype=torch.float32)
        estimator = inference.append_simulations(logits, x).train(show_train_summary=False)

        def draw(one: F64, k: int) -> F64:
            given = torch.as_tensor(project(one[None]), dtype=torch.float32)
            with torch.no_grad():
                drawn = estimator.sample((k,), condition=given).numpy().reshape(k, p)
            return np.asarray(1 / (1 + np.exp(-drawn.astype(np.float64))))

        samples = draw(observed, SAMPLES)
        covered = np.zeros((len(LEVELS), p))
        for k in test:
            ranks = (draw(features[k], 400) < units[k]).mean(axis=0)
            covered += np.abs(ranks - 0.5)[None] <= LEVELS[:, None] / 2
    return samples, covered / n_tested, n_tested


class _NoTracker:
    """Keeps nothing of how training went; by default sbi leaves a folder of logs where one happens to be."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def _projection(features: F64) -> Any:
    """A function to the leading principal components of standardised features, each of unit variance."""
    centre, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    _, sizes, rows = np.linalg.svd((features - centre) / scale, full_matrices=False)
    k = min(COMPONENTS, max(FEWEST_COMPONENTS, len(features) // PER_COMPONENT), len(sizes))
    axes = rows[:k].T * (math.sqrt(len(features)) / np.maximum(sizes[:k], 1e-12))
    return lambda values: np.clip((values - centre) / scale, -30, 30) @ axes
