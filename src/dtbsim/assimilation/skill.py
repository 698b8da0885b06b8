"""How good forecasts of held-out volumes are, beside persistence and a linear model of the same data.

The linear model is a vector autoregression of one volume, z[t + 1] = A z[t], by ridge regression on what was followed;
the strength of the ridge is chosen by forecasts of the last quarter of it. All series are in units of the measured
standard deviation, from the mean, so that the forecast 0 has an error near 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.kernels.dense import cholesky, product, solve_lower, solve_upper

F64 = NDArray[np.float64]
RIDGES = tuple(10.0**k for k in range(-2, 5))


@dataclass(frozen=True, eq=False)
class LinearModel:
    """z[t + 1] = transition z[t] + noise; `ridge` is what was chosen, `noise` the covariance of residuals."""

    transition: F64
    ridge: float
    noise: F64

    def forecasts(self, z: F64, leads: int) -> F64:
        """Forecasts float64[starts, leads, regions] from float64[starts, regions]."""
        found, now = [], z
        for _ in range(leads):
            now = product(np.ascontiguousarray(now), np.ascontiguousarray(self.transition.T))
            found.append(now)
        return np.stack(found, axis=1)

    def fc(self) -> F64:
        """Correlations of its stationary distribution, float64[regions, regions]."""
        radius = float(np.abs(np.linalg.eigvals(self.transition)).max())
        stable = self.transition if radius < 0.999 else self.transition * (0.999 / radius)
        covariance, power = self.noise.copy(), stable
        for _ in range(16):  # sum over k of A^k Q A'^k by doubling: 2**16 terms
            covariance = covariance + power @ covariance @ power.T
            power = power @ power
        sd = np.sqrt(np.diag(covariance))
        found: F64 = covariance / np.outer(sd, sd)
        return found


def _ridge(z: F64, ridge: float) -> F64:
    before, after = np.ascontiguousarray(z[:-1]), np.ascontiguousarray(z[1:])
    within = product(np.ascontiguousarray(before.T), before) + ridge * np.eye(z.shape[1])
    cross = product(np.ascontiguousarray(before.T), after)
    lower = cholesky(within)
    return solve_upper(lower, solve_lower(lower, cross)).T.copy()  # type: ignore[no-any-return]


def linear_model(z: F64) -> LinearModel:
    """Fit it to float64[volumes, regions]."""
    split = 3 * len(z) // 4

    def error(ridge: float) -> float:
        transition = _ridge(z[:split], ridge)
        return float(np.mean((z[split:] - z[split - 1 : -1] @ transition.T) ** 2))

    ridge = min(RIDGES, key=error)
    transition = _ridge(z, ridge)
    residuals = z[1:] - z[:-1] @ transition.T
    return LinearModel(transition, ridge, residuals.T @ residuals / len(residuals))


def scores(forecasts: F64, measured: F64) -> dict[str, list[float]]:
    """RMSE and correlation by lead, of float64[starts, leads, regions] both; over starts and regions together."""
    error = np.sqrt(np.mean((forecasts - measured) ** 2, axis=(0, 2)))
    found = []
    for lead in range(forecasts.shape[1]):
        a, b = forecasts[:, lead].ravel(), measured[:, lead].ravel()
        moving = np.ptp(a) > 0 and np.ptp(b) > 0
        found.append(float(np.corrcoef(a, b)[0, 1]) if moving else 0.0)
    return {"rmse": [float(value) for value in error], "r": found}


def compared(z: F64, starts: NDArray[np.int64], forecasts: F64, linear: LinearModel) -> dict[str, Any]:
    """Scores of forecasts float64[starts, leads, regions] made after volumes `starts` of `z`, beside the baselines."""
    leads = forecasts.shape[1]
    measured = np.stack([z[start + 1 : start + 1 + leads] for start in starts])
    now = z[starts]
    return {
        "assimilation": scores(forecasts, measured),
        "persistence": scores(np.repeat(now[:, None], leads, axis=1), measured),
        "linear": scores(linear.forecasts(now, leads), measured),
        "mean": scores(np.zeros_like(measured), measured),
    }


def upper(matrix: F64) -> F64:
    """Entries above the diagonal."""
    found: F64 = matrix[np.triu_indices(len(matrix), 1)]
    return found


def fc_correlation(first: F64, second: F64) -> float | None:
    """Correlation of two FC over pairs; None where one of them is constant or not finite."""
    a, b = upper(first), upper(second)
    good = np.isfinite(a) & np.isfinite(b)
    if good.sum() < 3 or not (np.ptp(a[good]) > 0 and np.ptp(b[good]) > 0):
        return None
    return float(np.corrcoef(a[good], b[good])[0, 1])
