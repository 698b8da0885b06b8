"""`--method enki`: ensemble Kalman inversion as a search over the features of functional connectivity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.fitting.features import features_of
from dtbsim.fitting.space import Space
from dtbsim.fitting.target import Target

F64 = NDArray[np.float64]
FEATURE_SD = 0.05
"""Of a feature, from one recording of the same brain to another: all of them are correlations."""


class Inversion:
    """An ensemble that is moved until simulations give the measured features up to FEATURE_SD."""

    def __init__(self, space: Space, observed: F64, evaluations: int, members: int, seed: int) -> None:
        from dtbsim.assimilation.inversion import EnsembleKalmanInversion

        bounds = [f"{one.key}={one.low!r}:{one.high!r}{':log' if one.log else ''}" for one in space.free]
        self._space = space
        self._inversion = EnsembleKalmanInversion(
            bounds, observed, FEATURE_SD**2, members=members, seed=seed, stop="discrepancy",
            max_iterations=max(1, evaluations // members),
        )  # fmt: skip
        self.label = f"ensemble Kalman inversion, {members} members"

    def ask(self) -> F64 | None:
        """The ensemble."""
        if self._inversion.done:
            return None
        return np.array(
            [self._space.unit(dict(zip(self._space.keys, row, strict=True))) for row in self._inversion.ask()]
        )

    def tell(self, points: F64, losses: Sequence[Sequence[float]], features: Sequence[Any]) -> None:
        """Move it."""
        n = self._inversion.observations.size
        rows = [np.full(n, np.nan) if one is None else np.asarray(one, np.float64) for one in features]
        self._inversion.tell(np.array(rows))


def inversion_of(space: Space, target: Target, evaluations: int, members: int, seed: int) -> Inversion:
    """Return the search. InputError without FC."""
    if target.fc is None:
        raise InputError(f"{target.name} has no FC", where="--method enki", remedy="give an FC, or a series with --tr")
    return Inversion(space, features_of(target.fc), evaluations, members, seed)
