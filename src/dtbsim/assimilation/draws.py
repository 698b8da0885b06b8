"""Random numbers of assimilation: functions of the seed and of what is drawn, so that they depend on no order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from dtbsim.numerics.philox import PURPOSE_ASSIMILATION, PURPOSE_SHIFT, philox_array

F64 = NDArray[np.float64]
Integers = NDArray[np.int64]

INITIAL, OBSERVATION, WALK, REPLACED, ORDER, DIFFUSION = range(6)
"""What is drawn: first values, perturbed observations, steps of random walks, members in place of failed ones, an
order of members, noise of hidden states."""


def uniforms(seed: int, what: int, cycle: int, rows: int | Integers, columns: int) -> F64:
    """Numbers from (0, 1) keyed by (seed, what, cycle, row, column), float64[rows, columns].

    `rows` is how many, or their numbers (as the members of one rank).
    """
    numbers = np.arange(rows) if isinstance(rows, int | np.integer) else rows
    row, column = np.meshgrid(numbers, np.arange(columns), indexing="ij")
    word = (PURPOSE_ASSIMILATION << PURPOSE_SHIFT) | what
    high, low, _, _ = philox_array(row, column, cycle & 0xFFFFFFFF, word, seed)
    bits = (high.astype(np.uint64) << np.uint64(20)) | (low.astype(np.uint64) >> np.uint64(12))
    return (bits.astype(np.float64) + 0.5) * 2.0**-52


def normals(seed: int, what: int, cycle: int, rows: int | Integers, columns: int) -> F64:
    """Standard normal numbers, float64[rows, columns], by the inverse of the distribution function."""
    found: F64 = ndtri(uniforms(seed, what, cycle, rows, columns))
    return found


def spread_normals(seed: int, members: int, columns: int) -> F64:
    """Standard normal first values, float64[members, columns], one in each of `members` equally likely parts.

    A Latin hypercube: small ensembles cover the prior of every parameter (McKay, Beckman & Conover 1979).
    """
    order = np.argsort(uniforms(seed, ORDER, 0, members, columns), axis=0, kind="stable")
    within = uniforms(seed, INITIAL, 0, members, columns)
    found: F64 = ndtri((order + within) / members)
    return found
