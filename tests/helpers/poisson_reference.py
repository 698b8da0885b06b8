"""The definition of Poisson counts, in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.kernels.philox import PURPOSE_POISSON, PURPOSE_SHIFT, philox_array
from dtbsim.kernels.poisson import poisson_thresholds


def reference_counts(gids: Any, step: int, drive: int, mean: float, seed: int) -> Any:
    """int64[n]: the number of thresholds below a 32-bit word per neuron.

    Its halves come from word step % 4 of two calls for step // 8, lower halves in the first four of eight steps.
    """
    half = np.uint32(16 if step % 8 >= 4 else 0)
    purpose = (PURPOSE_POISSON << PURPOSE_SHIFT) | drive
    upper, lower = (
        philox_array(np.asarray(gids, np.uint32), step // 8, call, purpose, seed)[step % 4] >> half & np.uint32(0xFFFF)
        for call in (0, 1)
    )
    return (poisson_thresholds(mean)[:, None] < (upper << np.uint32(16) | lower)).sum(axis=0)
