"""Functional connectivity (FC) of BOLD signals and its comparison with a measured one."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.errors import InputError

Floats = NDArray[np.float64]

MIN_SAMPLES = 3
MIN_REGIONS = 3


def check_bold(bold: ArrayLike) -> Floats:
    """Return `bold` as float64[T, n] after checking shape and values.

    Raises:
        InputError: not two-dimensional, fewer than 3 samples, no regions, or NaN or infinite values.
    """
    signal = np.asarray(bold, dtype=np.float64)
    if signal.ndim != 2 or signal.shape[0] < MIN_SAMPLES or signal.shape[1] < 1:
        raise InputError(
            f"BOLD has shape {signal.shape}; needed is [samples, regions] with at least {MIN_SAMPLES} samples",
            remedy="simulate longer or discard less",
        )
    bad = ~np.isfinite(signal).all(axis=0)
    if bad.any():
        raise InputError(f"BOLD of region {int(np.flatnonzero(bad)[0])} has NaN or infinite samples")
    return signal


def constant_regions(bold: ArrayLike) -> NDArray[np.bool_]:
    """Return bool[n]: regions of float64[T, n] whose signal does not vary beyond rounding (1e-10 of its size)."""
    signal = check_bold(bold)
    return np.asarray(np.ptp(signal, axis=0) <= 1e-10 * np.abs(signal).max(axis=0))


def functional_connectivity(bold: ArrayLike, *, constant: Literal["error", "nan"] = "error") -> Floats:
    """Pearson correlation between the signals of all regions.

    Args:
        bold: [T, n] samples, T >= 3.
        constant: a region with a constant signal has no correlation. "error": refuse; "nan": its row and column, the
            diagonal included, are NaN.

    Returns:
        float64[n, n], symmetric; 1 on the diagonal.

    Raises:
        InputError: bad samples, or a constant region where that is an error.
    """
    signal = check_bold(bold)
    flat = constant_regions(signal)
    if flat.any() and constant == "error":
        which = ", ".join(str(index) for index in np.flatnonzero(flat)[:8])
        raise InputError(
            f"{int(flat.sum())} of {flat.size} regions have a constant signal (indices {which}): no correlation exists",
            remedy='leave them out, or pass constant="nan"',
        )
    unit = signal - signal.mean(axis=0)
    norm = np.sqrt((unit**2).sum(axis=0))
    norm[flat] = np.nan
    unit /= norm
    product: Floats = np.clip(unit.T @ unit, -1.0, 1.0)
    fc: Floats = np.asarray((product + product.T) / 2)
    np.fill_diagonal(fc, np.where(flat, np.nan, 1.0))
    return fc


def upper_triangle(matrix: ArrayLike, *, name: str = "matrix") -> Floats:
    """Return float64[n (n - 1) / 2]: the entries above the diagonal, row by row.

    Raises:
        InputError: not square, fewer than 3 regions, or NaN or infinite entries off the diagonal.
    """
    square = check_square(matrix, name=name)
    return np.asarray(square[np.triu_indices(square.shape[0], k=1)])


def check_square(matrix: ArrayLike, *, name: str = "matrix") -> Floats:
    """Return `matrix` as float64[n, n]; InputError unless square, at least 3 x 3, and finite off the diagonal."""
    square = np.asarray(matrix, dtype=np.float64)
    if square.ndim != 2 or square.shape[0] != square.shape[1] or square.shape[0] < MIN_REGIONS:
        raise InputError(f"{name} has shape {square.shape}; needed is square, at least {MIN_REGIONS} x {MIN_REGIONS}")
    off_diagonal = ~np.eye(square.shape[0], dtype=bool)
    bad = off_diagonal & ~np.isfinite(square)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(f"{name}[{row}, {column}] is {square[row, column]}; entries off the diagonal must be finite")
    return square


def pearson(a: ArrayLike, b: ArrayLike) -> float:
    """Pearson correlation of two vectors of equal length.

    Raises:
        InputError: lengths differ, fewer than 2 entries, or one of them is constant.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or x.size < 2:
        raise InputError(f"cannot correlate arrays of shapes {x.shape} and {y.shape}; two equal vectors are needed")
    x_spread, y_spread = np.ptp(x), np.ptp(y)
    if x_spread <= 1e-12 * np.abs(x).max() or y_spread <= 1e-12 * np.abs(y).max():
        raise InputError("one of the two vectors is constant: no correlation exists")
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))


