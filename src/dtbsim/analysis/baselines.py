"""What an FC correlation has to be held against: the structure alone, and the best linear network on it.

A linear noisy network, tau dx/dt = -x + g W x + noise, with W scaled to spectral radius 1 and 0 <= g < 1, has closed
forms for two functional connectivities:

- "instantaneous": the covariance C of x itself, from the Lyapunov equation A C + C A' + 2 I = 0, A = g W - I
  (an Ornstein-Uhlenbeck process; Galan 2008, PLoS ONE 3:e2148);
- "slow": its covariance at frequencies far below 1 / tau, (I - g W)^-1 (I - g W)^-T, which is what a signal as slow as
  BOLD sees of fast activity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.analysis.fc import check_square, fc_correlation, pearson, upper_triangle
from dtbsim.errors import InputError

Floats = NDArray[np.float64]
Kind = Literal["slow", "instantaneous"]
KINDS: tuple[Kind, ...] = ("slow", "instantaneous")

_GRID_POINTS = 40
_LARGEST_COUPLING = 0.999


@dataclass(frozen=True)
class LinearFit:
    """The linear network whose FC correlates best with a measured one.

    Attributes:
        correlation: upper-triangle Pearson correlation of its FC with the measured FC.
        coupling: g, in units where g = 1 is the edge of instability.
        kind: which FC of the network ("slow" or "instantaneous").
        fc: float64[n, n] its FC.
    """

    correlation: float
    coupling: float
    kind: Kind
    fc: Floats


def structural_correlation(weights: ArrayLike, fc: ArrayLike) -> float:
    """Pearson correlation of the upper triangles of the structural weights and the FC.

    Args:
        weights: [n, n], not negative; of a directed matrix the mean of both directions is used (FC has none).
        fc: [n, n].
    """
    return fc_correlation(_undirected(weights), fc)


def log_structural_correlation(weights: ArrayLike, fc: ArrayLike) -> float:
    """As `structural_correlation` with log(weight), over the pairs that are connected (weight > 0)."""
    strengths, values = upper_triangle(_undirected(weights)), upper_triangle(fc, name="FC")
    if strengths.size != values.size:
        raise InputError(f"weights and FC are of different sizes: {np.shape(weights)} and {np.shape(fc)}")
    connected = strengths > 0
    return pearson(np.log(strengths[connected]), values[connected])


def linear_network_fc(weights: ArrayLike, coupling: float, kind: Kind = "slow") -> Floats:
    """FC of the linear noisy network on `weights` (see the module's text).

    Args:
        weights: [n, n], row = target; not negative, not all zero.
        coupling: g in [0, 1).
        kind: "slow" or "instantaneous".

    Returns:
        float64[n, n] correlations.

    Raises:
        InputError: bad weights, or a coupling outside [0, 1).
    """
    return _correlation_of(_normalised(weights), coupling, kind)


def best_linear_network(weights: ArrayLike, fc: ArrayLike, *, kinds: tuple[Kind, ...] = KINDS) -> LinearFit:
    """Fit the coupling of the linear noisy network to a measured FC, for each kind, and return the best fit.

    The coupling is searched on a grid even in log(1 - g) up to 0.999, then refined between the neighbours of the best.

    Raises:
        InputError: bad weights or FC, of different sizes, or a structure that gives all pairs the same FC.
    """
    from scipy.optimize import minimize_scalar

    normalised = _normalised(weights)
    best: tuple[float, float, Kind] | None = None
    for kind in kinds:

        def loss(distance: float, kind: Kind = kind) -> float:
            return -fc_correlation(_correlation_of(normalised, 1 - 10.0**distance, kind), fc)

        grid = np.linspace(np.log10(1 - _LARGEST_COUPLING), np.log10(0.95), _GRID_POINTS)
        at = int(np.argmin([loss(float(distance)) for distance in grid]))
        bounds = (float(grid[max(at - 1, 0)]), float(grid[min(at + 1, _GRID_POINTS - 1)]))
        found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4})
        candidates = [(-float(found.fun), float(found.x)), (-loss(float(grid[at])), float(grid[at]))]
        correlation, distance = max(candidates)
        if best is None or correlation > best[0]:
            best = (correlation, 1 - 10.0**distance, kind)
    if best is None:
        raise InputError("no kind of linear network was named; allowed: slow, instantaneous")
    correlation, coupling, chosen = best
    return LinearFit(correlation, coupling, chosen, _correlation_of(normalised, coupling, chosen))


def _undirected(weights: ArrayLike) -> Floats:
    square = _checked_weights(weights)
    return (square + square.T) / 2


def _checked_weights(weights: ArrayLike) -> Floats:
    square = check_square(weights, name="weights").copy()
    np.fill_diagonal(square, 0.0)
    if (square < 0).any():
        row, column = np.argwhere(square < 0)[0]
        raise InputError(f"weights[{row}, {column}] is {square[row, column]:g}; weights are not negative")
    return square


def _normalised(weights: ArrayLike) -> Floats:
    """Weights without self-connections, scaled to spectral radius 1."""
    square = _checked_weights(weights)
    radius = float(np.abs(np.linalg.eigvals(square)).max())
    if not radius > 0:
        raise InputError("weights have no cycle of connections (spectral radius 0): no linear network to couple")
    return square / radius


def _correlation_of(normalised: Floats, coupling: float, kind: Kind) -> Floats:
    if not 0 <= coupling < 1:
        raise InputError(f"coupling is {coupling}; the linear network is stable for 0 <= coupling < 1")
    if kind not in KINDS:
        raise InputError(f"kind is {kind!r}; allowed: {', '.join(KINDS)}")
    identity = np.eye(normalised.shape[0])
    if kind == "slow":
        response = np.linalg.inv(identity - coupling * normalised)
        covariance = response @ response.T
    elif np.array_equal(normalised, normalised.T):
        covariance = np.linalg.inv(identity - coupling * normalised)  # solves the Lyapunov equation if A = A'
    else:
        from scipy.linalg import solve_continuous_lyapunov

        covariance = np.asarray(solve_continuous_lyapunov(coupling * normalised - identity, -2 * identity))
    scale = 1 / np.sqrt(np.diag(covariance))
    correlation = covariance * np.outer(scale, scale)
    return np.asarray((correlation + correlation.T) / 2, dtype=np.float64)
