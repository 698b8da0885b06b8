"""The compiled window: one thread's share of many steps in one call.

A step, in order: deliver what is due -> drives -> update -> detect -> (all threads) -> schedule spikes of all lanes.
A spike of step t with delay d is delivered before the update of step t + d. Lanes publish their spikes in two buffers
by the parity of the step, so one barrier per step is enough.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numba import types

from dtbsim.kernels import barrier as B
from dtbsim.kernels import layout as L
from dtbsim.kernels.board import any_late, board_words, read_round, schedule_remote, write_round
from dtbsim.kernels.calendar import ROW_AHEAD, SEGMENTS_AHEAD, prefetch_row, prefetch_segments, schedule
from dtbsim.kernels.deliver import deliver
from dtbsim.kernels.detect import collect, emit_listed, emit_random
from dtbsim.kernels.drives import currents, listed_events, poisson_drives, varied_poisson
from dtbsim.kernels.dynamic import deliver_dynamic, schedule_dynamic
from dtbsim.kernels.history import remember_spikes
from dtbsim.kernels.intrinsics import atomic_store, call_update, view_f32, view_i32, view_i64
from dtbsim.kernels.jit import cached_njit
from dtbsim.kernels.noise import noise_currents
from dtbsim.kernels.procedural import deliver_procedural, schedule_procedural
from dtbsim.mpi.comm import ROW_KICKS, ROW_WAITING, ROW_WORDS

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
    """Enter the spikes of `step` of all lanes of the rank into one lane's calendar.

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
        if lane[L.N_DYNAMIC] > 0:
            for k in range(n):
                if not schedule_dynamic(lane, np.int64(published[k]), step, rank[L.RING] - 1):
                    return False
        if lane[L.N_PROCEDURAL] > 0:
            k0, k1 = np.uint32(rank[L.SEED_LOW]), np.uint32(rank[L.SEED_HIGH])
            for k in range(n):
                schedule_procedural(lane, np.int64(published[k]), step, step + 1, k0, k1)
    return True


@nb.njit(nogil=True)
def _sign(rank: Any, waiting: int) -> None:
    """Show those who watch this rank whether it waits for others; the end of a wait is progress."""
    if rank[L.SIGNS_AT] != 0:
        row = view_i64(rank[L.SIGNS_AT], ROW_WORDS)
        row[ROW_WAITING] = waiting
        if waiting == 0:
            row[ROW_KICKS] += 1


@nb.njit(nogil=True)
def _exchange(rank: Any, lanes: Any, thread: int, first: int, last: int, now: int, barrier: Any) -> int:
    """All rounds of one exchange over the board; returns 0 or an error code."""
    n_threads = rank[L.N_THREADS]
    board = view_i64(rank[L.BOARD_AT], board_words(rank[L.BOARD_RANKS], rank[L.BOARD_CAPACITY]))
    sent = view_i64(rank[L.BOARD_SENT_AT], rank[L.N_LANES])
    error = 0
    while True:
        if thread == 0:
            write_round(rank, lanes, board, sent)
            _sign(rank, 1)
            together = B.wait(board, rank[L.BOARD_RANKS])
            _sign(rank, 0)
            if not together:
                error = L.ERROR_ABORTED
                atomic_store(barrier, B.ABORT, np.int64(1))
            elif any_late(rank, board):
                rank[L.END_AFTER] = now
        if not B.wait(barrier, n_threads) or error != 0:
            return L.ERROR_ABORTED
        rest = read_round(rank, lanes, board, first, last, now)
        if rest < 0:
            return L.ERROR_MEMORY
        if not B.wait(barrier, n_threads):
            return L.ERROR_ABORTED
        if thread == 0:
            rank[L.BOARD_ROUND] += 1
        if rest == 0:
            return 0
        if not B.wait(barrier, n_threads):
            return L.ERROR_ABORTED


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
    k0, k1 = np.uint32(rank[L.SEED_LOW]), np.uint32(rank[L.SEED_HIGH])
    ring_mask = rank[L.RING] - 1
    ok = True
    remote = view_i64(rank[L.REMOTE_AT], rank[L.REMOTE_N])
    for i in range(first, last):
        ok = ok and schedule_remote(rank, lanes[i], remote, start)
    for step in range(start, stop):
        for i in range(first, last):
            lane = lanes[i]
            t0 = _now_ns(times, times_at)
            ok = ok and deliver(lane, step, ring_mask)
            ok = ok and (lane[L.N_DYNAMIC] == 0 or deliver_dynamic(lane, step, ring_mask))
            if lane[L.N_PROCEDURAL] > 0:
                deliver_procedural(lane, step)
            t1 = _now_ns(times, times_at)
            poisson_drives(lane, step, k0, k1)
            if lane[L.N_VARIED] != 0:
                varied_poisson(lane, step, rank[L.CHUNK_START], k0, k1)
            listed_events(lane, step)
            currents(lane, step - rank[L.CHUNK_START])
            if lane[L.N_NOISE] != 0:
                noise_currents(lane, step, step - rank[L.CHUNK_START], k0, k1)
            t2 = _now_ns(times, times_at)
            _update(lane)
            t3 = _now_ns(times, times_at)
            emit_listed(lane, step)
            if lane[L.N_RANDOM] != 0:
                emit_random(lane, step, k0, k1)
            ok = ok and (lane[L.N_DYNAMIC] == 0 or remember_spikes(lane, step))
            if ok:
                error = collect(lane, step)
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
        for i in range(first, last):
            ok = ok and _schedule_local(rank, lanes, lanes[i], step)
        t7 = _now_ns(times, times_at)
        times[L.T_WAIT] += t6 - t5
        times[L.T_SCHEDULE] += t7 - t6
        if rank[L.BOARD_AT] != 0 and ((step + 1) % rank[L.BOARD_WINDOW] == 0 or step + 1 == stop):
            error = _exchange(rank, lanes, thread, first, last, step + 1, barrier)
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
