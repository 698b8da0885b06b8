"""Synapses whose transmission depends on the history of their source alone: one factor per spike.

All synapses that a source has in such a projection share its state, so it is kept once per source and advanced when the
source spikes; what arrives later is weight * factor.

How the state advances is said by a `SourceSynapse` of `dtbsim.models.synapses`; its compiled function is called through
the table.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L
from dtbsim.kernels.decay import decay
from dtbsim.kernels.intrinsics import prefetch, view_f32, view_i16, view_i32, view_i64, view_u32

AHEAD = 8
_COUNT_MASK = (1 << L.ENTRY_SHIFT) - 1
_ONE = np.float32(1 << D.FACTOR_BITS)
_HALF = 1 << (D.FACTOR_BITS - 1)


@nb.njit(nogil=True)
def next_factor(on_source_spike: Any, table_at: int, k: int, step: int, _d: int, _e: int, _f: int) -> Any:
    """Factor (int64, 2**15 is 1) of a spike of source `k` of the table at `step`; advances the source's state."""
    table = view_i64(table_at, D.FIELDS)
    last = view_i32(table[D.LAST_AT], k + 1)
    state = view_f32(table[D.TRACE_AT], 2 * k + 2)
    p = view_f32(table[D.PARAMETERS_AT], table[D.N_PARAMETERS])
    first, second = np.float32(0.0), np.float32(0.0)
    if last[k] >= 0:
        first = decay(view_f32(table[D.DECAY_AT], table[D.DECAY_AT + 1]), step - last[k])
        second = decay(view_f32(table[D.DECAY1_AT], table[D.DECAY1_AT + 1]), step - last[k])
    state[2 * k], state[2 * k + 1], factor = on_source_spike(p, state[2 * k], state[2 * k + 1], first, second)
    last[k] = np.int32(step)
    return np.int64(min(max(factor, np.float32(0.0)), np.float32(1.0)) * _ONE + np.float32(0.5))


@nb.njit(nogil=True, inline="always")
def _scaled(weight: Any, factor: Any) -> Any:
    return (np.int64(weight) * factor + _HALF) >> D.FACTOR_BITS


@nb.njit(nogil=True)
def _packed(table: Any, due: Any, n: int, acc: Any) -> Any:
    events = np.int64(0)
    synapses_at = table[D.TARGET_AT]
    for k in range(0, n, 2):
        if k + 2 * AHEAD < n:
            prefetch(synapses_at + 4 * (due[k + 2 * AHEAD] >> L.ENTRY_SHIFT))
        count = due[k] & _COUNT_MASK
        factor = due[k + 1]
        synapses = view_u32(synapses_at + 4 * (due[k] >> L.ENTRY_SHIFT), count)
        for j in range(count):
            synapse = synapses[j]
            acc[synapse & np.uint32(0xFFFF)] += _scaled(np.int32(synapse) >> np.int32(16), factor)
        events += count
    return events


@nb.njit(nogil=True)
def _wide(table: Any, due: Any, n: int, weights: Any, acc: Any) -> Any:
    """`weights`: all of the table, int16 or int32; `acc` int32 or int64."""
    events = np.int64(0)
    for k in range(0, n, 2):
        count = due[k] & _COUNT_MASK
        first = due[k] >> L.ENTRY_SHIFT
        factor = due[k + 1]
        targets = view_u32(table[D.TARGET_AT] + 4 * first, count)
        for j in range(count):
            acc[targets[j]] += _scaled(weights[first + j], factor)
        events += count
    return events


@nb.njit(nogil=True)
def deliver_factors(lane: Any, table: Any, n: int) -> Any:
    """Add weight * factor of the `n` words that are due; returns the events."""
    due = view_i64(table[D.DUE_AT], n)
    kind = table[D.SYNAPSE_KIND]
    n_slots = lane[L.N_SLOTS]
    total = view_i64(table[D.ROW_AT], table[D.N_SOURCES] + 1)[table[D.N_SOURCES]]
    if lane[L.SYNAPSE_KIND] == L.KIND_WIDE64:
        return _wide(table, due, n, view_i32(table[D.WEIGHT_AT], total), view_i64(lane[L.ACC_AT], n_slots))
    acc = view_i32(lane[L.ACC_AT], n_slots)
    if kind == L.KIND_PACKED:
        return _packed(table, due, n, acc)
    if kind == L.KIND_WIDE16:
        return _wide(table, due, n, view_i16(table[D.WEIGHT_AT], total), acc)
    return _wide(table, due, n, view_i32(table[D.WEIGHT_AT], total), acc)
