"""What plastic projections look up when pending changes are applied: frozen times, sources as they were, old spikes."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels.history import float_of
from dtbsim.kernels.intrinsics import view_f32, view_i32, view_i64


@nb.njit(nogil=True)
def is_frozen(table: Any, step: int) -> bool:
    """Whether spikes of `step` change no weight."""
    windows = view_i64(table[D.FROZEN_AT], 2 * table[D.N_FROZEN])
    found = False
    for f in range(table[D.N_FROZEN]):
        found |= windows[2 * f] <= step < windows[2 * f + 1]
    return found


@nb.njit(nogil=True)
def as_before(table: Any, step: int, last: Any, trace: Any, recent: Any) -> None:
    """State of every source before its first spike at or after `step`; `recent` is that spike, -1: none."""
    n = table[D.N_SOURCES]
    now_last = view_i32(table[D.LAST_AT], n)
    now_trace = view_f32(table[D.TRACE_AT], 2 * n)
    for k in range(n):
        last[k] = now_last[k]
        trace[k] = now_trace[2 * k]
        recent[k] = np.int32(-1)
    log = view_i64(table[D.RECENT_AT], 2 * table[D.RECENT_COUNT])
    for r in range(table[D.RECENT_COUNT] - 1, -1, -1):
        at = log[2 * r] & 0xFFFFFFFF
        if at >= step:
            k = log[2 * r] >> 32
            last[k] = np.int32(log[2 * r + 1] >> 32)
            trace[k] = float_of(log[2 * r + 1])
            recent[k] = np.int32(at)


@nb.njit(nogil=True)
def in_order(due: Any, start: int, stop: int) -> None:
    """Sort the entries (three words) of one delay so that several spikes of a source in one step follow one another.

    The first of them is the one with time since the spike before; the slow trace tells the order of the others. Other
    sources have other synapses, so their order does not matter, and nothing moves where every spike is alone.
    """
    front = start
    for e in range(start, stop, 3):
        if (due[e + 1] >> 32) != 0:
            if front != e:
                for w in range(3):
                    due[front + w], due[e + w] = due[e + w], due[front + w]
            front += 3
    for e in range(front + 3, stop, 3):
        at = e
        while at > front and float_of(due[at - 1]) > float_of(due[at + 2]):
            for w in range(3):
                due[at + w], due[at + w - 3] = due[at + w - 3], due[at + w]
            at -= 3


@nb.njit(nogil=True)
def forget(history: Any, counts: Any, starts: Any, until: int, capacity: int, words: int) -> None:
    """Keep the last entry before `until`, whose trace is still needed, and those after it."""
    for i in range(counts.size):
        ring = history[i * capacity * words : (i + 1) * capacity * words]
        while starts[i] + 1 < counts[i] and (ring[((starts[i] + 1) & (capacity - 1)) * words] >> 32) < until:
            starts[i] += np.int32(1)


@nb.njit(nogil=True)
def keep_recent(table: Any, step: int) -> None:
    """Forget noted spikes of sources before `step`."""
    log = view_i64(table[D.RECENT_AT], 2 * table[D.RECENT_COUNT])
    kept = np.int64(0)
    for r in range(table[D.RECENT_COUNT]):
        if (log[2 * r] & 0xFFFFFFFF) >= step:
            log[2 * kept] = log[2 * r]
            log[2 * kept + 1] = log[2 * r + 1]
            kept += 1
    table[D.RECENT_COUNT] = kept
