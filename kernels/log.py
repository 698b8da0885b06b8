"""The spike log of a lane as numpy sees it."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from dtbsim.kernels import layout as L


def array_at(address: int, n: int) -> NDArray[np.int64]:
    """int64[n] at an address, without copying; valid while the memory is."""
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    return np.ctypeslib.as_array(ctypes.cast(int(address), ctypes.POINTER(ctypes.c_int64)), shape=(int(n),))


def log_of(lane: NDArray[np.int64]) -> NDArray[np.int64]:
    """Entries step << 32 | gid logged since the last collection."""
    return array_at(int(lane[L.LOG_AT]), int(lane[L.LOG_COUNT]))
