"""Spikes in transit, entered again into the payload queue of a dynamic projection with what they carried."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L
from dtbsim.kernels.intrinsics import view_i64, view_u32
from dtbsim.kernels.jit import cached_njit
from dtbsim.kernels.payload_queue import enter


@cached_njit
def enter_again(table: Any, spikes: Any, now: int, ring_mask: int) -> bool:
    """Enter the segments that are due at `now` or later; False when there is no memory.

    `table` int64[FIELDS]; `spikes` int64[n, 4]: source of the table, step, second word, lower half of the third.
    """
    for r in range(spikes.shape[0]):
        k, step = spikes[r, 0], spikes[r, 1]
        rows = view_i64(table[D.SEGMENT_ROW_AT], k + 2)
        segments = view_u32(table[D.SEGMENT_AT], rows[k + 1])
        synapse = view_i64(table[D.ROW_AT], k + 1)[k]
        for s in range(rows[k], rows[k + 1]):
            delay = np.int64(segments[s] >> np.uint32(16))
            n = np.int64(segments[s] & np.uint32(0xFFFF))
            entry, third = (synapse << L.ENTRY_SHIFT) | n, (delay << 32) | spikes[r, 3]
            if step + delay >= now and not enter(table, step + delay, entry, spikes[r, 2], third, ring_mask):
                return False
            synapse += n
    return True
