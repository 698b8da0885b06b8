"""Synapses that have states of their own beside their weight.

What happens to them is said by a `StatefulSynapse` of `dtbsim.models.synapses`, whose compiled functions are arguments
here: `between` carries weight and states over the time from one spike to the next, `up` and `down` are what a spike of
the target and of the source does. Each gets the weight as a float32 and four states, and returns these five.

A spike of the source reaches the synapse in the step in which it arrives, one of the target in the step after it was
emitted, in which it is in the history of every lane. So a synapse has its spikes in an order that nothing can change,
and it is advanced to spikes only, never to other times: floats do not split exactly. When that is computed does not
matter: when a spike of the source arrives, or by `catch_up_stateful` for all synapses, after which the spikes of the
targets can be forgotten. EVENT_AT holds the step of the last spike that a synapse has seen.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L
from dtbsim.kernels.intrinsics import prefetch, view_f32, view_i32, view_i64, view_u32
from dtbsim.kernels.pending import forget, keep_recent
from dtbsim.kernels.stdp_batch import rounded

AHEAD = 4
_COUNT_MASK = (1 << L.ENTRY_SHIFT) - 1
_ZERO = np.float32(0.0)


@nb.njit(nogil=True)
def _take_in(
    between: Any, up: Any, table: Any, p: Any, ring: Any, start: int, stop: int, w: Any, event: int, states: Any
) -> Any:
    """Weight, time of the last spike and states after the target's spikes that the synapse has not seen.

    `start` .. `stop` (exclusive) are those that are remembered.
    """
    mask = table[D.HISTORY_CAPACITY] - 1
    a, b, c, d = states
    first = stop
    while first > start and (ring[(first - 1) & mask] >> 32) >= event:
        first -= 1
    for m in range(first, stop):
        now = (ring[m & mask] >> 32) + 1
        w, a, b, c, d = between(p, np.float32(now - event) * p[D.P_DT], w, a, b, c, d)
        w, a, b, c, d = up(p, w, a, b, c, d)
        w = rounded(p, w)
        event = now
    return w, event, (a, b, c, d)


@nb.njit(nogil=True, inline="always")
def _states_of(states: Any, n: int, total: int, j: int) -> Any:
    """States of synapse `j`, 0 beyond the `n` that there are."""
    a = states[j] if n > 0 else _ZERO
    b = states[total + j] if n > 1 else _ZERO
    c = states[2 * total + j] if n > 2 else _ZERO
    d = states[3 * total + j] if n > 3 else _ZERO
    return a, b, c, d


@nb.njit(nogil=True, inline="always")
def _keep(states: Any, n: int, total: int, j: int, values: Any) -> None:
    a, b, c, d = values
    if n > 0:
        states[j] = a
    if n > 1:
        states[total + j] = b
    if n > 2:
        states[2 * total + j] = c
    if n > 3:
        states[3 * total + j] = d


@nb.njit(nogil=True)
def deliver_stateful(
    between: Any,
    up: Any,
    down: Any,
    table_at: int,
    n: int,
    step: int,
    acc_at: int,
    n_slots: int,
    wide: int,
) -> Any:
    """Change and deliver the synapses of the `n` words that are due at `step`; returns the events."""
    table = view_i64(table_at, D.FIELDS)
    if wide != 0:
        return _deliver(between, up, down, table, n, step, view_i64(acc_at, n_slots))
    return _deliver(between, up, down, table, n, step, view_i32(acc_at, n_slots))


@nb.njit(nogil=True)
def _deliver(between: Any, up: Any, down: Any, table: Any, n: int, step: int, acc: Any) -> Any:
    capacity, n_targets, slot0 = table[D.HISTORY_CAPACITY], table[D.N_TARGETS], table[D.SLOT0]
    n_sources, n_states = table[D.N_SOURCES], table[D.N_STATES]
    shift, sign = table[D.SHIFT], table[D.SIGN]
    half = (np.int64(1) << shift) >> 1
    p = view_f32(table[D.PARAMETERS_AT], table[D.N_PARAMETERS])
    history = view_i64(table[D.HISTORY_AT], n_targets * capacity)
    counts = view_i32(table[D.HISTORY_COUNT_AT], n_targets)
    starts = view_i32(table[D.HISTORY_START_AT], n_targets)
    total = view_i64(table[D.ROW_AT], n_sources + 1)[n_sources]
    targets = view_u32(table[D.TARGET_AT], total)
    weights = view_i32(table[D.WEIGHT_AT], total)
    states, events = view_f32(table[D.STATES_AT], n_states * total), view_i32(table[D.EVENT_AT], total)
    due = view_i64(table[D.DUE_AT], n)
    delivered = np.int64(0)
    for e in range(0, n, 3):
        if e + 3 * AHEAD < n:
            ahead = due[e + 3 * AHEAD] >> L.ENTRY_SHIFT
            prefetch(table[D.TARGET_AT] + 4 * ahead)
            prefetch(table[D.WEIGHT_AT] + 4 * ahead)
            prefetch(table[D.EVENT_AT] + 4 * ahead)
        first, count = due[e] >> L.ENTRY_SHIFT, due[e] & _COUNT_MASK
        for j in range(first, first + count):
            slot = np.int64(targets[j])
            i = slot - slot0
            ring = history[i * capacity : (i + 1) * capacity]
            known = _states_of(states, n_states, total, j)
            w, event, known = _take_in(
                between, up, table, p, ring, np.int64(starts[i]), np.int64(counts[i]), np.float32(weights[j]),
                np.int64(events[j]), known,
            )  # fmt: skip
            a, b, c, d = known
            w, a, b, c, d = between(p, np.float32(step - event) * p[D.P_DT], w, a, b, c, d)
            w, a, b, c, d = down(p, w, a, b, c, d)
            w = rounded(p, w)
            weights[j] = np.int32(w)
            events[j] = np.int32(step)
            _keep(states, n_states, total, j, (a, b, c, d))
            acc[slot] += sign * ((np.int64(w) + half) >> shift)
        delivered += count
    return delivered


@nb.njit(nogil=True)
def catch_up_stateful(
    between: Any,
    up: Any,
    _down: Any,
    table_at: int,
    now: int,
    _longest_delay: int,
    _last_at: int,
    _trace_at: int,
    _recent_at: int,
) -> Any:
    """Let all synapses see the spikes of their targets so far, and forget these. All steps before `now` are done.

    Spikes of sources that have not arrived come later. Returns 0.
    """
    table = view_i64(table_at, D.FIELDS)
    if now - 1 <= table[D.APPLIED]:
        return np.int64(0)
    capacity, n_targets, slot0 = table[D.HISTORY_CAPACITY], table[D.N_TARGETS], table[D.SLOT0]
    n_sources, n_states = table[D.N_SOURCES], table[D.N_STATES]
    p = view_f32(table[D.PARAMETERS_AT], table[D.N_PARAMETERS])
    history = view_i64(table[D.HISTORY_AT], n_targets * capacity)
    counts = view_i32(table[D.HISTORY_COUNT_AT], n_targets)
    starts = view_i32(table[D.HISTORY_START_AT], n_targets)
    total = view_i64(table[D.ROW_AT], n_sources + 1)[n_sources]
    targets = view_u32(table[D.TARGET_AT], total)
    weights = view_i32(table[D.WEIGHT_AT], total)
    states, events = view_f32(table[D.STATES_AT], n_states * total), view_i32(table[D.EVENT_AT], total)
    for j in range(total):
        i = np.int64(targets[j]) - slot0
        ring = history[i * capacity : (i + 1) * capacity]
        known = _states_of(states, n_states, total, j)
        w, event, known = _take_in(
            between, up, table, p, ring, np.int64(starts[i]), np.int64(counts[i]), np.float32(weights[j]),
            np.int64(events[j]), known,
        )  # fmt: skip
        weights[j] = np.int32(w)
        events[j] = np.int32(event)
        _keep(states, n_states, total, j, known)
    table[D.APPLIED] = now - 1
    forget(history, counts, starts, now, capacity, 1)
    keep_recent(table, now)
    return np.int64(0)
