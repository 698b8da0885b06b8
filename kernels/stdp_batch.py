"""STDP of all synapses of one spike together, in simple passes over arrays that compilers vectorise.

Spikes that arrive in the same step with the same delay meet the same spikes of the targets, so what depends on the
target alone is looked up once per target (`look_back`) and used for all of them. The operations on a weight and their
order are those of `stdp._deliver_entry`: both give the same bits.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L
from dtbsim.kernels.decay import decay
from dtbsim.kernels.history import NEVER, float_of
from dtbsim.kernels.intrinsics import view_f32, view_i32, view_i64, view_u32

UNSEEN = np.float32(-1.0)
WINDOW = D.WINDOW
_COUNT_MASK = (1 << L.ENTRY_SHIFT) - 1
_ZERO, _HALF, _WHOLE = np.float32(0.0), np.float32(0.5), np.float32(2.0**23)


@nb.njit(nogil=True, inline="always")
def rounded(p: Any, w: Any) -> Any:
    """Into the bounds, to a whole number; float32 again. From 2^23 on every float32 is whole, and a half would tie."""
    smallest, largest = p[D.P_MIN], p[D.P_MAX]
    w = w if w > smallest else smallest
    w = w if w < largest else largest
    return np.float32(np.int32(w + (_HALF if w < _WHOLE else _ZERO)))


@nb.njit(nogil=True)
def look_back(table: Any, until: int) -> None:
    """Per target: one past its last spike up to `until`, the steps of its last WINDOW spikes until then (oldest first,
    -1: none), and the trace just before `until` (no spike before it: UNSEEN, or 0 where the source's counts alone)."""
    words, capacity, n = table[D.HISTORY_WORDS], table[D.HISTORY_CAPACITY], table[D.N_TARGETS]
    mask = capacity - 1
    minus = view_f32(table[D.DECAY1_AT], table[D.DECAY1_AT + 1])
    history = view_i64(table[D.HISTORY_AT], n * capacity * words)
    counts = view_i32(table[D.HISTORY_COUNT_AT], n)
    starts = view_i32(table[D.HISTORY_START_AT], n)
    stops = view_i32(table[D.STOP_AT], n)
    window = view_i32(table[D.WINDOW_AT], WINDOW * n)
    seen = view_f32(table[D.SEEN_AT], n)
    unseen = _ZERO if table[D.PAIRS_ONLY] == 0 else UNSEEN
    for i in range(n):
        start, stop = np.int64(starts[i]), np.int64(counts[i])
        base = i * capacity
        while stop > start and (history[np.uint64((base + ((stop - 1) & mask)) * words)] >> 32) > until:
            stop -= 1
        stops[i] = np.int32(stop)
        for k in range(WINDOW):
            m = stop - WINDOW + k
            entry = history[np.uint64((base + (m & mask)) * words)]
            window[np.uint64(WINDOW * i + k)] = np.int32(entry >> 32) if m >= start else np.int32(-1)
        seen[i] = unseen
        if stop > start:
            entry = history[np.uint64((base + ((stop - 1) & mask)) * words)]
            while (entry >> 32) == until and stop > start:
                stop -= 1
                entry = history[np.uint64((base + ((stop - 1) & mask)) * words)]
            if stop > start:
                seen[i] = float_of(entry) * decay(minus, until - (entry >> 32))


@nb.njit(nogil=True)
def deliver_batch(up: Any, down: Any, table: Any, entry: int, second: int, third: int, step: int, acc: Any) -> None:
    """The synapses of one spike, after `look_back` for its delay."""
    count = entry & _COUNT_MASK
    first = entry >> L.ENTRY_SHIFT
    h, trace = second >> 32, float_of(second)
    delay, slow = third >> 32, float_of(third)
    targets = view_u32(table[D.TARGET_AT] + 4 * first, count)
    weights = view_i32(table[D.WEIGHT_AT] + 4 * first, count)
    if h != NEVER or table[D.PAIRS_ONLY] == 0:
        since = step - 2 * delay - h if h != NEVER else np.int64(-1)
        pending = _pending(table, targets, max(since, table[D.APPLIED]))
        _take_in(up, table, targets, weights, pending, since, trace)
    _meet(down, table, targets, weights, slow)
    _add(table, targets, weights, acc)


@nb.njit(nogil=True)
def _pending(table: Any, targets: Any, since: int) -> Any:
    """Positions of the synapses whose targets have spiked after `since`, the first such spike, and how many there are.

    Counting in the window needs no branch: the number differs from synapse to synapse, and a wrong guess costs more.
    """
    words, capacity, n = table[D.HISTORY_WORDS], table[D.HISTORY_CAPACITY], table[D.N_TARGETS]
    mask = capacity - 1
    slot0 = np.uint32(table[D.SLOT0])
    window = view_i32(table[D.WINDOW_AT], WINDOW * n)
    where, cursor = view_i32(table[D.PENDING_AT], targets.size + 1), view_i32(table[D.CURSOR_AT], targets.size + 1)
    left = view_i32(table[D.LEFT_AT], targets.size + 1)
    starts, stops = view_i32(table[D.HISTORY_START_AT], n), view_i32(table[D.STOP_AT], n)
    history = view_i64(table[D.HISTORY_AT], n * capacity * words)
    found = np.int64(0)
    after = np.int32(since)
    for j in range(targets.size):
        i = np.uint64(np.uint32(targets[j] - slot0))
        base = np.uint64(WINDOW) * i
        m = np.int32(0)
        for k in range(WINDOW):
            m += np.int32(window[base + np.uint64(k)] > after)
        where[found] = np.int32(j)
        left[found] = m
        cursor[found] = stops[i] - m
        if m == WINDOW:  # there may be more
            ring = history[i * capacity * words : (i + 1) * capacity * words]
            begin = np.int64(cursor[found])
            while begin > starts[i] and (ring[((begin - 1) & mask) * words] >> 32) > since:
                begin -= 1
            cursor[found] = np.int32(begin)
            left[found] = np.int32(stops[i] - begin)
        found += np.int64(m > 0)
    return found


@nb.njit(nogil=True)
def _take_in(up: Any, table: Any, targets: Any, weights: Any, pending: Any, since: int, trace: Any) -> None:
    """Take in the pending spikes of the targets, each synapse's oldest one first, one round after the other."""
    words, capacity, n = table[D.HISTORY_WORDS], table[D.HISTORY_CAPACITY], table[D.N_TARGETS]
    mask = capacity - 1
    slot0 = np.uint32(table[D.SLOT0])
    p = view_f32(table[D.PARAMETERS_AT], table[D.N_PARAMETERS])
    plus = view_f32(table[D.DECAY_AT], table[D.DECAY_AT + 1])
    history = view_i64(table[D.HISTORY_AT], n * capacity * words)
    where, cursor = view_i32(table[D.PENDING_AT], targets.size), view_i32(table[D.CURSOR_AT], targets.size)
    left = view_i32(table[D.LEFT_AT], targets.size)
    w = view_f32(table[D.BUFFER_AT], 3 * targets.size)[: targets.size]
    traces = view_f32(table[D.BUFFER_AT], 3 * targets.size)[targets.size : 2 * targets.size]
    slows = view_f32(table[D.BUFFER_AT], 3 * targets.size)[2 * targets.size :]
    while pending > 0:
        for q in range(pending):
            j = np.uint32(where[q])
            i = np.int64(np.uint32(targets[j] - slot0))
            at = np.uint64((i * capacity + (np.int64(cursor[q]) & mask)) * words)
            w[q] = np.float32(weights[j])
            traces[q] = trace * decay(plus, (history[at] >> 32) - since)
            slows[q] = float_of(history[at + np.uint64(1)]) if words > 1 else np.float32(0.0)
        _take_in_all(up, p, w[:pending], traces[:pending], slows[:pending])
        more = np.int64(0)
        for q in range(pending):
            j = np.uint32(where[q])
            weights[j] = np.int32(w[q])
            remaining = left[q] - np.int32(1)
            following = cursor[q] + np.int32(1)
            where[more] = np.int32(j)
            cursor[more] = following
            left[more] = remaining
            more += np.int64(remaining > 0)
        pending = more


@nb.njit(nogil=True)
def _take_in_all(up: Any, p: Any, w: Any, traces: Any, slows: Any) -> None:
    for q in range(w.size):
        w[q] = rounded(p, up(p, w[q], traces[q], slows[q]))


@nb.njit(nogil=True)
def _meet(down: Any, table: Any, targets: Any, weights: Any, slow: Any) -> None:
    """The spike of the source itself, where its target has spiked before or that makes no difference."""
    seen = view_f32(table[D.SEEN_AT], table[D.N_TARGETS])
    p = view_f32(table[D.PARAMETERS_AT], table[D.N_PARAMETERS])
    slot0 = np.uint32(table[D.SLOT0])
    n = targets.size
    w = view_f32(table[D.BUFFER_AT], 3 * n)[:n]
    traces = view_f32(table[D.BUFFER_AT], 3 * n)[n : 2 * n]
    for j in range(n):
        w[j] = np.float32(weights[j])
        traces[j] = seen[np.uint32(targets[j] - slot0)]
    for j in range(n):
        new = rounded(p, down(p, w[j], traces[j], slow))
        w[j] = new if traces[j] >= _ZERO else w[j]
    for j in range(n):
        weights[j] = np.int32(w[j])


@nb.njit(nogil=True)
def _add(table: Any, targets: Any, weights: Any, acc: Any) -> None:
    shift, sign = table[D.SHIFT], np.int32(table[D.SIGN])
    half = np.int32((np.int64(1) << shift) >> 1)
    bits = np.int32(shift)
    for j in range(targets.size):
        acc[targets[j]] += np.int32(sign * np.int32(np.int32(weights[j] + half) >> bits))
