"""The Kalman gain of an ensemble, in the space of its members.

S is float64[m, n]: deviations of the simulated observations from their mean, in units of the observation noise and
divided by sqrt(m - 1). With U the deviations of what is estimated, float64[m, k], gain times innovation is U' w, with

    w = (S S' + I)^-1 S f / sqrt(m - 1) = S (S' S + I)^-1 f / sqrt(m - 1)

and deviations of the analysis are (S S' + I)^-1/2 U (Bishop, Etherton & Majumdar 2001; the symmetric root of Hunt,
Kostelich & Szunyogh 2007, Physica D 230:112, eq. 24). What is decomposed is the smaller of S S' and S' S.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.kernels.dense import column_sums, eigen, product

F64 = NDArray[np.float64]


def row_mean(rows: F64) -> F64:
    """Means over the rows of float64[n, m], first to last."""
    found: F64 = column_sums(np.ascontiguousarray(rows)) / len(rows)
    return found


class MemberSpace:
    """S, decomposed."""

    def __init__(self, scaled: F64) -> None:
        m, n = scaled.shape
        self._s = np.ascontiguousarray(scaled)
        self._wide = n >= m
        transposed = np.ascontiguousarray(self._s.T)
        values, vectors = eigen(product(self._s, transposed) if self._wide else product(transposed, self._s))
        self._values = np.maximum(values, 0.0)
        self._vectors = vectors

    def moves(self, innovations: F64, deviations: F64) -> F64:
        """Gain times innovations, float64[k, values].

        `innovations` float64[k, n] are in units of the noise, `deviations` float64[m, values] of what is estimated.
        """
        columns = np.ascontiguousarray(innovations.T)
        deviations = np.ascontiguousarray(deviations)
        if self._wide:
            columns = product(self._s, columns)
        else:
            deviations = product(np.ascontiguousarray(self._s.T), deviations)
        inner = product(np.ascontiguousarray(self._vectors.T), columns) / (1.0 + self._values)[:, None]
        weights = np.ascontiguousarray(product(np.ascontiguousarray(self._vectors), inner).T)
        found: F64 = product(weights, deviations) / np.sqrt(len(self._s) - 1)
        return found

    def root(self, deviations: F64) -> F64:
        """(S S' + I)^-1/2 times deviations float64[m, k]."""
        deviations = np.ascontiguousarray(deviations)
        vectors, values = self._vectors, self._values
        if self._wide:
            inner = product(np.ascontiguousarray(vectors.T), deviations) / np.sqrt(1.0 + values)[:, None]
            return product(np.ascontiguousarray(vectors), inner)  # type: ignore[no-any-return]
        # I + S V diag(((1 + lambda)^-1/2 - 1) / lambda) V' S'; the factor in a form that holds at lambda = 0
        sized = np.sqrt(1.0 + values)
        factor = -1.0 / (sized * (1.0 + sized))
        basis = product(self._s, np.ascontiguousarray(vectors))
        inner = product(np.ascontiguousarray(basis.T), deviations) * factor[:, None]
        found: F64 = deviations + product(basis, inner)
        return found
