"""Spike detection: collect the numbers of spikes of a step into source indices (published) and log entries.

A neuron with several spikes in a step is published and logged as often, so all that follows handles single spikes.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.kernels.delay_queue import grow
from dtbsim.kernels.intrinsics import view_i32, view_i64, view_u8, view_u32
from dtbsim.kernels.philox import keyed, philox4x32
from dtbsim.kernels.runs import run_at, runs_of
from dtbsim.models.base import MOST_SPIKES
from dtbsim.numerics.philox import PURPOSE_EMIT, PURPOSE_SHIFT


@nb.njit(nogil=True)
def emit_listed(lane: Any, step: int) -> None:
    """Count the spikes at `step` of source neurons that have a list; `collect` clears the numbers."""
    n = lane[L.N_EMITTED]
    emitted = view_i64(lane[L.EMITTED_AT], 2 * n)
    flags = view_u8(lane[L.SPK_AT], lane[L.N_LOCAL])
    cursor = lane[L.EMITTED_CURSOR]
    while cursor < n and emitted[2 * cursor] <= step:
        if emitted[2 * cursor] == step:
            flags[emitted[2 * cursor + 1]] += np.uint8(1)
        cursor += 1
    lane[L.EMITTED_CURSOR] = cursor


@nb.njit(nogil=True)
def emit_random(lane: Any, step: int, k0: Any, k1: Any) -> None:
    """Spikes of source neurons that fire at random: thresholds above word step % 4 of philox(g, step // 4)."""
    n = lane[L.N_RANDOM]
    table = view_i64(lane[L.RANDOM_AT], n * L.RANDOM_FIELDS)
    for d in range(n):
        row = table[d * L.RANDOM_FIELDS : (d + 1) * L.RANDOM_FIELDS]
        count = row[L.R_COUNT]
        fired = view_u8(row[L.R_BUFFER_AT], 4 * count).reshape((4, count))
        if row[L.R_DRAWN] != step // 4:
            row[L.R_DRAWN] = step // 4
            _draw(lane, row, step // 4, k0, k1, fired)
        flags = view_u8(lane[L.SPK_AT] + row[L.R_LOCAL], count)
        now = fired[step & 3]
        for i in range(count):
            flags[i] = now[i]


@nb.njit(nogil=True)
def _draw(lane: Any, row: Any, step4: int, k0: Any, k1: Any, fired: Any) -> None:
    """fired[w, i] (uint8[4, n]) = how often neuron i of the row fires in step 4 * step4 + w."""
    n, first = row[L.R_COUNT], row[L.R_LOCAL]
    thresholds, rates = view_u32(row[L.R_THRESHOLD_AT], n), view_i32(row[L.R_RATE_AT], n)
    runs = runs_of(lane)
    run, done = run_at(runs, first), np.int64(0)
    while done < n:
        gid = runs[run, L.RUN_GID0] + first + done - runs[run, L.RUN_LOCAL]
        stop = min(n, runs[run + 1, L.RUN_LOCAL] - first)
        key = keyed(k1, gid >> 32)
        _draw_fired(gid - done, done, stop, step4, k0, key, thresholds, fired)
        _draw_more(gid - done, done, stop, step4, k0, key, row, rates, fired)
        done = stop
        run += 1


@nb.njit(nogil=True)
def _draw_fired(gid0: int, start: int, stop: int, step4: int, k0: Any, k1: Any, thresholds: Any, fired: Any) -> None:
    c1, c3 = np.uint32(step4), np.uint32(PURPOSE_EMIT << PURPOSE_SHIFT)
    for i in range(start, stop):
        r0, r1, r2, r3 = philox4x32(np.uint32(gid0 + i), c1, np.uint32(0), c3, k0, k1)
        fired[0, i] = np.uint8(r0 < thresholds[i])
        fired[1, i] = np.uint8(r1 < thresholds[i])
        fired[2, i] = np.uint8(r2 < thresholds[i])
        fired[3, i] = np.uint8(r3 < thresholds[i])


@nb.njit(nogil=True)
def _draw_more(
    gid0: int, start: int, stop: int, step4: int, k0: Any, k1: Any, row: Any, rates: Any, fired: Any
) -> None:
    """Second and further spikes of the neurons that have one: rare at usual rates, so their words are drawn again."""
    c1, c3 = np.uint32(step4), np.uint32(PURPOSE_EMIT << PURPOSE_SHIFT)
    for i in range(start, stop):
        if fired[0, i] + fired[1, i] + fired[2, i] + fired[3, i] == 0:
            continue
        bounds = view_i64(row[L.R_START_AT] + 8 * rates[i], 2)
        more = view_u32(row[L.R_MORE_AT] + 4 * bounds[0], bounds[1] - bounds[0])
        r0, r1, r2, r3 = philox4x32(np.uint32(gid0 + i), c1, np.uint32(0), c3, k0, k1)
        for k in range(more.size):
            if r0 >= more[k] and r1 >= more[k] and r2 >= more[k] and r3 >= more[k]:
                break
            fired[0, i] += np.uint8(r0 < more[k])
            fired[1, i] += np.uint8(r1 < more[k])
            fired[2, i] += np.uint8(r2 < more[k])
            fired[3, i] += np.uint8(r3 < more[k])


@nb.njit(nogil=True)
def _room_in_log(lane: Any, n: int) -> bool:
    if lane[L.LOG_COUNT] + n > lane[L.LOG_CAPACITY]:
        capacity = 2 * (lane[L.LOG_COUNT] + n)
        address = grow(lane[L.LOG_AT], capacity * 8)
        if address == 0:
            return False
        lane[L.LOG_AT] = address
        lane[L.LOG_CAPACITY] = capacity
    return True


@nb.njit(nogil=True)
def collect(lane: Any, step: int, bits: int = 32) -> int:
    """Publish and log the spikes of the step in local order, clearing their numbers; 0 or one of L.ERROR_*.

    A log entry is step << `bits` | gid.
    """
    n_local = lane[L.N_LOCAL]
    words = view_i64(lane[L.SPK_AT], (n_local + 63) // 64 * 8)
    flags = view_u8(lane[L.SPK_AT], words.size * 8)
    parity = step & 1
    capacity = lane[L.PUBLISHED_CAPACITY]
    published = view_i32(lane[L.PUBLISHED_AT] + 4 * parity * capacity, capacity)
    runs, run, end = runs_of(lane), np.int64(-1), np.int64(0)
    gid_shift, source_shift = np.int64(0), np.int64(0)
    n_published = 0
    for block in range(0, words.size, 8):
        together = words[block] | words[block + 1] | words[block + 2] | words[block + 3]
        together |= words[block + 4] | words[block + 5] | words[block + 6] | words[block + 7]
        if together == 0:
            continue
        spikes = np.int64(0)
        for i in range(block * 8, block * 8 + 64):
            spikes += np.int64(flags[i])
        if not _room_in_log(lane, spikes):
            return L.ERROR_MEMORY
        log = view_i64(lane[L.LOG_AT], lane[L.LOG_CAPACITY])
        n_log = lane[L.LOG_COUNT]
        for i in range(block * 8, block * 8 + 64):
            if flags[i] == 0:
                continue
            if flags[i] > MOST_SPIKES:
                return L.ERROR_SPIKES
            while i >= end:
                run += 1
                end = runs[run + 1, L.RUN_LOCAL]
                gid_shift = runs[run, L.RUN_GID0] - runs[run, L.RUN_LOCAL]
                source_shift = runs[run, L.RUN_SOURCE0] - runs[run, L.RUN_LOCAL]
            for _ in range(np.int64(flags[i])):
                log[n_log] = (step << bits) | (i + gid_shift)
                n_log += 1
                if runs[run, L.RUN_SOURCE0] >= 0:
                    published[n_published] = np.int32(i + source_shift)
                    n_published += 1
            flags[i] = np.uint8(0)
        lane[L.LOG_COUNT] = n_log
    lane[L.PUBLISHED_0 + parity] = n_published
    return 0
