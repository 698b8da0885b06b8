"""Directed connectivity of stored series: transfer entropy of linear Gaussian processes, which is Granger causality."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.errors import InputError

Floats = NDArray[np.float64]
_ALIKE = 1e-10
"""Of the variance of a channel: what is left below that is rounding, and channels are copies of each other."""


class TransferEntropy(NamedTuple):
    """`nats` float64[n, n], [target, source] as weights of connectomes, and `p_value` of each under no transfer.

    NaN on the diagonal, and where a channel does not change or follows from the others exactly.
    """

    nats: Floats
    p_value: Floats


def transfer_entropy(series: ArrayLike, *, lags: int, conditional: bool = False) -> TransferEntropy:
    """Transfer entropy (nats) of all ordered pairs of channels, under the assumption that they are jointly Gaussian.

    T(j -> i) = 1/2 ln(var(x_i | past of x_i) / var(x_i | past of x_i and x_j)), half the Granger causality (Barnett,
    Barrett & Seth 2009, Phys Rev Lett 103:238701); 2 N T is chi-squared with `lags` degrees of freedom where nothing is
    transferred, N the number of samples that have a past. With `conditional` the past of all other channels is known on
    both sides, so that what comes over a third one does not count.

    Args:
        series: [T, n] samples; slow haemodynamics and filters delay channels differently: take sources, not BOLD.
        lags: samples of the past that count, 1 or more.
        conditional: given all other channels.

    Raises:
        InputError: no [T, n] series, numbers that are not finite, or fewer than twice as many samples as regressors.
    """
    from scipy.stats import chi2

    values = np.asarray(series, np.float64)
    if isinstance(lags, bool) or int(lags) != lags or lags < 1:
        raise InputError(f"got {lags}", where="lags", remedy="allowed: a whole number of samples from 1 on")
    lags = int(lags)
    if values.ndim != 2 or values.shape[1] < 2:
        raise InputError(f"series of shape {values.shape}; needed is [T, n] with two channels or more", where="series")
    n = values.shape[1]
    used, regressors = len(values) - lags, lags * (n if conditional else 2)
    if used < 2 * regressors:
        raise InputError(
            f"{len(values)} samples for {regressors} regressors", where="series",
            remedy="give twice as many samples as regressors at least, or fewer lags",
        )  # fmt: skip
    if not np.isfinite(values).all():
        raise InputError("there are numbers in it that are not finite", where="series")
    covariance, known = _lagged_covariance(values, lags)
    there = np.flatnonzero(known)
    nats = np.full((n, n), np.nan)
    if conditional:
        full = _left(covariance, there, there, lags)
        for j in there:
            nats[there, j] = _gained(_left(covariance, there, there[there != j], lags), full)
    else:
        own = np.array([_left(covariance, [i], [i], lags)[0] if known[i] else np.nan for i in range(n)])
        for i, j in itertools.combinations(there, 2):
            nats[[i, j], [j, i]] = _gained(own[[i, j]], _left(covariance, [i, j], [i, j], lags))
    np.fill_diagonal(nats, np.nan)
    p_value = np.asarray(chi2.sf(2.0 * used * nats, lags))
    return TransferEntropy(nats, p_value)


def _lagged_covariance(values: Floats, lags: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Covariance of every channel now and `lags` samples back, [n * (lags + 1)] squared, and which channels change."""
    spread = values.std(axis=0)
    known = np.asarray(spread > 1e-12 * np.maximum(1.0, np.abs(values).max(axis=0)))
    scaled = (values - values.mean(axis=0)) / np.where(known, spread, 1.0)
    windows = np.lib.stride_tricks.sliding_window_view(scaled, lags + 1, axis=0)[:, :, ::-1]
    table = windows.reshape(len(windows), -1)
    table = table - table.mean(axis=0)
    return table.T @ table / len(table), known


def _left(covariance: Floats, targets: ArrayLike, past: ArrayLike, lags: int) -> Floats:
    """The variance of each target now that the past of some channels leaves unexplained, [targets]."""
    now = np.asarray(targets) * (lags + 1)
    before = (np.asarray(past)[:, None] * (lags + 1) + np.arange(1, lags + 1)).ravel()
    across = covariance[np.ix_(before, now)]
    coefficients = np.linalg.lstsq(covariance[np.ix_(before, before)], across, rcond=1e-12)[0]
    return np.asarray(covariance[now, now] - np.einsum("kt,kt->t", across, coefficients))


def _gained(reduced: Floats, full: Floats) -> Floats:
    """Nats that a source adds; NaN where nothing is left to be explained."""
    usable = full > _ALIKE
    return np.where(usable, np.maximum(0.0, 0.5 * np.log(reduced / np.where(usable, full, 1.0))), np.nan)
