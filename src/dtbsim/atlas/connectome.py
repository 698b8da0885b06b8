"""Structural connectivity, dense or sparse: one set of functions for both.

Orientation everywhere: `weights[target, source]`, row = the region that receives. A dense matrix is a float64 array
[n, n]; a sparse one is a `scipy.sparse.csr_array` in canonical form (sorted, no duplicates, no stored zeros) whose
lengths share its `indptr` and `indices`.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Matrix: TypeAlias = Any
"""A float64 array [n, n] or a scipy `csr_array`; scipy is imported only where sparse matrices are made."""

LengthsSource = Literal["measured", "resampled", "estimated", "unknown", "none"]


class Incoming(NamedTuple):
    """The connections onto one region by ascending source: `sources` int64[k], `weights`, `lengths_mm` float64[k]."""

    sources: Ints
    weights: Floats
    lengths_mm: Floats | None


class Edges(NamedTuple):
    """All connections, ordered by target, then source; each array has one entry per connection."""

    targets: Ints
    sources: Ints
    weights: Floats
    lengths_mm: Floats | None


def is_sparse(matrix: Matrix) -> bool:
    """True for a scipy sparse matrix or array, without importing scipy."""
    return hasattr(matrix, "tocsr")


def incoming(weights: Matrix, lengths_mm: Matrix | None, target: int) -> Incoming:
    """Return the connections onto region `target` (weights above zero)."""
    if is_sparse(weights):
        row = slice(int(weights.indptr[target]), int(weights.indptr[target + 1]))
        lengths = None if lengths_mm is None else lengths_mm.data[row]
        return Incoming(weights.indices[row].astype(np.int64), weights.data[row], lengths)
    sources = np.flatnonzero(weights[target])
    return Incoming(sources, weights[target, sources], None if lengths_mm is None else lengths_mm[target, sources])


def edges(weights: Matrix, lengths_mm: Matrix | None) -> Edges:
    """Return every connection (weights above zero), ordered by target, then source."""
    if is_sparse(weights):
        lengths = None if lengths_mm is None else lengths_mm.data
        return Edges(row_of_entries(weights), weights.indices.astype(np.int64), weights.data, lengths)
    targets, sources = np.nonzero(weights)
    return Edges(
        targets, sources, weights[targets, sources], None if lengths_mm is None else lengths_mm[targets, sources]
    )


def row_of_entries(matrix: Any) -> Ints:
    """Return the row of every stored entry of a CSR matrix, int64[nnz]."""
    counts = np.diff(matrix.indptr)
    return np.repeat(np.arange(counts.size, dtype=np.int64), counts)


def strengths(weights: Matrix, axis: int) -> Floats:
    """Return the sum of weights over sources (axis 1, per target) or targets (axis 0, per source), float64[n]."""
    return np.asarray(weights.sum(axis=axis), dtype=np.float64).ravel()


def n_connections(weights: Matrix) -> int:
    """Return the number of weights above zero."""
    return int(weights.nnz) if is_sparse(weights) else int(np.count_nonzero(weights))


def is_symmetric(weights: Matrix) -> bool:
    """True if both directions of every pair of regions have the same weight."""
    if is_sparse(weights):
        return int((weights != weights.T).nnz) == 0
    return bool(np.array_equal(weights, weights.T))


def submatrix(matrix: Matrix, keep: Ints) -> Matrix:
    """Return rows and columns `keep` (int64[k]) of a matrix, in that order, of the same kind."""
    if is_sparse(matrix):
        return matrix[keep][:, keep].tocsr()
    return matrix[np.ix_(keep, keep)]


ESTIMATE_SLOPE = 1.172
ESTIMATE_OFFSET_MM = 38.7


def estimated_lengths(weights: Matrix, xyz_mm: Floats) -> Matrix:
    """Return tract lengths estimated from centroid distance: 1.172 x Euclidean distance + 38.7 mm.

    A stand-in where no tract was measured. Tracts of equal distance differ by tens of millimetres, so single
    delays are rough. Dense weights give float64[n, n] with a zero diagonal, sparse ones a matrix on the same entries.
    """
    if is_sparse(weights):
        lengths = weights.copy()
        distance = np.linalg.norm(xyz_mm[row_of_entries(weights)] - xyz_mm[weights.indices], axis=1)
        lengths.data = ESTIMATE_SLOPE * distance + ESTIMATE_OFFSET_MM
        return lengths
    square = np.zeros((len(xyz_mm), len(xyz_mm)))
    for axis in range(3):  # coordinate by coordinate: the same rounding on every machine, unlike a matrix product
        square += (xyz_mm[:, None, axis] - xyz_mm[None, :, axis]) ** 2
    distance = np.sqrt(square)
    estimate: Floats = ESTIMATE_SLOPE * distance + ESTIMATE_OFFSET_MM
    np.fill_diagonal(estimate, 0.0)
    return estimate


DENSE_REGIONS = 2000
"""Up to here eigenvalues are those of the whole matrix; beyond, the largest one is searched."""
_DIGITS = 12
"""Digits of an eigenvalue that do not depend on the library that computes it, nor on the machine."""


def spectral_radius(weights: Matrix) -> float:
    """Return the largest absolute eigenvalue of a square matrix, to 12 digits; 0 without a cycle of connections.

    By LAPACK up to 2000 regions, by ARPACK beyond (Lehoucq, Sorensen, Yang 1998), from the same start vector.
    """
    n = int(weights.shape[0])
    if n <= DENSE_REGIONS:
        dense = weights.toarray() if is_sparse(weights) else np.asarray(weights, dtype=np.float64)
        radius = float(np.abs(np.linalg.eigvals(dense)).max(initial=0.0))
        # of a matrix without cycles LAPACK finds 0 exactly or, where it balances, rounding errors
        largest = float(np.abs(dense).max(initial=0.0))
    else:
        from scipy.sparse.linalg import eigs

        found = eigs(weights, k=1, which="LM", v0=np.ones(n), return_eigenvectors=False)
        radius = float(np.abs(found).max())
        largest = float(abs(weights).max())
    return 0.0 if radius <= 1e-9 * largest else float(f"{radius:.{_DIGITS}g}")