def fc_correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Pearson correlation of the upper triangles of two [n, n] matrices (simulated and measured FC, usually).

    Raises:
        InputError: not square, of different sizes, NaN off the diagonal, or a constant triangle.
    """
    first, second = upper_triangle(a, name="first matrix"), upper_triangle(b, name="second matrix")
    if first.size != second.size:
        raise InputError(f"matrices of different sizes: {np.shape(a)} and {np.shape(b)}")
    return pearson(first, second)


def without_node_strength(fc: ArrayLike) -> Floats:
    """Remove from every off-diagonal entry what its two regions' strengths explain.

    The least-squares fit fc_ij = a_i + a_j over i < j is subtracted. It is the same as regressing the entries on a
    constant and the sum of the two regions' mean FC: what stays is which pairs are coupled beyond what hubs predict.

    Args:
        fc: [n, n] symmetric; only i < j is read.

    Returns:
        float64[n, n] residuals, symmetric, zero diagonal.
    """
    square = check_square(fc, name="FC")
    n = square.shape[0]
    rows, columns = np.triu_indices(n, k=1)
    values = square[rows, columns]
    strength = np.bincount(rows, values, minlength=n) + np.bincount(columns, values, minlength=n)
    # normal equations: (n - 2) a_i + sum_k a_k = strength_i
    total = strength.sum() / (2 * n - 2)
    node = (strength - total) / (n - 2)
    residuals = np.zeros((n, n))
    residuals[rows, columns] = values - node[rows] - node[columns]
    return residuals + residuals.T


def fc_correlation_without_node_strength(a: ArrayLike, b: ArrayLike) -> float:
    """Correlate two FC matrices as `fc_correlation` does, after `without_node_strength` on each.

    Raises:
        InputError: as `fc_correlation`; 3 regions leave nothing after their strengths are removed.
    """
    first, second = check_square(a, name="first matrix"), check_square(b, name="second matrix")
    if min(first.shape[0], second.shape[0]) < 4:
        raise InputError(f"{first.shape[0]} regions: at least 4 are needed once node strengths are removed")
    return fc_correlation(without_node_strength(first), without_node_strength(second))


def bandpass(bold: ArrayLike, tr_s: float, *, low_hz: float = 0.01, high_hz: float = 0.1, order: int = 2) -> Floats:
    """Band-pass signals without phase shift (Butterworth of the given order, forwards and backwards).

    Args:
        bold: [T, n] samples.
        tr_s: time between samples (s).
        low_hz: lower corner (Hz).
        high_hz: upper corner (Hz); must be below half the sampling rate.
        order: order of each of the two passes.

    Returns:
        float64[T, n].

    Raises:
        InputError: corners out of order or beyond half the sampling rate, or a signal shorter than one period of the
            lower corner.
    """
    signal = check_bold(bold)
    nyquist_hz = 0.5 / tr_s
    if not 0 < low_hz < high_hz < nyquist_hz:
        raise InputError(
            f"band {low_hz:g} to {high_hz:g} Hz does not fit between 0 and {nyquist_hz:g} Hz, "
            f"half the sampling rate at TR {tr_s:g} s"
        )
    if signal.shape[0] * tr_s * low_hz < 1:
        raise InputError(
            f"{signal.shape[0] * tr_s:g} s of signal are shorter than one period of {low_hz:g} Hz",
            remedy="simulate longer",
        )
    from scipy.signal import butter, sosfiltfilt

    filtered = sosfiltfilt(butter(order, [low_hz, high_hz], "bandpass", fs=1 / tr_s, output="sos"), signal, axis=0)
    return np.asarray(filtered, dtype=np.float64)
