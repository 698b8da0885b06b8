"""Values per region and strongest connections that follow from functional connectivity, for the 3-D brain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dtbsim.report.data import Bold, Edges, FloatArray, FunctionalConnectivity, IntArray, RegionValue

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas

MOST_EDGES = 160


def signal_values(atlas: Atlas | None, bold: Bold | None, fc: FunctionalConnectivity | None) -> list[RegionValue]:
    """Return the strength of FC and the size of BOLD, and how well FC is the measured one, region by region."""
    if atlas is None or bold is None or bold.regions != list(atlas.display_names):
        return []
    result = []
    if fc is not None:
        note = "Mean correlation of the region's simulated BOLD with that of all other regions."
        result.append(RegionValue("FC strength", "mean r", _strength(fc.simulated), note))
    note = "Standard deviation of the simulated BOLD over time, in % signal change."
    result.append(RegionValue("BOLD fluctuation", "%", bold.percent.std(axis=0), note))
    if fc is not None and fc.empirical is not None:
        note = "Mean correlation of the region's measured BOLD with that of all other regions."
        result.append(RegionValue("measured FC strength", "mean r", _strength(fc.empirical), note))
        note = "Correlation of the region's simulated FC to all others with its measured FC: where the model does well."
        result.append(RegionValue("FC fit of the region", "r", _fit(fc.simulated, fc.empirical), note))
    return result


def fc_edges(fc: FunctionalConnectivity | None) -> list[Edges]:
    """Return the strongest simulated and measured functional connections."""
    matrices = [] if fc is None else [("simulated functional", fc.simulated), ("measured functional", fc.empirical)]
    result = []
    for label, matrix in matrices:
        if matrix is not None:
            rows, columns = np.triu_indices(len(matrix), 1)
            result.append(strongest(label, np.stack([rows, columns], axis=1), matrix[rows, columns]))
    return result


def _strength(matrix: FloatArray) -> FloatArray:
    values = np.array(matrix, dtype=float)
    np.fill_diagonal(values, np.nan)
    return _mean_of_finite(values)


def _fit(simulated: FloatArray, measured: FloatArray) -> FloatArray:
    """Return each row's Pearson correlation with its counterpart, off the diagonal; NaN where it is not defined."""
    a, b = (np.array(matrix, dtype=float) for matrix in (simulated, measured))
    unknown = ~(np.isfinite(a) & np.isfinite(b)) | np.eye(len(a), dtype=bool)
    a[unknown] = b[unknown] = np.nan
    a -= _mean_of_finite(a)[:, None]
    b -= _mean_of_finite(b)[:, None]
    scale = np.sqrt(np.nansum(a * a, axis=1) * np.nansum(b * b, axis=1))
    result: FloatArray = np.full(len(a), np.nan)
    np.divide(np.nansum(a * b, axis=1), scale, out=result, where=scale > 0)
    return result


def _mean_of_finite(values: FloatArray) -> FloatArray:
    """Return the mean of each row's finite values; NaN for a row without any."""
    finite = np.isfinite(values)
    count = finite.sum(axis=1)
    total = np.where(finite, values, 0.0).sum(axis=1)
    result: FloatArray = np.full(len(values), np.nan)
    np.divide(total, count, out=result, where=count > 0)
    return result


def strongest(label: str, pairs: IntArray, strength: FloatArray) -> Edges:
    """Return the strongest pairs, each once whatever its direction."""
    known = np.flatnonzero(np.isfinite(strength) & (strength > 0))
    by_strength = known[np.argsort(-strength[known], kind="stable")][: 2 * MOST_EDGES]
    both = np.sort(pairs[by_strength], axis=1)
    _, first = np.unique(both, axis=0, return_index=True)
    chosen = np.sort(first)[:MOST_EDGES]
    return Edges(f"{len(chosen)} strongest {label}", both[chosen], strength[by_strength[chosen]])
