"""Spin barrier on LLVM atomics: 0.2 us between two free cores, with a yield when cores are oversubscribed."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels.intrinsics import atomic_add, atomic_load, atomic_store, sched_yield

ARRIVED = 0
GENERATION = 8
ABORT = 12
WORDS = 16
"""int64 words of a barrier: arrivals and generation on cache lines of their own, and an abort flag."""

SPINS = 2000


@nb.njit(nogil=True)
def wait(barrier: Any, n: int) -> bool:
    """Wait until `n` threads have arrived; False when another set the abort flag."""
    if n <= 1:
        return True
    generation = atomic_load(barrier, GENERATION)
    if atomic_add(barrier, ARRIVED, np.int64(1)) == n - 1:
        atomic_store(barrier, ARRIVED, np.int64(0))
        atomic_add(barrier, GENERATION, np.int64(1))
        return True
    spins = 0
    while atomic_load(barrier, GENERATION) == generation:
        spins += 1
        if spins > SPINS:
            if atomic_load(barrier, ABORT) != 0:
                return False
            sched_yield()
    return True
