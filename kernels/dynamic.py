"""Dynamic projections in the compiled window: spikes of sources entered into payload queues, what is due delivered."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L
from dtbsim.kernels.factor import deliver_factors
from dtbsim.kernels.intrinsics import call_rule, view_i64, view_u32
from dtbsim.kernels.payload_queue import enter, take
from dtbsim.kernels.reward import integrate, release
from dtbsim.kernels.stdp import source_spike
from dtbsim.kernels.used_sources import row_of


@nb.njit(nogil=True)
def _schedule(table: Any, table_at: int, k: int, step: int, ring_mask: int) -> bool:
    """Enter all segments of source `k` of the table, which fired at `step`."""
    rows = view_i64(table[D.SEGMENT_ROW_AT], k + 2)
    first, last = rows[k], rows[k + 1]
    if first == last:
        return True
    second, third = np.int64(0), np.int64(0)
    if table[D.KIND] >= D.PLASTIC:
        second, third = source_spike(table, k, step)
        if third < 0:
            return False
    else:
        second = call_rule(table[D.ADVANCE_AT], table_at, k, step, 0, 0, 0)
    segments = view_u32(table[D.SEGMENT_AT], last)
    synapse = view_i64(table[D.ROW_AT], k + 1)[k]
    for s in range(first, last):
        delay = np.int64(segments[s] >> np.uint32(16))
        n = np.int64(segments[s] & np.uint32(0xFFFF))
        if not enter(table, step + delay, (synapse << L.ENTRY_SHIFT) | n, second, (delay << 32) | third, ring_mask):
            return False
        synapse += n
    return True


@nb.njit(nogil=True)
def schedule_dynamic(lane: Any, source: int, step: int, ring_mask: int) -> bool:
    """Enter a spike of source candidate `source` into the queues of the lane; once per spike. False: no memory."""
    tables = view_i64(lane[L.DYNAMIC_AT], lane[L.N_DYNAMIC] * D.FIELDS)
    for d in range(lane[L.N_DYNAMIC]):
        table = tables[d * D.FIELDS : (d + 1) * D.FIELDS]
        if table[D.KIND] == D.MODULATED:
            release(table, source, step)
        k = row_of(table, source)
        table_at = lane[L.DYNAMIC_AT] + 8 * d * D.FIELDS
        if k >= 0 and not _schedule(table, table_at, k, step, ring_mask):
            return False
    return True


@nb.njit(nogil=True)
def deliver_dynamic(lane: Any, step: int, ring_mask: int) -> bool:
    """Deliver what the lane's dynamic projections have due at `step`; False when there is no memory."""
    tables = view_i64(lane[L.DYNAMIC_AT], lane[L.N_DYNAMIC] * D.FIELDS)
    wide = np.int64(lane[L.SYNAPSE_KIND] == L.KIND_WIDE64)
    for d in range(lane[L.N_DYNAMIC]):
        table = tables[d * D.FIELDS : (d + 1) * D.FIELDS]
        n = take(table, step, ring_mask)
        if n < 0:
            return False
        if table[D.KIND] == D.MODULATED:
            integrate(table, step)
        if table[D.KIND] == D.BY_SOURCE:
            lane[L.EVENT_TOTAL] += deliver_factors(lane, table, n)
        else:
            table_at = lane[L.DYNAMIC_AT] + 8 * d * D.FIELDS
            lane[L.EVENT_TOTAL] += call_rule(
                table[D.DELIVER_AT], table_at, n, step, lane[L.ACC_AT], lane[L.N_SLOTS], wide
            )
    return True
