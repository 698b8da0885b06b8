"""Weights and delays of couplings between region populations, from the atlas or from matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.atlas.connectome import spectral_radius
from dtbsim.clock import nearest_steps, off_grid
from dtbsim.config.bounds import MAX_DELAY_STEPS
from dtbsim.config.coupling import Coupling
from dtbsim.config.network import TractDelay
from dtbsim.config.sources import Matrix, spreads
from dtbsim.spec.numbers import Numbers
from dtbsim.spec.region_network import F64, I64, Wiring
from dtbsim.spec.regions import atlas_of

I32 = NDArray[np.int32]
DENSE = 4096
"""Regions up to which a matrix of all pairs is made of a sparse atlas."""


def wiring_of(
    item: Coupling, path: str, target: I32, source: I32, dt_ms: float, longest_ms: float, numbers: Numbers
) -> Wiring:
    """The entries of a coupling between regions `target` and `source` of the atlas ([-1]: in none)."""
    rows, columns, weights, lengths = _entries(item, path, target, source, numbers)
    weights = _normalised(item, path, (rows, columns, weights), target, source, numbers)
    delays = _delays(item, path, rows, columns, lengths, target, source, dt_ms, longest_ms, numbers)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=target.size))]).astype(np.int64)
    return Wiring(starts, columns.astype(np.int32), weights.astype(np.float32), delays)


def _entries(item: Coupling, path: str, target: I32, source: I32, numbers: Numbers) -> tuple[I64, I64, F64, F64 | None]:
    """Targets (ascending), sources (ascending within a target), weights and tract lengths (None: unknown)."""
    given, where = item.weights, f"{path}.weights"
    if isinstance(given, Matrix):
        if spreads(given):
            raise numbers.places.error(where, "the weight of a coupling is one number", "leave its spread out")
        rows, columns = np.nonzero(matrix := _matrix(given, target, source, where, numbers))
        weights = matrix[rows, columns]
    elif given == "connectome":
        return _of_atlas(where, target, source, numbers)
    else:
        same = target[:, None] == source[None, :]
        rows, columns = np.nonzero(same if given == "same_region" else np.ones_like(same))
        weights = np.ones(rows.size)
    return rows, columns, weights, _lengths(rows, columns, target, source, numbers)


def _matrix(given: Matrix, target: I32, source: I32, where: str, numbers: Numbers) -> F64:
    """float64[targets, sources]; without regions of an atlas the matrix is of these nodes."""
    if target[0] >= 0 and source[0] >= 0:
        return numbers.matrix(given, target, source, where)
    matrix = np.atleast_2d(np.array(given.matrix, np.float64)) if isinstance(given.matrix, list) else None
    if matrix is None or matrix.shape != (target.size, source.size):
        raise numbers.places.error(
            where, "a matrix of regions needs populations in regions", f"give {target.size} x {source.size} numbers"
        )
    return matrix


def _of_atlas(where: str, target: I32, source: I32, numbers: Numbers) -> tuple[I64, I64, F64, F64 | None]:
    if target[0] < 0 or source[0] < 0 or numbers.atlas is None:
        raise numbers.places.error(
            where, "the connectome couples populations in regions of an atlas", "give `regions`, or a matrix"
        )
    edges = atlas_of(numbers.atlas).edges()
    n = len(atlas_of(numbers.atlas).region_names)
    row_of, column_of = np.full(n, -1), np.full(n, -1)
    row_of[target], column_of[source] = np.arange(target.size), np.arange(source.size)
    rows, columns = row_of[edges.targets], column_of[edges.sources]
    kept = (rows >= 0) & (columns >= 0)
    order = np.lexsort((columns[kept], rows[kept]))
    lengths = None if edges.lengths_mm is None else edges.lengths_mm[kept][order]
    return rows[kept][order], columns[kept][order], edges.weights[kept][order], lengths


def _lengths(rows: I64, columns: I64, target: I32, source: I32, numbers: Numbers) -> F64 | None:
    atlas = numbers.atlas
    if atlas is None or atlas.lengths_mm is None or target[0] < 0 or source[0] < 0:
        return None
    regions = target[rows], source[columns]
    if not atlas.is_sparse:
        return np.asarray(atlas.lengths_mm[regions])
    return np.asarray(atlas.lengths_mm[regions]).ravel()


def _normalised(
    item: Coupling, path: str, entries: tuple[I64, I64, F64], target: I32, source: I32, numbers: Numbers
) -> F64:
    """The weights as `normalise` of the coupling has them."""
    rows, _, weights = entries
    if item.normalise == "none" or not weights.size:
        return weights
    if item.normalise == "sources":
        return weights / source.size
    if item.normalise == "largest":
        by: Any = float(np.abs(weights).max())
    elif item.normalise == "total":
        by = np.bincount(rows, weights, target.size)[rows]
    elif item.normalise == "mean_total":
        by = _mean_total(item, weights, target.size, numbers)
    else:
        by = _radius(item, path, entries, target, source, numbers)
    if not np.all(np.asarray(by) != 0):
        raise numbers.places.error(f"{path}.normalise", *_ZERO[item.normalise])
    return np.asarray(weights / by)


_NO_TOTAL = "weights of some target add up to 0", "use none or largest"
_ZERO = {
    "total": _NO_TOTAL,
    "largest": _NO_TOTAL,
    "mean_total": ("weights add up to 0", "use none or largest"),
    "spectral_radius": (
        "weights have no cycle of connections: their spectral radius is 0",
        "use largest or mean_total",
    ),
}


def _mean_total(item: Coupling, weights: F64, n_targets: int, numbers: Numbers) -> float:
    """Mean over targets of the sum of their weights; of the connectome: over all regions of the atlas."""
    if item.weights == "connectome":
        return float(atlas_of(numbers.atlas).in_strength().mean())
    return float(weights.sum()) / n_targets


def _radius(
    item: Coupling, path: str, entries: tuple[I64, I64, F64], target: I32, source: I32, numbers: Numbers
) -> float:
    """Spectral radius of the weights; of the connectome: of the whole atlas, whatever part of it is coupled."""
    if item.weights == "connectome":
        return atlas_of(numbers.atlas).spectral_radius
    if not np.array_equal(target, source):
        raise numbers.places.error(
            f"{path}.normalise",
            "a matrix from some regions to others has no spectral radius",
            "use largest or mean_total",
        )
    rows, columns, weights = entries
    square = np.zeros((target.size, source.size))
    square[rows, columns] = weights
    return spectral_radius(square)


def _delays(
    item: Coupling,
    path: str,
    rows: I64,
    columns: I64,
    lengths: F64 | None,
    target: I32,
    source: I32,
    dt_ms: float,
    longest_ms: float,
    numbers: Numbers,
) -> I32:
    """int32[e]: the nearest whole number of steps, halves up."""
    given, where, places = item.delay_ms, f"{path}.delay_ms", numbers.places
    if isinstance(given, TractDelay):
        if spreads(given):
            raise places.error(where, "the delay of a coupling is one number for a pair", "leave its spread out")
        if lengths is None or np.isnan(lengths).any():
            raise places.error(
                where, "delays from tract lengths are asked for, and the atlas has none for these pairs",
                "give a delay in ms or a matrix of delays, or another atlas",
            )  # fmt: skip
        times = np.maximum(lengths / given.tract_velocity_m_per_s, given.minimum_ms or 0.0)
    elif isinstance(given, Matrix):
        times = _matrix(given, target, source, where, numbers)[rows, columns]
        if (times < 0).any():
            raise places.error(where, f"a delay of {times.min():g} ms", "delays are 0 or longer")
    else:
        if 0 < given < dt_ms or given < 0:
            raise places.error(
                where, f"a delay of {given:g} ms is shorter than one step",
                f"allowed: 0, which is none, or from dt_ms ({dt_ms:g}) to simulation.max_delay_ms ({longest_ms:g})",
            )  # fmt: skip
        places.steps(given, dt_ms, where)
        times = np.full(rows.size, float(given))
    most = min(longest_ms, MAX_DELAY_STEPS * dt_ms)
    if times.max(initial=0.0) > most:
        raise places.error(
            where, f"delays up to {times.max():g} ms are beyond the maximum of {most:g} ms",
            "raise simulation.max_delay_ms or give shorter delays",
        )  # fmt: skip
    if off_grid(times, dt_ms).any():
        places.rounded_delays.append(path.partition(".")[2])
    return nearest_steps(times, dt_ms).astype(np.int32)
