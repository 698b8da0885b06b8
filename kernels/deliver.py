"""Deliver at arrival: add the weights of all segments due at a step to the lane's input vector.

One loop per synapse format. Entries are walked with a software prefetch some segments ahead, as every segment is a new
place in memory. Sums are integers, so their order does not matter.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.kernels.delay_queue import take_due
from dtbsim.kernels.intrinsics import prefetch, view_i16, view_i32, view_i64, view_u32

AHEAD = 8
_COUNT_MASK = (1 << L.ENTRY_SHIFT) - 1


@nb.njit(nogil=True, inline="always")
def _fetch(base: int, width: int, entry: int) -> None:
    line = (base + width * (entry >> L.ENTRY_SHIFT)) & ~63
    end = base + width * ((entry >> L.ENTRY_SHIFT) + (entry & _COUNT_MASK))
    while line < end:
        prefetch(line)
        line += 64


@nb.njit(nogil=True)
def _packed(synapses_at: int, due: Any, n: int, acc: Any) -> np.int64:
    events = np.int64(0)
    for k in range(n):
        if k + AHEAD < n:
            _fetch(synapses_at, 4, due[k + AHEAD])
        count = due[k] & _COUNT_MASK
        synapses = view_u32(synapses_at + 4 * (due[k] >> L.ENTRY_SHIFT), count)
        for j in range(count):
            synapse = synapses[j]
            acc[synapse & np.uint32(0xFFFF)] += np.int32(synapse) >> np.int32(16)
        events += count
    return events


@nb.njit(nogil=True)
def _wide16(targets_at: int, weights_at: int, due: Any, n: int, acc: Any) -> np.int64:
    events = np.int64(0)
    for k in range(n):
        if k + AHEAD < n:
            _fetch(targets_at, 4, due[k + AHEAD])
            _fetch(weights_at, 2, due[k + AHEAD])
        count = due[k] & _COUNT_MASK
        first = due[k] >> L.ENTRY_SHIFT
        targets = view_u32(targets_at + 4 * first, count)
        weights = view_i16(weights_at + 2 * first, count)
        for j in range(count):
            acc[targets[j]] += np.int32(weights[j])
        events += count
    return events


@nb.njit(nogil=True)
def _wide32(targets_at: int, weights_at: int, due: Any, n: int, acc: Any) -> np.int64:
    """Also for an int64 input vector: numba compiles one form per dtype of `acc`."""
    events = np.int64(0)
    for k in range(n):
        if k + AHEAD < n:
            _fetch(targets_at, 4, due[k + AHEAD])
            _fetch(weights_at, 4, due[k + AHEAD])
        count = due[k] & _COUNT_MASK
        first = due[k] >> L.ENTRY_SHIFT
        targets = view_u32(targets_at + 4 * first, count)
        weights = view_i32(weights_at + 4 * first, count)
        for j in range(count):
            acc[targets[j]] += weights[j]
        events += count
    return events


@nb.njit(nogil=True)
def deliver(lane: Any, step: int, ring_mask: int) -> bool:
    """Deliver what is due at `step` into the lane's input vector; False when there is no memory."""
    n = take_due(lane, step, ring_mask)
    if n < 0:
        return False
    due = view_i64(lane[L.DUE_AT], n)
    kind = lane[L.SYNAPSE_KIND]
    n_slots = lane[L.N_SLOTS]
    if kind == L.KIND_PACKED:
        events = _packed(lane[L.TARGET_AT], due, n, view_i32(lane[L.ACC_AT], n_slots))
    elif kind == L.KIND_WIDE16:
        events = _wide16(lane[L.TARGET_AT], lane[L.WEIGHT_AT], due, n, view_i32(lane[L.ACC_AT], n_slots))
    elif kind == L.KIND_WIDE32:
        events = _wide32(lane[L.TARGET_AT], lane[L.WEIGHT_AT], due, n, view_i32(lane[L.ACC_AT], n_slots))
    else:
        events = _wide32(lane[L.TARGET_AT], lane[L.WEIGHT_AT], due, n, view_i64(lane[L.ACC_AT], n_slots))
    lane[L.EVENT_TOTAL] += events
    return True
