"""What payload queues of a GPU hold of the spikes in transit of a dynamic projection, and back.

Where weights change, the spikes that a source has in one step are one entry, that of the first, with their number; what
the others carry follows from it. `backends.lane_synapses` lists all of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.dynamic import DynamicRows
from dtbsim.kernels import layout as L
from dtbsim.kernels.history import NEVER

I64 = NDArray[np.int64]
_LOW32 = 0xFFFFFFFF


def each_spike(transit: I64, times: I64, decay: NDArray[np.float32]) -> I64:
    """All spikes (source, step, second word, lower half of the third) of entries that stand for `times` of them.

    `decay` float32[n]: of the trace of the source since the spike before the first one.
    """
    which = np.repeat(np.arange(times.size), times)
    later = np.arange(which.size) - np.repeat(np.cumsum(times) - times, times)
    found = transit[which].copy()
    more = later > 0
    trace = _floats(transit[:, 2])
    known = transit[:, 2] >> 32 != NEVER
    after = np.where(known, trace * decay, trace) + np.float32(1.0)
    count = (later[more] - 1).astype(np.float32)
    found[more, 2] = _bits(after[which[more]] + count)
    found[more, 3] = _bits(_floats(transit[which[more], 3]) + count + np.float32(1.0))
    return found


def entries_of(part: DynamicRows, transit: I64, now: int, ring: int) -> tuple[I64, I64]:
    """Buckets and entries of the segments that are due at `now` or later, int64[m] and int64[m, words]."""
    rows, words = part.rows, part.dynamics.words
    times = np.ones(len(transit), np.int64)
    if part.dynamics.plastic:
        transit, times = first_spikes(transit)
    first, last = rows.segment_rows[transit[:, 0]], rows.segment_rows[transit[:, 0] + 1]
    n = (last - first).astype(np.int64)
    spike = np.repeat(np.arange(n.size), n)
    segment = np.repeat(first, n) + np.arange(spike.size) - np.repeat(np.cumsum(n) - n, n)
    counts = (rows.segments & np.uint32(0xFFFF)).astype(np.int64)
    begins = np.cumsum(counts) - counts
    delay = (rows.segments[segment] >> np.uint32(16)).astype(np.int64)
    due = transit[spike, 1] + delay
    third = (times[spike] << 48) | (delay << 32) | transit[spike, 3]
    entry = (begins[segment] << L.ENTRY_SHIFT) | counts[segment]
    keep = due >= now
    entries = np.stack([entry, transit[spike, 2], third], axis=1)[keep, :words]
    return due[keep] & (ring - 1), np.ascontiguousarray(entries)


def first_spikes(transit: I64) -> tuple[I64, I64]:
    """The first spike of each source in each step, and how many there are, int64[m, 4] and int64[m]."""
    order = np.lexsort((transit[:, 3], transit[:, 2] >> 32 == 0, transit[:, 1], transit[:, 0]))
    spikes = transit[order]
    fresh = np.ones(len(spikes), bool)
    fresh[1:] = (spikes[1:, :2] != spikes[:-1, :2]).any(axis=1)
    begins = np.flatnonzero(fresh)
    return spikes[fresh], np.diff([*begins.tolist(), len(spikes)]).astype(np.int64)


def notes_of(transit: I64) -> I64:
    """What sources were before their first spike of each step in transit, int64[m, 2], as `catch_up` looks it up."""
    spikes, _ = first_spikes(transit)
    since = spikes[:, 2] >> 32
    last = np.where(since == NEVER, -1, spikes[:, 1] - since)
    return np.stack([(spikes[:, 0] << 32) | spikes[:, 1], (last << 32) | (spikes[:, 2] & _LOW32)], axis=1)


def _floats(words: I64) -> NDArray[np.float32]:
    return (words & _LOW32).astype(np.uint32).view(np.float32)


def _bits(values: NDArray[np.float32]) -> I64:
    return values.astype(np.float32).view(np.uint32).astype(np.int64)
