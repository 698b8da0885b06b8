"""Observation noise: a variance, a variance for each observation, or a covariance matrix; whitening by it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.errors import InputError
from dtbsim.kernels.dense import cholesky, product, solve_lower

F64 = NDArray[np.float64]
MOST_CORRELATED = 4000
"""Observations with a covariance matrix of their noise: it is decomposed, in the third power of them."""


class ObservationNoise:
    """Gaussian noise of `n` observations."""

    def __init__(self, covariance: ArrayLike, n: int, where: str = "noise") -> None:
        given = np.asarray(covariance, np.float64)
        if given.ndim == 0:
            given = np.full(n, float(given))
        if given.shape not in ((n,), (n, n)):
            raise InputError(
                f"it has the shape {given.shape}, and there are {n} observations",
                where=where,
                remedy=f"give a variance, {n} of them, or a covariance matrix of {n} rows",
            )
        if given.ndim == 2 and n > MOST_CORRELATED:
            raise InputError(
                f"a covariance matrix of {n} observations is too large",
                where=where,
                remedy=f"give variances alone, or at most {MOST_CORRELATED} observations",
            )
        self._lower: F64 | None = None
        variances = given if given.ndim == 1 else np.diag(given)
        if not (np.isfinite(given).all() and (variances > 0).all()):
            raise InputError("variances are finite and above 0", where=where, remedy="correct them")
        if given.ndim == 2:
            if not np.allclose(given, given.T, rtol=1e-10, atol=0):
                raise InputError("a covariance matrix is symmetric", where=where, remedy="correct it")
            self._lower = cholesky(np.ascontiguousarray(given))
            if not np.isfinite(self._lower).all():
                raise InputError("it is not positive definite", where=where, remedy="add a variance to its diagonal")
        self.sd: F64 = np.sqrt(variances)

    def whiten(self, rows: F64) -> F64:
        """Rows float64[m, n] in units in which the noise is standard normal."""
        if self._lower is None:
            return rows / self.sd
        return np.ascontiguousarray(solve_lower(self._lower, np.ascontiguousarray(rows.T)).T)

    def coloured(self, standard: F64) -> F64:
        """Noise float64[m, n] made of standard normal numbers of that shape."""
        if self._lower is None:
            return standard * self.sd
        return product(standard, np.ascontiguousarray(self._lower.T))  # type: ignore[no-any-return]
