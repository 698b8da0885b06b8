"""The compiled window: one thread's share of many steps in one call.

A step, in order: deliver what is due -> drives -> update -> detect -> (all threads) -> schedule spikes of all lanes.
A spike of step t with delay d is delivered before the update of step t + d. Lanes publish their spikes in two buffers
by the parity of the step, so one barrier per step is enough. What many networks lack is compiled apart (`stages`).
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numba import types

from dtbsim.kernels import barrier as B
from dtbsim.kernels import layout as L
from dtbsim.kernels.board import schedule_in_stages, schedule_remote
from dtbsim.kernels.delay_queue import ROW_AHEAD, SEGMENTS_AHEAD, prefetch_row, prefetch_segments, schedule
from dtbsim.kernels.deliver import deliver
from dtbsim.kernels.detect import collect, emit_listed
from dtbsim.kernels.drives import currents, listed_events
from dtbsim.kernels.intrinsics import call_stage, call_update, view_f32, view_i32, view_i64
from dtbsim.kernels.jit import cached_njit

_clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.int64))
_MONOTONIC = np.int32(1)


@nb.njit(nogil=True)
def _now_ns(times: Any, times_at: int) -> Any:
    """Monotonic clock; the last two words of `times` are its scratch."""
    _clock_gettime(_MONOTONIC, times_at + 8 * (L.TIME_WORDS - 2))
    return times[L.TIME_WORDS - 2] * 1_000_000_000 + times[L.TIME_WORDS - 1]


@nb.njit(nogil=True)
def _update(lane: Any) -> None:
    groups = view_i64(lane[L.GROUPS_AT], 3 * lane[L.N_GROUPS])
    for g in range(lane[L.N_GROUPS]):
        call_update(
            groups[3 * g],
            lane[L.F32_AT],
            lane[L.I32_AT],
            lane[L.ACC_AT],
            lane[L.STIM_AT],
            lane[L.SPK_AT],
            groups[3 * g + 1],
            groups[3 * g + 2],
        )


@nb.njit(nogil=True)
def _sample(lane: Any, step: int) -> None:
    """Copy sampled states after the update of `step` when (step + 1) is a multiple of the interval."""
    table = view_i64(lane[L.SAMPLED_AT], lane[L.N_SAMPLED] * L.SAMPLED_FIELDS)
    for s in range(lane[L.N_SAMPLED]):
        row = table[s * L.SAMPLED_FIELDS : (s + 1) * L.SAMPLED_FIELDS]
        if (step + 1) % row[L.S_INTERVAL] != 0:
            continue
        n = row[L.S_COUNT]
        index = view_i64(row[L.S_INDEX_AT], n)
        offset = view_f32(row[L.S_OFFSET_AT], n)
        out = view_f32(row[L.S_OUT_AT] + 4 * row[L.S_CURSOR], n)
        if row[L.S_KIND] == 0:
            for i in range(n):
                out[i] = view_f32(lane[L.F32_AT], row[L.S_BASE] + index[i] + 1)[row[L.S_BASE] + index[i]] + offset[i]
        else:
            for i in range(n):
                raw = view_i32(lane[L.I32_AT], row[L.S_BASE] + index[i] + 1)[row[L.S_BASE] + index[i]]
                out[i] = np.float32(raw) + offset[i]
        row[L.S_CURSOR] += n


@nb.njit(nogil=True)
def _schedule_local(rank: Any, lanes: Any, lane: Any, step: int) -> bool:
    """Enter the spikes of `step` of all lanes of the rank into one lane's delay queue.

    Three places in memory belong to a source: its entry in each row table, then its segments; both are fetched ahead.
    """
    for i in range(rank[L.N_LANES]):
        other = lanes[i]
        capacity = other[L.PUBLISHED_CAPACITY]
        published = view_i32(other[L.PUBLISHED_AT] + 4 * (step & 1) * capacity, capacity)
        n = other[L.PUBLISHED_0 + (step & 1)]
        stored = n if lane[L.SEGMENT_ROW_AT] != 0 else 0
        for k in range(min(stored, ROW_AHEAD)):
            prefetch_row(lane, np.int64(published[k]))
        for k in range(min(stored, SEGMENTS_AHEAD)):
            prefetch_segments(lane, np.int64(published[k]))
        for k in range(stored):
            if k + ROW_AHEAD < n:
                prefetch_row(lane, np.int64(published[k + ROW_AHEAD]))
            if k + SEGMENTS_AHEAD < n:
                prefetch_segments(lane, np.int64(published[k + SEGMENTS_AHEAD]))
            if not schedule(lane, np.int64(published[k]), step, step + 1, rank[L.RING] - 1):
                return False
        if not schedule_in_stages(rank, lane, published.ctypes.data, n, step, step + 1):
            return False
    return True


@nb.njit(nogil=True)
def _drawn(rank: Any, lane: Any, address: int, step: int) -> None:
    """A stage that draws numbers, where the lane has it."""
    if lane[address] != 0:
        start, k0, k1 = rank[L.CHUNK_START], rank[L.NOISE_LOW], rank[L.NOISE_HIGH]
        call_stage(lane[address], lane.ctypes.data, step, start, k0, k1, 0, 0)


@cached_njit
def run_window(rank: Any, lanes: Any, thread: int, start: int, stop: int) -> None:
    """Step this thread's lanes from `start` to `stop` (exclusive).

    `rank` int64[RANK_FIELDS], `lanes` int64[n_lanes, LANE_FIELDS]. Errors are left in rank[ERROR]; a thread that meets
    one goes on stepping without delivering, so that the others are not left waiting.

    Past rank[DEADLINE_NS] it ends early, after the same step on all threads, and on all ranks that share a board: these
    agree at an exchange. rank[STEPPED] says where.
    """
    n_threads = rank[L.N_THREADS]
    thread_lanes = view_i64(rank[L.THREAD_LANES_AT], n_threads + 1)
    first, last = thread_lanes[thread], thread_lanes[thread + 1]
    barrier = view_i64(rank[L.BARRIER_AT], B.WORDS)
    times_at = rank[L.TIMES_AT] + 8 * L.TIME_WORDS * thread
    times = view_i64(times_at, L.TIME_WORDS)
    ring_mask = rank[L.RING] - 1
    ok = True
    remote = view_i64(rank[L.REMOTE_AT], rank[L.REMOTE_N])
    for i in range(first, last):
        ok = ok and schedule_remote(rank, lanes[i], remote, start)
    for step in range(start, stop):
        for i in range(first, last):
            lane = lanes[i]
            t0 = _now_ns(times, times_at)
            if lane[L.PROCEDURAL_DELIVER_AT] != 0:  # first: it chooses the input vector
                call_stage(lane[L.PROCEDURAL_DELIVER_AT], lane.ctypes.data, step, 0, 0, 0, 0, 0)
            ok = ok and deliver(lane, step, ring_mask)
            if ok and lane[L.DYNAMIC_DELIVER_AT] != 0:
                ok = call_stage(lane[L.DYNAMIC_DELIVER_AT], lane.ctypes.data, step, ring_mask, 0, 0, 0, 0) != 0
            t1 = _now_ns(times, times_at)
            _drawn(rank, lane, L.POISSON_STAGE_AT, step)
            _drawn(rank, lane, L.VARIED_STAGE_AT, step)
            listed_events(lane, step)
            currents(lane, step - rank[L.CHUNK_START])
            _drawn(rank, lane, L.NOISE_STAGE_AT, step)
            t2 = _now_ns(times, times_at)
            _update(lane)
            t3 = _now_ns(times, times_at)
            emit_listed(lane, step)
            _drawn(rank, lane, L.RANDOM_STAGE_AT, step)
            if ok and lane[L.DYNAMIC_REMEMBER_AT] != 0:
                ok = call_stage(lane[L.DYNAMIC_REMEMBER_AT], lane.ctypes.data, step, 0, 0, 0, 0, 0) != 0
            if ok:
                error = collect(lane, step, 32 + rank[L.GID_MORE])
                if error != 0:
                    rank[L.ERROR] = error
                    ok = False
            _sample(lane, step)
            t4 = _now_ns(times, times_at)
            times[L.T_DELIVER] += t1 - t0
            times[L.T_DRIVE] += t2 - t1
            times[L.T_UPDATE] += t3 - t2
            times[L.T_DETECT] += t4 - t3
        t5 = _now_ns(times, times_at)
        if thread == 0 and rank[L.DEADLINE_NS] != 0 and t5 > rank[L.DEADLINE_NS]:
            rank[L.LATE] = 1
            if rank[L.BOARD_AT] == 0:
                rank[L.END_AFTER] = step + 1  # not read before the barrier, and another number after the next
        if not B.wait(barrier, n_threads):
            rank[L.ERROR] = L.ERROR_ABORTED
            return
        t6 = _now_ns(times, times_at)
        every = rank[L.BOARD_WINDOW]
        exchanges = rank[L.BOARD_AT] != 0 and ((step + 1) % every == 0 or step + 1 == stop)
        if exchanges and thread == 0:  # others may read it while this rank schedules its own spikes
            call_stage(rank[L.EXCHANGE_STAGE_AT], rank.ctypes.data, lanes.ctypes.data, 0, 0, 0, step + 1, 1)
        for i in range(first, last):
            ok = ok and _schedule_local(rank, lanes, lanes[i], step)
        t7 = _now_ns(times, times_at)
        times[L.T_WAIT] += t6 - t5
        times[L.T_SCHEDULE] += t7 - t6
        if exchanges:
            error = call_stage(
                rank[L.EXCHANGE_STAGE_AT], rank.ctypes.data, lanes.ctypes.data, thread, first, last, step + 1, 0
            )
            if error != 0:
                rank[L.ERROR] = error
                if error == L.ERROR_ABORTED:
                    return
                ok = False
            times[L.T_EXCHANGE] += _now_ns(times, times_at) - t7
        if rank[L.END_AFTER] == step + 1:
            if thread == 0:
                rank[L.STEPPED] = step + 1
            break
    if not ok and rank[L.ERROR] == 0:
        rank[L.ERROR] = L.ERROR_MEMORY


SIGNATURE = (types.int64[::1], types.int64[:, ::1], types.int64, types.int64, types.int64)
"""Of all calls of `run_window`."""


class Window:
    """`run_window` as one of the parts of a step that can be compiled ahead (`parts`)."""

    @property
    def ready(self) -> bool:
        """Whether it has been compiled here, or the kernel cache has its machine code."""
        return SIGNATURE in run_window.overloads or bool(run_window._cache.holds(SIGNATURE, run_window.targetctx))

    def compile(self) -> None:
        """Compile it, or load it from the kernel cache."""
        run_window.compile(SIGNATURE)
