"""Spikes into messages to the ranks that need them, and out of the messages of other ranks."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.kernels.intrinsics import view_i64
from dtbsim.kernels.jit import cached_njit
from dtbsim.kernels.sources import gid_of

COUNT = np.uint64(0xFFFFFFFF)
"""Of word 0 of a message: how many words follow."""
OVERFLOW = np.uint64(1 << 63)
"""Word 0 of the packets of a GPU whose spikes did not fit."""


RUN_GID0, RUN_STOP, RUN_POPULATION, RUN_WORD0, RUN_WORDS = range(5)
"""Fields of a run of neurons of this rank: first id, the one after the last, population, first of its words in the
bits of its neurons, words of each."""
_ONE = np.uint64(1)


@nb.njit(nogil=True)
def _run_of(runs: Any, gid: int) -> Any:
    """The run of a neuron of this rank."""
    low, high = np.int64(0), np.int64(runs.shape[0])
    while high - low > 1:
        middle = (low + high) >> 1
        if runs[middle, RUN_GID0] <= gid:
            low = middle
        else:
            high = middle
    return low


@cached_njit
def pack(
    rank: Any, lanes: Any, sent: Any, runs: Any, first: Any, wanted_by: Any, bits: Any, at: Any, send: Any,
    rest_at: Any, rest: Any,
) -> Any:  # fmt: skip
    """Put the log entries from `sent` (int64[n_lanes]) on into the messages of those that want them.

    `runs`, `first`, `wanted_by` and `bits` are those of `exchange.wanted.Addresses`. Message m has room from
    send[at[m]] to send[at[m + 1]]; word 0 is the number of its entries, also of those beyond its room. Where `rest` has
    room for these, rest[rest_at[m]] and on, they are put there. Returns how many do not fit.
    """
    n_messages = at.size - 1
    for m in range(n_messages):
        send[at[m]] = np.uint64(0)
    beyond = np.int64(0)
    run, low, high = np.int64(0), np.int64(0), np.int64(-1)
    begin, end, word0, words = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    for i in range(rank[L.N_LANES]):
        log = view_i64(lanes[i][L.LOG_AT], lanes[i][L.LOG_COUNT])
        for j in range(sent[i], lanes[i][L.LOG_COUNT]):
            gid = gid_of(rank, log[j])
            if not low <= gid < high:
                run = _run_of(runs, gid)
                low, high = runs[run, RUN_GID0], runs[run, RUN_STOP]
                begin, end = first[runs[run, RUN_POPULATION]], first[runs[run, RUN_POPULATION] + 1]
                word0, words = runs[run, RUN_WORD0], runs[run, RUN_WORDS]
            own = word0 + (gid - low) * words
            for k in range(begin, end):
                if words > 0 and (bits[own + ((k - begin) >> 6)] >> np.uint64((k - begin) & 63)) & _ONE == 0:
                    continue
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


@cached_njit
def note_counts(words: Any, at: Any, peak: Any) -> Any:
    """Raise `peak` (int64[n]) to the entries that each message announces; returns how many of them had no room."""
    over = 0
    for m in range(at.size - 1):
        n = np.int64(words[at[m]] & COUNT)
        peak[m] = max(peak[m], n)
        over += n + 1 > at[m + 1] - at[m]
    return over


@cached_njit
def count_over(words: Any, at: Any) -> Any:
    """How many messages announce more entries than they have room for."""
    over = 0
    for m in range(at.size - 1):
        over += np.int64(words[at[m]] & COUNT) + 1 > at[m + 1] - at[m]
    return over
