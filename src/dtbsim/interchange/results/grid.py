"""Regular times, exactly: from whole numbers of steps to seconds or milliseconds in float64 and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

_EXACT = 2**53
"""Up to here every whole number is one in float64."""


def decimal(number: float) -> Fraction:
    """The number of at most 15 digits that is meant: 0.1 is one tenth, and so is 0.1 + 0.2 - 0.2."""
    return Fraction(f"{number:.15g}")


@dataclass(frozen=True)
class Grid:
    """Times first_ms + k interval_ms of k = 0, 1, ..., as fractions."""

    first_ms: Fraction
    interval_ms: Fraction

    @property
    def rate_hz(self) -> float:
        """Samples in a second."""
        return float(1000 / self.interval_ms)

    def ms(self, k: Any) -> NDArray[np.float64]:
        """The times of whole numbers, in ms: of each the float64 nearest to it."""
        return self._times(k, 1)

    def seconds(self, k: Any) -> NDArray[np.float64]:
        """The times of whole numbers, in s: of each the float64 nearest to it."""
        return self._times(k, 1000)

    def after(self, time_ms: float) -> int:
        """The first k whose time is later."""
        return math.floor((decimal(time_ms) - self.first_ms) / self.interval_ms) + 1

    def from_row(self, k: int) -> Grid:
        """The same, counted from k."""
        return Grid(self.first_ms + k * self.interval_ms, self.interval_ms)

    def _times(self, k: Any, per: int) -> NDArray[np.float64]:
        """(a + k b) / c in whole numbers, so that only the division is rounded."""
        steps = np.asarray(k, np.int64)
        c = math.lcm(self.first_ms.denominator, self.interval_ms.denominator)
        a, b, c = int(self.first_ms * c), int(self.interval_ms * c), c * per
        most = abs(a) + b * int(np.abs(steps).max(initial=0))
        if most < _EXACT and c < _EXACT:
            return np.asarray((a + b * steps) / c, np.float64)
        exact = [float((self.first_ms + int(step) * self.interval_ms) / per) for step in steps.ravel()]
        return np.array(exact, np.float64).reshape(steps.shape)


def spike_grid(dt_ms: float) -> Grid:
    """Spikes of step k are at (k + 1) dt."""
    dt = decimal(dt_ms)
    return Grid(dt, dt)
