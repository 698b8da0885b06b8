"""Dense float64 algebra whose sums go in one order: the same bits for any number of threads, on every processor.

BLAS and LAPACK choose their kernels by the processor and divide sums among threads. These are small matrices (members
of an ensemble, observations of a region), for which one thread is as fast. Nothing is contracted or reassociated.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dtbsim.kernels.jit import cached_njit

MOST_SWEEPS = 60
"""Of Jacobi rotations; matrices of any size met here need less than 15."""


@cached_njit
def product(a: Any, b: Any) -> Any:
    """a @ b, float64[n, m], of float64[n, k] and float64[k, m]: each sum over k in ascending order from 0."""
    n, depth = a.shape
    m = b.shape[1]
    out = np.zeros((n, m))
    for i in range(n):
        for k in range(depth):
            factor = a[i, k]
            for j in range(m):
                out[i, j] += factor * b[k, j]
    return out


@cached_njit
def column_sums(a: Any) -> Any:
    """Sums over the rows of float64[n, m], first to last."""
    out = np.zeros(a.shape[1])
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            out[j] += a[i, j]
    return out


@cached_njit
def cholesky(a: Any) -> Any:
    """Lower triangular L with L L' = a, of a symmetric float64[n, n]; all NaN where a is not positive definite."""
    n = a.shape[0]
    lower = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            total = a[i, j]
            for k in range(j):
                total -= lower[i, k] * lower[j, k]
            if i == j:
                if not total > 0.0:
                    lower[:] = np.nan
                    return lower
                lower[i, i] = math.sqrt(total)
            else:
                lower[i, j] = total / lower[j, j]
    return lower


@cached_njit
def solve_lower(lower: Any, b: Any) -> Any:
    """L^-1 b, of a lower triangular float64[n, n] and float64[n, m]."""
    out = b.copy()
    for i in range(out.shape[0]):
        for k in range(i):
            factor = lower[i, k]
            for j in range(out.shape[1]):
                out[i, j] -= factor * out[k, j]
        for j in range(out.shape[1]):
            out[i, j] /= lower[i, i]
    return out


@cached_njit
def solve_upper(lower: Any, b: Any) -> Any:
    """L'^-1 b, of a lower triangular float64[n, n] and float64[n, m]."""
    out = b.copy()
    for i in range(out.shape[0] - 1, -1, -1):
        for k in range(i + 1, out.shape[0]):
            factor = lower[k, i]
            for j in range(out.shape[1]):
                out[i, j] -= factor * out[k, j]
        for j in range(out.shape[1]):
            out[i, j] /= lower[i, i]
    return out


@cached_njit
def eigen(a: Any) -> Any:
    """Eigenvalues, float64[n], and eigenvectors, the columns of float64[n, n], of a symmetric float64[n, n].

    Cyclic Jacobi rotations (Golub & Van Loan, Matrix Computations, 8.5); the order is that in which they come out.
    """
    n = a.shape[0]
    work = a.copy()
    rows = np.eye(n)  # row k is the k-th eigenvector: rotations then run along memory
    scale = 0.0
    for i in range(n):
        for j in range(n):
            scale += work[i, j] * work[i, j]
    for _ in range(MOST_SWEEPS):
        off = 0.0
        for i in range(n):
            for j in range(i):
                off += work[i, j] * work[i, j]
        if not off > 1e-32 * scale:
            break
        for p in range(n - 1):
            for q in range(p + 1, n):
                if abs(work[p, q]) < 1e-300:
                    continue
                theta = (work[q, q] - work[p, p]) / (2.0 * work[p, q])
                t = 1.0 / (abs(theta) + math.sqrt(theta * theta + 1.0))
                if theta < 0.0:
                    t = -t
                c = 1.0 / math.sqrt(t * t + 1.0)
                s = t * c
                for k in range(n):
                    x, y = work[p, k], work[q, k]
                    work[p, k] = c * x - s * y
                    work[q, k] = s * x + c * y
                for k in range(n):
                    x, y = work[k, p], work[k, q]
                    work[k, p] = c * x - s * y
                    work[k, q] = s * x + c * y
                for k in range(n):
                    x, y = rows[p, k], rows[q, k]
                    rows[p, k] = c * x - s * y
                    rows[q, k] = s * x + c * y
    return np.diag(work).copy(), rows.T.copy()
