"""Homeostatic scaling of plastic weights, in whole numbers: the same bits on every machine."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.kernels.jit import cached_njit

FACTOR_BITS = 30
"""A factor of 1 is 2**30; with weights of 23 bits products stay far below 2**63."""


@cached_njit
def scale_weights(targets: Any, weights: Any, slot0: int, factors: Any, smallest: int, largest: int) -> None:
    """Multiply every weight by the factor of its target, bound it, and round it to a whole number that float32 holds.

    Rules compute in float32: another number would change where a weight is only looked at.

    `targets` uint32[n] input slots, `weights` int32[n] fine quanta, `factors` int64[targets] in 2**-FACTOR_BITS, of
    the neurons from slot `slot0` on.
    """
    half = np.int64(1) << (FACTOR_BITS - 1)
    for j in range(weights.size):
        w = (np.int64(weights[j]) * factors[np.int64(targets[j]) - slot0] + half) >> FACTOR_BITS
        bounded = min(max(w, np.int64(smallest)), np.int64(largest))
        weights[j] = np.int32(np.float32(bounded))
