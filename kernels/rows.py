"""Rows of synapses: each source's synapses sorted by delay, with the table of its (delay, count) segments."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.kernels.jit import cached_njit

MAX_SEGMENT = 65_535


@nb.njit(nogil=True)
def permute(values: Any, first: int, order: Any, n: int, scratch: Any) -> None:
    """values[first + order[j]] = values[first + j], through int64 scratch; one compiled form per dtype of `values`."""
    for j in range(n):
        scratch[order[j]] = np.int64(values[first + j])
    for j in range(n):
        values[first + j] = scratch[j]


@cached_njit
def sort_rows(
    rows: Any, max_delay: int, writer: Any, histogram: Any, order: Any, scratch: Any, segment_rows: Any
) -> Any:
    """Sort every row by delay (stable) and count segments: segment_rows[s + 1] = segments of source s.

    `rows` int64[n_sources + 1]; `histogram` int64[max_delay + 2]; `order` uint32 and `scratch` int64
    [longest row]. The delays are sorted too. Returns the number of segments.
    """
    total = np.int64(0)
    wide = writer.delays8.size == 0
    for s in range(rows.size - 1):
        first, n = rows[s], rows[s + 1] - rows[s]
        if n <= 1:
            segment_rows[s + 1] = n
            total += n
            continue
        histogram[:] = 0
        for j in range(n):
            delay = np.int64(writer.delays16[first + j]) if wide else np.int64(writer.delays8[first + j])
            histogram[delay + 1] += 1
        segments = np.int64(0)
        for d in range(1, max_delay + 1):
            segments += (histogram[d + 1] + MAX_SEGMENT - 1) // MAX_SEGMENT
        segment_rows[s + 1] = segments
        total += segments
        for d in range(1, max_delay + 2):
            histogram[d] += histogram[d - 1]
        for j in range(n):
            delay = np.int64(writer.delays16[first + j]) if wide else np.int64(writer.delays8[first + j])
            order[j] = np.uint32(histogram[delay])
            histogram[delay] += 1
        if writer.kind == L.KIND_PACKED:
            permute(writer.packed, first, order, n, scratch)
        else:
            permute(writer.targets, first, order, n, scratch)
            if writer.kind == L.KIND_WIDE16:
                permute(writer.weights16, first, order, n, scratch)
            else:
                permute(writer.weights32, first, order, n, scratch)
        if wide:
            permute(writer.delays16, first, order, n, scratch)
        else:
            permute(writer.delays8, first, order, n, scratch)
    return total


@cached_njit
def fill_segments(rows: Any, writer: Any, segment_rows: Any, segments: Any) -> None:
    """Write segments[k] = delay << 16 | count (uint32) of all rows; segment_rows int64[n_sources + 1] is cumulative."""
    wide = writer.delays8.size == 0
    for s in range(rows.size - 1):
        k = segment_rows[s]
        j = rows[s]
        while j < rows[s + 1]:
            delay = np.uint32(writer.delays16[j]) if wide else np.uint32(writer.delays8[j])
            n = np.int64(0)
            while j < rows[s + 1] and n < MAX_SEGMENT:
                other = np.uint32(writer.delays16[j]) if wide else np.uint32(writer.delays8[j])
                if other != delay:
                    break
                n += 1
                j += 1
            segments[k] = (delay << np.uint32(16)) | np.uint32(n)
            k += 1


@cached_njit
def add_magnitudes(kind: int, targets: Any, weights: Any, totals: Any) -> None:
    """totals[slot] += |weight| over all synapses; totals int64[n_slots]."""
    for j in range(targets.size):
        if kind == L.KIND_PACKED:
            totals[targets[j] & np.uint32(0xFFFF)] += abs(np.int64(np.int32(targets[j]) >> np.int32(16)))
        else:
            totals[targets[j]] += abs(np.int64(weights[j]))


@cached_njit
def add_repeated_magnitudes(kind: int, rows: Any, targets: Any, weights: Any, times: Any, totals: Any) -> None:
    """As `add_magnitudes` where source s can spike times[s] times in a step; rows int64[n + 1], times int64[n]."""
    for s in range(times.size):
        for j in range(rows[s], rows[s + 1]):
            if kind == L.KIND_PACKED:
                totals[targets[j] & np.uint32(0xFFFF)] += times[s] * abs(np.int64(np.int32(targets[j]) >> np.int32(16)))
            else:
                totals[targets[j]] += times[s] * abs(np.int64(weights[j]))
