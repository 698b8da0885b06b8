"""Spikes of the targets of a plastic projection, kept until every synapse has seen them.

Per neuron a ring of entries, oldest first. An entry is the word step << 32 | trace, the float32 value that the
neuron's trace has just after the spike, and, where HISTORY_WORDS is 2, the slow trace just before it. Entries from
HISTORY_START on are kept: the last one that was applied to all weights (its trace is still needed) and all later
ones.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L
from dtbsim.kernels.decay import decay
from dtbsim.kernels.delay_queue import grow
from dtbsim.kernels.intrinsics import view_f32, view_i32, view_i64, view_u8
from dtbsim.kernels.numba_support import bits_float, float_bits

LOW32 = 0xFFFFFFFF
NEVER = 0x7FFFFFFF
"""Steps since the previous spike of a source that has had none."""


@nb.njit(nogil=True, inline="always")
def with_float(high: int, value: Any) -> Any:
    """high << 32 | the bits of a float32."""
    return (np.int64(high) << 32) | (np.int64(float_bits(value)) & LOW32)


@nb.njit(nogil=True, inline="always")
def float_of(word: Any) -> Any:
    """The float32 in the lower half of a word."""
    return bits_float(np.int32(word & LOW32))


@nb.njit(nogil=True)
def _more_room(table: Any) -> bool:
    """Double the rings of all neurons; False when there is no memory."""
    n, words, old = table[D.N_TARGETS], table[D.HISTORY_WORDS], table[D.HISTORY_CAPACITY]
    new = 2 * old
    address = grow(0, n * new * words * 8)
    if address == 0:
        return False
    before = view_i64(table[D.HISTORY_AT], n * old * words)
    after = view_i64(address, n * new * words)
    counts = view_i32(table[D.HISTORY_COUNT_AT], n)
    starts = view_i32(table[D.HISTORY_START_AT], n)
    for i in range(n):
        for m in range(starts[i], counts[i]):
            for w in range(words):
                after[(i * new + (m & (new - 1))) * words + w] = before[(i * old + (m & (old - 1))) * words + w]
    grow(table[D.HISTORY_AT], 0)
    table[D.HISTORY_AT] = address
    table[D.HISTORY_CAPACITY] = new
    return True


@nb.njit(nogil=True)
def _remember(table: Any, i: int, step: int) -> bool:
    counts = view_i32(table[D.HISTORY_COUNT_AT], table[D.N_TARGETS])
    starts = view_i32(table[D.HISTORY_START_AT], table[D.N_TARGETS])
    if counts[i] - starts[i] == table[D.HISTORY_CAPACITY] and not _more_room(table):
        return False
    capacity, words = table[D.HISTORY_CAPACITY], table[D.HISTORY_WORDS]
    ring = view_i64(table[D.HISTORY_AT] + 8 * i * capacity * words, capacity * words)
    trace = np.float32(0.0)
    slow = np.float32(0.0)
    if counts[i] > starts[i]:
        at = ((counts[i] - 1) & (capacity - 1)) * words
        h = step - (ring[at] >> 32)
        trace = float_of(ring[at]) * decay(view_f32(table[D.DECAY1_AT], table[D.DECAY1_AT + 1]), h)
        if words > 1:
            slow = (float_of(ring[at + 1]) + np.float32(1.0)) * decay(
                view_f32(table[D.DECAY3_AT], table[D.DECAY3_AT + 1]), h
            )
    at = (counts[i] & (capacity - 1)) * words
    ring[at] = with_float(step, trace + np.float32(1.0))
    if words > 1:
        ring[at + 1] = with_float(0, slow)
    counts[i] += np.int32(1)
    return True


@nb.njit(nogil=True)
def remember_spikes(lane: Any, step: int) -> bool:
    """Enter the spikes of the step into the histories of the lane's plastic projections; False: no memory."""
    tables = view_i64(lane[L.DYNAMIC_AT], lane[L.N_DYNAMIC] * D.FIELDS)
    flags = view_u8(lane[L.SPK_AT], lane[L.N_LOCAL])
    for d in range(lane[L.N_DYNAMIC]):
        table = tables[d * D.FIELDS : (d + 1) * D.FIELDS]
        if table[D.KIND] < D.PLASTIC:
            continue
        first = table[D.LOCAL0]
        for i in range(table[D.N_TARGETS]):
            for _ in range(np.int64(flags[first + i])):
                if not _remember(table, i, step):
                    return False
    return True
