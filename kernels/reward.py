"""Plasticity that dopamine turns into weights: pairs of spikes leave an eligibility trace, dopamine acts on it.

A synapse has a weight w and an eligibility c, which spikes of its ends change as a `ModulatedSynapse` of
`dtbsim.models.synapses` says: its compiled functions `up` and `down` are arguments here, for spikes of the target and
of the source. dc/dt = -c / tau_c, dw/dt = c (n - baseline), where the dopamine n jumps by 1 / tau_n at every spike of
the dopamine population and decays with tau_n (Izhikevich 2007; Potjans, Morrison, Diesmann 2010). The delay is
dendritic, as in `stdp`; dopamine acts on the clock of the source.

n is the same for all synapses. Time is cut into cells of INTERVAL steps, and per step of a cell that begins at T

    F(t) = integral from T to t of exp(-(t' - T) / tau_c) (n(t') - baseline) dt'

is tabulated once, exactly. With c kept as the value that it had at T (what is added at t is added times
exp(+(t - T) / tau_c)), the weight changes by c (F(t1) - F(t0)) between two spikes of its ends, however many spikes of
the dopamine population there were: their number costs nothing per synapse.

Floats do not split exactly, so a synapse advances to fixed times only: to the spikes of its source, and to the
beginnings of cells. There its change is rounded to a whole number of fine quanta, and bounded. When that is computed
does not matter: when a spike of the source arrives, or by `catch_up_rewarded` for all synapses.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L
from dtbsim.kernels.decay import decay
from dtbsim.kernels.history import NEVER, float_of
from dtbsim.kernels.intrinsics import prefetch, view_f32, view_i32, view_i64, view_u8, view_u32
from dtbsim.kernels.pending import as_before, forget, in_order, is_frozen, keep_recent

AHEAD = 4
_COUNT_MASK = (1 << L.ENTRY_SHIFT) - 1
_ZERO, _HALF = np.float32(0.0), np.float32(0.5)
_MOST = np.float32(2.0**24)
_NOTHING = np.float32(1e-15)
"""Eligibility (fine quanta) below this is 0: subnormal numbers are slow."""


# -- dopamine -------------------------------------------------------------------------------------------------


@nb.njit(nogil=True)
def release(table: Any, source: int, step: int) -> None:
    """Note a spike of source candidate `source` if it belongs to the dopamine population."""
    if view_u8(table[D.DOPAMINE_AT], table[D.N_CANDIDATES])[source] != 0:
        at = step - table[D.CELL0] * table[D.INTERVAL]
        view_i32(table[D.RELEASED_AT], table[D.N_CELLS] * table[D.INTERVAL])[at] += np.int32(1)


@nb.njit(nogil=True)
def integrate(table: Any, step: int) -> None:
    """Tabulate F as far as the spikes that are known when `step` begins allow: those of SHORTEST steps before."""
    interval = table[D.INTERVAL]
    p = view_f32(table[D.PARAMETERS_AT], table[D.N_PARAMETERS])
    fade = view_f32(table[D.CELL_AT], 2 * (interval + 1))[interval + 1 :]
    released = view_i32(table[D.RELEASED_AT], table[D.N_CELLS] * interval)
    integral = view_f32(table[D.INTEGRAL_AT], table[D.N_CELLS] * (interval + 1))
    level = view_f32(table[D.LEVEL_AT], 1)
    of_level = view_f32(table[D.DECAY3_AT], table[D.DECAY3_AT + 1])
    for t in range(table[D.KNOWN], step - table[D.SHORTEST] + 1):
        cell = t // interval - table[D.CELL0]
        m = t % interval
        n = level[0] * decay(of_level, t - table[D.LEVEL_STEP])
        count = released[cell * interval + m]
        if count != 0:  # decays from here, so that errors do not add up step by step
            n += np.float32(count) * p[D.P_RELEASE]
            level[0] = n
            table[D.LEVEL_STEP] = t
        change = fade[m] * (n * p[D.P_GAIN] - p[D.P_LOSS])
        if table[D.N_FROZEN] > 0 and is_frozen(table, t):
            change = _ZERO
        at = cell * (interval + 1) + m
        integral[at + 1] = integral[at] + change
        table[D.KNOWN] = t + 1


# -- one synapse ----------------------------------------------------------------------------------------------


@nb.njit(nogil=True, inline="always")
def _changed(p: Any, w: int, change: Any) -> Any:
    """Weight after a change, rounded to a whole number and bounded; int32."""
    bounded = min(max(change, -_MOST), _MOST)
    whole = np.int32(bounded + _HALF) if bounded >= _ZERO else -np.int32(_HALF - bounded)
    return np.int32(min(max(w + whole, np.int32(p[D.P_MIN])), np.int32(p[D.P_MAX])))


@nb.njit(nogil=True)
def _advanced(
    up: Any,
    table: Any,
    p: Any,
    w: int,
    c: Any,
    ring: Any,
    first: int,
    stop: int,
    delay: int,
    last: int,
    trace: Any,
    span: Any,
) -> Any:
    """Weight and eligibility at the end of `span`, cell by cell. `span`: its two ends, in steps, and its first cell.

    `first` .. `stop` (exclusive): the spikes of the target that the synapse meets in it; `trace` was the source's at
    its last spike `last`.
    """
    interval, mask = table[D.INTERVAL], table[D.HISTORY_CAPACITY] - 1
    plus = view_f32(table[D.DECAY_AT], table[D.DECAY_AT + 1])
    growth = view_f32(table[D.CELL_AT], 2 * (interval + 1))
    integral = view_f32(table[D.INTEGRAL_AT], table[D.N_CELLS] * (interval + 1))
    m = first
    gained = up(p, _ZERO, trace, _ZERO)
    now, end, cell = span
    begin = cell * interval
    row = cell - table[D.CELL0] * (interval + 1)  # integral[row + t] is F(t)
    while now < end and (m < stop or c != _ZERO):
        edge = min(end, begin + interval)
        change = _ZERO
        while m < stop and (ring[m & mask] >> 32) + delay <= edge:
            t = (ring[m & mask] >> 32) + delay
            change += c * (integral[row + t] - integral[row + now])
            c += gained * decay(plus, t - last) * growth[t - begin]
            now = t
            m += 1
        change += c * (integral[row + edge] - integral[row + now])
        w = _changed(p, w, change)
        if edge == begin + interval:
            c *= growth[2 * interval + 1]
            if abs(c) < _NOTHING:
                c = _ZERO
        now = edge
        begin += interval
        row += 1
    return w, c


# -- all of them ----------------------------------------------------------------------------------------------


@nb.njit(nogil=True)
def deliver_rewarded(up: Any, down: Any, table_at: int, n: int, step: int, acc_at: int, n_slots: int, wide: int) -> Any:
    """Change and deliver the synapses of the `n` words that are due at `step`; returns the events."""
    table = view_i64(table_at, D.FIELDS)
    if wide != 0:
        return _deliver(up, down, table, n, step, view_i64(acc_at, n_slots))
    return _deliver(up, down, table, n, step, view_i32(acc_at, n_slots))


@nb.njit(nogil=True)
def _deliver(up: Any, down: Any, table: Any, n: int, step: int, acc: Any) -> Any:
    capacity, interval = table[D.HISTORY_CAPACITY], table[D.INTERVAL]
    mask = capacity - 1
    n_targets, slot0, applied = table[D.N_TARGETS], table[D.SLOT0], table[D.APPLIED]
    shift, sign = table[D.SHIFT], table[D.SIGN]
    half = (np.int64(1) << shift) >> 1
    p = view_f32(table[D.PARAMETERS_AT], table[D.N_PARAMETERS])
    minus = view_f32(table[D.DECAY1_AT], table[D.DECAY1_AT + 1])
    growth = view_f32(table[D.CELL_AT], 2 * (interval + 1))
    history = view_i64(table[D.HISTORY_AT], n_targets * capacity)
    counts = view_i32(table[D.HISTORY_COUNT_AT], n_targets)
    starts = view_i32(table[D.HISTORY_START_AT], n_targets)
    due = view_i64(table[D.DUE_AT], n)
    events = np.int64(0)
    in_order(due, 0, n)
    for e in range(0, n, 3):
        if e + 3 * AHEAD < n:
            ahead = due[e + 3 * AHEAD] >> L.ENTRY_SHIFT
            prefetch(table[D.TARGET_AT] + 4 * ahead)
            prefetch(table[D.WEIGHT_AT] + 4 * ahead)
            prefetch(table[D.ELIGIBILITY_AT] + 4 * ahead)
        count = due[e] & _COUNT_MASK
        first = due[e] >> L.ENTRY_SHIFT
        h, trace = due[e + 1] >> 32, float_of(due[e + 1])
        delay = due[e + 2] >> 32
        spike = step - delay
        until = spike - delay  # the last step at which a spike of the target meets the synapse before the source's
        since = max(spike - h, applied)
        span = since, spike, since // interval
        now = growth[spike % interval]
        targets = view_u32(table[D.TARGET_AT] + 4 * first, count)
        weights = view_i32(table[D.WEIGHT_AT] + 4 * first, count)
        eligibility = view_f32(table[D.ELIGIBILITY_AT] + 4 * first, count)
        for j in range(count):
            slot = np.int64(targets[j])
            i = slot - slot0
            w, c = weights[j], eligibility[j]
            start, stop = np.int64(starts[i]), np.int64(counts[i])
            ring = history[i * capacity : (i + 1) * capacity]
            while stop > start and (ring[(stop - 1) & mask] >> 32) > until:
                stop -= 1
            if h != NEVER:
                begin = stop
                while begin > start and (ring[(begin - 1) & mask] >> 32) > since - delay:
                    begin -= 1
                w, c = _advanced(up, table, p, w, c, ring, begin, stop, delay, spike - h, trace, span)
                weights[j] = w
            if stop > start:
                at = stop - 1
                while at >= start and (ring[at & mask] >> 32) == until:
                    at -= 1  # pairs at exactly the same time do not depress
                if at >= start:
                    seen = ring[at & mask]
                    c += down(p, _ZERO, float_of(seen), _ZERO) * decay(minus, until - (seen >> 32)) * now
            eligibility[j] = c
            acc[slot] += sign * ((np.int64(w) + half) >> shift)
        events += count
    return events


@nb.njit(nogil=True)
def catch_up_rewarded(
    up: Any, down: Any, table_at: int, now: int, longest_delay: int, last_at: int, trace_at: int, recent_at: int
) -> Any:
    """Advance all synapses to the last beginning of a cell that is one longest delay back, and forget what led there.

    All steps before `now` are done. At the last three addresses: int32, float32, int32 scratch of one entry per source.
    Where a later spike of the source has already arrived, its synapses have passed that time. Returns 0.
    """
    table = view_i64(table_at, D.FIELDS)
    interval, longest = table[D.INTERVAL], table[D.LONGEST]
    goal = (now - longest) // interval * interval
    applied = table[D.APPLIED]
    if goal <= applied:
        return np.int64(0)
    n_sources, n_targets = table[D.N_SOURCES], table[D.N_TARGETS]
    last, trace, recent = view_i32(last_at, n_sources), view_f32(trace_at, n_sources), view_i32(recent_at, n_sources)
    as_before(table, goal, last, trace, recent)
    capacity = table[D.HISTORY_CAPACITY]
    mask = capacity - 1
    p = view_f32(table[D.PARAMETERS_AT], table[D.N_PARAMETERS])
    history = view_i64(table[D.HISTORY_AT], n_targets * capacity)
    counts = view_i32(table[D.HISTORY_COUNT_AT], n_targets)
    starts = view_i32(table[D.HISTORY_START_AT], n_targets)
    rows = view_i64(table[D.ROW_AT], n_sources + 1)
    segment_rows = view_i64(table[D.SEGMENT_ROW_AT], n_sources + 1)
    segments = view_u32(table[D.SEGMENT_AT], segment_rows[n_sources])
    targets = view_u32(table[D.TARGET_AT], rows[n_sources])
    weights = view_i32(table[D.WEIGHT_AT], rows[n_sources])
    eligibility = view_f32(table[D.ELIGIBILITY_AT], rows[n_sources])
    for k in range(n_sources):
        if last[k] < 0:
            continue  # without a spike of its source no synapse is eligible
        synapse = rows[k]
        since = max(np.int64(last[k]), applied)
        for s in range(segment_rows[k], segment_rows[k + 1]):
            delay = np.int64(segments[s] >> np.uint32(16))
            count = np.int64(segments[s] & np.uint32(0xFFFF))
            arrived = recent[k] >= 0 and recent[k] + delay < now
            for j in range(synapse, synapse + count if not arrived else synapse):
                i = np.int64(targets[j]) - table[D.SLOT0]
                ring = history[i * capacity : (i + 1) * capacity]
                begin, stop = np.int64(starts[i]), np.int64(counts[i])
                while stop > begin and (ring[(stop - 1) & mask] >> 32) > goal - delay:
                    stop -= 1
                first = stop
                while first > begin and (ring[(first - 1) & mask] >> 32) > since - delay:
                    first -= 1
                weights[j], eligibility[j] = _advanced(
                    up, table, p, weights[j], eligibility[j], ring, first, stop, delay,
                    np.int64(last[k]), trace[k], (since, goal, since // interval),
                )  # fmt: skip
            synapse += count
    table[D.APPLIED] = goal
    forget(history, counts, starts, goal - longest, capacity, 1)
    keep_recent(table, goal)
    return np.int64(0)
