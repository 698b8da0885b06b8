"""exp(-n dt / tau) for whole numbers of steps n: the product of two table entries, the same on every device."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

LOW_BITS = 8
LOW = 1 << LOW_BITS
DECAYED = 32.0
"""Beyond so many time constants (1e-14) the result is 0."""


def decay_table(tau_ms: float, dt_ms: float) -> np.ndarray:
    """float32[LOW + blocks]: exp(-n dt / tau) for n < LOW, then for n = 0, LOW, 2 LOW, ...; tau 0 decays at once."""
    if dt_ms >= DECAYED * LOW * tau_ms:
        return np.array([1.0] + [0.0] * (LOW - 1) + [1.0], dtype=np.float32)
    blocks = max(1, math.ceil(DECAYED * tau_ms / (dt_ms * LOW)))
    rate = dt_ms / tau_ms
    return np.exp(-rate * np.concatenate([np.arange(LOW), np.arange(blocks) * float(LOW)])).astype(np.float32)


@nb.njit(nogil=True, inline="always")
def decay(table: Any, steps: int) -> Any:
    """exp(-steps dt / tau), float32; steps >= 0."""
    block = steps >> LOW_BITS
    if block >= table.size - LOW:
        return np.float32(0.0)
    return table[np.uint64(steps & (LOW - 1))] * table[np.uint64(LOW + block)]
