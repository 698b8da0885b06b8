"""The definition of normal numbers, in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.config.values import Normal
from dtbsim.numerics.philox import PURPOSE_NOISE, PURPOSE_SHIFT, philox_array
from dtbsim.spec.distributions import as_table

TABLE = as_table(Normal(distribution="normal", mean=0.0, sd=1.0)).quantiles.astype(np.float32)


def reference_normals(gids: Any, number: int, drive: int, seed: int, purpose: int = PURPOSE_NOISE) -> Any:
    """float32[n]: number `number` of every neuron, interpolated in the table of quantiles."""
    word_3 = (purpose << PURPOSE_SHIFT) | drive
    word = philox_array(np.asarray(gids, np.uint32), number // 4, 0, word_3, seed)[number % 4]
    index = word >> np.uint32(16)
    fraction = (word & np.uint32(0xFFFF)).astype(np.float32) * np.float32(2.0**-16)
    return TABLE[index] + (TABLE[index + np.uint32(1)] - TABLE[index]) * fraction
