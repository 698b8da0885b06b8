"""Global ids and source indices of a lane's neurons, from its runs of consecutive ones (`layout.RUN_FIELDS`)."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.kernels.intrinsics import view_i64


@nb.njit(nogil=True)
def runs_of(lane: Any) -> Any:
    """int64[N_RUNS + 1, RUN_FIELDS]."""
    n = lane[L.N_RUNS] + 1
    return view_i64(lane[L.RUNS_AT], n * L.RUN_FIELDS).reshape((n, L.RUN_FIELDS))


@nb.njit(nogil=True)
def run_at(runs: Any, local: int) -> Any:
    """Number of the run of a local index."""
    low, high = np.int64(0), np.int64(runs.shape[0] - 1)
    while high - low > 1:
        middle = (low + high) >> 1
        if runs[middle, L.RUN_LOCAL] <= local:
            low = middle
        else:
            high = middle
    return low


@nb.njit(nogil=True)
def gid_at(runs: Any, local: int) -> Any:
    """Global id of a neuron."""
    run = run_at(runs, local)
    return runs[run, L.RUN_GID0] + local - runs[run, L.RUN_LOCAL]
