"""Functional connectivity dynamics (FCD): how similar the FC of one time window is to that of another.

Hansen et al. 2015, NeuroImage 105:525. Two FCDs are compared by the Kolmogorov-Smirnov distance between the
distributions of their entries. Windows that overlap are alike by construction and make up a larger share of a short
recording, so compare recordings of similar length with equal window and step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.analysis.fc import MIN_REGIONS, check_bold, constant_regions, upper_triangle
from dtbsim.errors import InputError

Floats = NDArray[np.float64]


def fcd_matrix(bold: ArrayLike, tr_s: float, *, window_s: float = 60.0, step_s: float = 2.16) -> Floats:
    """Correlation between the FC (upper triangles) of sliding windows.

    Args:
        bold: [T, n] samples, n >= 3.
        tr_s: time between samples (s).
        window_s: length of a window, rounded to whole samples (at least 3).
        step_s: distance between the starts of windows, rounded to whole samples (at least 1).

    Returns:
        float64[w, w] with w = 1 + (T - window) // step; 1 on the diagonal.

    Raises:
        InputError: fewer than 3 regions or 2 windows, or a region that is constant throughout a window.
    """
    signal = check_bold(bold)
    if signal.shape[1] < MIN_REGIONS:
        raise InputError(f"FCD needs at least {MIN_REGIONS} regions; given are {signal.shape[1]}")
    window, step = round(window_s / tr_s), round(step_s / tr_s)
    if window < 3 or step < 1:
        raise InputError(
            f"window {window_s:g} s and step {step_s:g} s are {window} and {step} samples of {tr_s:g} s; "
            "at least 3 and 1 are needed"
        )
    starts = np.arange(0, signal.shape[0] - window + 1, step)
    if starts.size < 2:
        raise InputError(
            f"{signal.shape[0]} samples hold {starts.size} windows of {window} samples every {step}; 2 are needed",
            remedy="simulate longer, or use a shorter window",
        )
    pairs = np.triu_indices(signal.shape[1], k=1)
    rows = np.empty((starts.size, pairs[0].size))
    for row, start in zip(rows, starts, strict=True):
        part = signal[start : start + window]
        flat = constant_regions(part)
        if flat.any():
            raise InputError(
                f"region {int(np.flatnonzero(flat)[0])} is constant from {start * tr_s:g} s on for a window",
                remedy="leave it out",
            )
        unit = part - part.mean(axis=0)
        unit /= np.sqrt((unit**2).sum(axis=0))
        row[:] = (unit.T @ unit)[pairs]
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.sqrt((rows**2).sum(axis=1, keepdims=True))
    fcd = np.clip(rows @ rows.T, -1.0, 1.0)
    np.fill_diagonal(fcd, 1.0)
    return np.asarray((fcd + fcd.T) / 2)


def fcd_values(fcd: ArrayLike) -> Floats:
    """Return float64[w (w - 1) / 2]: the entries above the diagonal, overlapping windows included."""
    square = np.asarray(fcd, dtype=np.float64)
    if square.shape == (2, 2):
        return square[0, 1:]
    return upper_triangle(square, name="FCD")


def fcd_histogram(values: ArrayLike, edges: ArrayLike) -> Floats:
    """Return float64[bins]: the share of `values` in each bin between `edges` [bins + 1]; sums to 1.

    Raises:
        InputError: edges not increasing, no values, or values outside the edges.
    """
    sample, limits = _sample(values), _edges(edges)
    if sample.min() < limits[0] - 1e-9 or sample.max() > limits[-1] + 1e-9:
        raise InputError(
            f"values from {sample.min():g} to {sample.max():g} lie outside the bins {limits[0]:g} to {limits[-1]:g}"
        )
    counts, _ = np.histogram(np.clip(sample, limits[0], limits[-1]), bins=limits)
    return np.asarray(counts / sample.size, dtype=np.float64)


def ks_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Two-sample Kolmogorov-Smirnov distance: the largest gap between the empirical distribution functions."""
    first, second = np.sort(_sample(a)), np.sort(_sample(b))
    points = np.concatenate([first, second])
    below_first = np.searchsorted(first, points, side="right") / first.size
    below_second = np.searchsorted(second, points, side="right") / second.size
    return float(np.abs(below_first - below_second).max())


def ks_distance_to_histogram(values: ArrayLike, counts: ArrayLike, edges: ArrayLike) -> float:
    """Kolmogorov-Smirnov distance between values and a distribution known as a histogram.

    The two distribution functions are compared at the bin edges, where both are known; between edges they can differ by
    no more than one bin's content in addition.

    Args:
        values: any number of values.
        counts: [bins] counts or shares, in any scale.
        edges: [bins + 1] increasing.

    Raises:
        InputError: no values, a histogram of the wrong shape, negative or without content.
    """
    limits = _edges(edges)
    content = np.asarray(counts, dtype=np.float64)
    if content.shape != (limits.size - 1,):
        raise InputError(f"histogram has shape {content.shape}; {limits.size} edges need [{limits.size - 1}]")
    if not (np.isfinite(content).all() and (content >= 0).all() and content.sum() > 0):
        raise InputError("histogram counts must be finite, not negative, and not all zero")
    shares = fcd_histogram(values, limits)
    return float(np.abs(np.cumsum(shares) - np.cumsum(content) / content.sum()).max())


def _sample(values: ArrayLike) -> Floats:
    sample = np.asarray(values, dtype=np.float64).ravel()
    if sample.size == 0 or not np.isfinite(sample).all():
        raise InputError("values must be finite and at least one")
    return sample


def _edges(edges: ArrayLike) -> Floats:
    limits = np.asarray(edges, dtype=np.float64)
    if limits.ndim != 1 or limits.size < 2 or not (np.diff(limits) > 0).all():
        raise InputError(f"bin edges of shape {limits.shape}; needed are at least 2 increasing numbers")
    return limits
