"""Packing spikes into fixed-size packets, one per destination rank, and taking them out again."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.kernels.intrinsics import view_i64
from dtbsim.kernels.jit import cached_njit

OVERFLOW = np.uint64(1 << 63)
LATE = np.uint64(1 << 62)
"""A flag beside the number of entries: the sender is past its deadline."""


@cached_njit
def pack(rank: Any, lanes: Any, sent: Any, gid_starts: Any, needs: Any, me: int, send: Any) -> bool:
    """Fill send (uint64[n_ranks, k]) with the unsent log entries of all lanes for the ranks that need them.

    Word 0 of a row is the number of entries. When some row does not fit, every row holds OVERFLOW alone, and the caller
    sends this rank's spikes in a second round. Returns whether all fitted.
    """
    n_ranks, k = send.shape
    for r in range(n_ranks):
        send[r, 0] = np.uint64(0)
    fits = True
    for i in range(rank[L.N_LANES]):
        log = view_i64(lanes[i][L.LOG_AT], lanes[i][L.LOG_COUNT])
        for j in range(sent[i], lanes[i][L.LOG_COUNT]):
            gid = log[j] & 0xFFFFFFFF
            population = np.searchsorted(gid_starts, gid, side="right") - 1
            for r in range(n_ranks):
                if r != me and needs[r, population]:
                    n = np.int64(send[r, 0]) + 1
                    if n < k:
                        send[r, n] = np.uint64(log[j])
                        send[r, 0] = np.uint64(n)
                    else:
                        fits = False
    if not fits:
        for r in range(n_ranks):
            send[r, 0] = OVERFLOW
    for i in range(rank[L.N_LANES]):
        sent[i] = lanes[i][L.LOG_COUNT]
    return fits


@cached_njit
def unpack(received: Any, me: int, out: Any) -> Any:
    """Copy the entries of all packets into `out` (int64); returns how many, and whether some rank overflowed."""
    n = 0
    overflow = False
    for r in range(received.shape[0]):
        if received[r, 0] & OVERFLOW != 0:
            overflow = True
        elif r != me:
            for j in range(1, np.int64(received[r, 0] & ~LATE) + 1):
                out[n] = np.int64(received[r, j])
                n += 1
    return n, overflow
