"""Which source candidate of a rank a neuron is: found in a table of ranges of global ids, in constant time.

A range is (first id, the one after the last, first number), ascending. The table of jumps says for every 2**shift ids
which is the first range that ends beyond the first of them, so that one or two ranges are left to look at.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from dtbsim.kernels import layout as L
from dtbsim.kernels.intrinsics import view_i32, view_i64

RANGE_FIELDS = 3
JUMPS_PER_RANGE = 4
"""About so many entries of the table of jumps for every range."""


def jump_table(ranges: NDArray[np.int64]) -> tuple[NDArray[np.int32], int]:
    """jump int32[n] and the shift of ranges int64[m, RANGE_FIELDS]."""
    span = int(ranges[-1, 1]) if len(ranges) else 0
    shift = 0
    while (span >> shift) > JUMPS_PER_RANGE * len(ranges):
        shift += 1
    begins = np.arange((span >> shift) + 2, dtype=np.int64) << shift
    return np.searchsorted(ranges[:, 1], begins, side="right").astype(np.int32), shift


@nb.njit(nogil=True, inline="always")
def gid_of(rank: Any, entry: int) -> Any:
    """The global id in an entry of a log."""
    return entry & ((np.int64(1) << (32 + rank[L.GID_MORE])) - 1)


@nb.njit(nogil=True, inline="always")
def step_of(rank: Any, entry: int) -> Any:
    """The step in an entry of a log."""
    return entry >> (32 + rank[L.GID_MORE])


@nb.njit(nogil=True)
def source_index(rank: Any, gid: int) -> Any:
    """Number of `gid` among the source candidates of a rank (int64[RANK_FIELDS]), -1 where it has no targets here."""
    begin = gid >> rank[L.SOURCE_SHIFT]
    if begin >= rank[L.N_SOURCE_JUMPS] - 1:
        return -1
    jump = view_i32(rank[L.SOURCE_JUMPS_AT], rank[L.N_SOURCE_JUMPS])
    ranges = view_i64(rank[L.SOURCE_RANGES_AT], 3 * rank[L.N_SOURCE_RANGES])
    low, high = np.int64(jump[begin]), np.int64(jump[begin + 1])
    while low < high:
        middle = (low + high) >> 1
        if ranges[3 * middle + 1] <= gid:
            low = middle + 1
        else:
            high = middle
    if low < rank[L.N_SOURCE_RANGES] and ranges[3 * low] <= gid:
        return gid - ranges[3 * low] + ranges[3 * low + 2]
    return -1
