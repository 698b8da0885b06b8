"""The definition of Poisson counts, in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.kernels.philox import PURPOSE_POISSON, PURPOSE_SHIFT, philox_array
from dtbsim.kernels.poisson import poisson_thresholds


def reference_counts(gids: Any, block: int, drive: int, mean: float, seed: int) -> Any:
    """int64[8, n] of steps 8 * block and on: the number of thresholds below a 32-bit word per neuron and step.

    Its halves come from word step % 4 of two calls, lower halves in the first four of the eight steps.
    """
    gids, purpose = np.asarray(gids, np.uint32), (PURPOSE_POISSON << PURPOSE_SHIFT) | drive
    upper, lower = (np.array(philox_array(gids, block, call, purpose, seed)) for call in (0, 1))
    thresholds, low_half = poisson_thresholds(mean), np.uint32(0xFFFF)
    words = []
    for shift in (np.uint32(0), np.uint32(16)):
        words += list((upper >> shift & low_half) << np.uint32(16) | lower >> shift & low_half)
    return np.array([np.searchsorted(thresholds, word, side="left") for word in words])
