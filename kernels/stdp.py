"""Spike-timing dependent plasticity: weights that change with the spikes of both ends.

What a spike does to a weight is said by a `PlasticSynapse` of `dtbsim.models.synapses`, whose compiled functions are
arguments here: `down(p, w, trace, slow)` is the weight after a spike of the source, `up` after one of the target; trace
is that of the other end, slow that of the own end just before the spike. `rule_source` puts them together.

A synapse changes when a spike of its source arrives: first it takes in, one by one, the spikes that its target has
emitted since the previous one, then the source's spike itself, and what results is delivered. The whole delay is
dendritic, as in NEST: a target's spike of step t meets the source's of step s as if it had happened at t + delay. Each
change rounds the weight to a whole number of its fine quanta, so it makes no difference when pending changes are
applied: `catch_up_plastic` does it for all synapses, and the spikes of the targets that it has applied are forgotten.

A weight is a non-negative int32 in fine quanta (2**-SHIFT of the input's), at most 2**23, so float32 holds it and its
halves exactly. The entry of the payload queue: (synapses), (steps since the previous spike << 32 | trace then),
(delay << 32 | slow trace now).
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L
from dtbsim.kernels.decay import decay
from dtbsim.kernels.delay_queue import grow
from dtbsim.kernels.history import NEVER, float_of, with_float
from dtbsim.kernels.intrinsics import view_f32, view_i32, view_i64, view_u32
from dtbsim.kernels.pending import as_before, forget, in_order, is_frozen, keep_recent
from dtbsim.kernels.stdp_batch import deliver_batch, look_back, rounded

BATCH = 0.5
"""From so many synapses per target on, spikes of one delay are delivered together."""
_COUNT_MASK = (1 << L.ENTRY_SHIFT) - 1
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


@nb.njit(nogil=True)
def source_spike(table: Any, k: int, step: int) -> Any:
    """Words two and three (delay left out) of a spike of source `k`; advances its traces. Second value -1: no room."""
    last = view_i32(table[D.LAST_AT], k + 1)
    trace = view_f32(table[D.TRACE_AT], 2 * k + 2)
    if not _note(table, k, step, last[k], trace[2 * k]):
        return np.int64(0), np.int64(-1)
    h = np.int64(NEVER) if last[k] < 0 else step - last[k]
    word = with_float(h, trace[2 * k])
    slow = trace[2 * k + 1]
    if last[k] >= 0:
        trace[2 * k] = trace[2 * k] * decay(view_f32(table[D.DECAY_AT], table[D.DECAY_AT + 1]), h)
        slow = slow * decay(view_f32(table[D.DECAY2_AT], table[D.DECAY2_AT + 1]), h)
    trace[2 * k] += _ONE
    trace[2 * k + 1] = slow + _ONE
    last[k] = np.int32(step)
    return word, with_float(0, slow)


@nb.njit(nogil=True)
def _note(table: Any, k: int, step: int, last: int, trace: Any) -> bool:
    """Keep what the source was before this spike, for `catch_up`."""
    n = table[D.RECENT_COUNT]
    if n == table[D.RECENT_CAPACITY]:
        capacity = max(np.int64(1024), 2 * n)
        address = grow(table[D.RECENT_AT], capacity * 16)
        if address == 0:
            return False
        table[D.RECENT_AT] = address
        table[D.RECENT_CAPACITY] = capacity
    recent = view_i64(table[D.RECENT_AT], 2 * n + 2)
    recent[2 * n] = (np.int64(k) << 32) | np.int64(step)
    recent[2 * n + 1] = with_float(last, trace)
    table[D.RECENT_COUNT] = n + 1
    return True


@nb.njit(nogil=True, inline="always")
def _take_in(
    up: Any, table: Any, p: Any, w: Any, ring: Any, first: int, stop: int, from_step: int, trace: Any, plus: Any
) -> Any:
    """Weight after the target's spikes `first` .. `stop` (exclusive); the source's trace was `trace` at `from_step`."""
    words = table[D.HISTORY_WORDS]
    mask = table[D.HISTORY_CAPACITY] - 1
    for m in range(first, stop):
        at = (m & mask) * words
        t = ring[at] >> 32
        if table[D.N_FROZEN] > 0 and is_frozen(table, t):
            continue
        slow = float_of(ring[at + 1]) if words > 1 else _ZERO
        w = rounded(p, up(p, w, trace * decay(plus, t - from_step), slow))
    return w


@nb.njit(nogil=True)
def deliver_plastic(up: Any, down: Any, table_at: int, n: int, step: int, acc_at: int, n_slots: int, wide: int) -> Any:
    """Change and deliver the synapses of the `n` words that are due at `step`; returns the events."""
    table = view_i64(table_at, D.FIELDS)
    if wide != 0:
        return _deliver(up, down, table, n, step, view_i64(acc_at, n_slots))
    return _deliver(up, down, table, n, step, view_i32(acc_at, n_slots))


@nb.njit(nogil=True)
def _deliver(up: Any, down: Any, table: Any, n: int, step: int, acc: Any) -> Any:
    """Delay by delay: entries of one delay see the same spikes of their targets, so many of them are done together."""
    due = view_i64(table[D.DUE_AT], n)
    events = np.int64(0)
    done = np.int64(0)
    while done < n:
        delay = due[done + 2] >> 32
        synapses = np.int64(0)
        end = done
        for e in range(done, n, 3):  # those of this delay to the front
            if due[e + 2] >> 32 == delay:
                synapses += due[e] & _COUNT_MASK
                for w in range(3):
                    due[end + w], due[e + w] = due[e + w], due[end + w]
                end += 3
        in_order(due, done, end)
        if synapses > BATCH * table[D.N_TARGETS] and table[D.N_FROZEN] == 0:
            look_back(table, step - 2 * delay)
            for e in range(done, end, 3):
                deliver_batch(up, down, table, due[e], due[e + 1], due[e + 2], step, acc)
        else:
            for e in range(done, end, 3):
                _deliver_entry(up, down, table, due[e], due[e + 1], due[e + 2], step, acc)
        events += synapses
        done = end
    return events


@nb.njit(nogil=True)
def _deliver_entry(up: Any, down: Any, table: Any, entry: int, second: int, third: int, step: int, acc: Any) -> None:
    """The synapses of one spike, one after the other."""
    words, capacity = table[D.HISTORY_WORDS], table[D.HISTORY_CAPACITY]
    mask = capacity - 1
    n_targets, slot0, applied = table[D.N_TARGETS], table[D.SLOT0], table[D.APPLIED]
    shift, sign = table[D.SHIFT], table[D.SIGN]
    half = (np.int64(1) << shift) >> 1
    p = view_f32(table[D.PARAMETERS_AT], table[D.N_PARAMETERS])
    plus = view_f32(table[D.DECAY_AT], table[D.DECAY_AT + 1])
    minus = view_f32(table[D.DECAY1_AT], table[D.DECAY1_AT + 1])
    history = view_i64(table[D.HISTORY_AT], n_targets * capacity * words)
    counts = view_i32(table[D.HISTORY_COUNT_AT], n_targets)
    starts = view_i32(table[D.HISTORY_START_AT], n_targets)
    count = entry & _COUNT_MASK
    first = entry >> L.ENTRY_SHIFT
    h, trace = second >> 32, float_of(second)
    delay, slow = third >> 32, float_of(third)
    until = step - 2 * delay  # the last step at which a spike of the target meets the synapse before the source's
    since = until - h if h != NEVER else np.int64(-1)
    alone = table[D.PAIRS_ONLY] == 0
    meets = alone or h != NEVER
    frozen = table[D.N_FROZEN] > 0 and is_frozen(table, step - delay)
    targets = view_u32(table[D.TARGET_AT] + 4 * first, count)
    weights = view_i32(table[D.WEIGHT_AT] + 4 * first, count)
    for j in range(count):
        slot = np.int64(targets[j])
        i = slot - slot0
        w = np.float32(weights[j])
        start, stop = np.int64(starts[i]), np.int64(counts[i])
        ring = history[i * capacity * words : (i + 1) * capacity * words]
        while stop > start and (ring[((stop - 1) & mask) * words] >> 32) > until:
            stop -= 1
        if stop > start:
            if meets:
                begin = stop
                while begin > start and (ring[((begin - 1) & mask) * words] >> 32) > max(since, applied):
                    begin -= 1
                w = _take_in(up, table, p, w, ring, begin, stop, since, trace, plus)
            at = ((stop - 1) & mask) * words
            while at >= 0 and (ring[at] >> 32) == until:  # pairs at exactly the same time do not count
                stop -= 1
                at = ((stop - 1) & mask) * words if stop > start else np.int64(-1)
            if at >= 0 and not frozen:
                seen = float_of(ring[at]) * decay(minus, until - (ring[at] >> 32))
                w = rounded(p, down(p, w, seen, slow))
            elif alone and not frozen:
                w = rounded(p, down(p, w, _ZERO, slow))
            weights[j] = np.int32(w)
        elif alone and not frozen:
            w = rounded(p, down(p, w, _ZERO, slow))
            weights[j] = np.int32(w)
        acc[slot] += sign * ((np.int64(w) + half) >> shift)


@nb.njit(nogil=True)
def catch_up_plastic(
    up: Any, down: Any, table_at: int, now: int, longest_delay: int, last_at: int, trace_at: int, recent_at: int
) -> Any:
    """Apply the spikes of targets up to `now - 2 longest_delay` to all weights, and forget them.

    All steps before `now` are done. At the last three addresses: int32, float32, int32 scratch of one entry per source.
    What a synapse still lacks follows the last spike of its source that has arrived; a source that has emitted
    another one meanwhile is looked up as it was before. Returns 0.
    """
    table = view_i64(table_at, D.FIELDS)
    until = now - 2 * longest_delay
    if until <= table[D.APPLIED]:
        return np.int64(0)
    n_sources, n_targets = table[D.N_SOURCES], table[D.N_TARGETS]
    last, trace, recent = view_i32(last_at, n_sources), view_f32(trace_at, n_sources), view_i32(recent_at, n_sources)
    as_before(table, now - longest_delay, last, trace, recent)
    words, capacity = table[D.HISTORY_WORDS], table[D.HISTORY_CAPACITY]
    mask = capacity - 1
    p = view_f32(table[D.PARAMETERS_AT], table[D.N_PARAMETERS])
    plus = view_f32(table[D.DECAY_AT], table[D.DECAY_AT + 1])
    history = view_i64(table[D.HISTORY_AT], n_targets * capacity * words)
    counts = view_i32(table[D.HISTORY_COUNT_AT], n_targets)
    starts = view_i32(table[D.HISTORY_START_AT], n_targets)
    rows = view_i64(table[D.ROW_AT], n_sources + 1)
    segment_rows = view_i64(table[D.SEGMENT_ROW_AT], n_sources + 1)
    segments = view_u32(table[D.SEGMENT_AT], segment_rows[n_sources])
    targets = view_u32(table[D.TARGET_AT], rows[n_sources])
    weights = view_i32(table[D.WEIGHT_AT], rows[n_sources])
    for k in range(n_sources):
        if last[k] < 0 and table[D.PAIRS_ONLY] != 0:
            continue
        synapse = rows[k]
        for s in range(segment_rows[k], segment_rows[k + 1]):
            delay = np.int64(segments[s] >> np.uint32(16))
            count = np.int64(segments[s] & np.uint32(0xFFFF))
            since = np.int64(last[k]) - delay
            arrived = recent[k] >= 0 and recent[k] + delay < now
            if not arrived and since < until:
                for j in range(synapse, synapse + count):
                    i = np.int64(targets[j]) - table[D.SLOT0]
                    ring = history[i * capacity * words : (i + 1) * capacity * words]
                    begin, stop = np.int64(starts[i]), np.int64(counts[i])
                    while stop > begin and (ring[((stop - 1) & mask) * words] >> 32) > until:
                        stop -= 1
                    first = stop
                    while first > begin and (ring[((first - 1) & mask) * words] >> 32) > max(since, table[D.APPLIED]):
                        first -= 1
                    if first < stop:
                        w = np.float32(weights[j])
                        w = _take_in(up, table, p, w, ring, first, stop, since, trace[k], plus)
                        weights[j] = np.int32(w)
            synapse += count
    table[D.APPLIED] = until
    forget(history, counts, starts, until, capacity, words)
    keep_recent(table, now - longest_delay)
    return np.int64(0)
