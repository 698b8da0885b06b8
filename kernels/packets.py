"""Spikes into messages to the ranks that need them, and out of the messages of other ranks."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.kernels.intrinsics import view_i64
from dtbsim.kernels.jit import cached_njit
from dtbsim.mpi.mail import COUNT

OVERFLOW = np.uint64(1 << 63)
"""Word 0 of the packets of a GPU whose spikes did not fit."""


@cached_njit
def pack(
    rank: Any, lanes: Any, sent: Any, gid_starts: Any, first: Any, wanted_by: Any, at: Any, send: Any, rest_at: Any,
    rest: Any,
) -> Any:  # fmt: skip
    """Put the log entries from `sent` (int64[n_lanes]) on into the messages of those that want them.

    Spikes of population p are wanted by messages wanted_by[first[p]] to wanted_by[first[p + 1]] (int32). Message m has
    room from send[at[m]] to send[at[m + 1]]; word 0 is the number of its entries, also of those beyond its room. Where
    `rest` has room for these, rest[rest_at[m]] and on, they are put there. Returns how many do not fit.
    """
    n_messages = at.size - 1
    for m in range(n_messages):
        send[at[m]] = np.uint64(0)
    beyond = np.int64(0)
    population = np.int64(0)
    low, high = np.int64(0), np.int64(-1)
    for i in range(rank[L.N_LANES]):
        log = view_i64(lanes[i][L.LOG_AT], lanes[i][L.LOG_COUNT])
        for j in range(sent[i], lanes[i][L.LOG_COUNT]):
            gid = log[j] & 0xFFFFFFFF
            if not low <= gid < high:
                population = np.searchsorted(gid_starts, gid, side="right") - 1
                low, high = gid_starts[population], gid_starts[population + 1]
            for k in range(first[population], first[population + 1]):
                m = wanted_by[k]
                n = np.int64(send[at[m]]) + 1
                send[at[m]] = np.uint64(n)
                room = at[m + 1] - at[m] - 1
                if n <= room:
                    send[at[m] + n] = np.uint64(log[j])
                else:
                    beyond += 1
                    if rest.size > 0:
                        rest[rest_at[m] + n - room - 1] = np.uint64(log[j])
    return beyond


@cached_njit
def unpack(at: Any, received: Any, out: Any) -> Any:
    """Copy the entries of all messages, as far as there was room for them, into `out` (int64); returns how many."""
    n = 0
    for m in range(at.size - 1):
        held = min(np.int64(received[at[m]] & COUNT), at[m + 1] - at[m] - 1)
        for j in range(at[m] + 1, at[m] + 1 + held):
            out[n] = np.int64(received[j])
            n += 1
    return n
