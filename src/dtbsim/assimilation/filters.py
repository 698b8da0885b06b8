"""Ensemble Kalman filters: what one observation makes of an ensemble. float64, sums in one order.

An ensemble is float64[members, values]; `simulated` float64[members, n] is what its members would have observed, and
`observed` float64[n]. Stochastic filters take standard normal numbers float64[members, n], one for each member and
observation (`dtbsim.assimilation.draws`), so that they are functions of their arguments.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dtbsim.assimilation.noise import ObservationNoise
from dtbsim.assimilation.transform import MemberSpace, row_mean
from dtbsim.errors import NumericsError
from dtbsim.kernels.dense import cholesky, column_sums, product, solve_lower, solve_upper

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


def perturbations(drawn: F64) -> F64:
    """Standard normal numbers of members with mean 0 over them, and the variance that they had."""
    m = len(drawn)
    found: F64 = (drawn - row_mean(drawn)) * np.sqrt(m / (m - 1))
    return found


def stochastic(ensemble: F64, simulated: F64, observed: F64, noise: ObservationNoise, drawn: F64) -> F64:
    """The ensemble Kalman filter with perturbed observations (Burgers, van Leeuwen & Evensen 1998)."""
    centre = row_mean(simulated)
    space = MemberSpace(noise.whiten(simulated - centre) / np.sqrt(len(ensemble) - 1))
    innovations = noise.whiten(observed - simulated) + perturbations(drawn)
    found: F64 = ensemble + space.moves(innovations, ensemble - row_mean(ensemble))
    return found


def square_root(ensemble: F64, simulated: F64, observed: F64, noise: ObservationNoise) -> F64:
    """The ensemble transform Kalman filter with the symmetric root (Hunt, Kostelich & Szunyogh 2007): no drawing."""
    centre, mean_simulated = row_mean(ensemble), row_mean(simulated)
    deviations = ensemble - centre
    space = MemberSpace(noise.whiten(simulated - mean_simulated) / np.sqrt(len(ensemble) - 1))
    moved = space.moves(noise.whiten((observed - mean_simulated)[None]), deviations)
    found: F64 = centre + moved + space.root(deviations)
    return found


def tapered(
    ensemble: F64, simulated: F64, observed: F64, noise: F64, drawn: F64, state_taper: F64, observation_taper: F64
) -> F64:
    """`stochastic` with covariances multiplied by tapers (Houtekamer & Mitchell 2001).

    Args:
        noise: variances of the observations, float64[n].
        state_taper: from 0 to 1 for each value and observation, float64[values, n].
        observation_taper: the same for pairs of observations, float64[n, n], positive semidefinite.
    """
    m = len(ensemble)
    deviations = np.ascontiguousarray((simulated - row_mean(simulated)) / np.sqrt(m - 1))
    own = np.ascontiguousarray(((ensemble - row_mean(ensemble)) / np.sqrt(m - 1)).T)
    cross = product(own, deviations) * state_taper
    within = product(np.ascontiguousarray(deviations.T), deviations) * observation_taper
    lower = cholesky(within + np.diag(noise))
    if not np.isfinite(lower).all():
        raise NumericsError(
            "the tapered covariance of observations is not positive definite", remedy="use another localisation"
        )
    innovations = observed - simulated + perturbations(drawn) * np.sqrt(noise)
    solved = solve_upper(lower, solve_lower(lower, np.ascontiguousarray(innovations.T)))
    found: F64 = ensemble + np.ascontiguousarray(product(np.ascontiguousarray(cross), solved).T)
    return found


def local(
    ensemble: F64, simulated: F64, observed: F64, noise: F64, blocks: Sequence[I64], taper: F64, least: float = 1e-3
) -> F64:
    """The local ensemble transform Kalman filter (Hunt, Kostelich & Szunyogh 2007).

    Args:
        noise: variances of the observations, float64[n].
        blocks: which values are analysed together, int64[k] each, as those of a region.
        taper: from 0 to 1 for each block and observation, float64[blocks, n]: the weight of the observation there.
        least: observations with less weight have none.
    """
    found = ensemble.copy()
    for block, weight in zip(blocks, taper, strict=True):
        near = np.flatnonzero(weight >= least)
        if near.size:
            nearby = ObservationNoise(noise[near] / weight[near], near.size)
            found[:, block] = square_root(ensemble[:, block], simulated[:, near], observed[near], nearby)
    return found


def own(states: F64, simulated: F64, observed: F64, noise: F64, drawn: F64 | None = None) -> F64:
    """Every region by its own observation (Lu et al. 2024): a filter of one observation for each.

    Args:
        states: float64[members, regions, values].
        simulated: float64[members, regions].
        observed: float64[regions]; NaN where nothing was observed, which leaves the region as it is.
        noise: variances, float64[regions].
        drawn: standard normal numbers of members, float64[members, regions]; None: the square root, without drawing
            (Whitaker & Hamill 2002, eq. 13).
    """
    m = len(states)
    seen = np.isfinite(observed)
    y = np.where(seen, observed, 0.0)
    mean_simulated = row_mean(simulated)
    deviations = simulated - mean_simulated
    variance = column_sums(deviations**2) / (m - 1)
    spread = states - row_mean(states.reshape(m, -1)).reshape(states.shape[1:])
    covariance = column_sums((spread * deviations[:, :, None]).reshape(m, -1)).reshape(states.shape[1:]) / (m - 1)
    gain = np.where(seen, 1.0, 0.0)[:, None] * covariance / (variance + noise)[:, None]
    if drawn is not None:
        innovations = y - simulated + perturbations(drawn) * np.sqrt(noise)
        found: F64 = states + gain * innovations[:, :, None]
        return found
    shrunk = 1.0 / (1.0 + np.sqrt(noise / (variance + noise)))
    moved: F64 = states + gain * ((y - mean_simulated) - shrunk * deviations)[:, :, None]
    return moved


def diffused(
    states: F64, simulated: F64, observed: F64, noise: F64, drawn: F64, weights: F64, own_weight: float
) -> F64:
    """The diffusion ensemble Kalman filter: what each region's observation says of a region, averaged.

    Every observation alone gives an analysis of all regions. A region takes its own with `own_weight`, and the others'
    with what is left, by `weights` (Cattivelli & Sayed 2010; Lu et al. 2024). Arguments as of `own`, and

        weights: float64[regions, regions], of row i the weights of the others; rows add up to 1, the diagonal is 0.
    """
    m, regions, values = states.shape
    seen = np.isfinite(observed)
    y = np.where(seen, observed, 0.0)
    deviations = simulated - row_mean(simulated)
    variance = column_sums(deviations**2) / (m - 1)
    spread = (states - row_mean(states.reshape(m, -1)).reshape(states.shape[1:])).reshape(m, -1)
    covariance = product(np.ascontiguousarray(deviations.T), spread) / (m - 1)  # observations by regions and values
    mixed = own_weight * np.eye(regions) + (1.0 - own_weight) * weights
    scale = np.where(seen, 1.0, 0.0) / (variance + noise)
    gain = (mixed.T * scale[:, None])[:, :, None] * covariance.reshape(regions, regions, values)
    innovations = y - simulated + perturbations(drawn) * np.sqrt(noise)
    moved = product(np.ascontiguousarray(innovations), gain.reshape(regions, -1))
    found: F64 = states + moved.reshape(states.shape)
    return found


def gaspari_cohn(distance: F64, radius: float) -> F64:
    """A taper that is 1 at distance 0 and 0 from 2 `radius` on (Gaspari & Cohn 1999, eq. 4.10), of the same shape."""
    z = np.abs(distance) / radius
    near = 1 - z**2 * (5 / 3) + z**3 * (5 / 8) + z**4 * 0.5 - z**5 * 0.25
    with np.errstate(divide="ignore", invalid="ignore"):
        far = 4 - 5 * z + z**2 * (5 / 3) + z**3 * (5 / 8) - z**4 * 0.5 + z**5 / 12 - 2 / (3 * z)
    found: F64 = np.where(z <= 1, near, np.where(z < 2, far, 0.0))
    return np.clip(found, 0.0, 1.0)


def inflated(ensemble: F64, factor: float) -> F64:
    """Deviations from the mean over members (the first axis) times `factor`."""
    flat = ensemble.reshape(len(ensemble), -1)
    centre = row_mean(flat)
    found: F64 = (centre + factor * (flat - centre)).reshape(ensemble.shape)
    return found


def relaxed(before: F64, after: F64, share: float) -> F64:
    """Give the analysis so large a share of the lost spread back, value by value (Whitaker & Hamill 2012, eq. 2)."""
    flat = after.reshape(len(after), -1)
    prior, posterior = spread_of(before).ravel(), spread_of(after).ravel()
    centre = row_mean(flat)
    safe = np.where(posterior > 0, posterior, 1.0)
    factor = np.where(posterior > 0, 1.0 + share * (prior - posterior) / safe, 1.0)
    found: F64 = (centre + factor * (flat - centre)).reshape(after.shape)
    return found


def spread_of(ensemble: F64) -> F64:
    """Standard deviations over members (the first axis)."""
    flat = ensemble.reshape(len(ensemble), -1)
    squares = column_sums((flat - row_mean(flat)) ** 2) / (len(flat) - 1)
    found: F64 = np.sqrt(squares).reshape(ensemble.shape[1:])
    return found
