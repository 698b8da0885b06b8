"""Summary statistics of functional connectivity that inference works with, instead of thousands of correlations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.analysis.fc import upper_triangle

F64 = NDArray[np.float64]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def features_of(fc: F64) -> F64:
    """float64[2 n + 8]: mean, s.d., quantiles, share of the leading eigenvalue; strengths; leading vector.

    Strengths are the regions' mean correlations with all others; the leading eigenvector is scaled by the root of its
    eigenvalue, its sign so that its sum is not negative.
    """
    values = upper_triangle(fc)
    n = len(fc)
    strengths = (fc.sum(axis=1) - 1.0) / (n - 1)
    eigenvalues, vectors = np.linalg.eigh(fc)
    leading = vectors[:, -1] * np.sqrt(max(eigenvalues[-1], 0.0) / n)
    leading = leading if leading.sum() >= 0 else -leading
    shares = eigenvalues[-1] / n
    return np.concatenate([[values.mean(), values.std(), *np.quantile(values, QUANTILES), shares], strengths, leading])
