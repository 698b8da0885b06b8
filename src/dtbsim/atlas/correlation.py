"""Correlations of series of regions, and their mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError

F64 = NDArray[np.float64]


def mean_fc(matrices: Sequence[F64]) -> F64:
    """Return the mean of correlations float64[n, n] as tanh of the mean of their Fisher z, ones in the diagonal."""
    total = np.zeros_like(matrices[0])
    for matrix in matrices:
        total += np.arctanh(np.clip(matrix, -1 + 1e-15, 1 - 1e-15))
    mean: F64 = np.tanh(total / len(matrices))
    mean = (mean + mean.T) / 2
    np.fill_diagonal(mean, 1.0)
    return mean


def mean_correlation(series: Sequence[F64], names: Sequence[str]) -> F64:
    """Return Pearson's r between regions, float64[n, n], of series float64[time, n]; over several see `mean_fc`.

    Raises:
        InputError: a region that never changes.
    """
    found: list[F64] = []
    for values, name in zip(series, names, strict=True):
        constant = np.flatnonzero(values.std(axis=0) == 0)
        if constant.size:
            raise InputError(
                f"region {constant[0] + 1} does not change ({constant.size} such regions)",
                where=name,
                remedy="leave out regions without a signal",
            )
        found.append(np.asarray(np.corrcoef(values, rowvar=False), np.float64))
    if len(found) > 1:
        return mean_fc(found)
    single: F64 = (found[0] + found[0].T) / 2
    np.fill_diagonal(single, 1.0)
    return single
