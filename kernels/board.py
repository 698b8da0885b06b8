"""Spike exchange between ranks of one node over shared memory, inside the compiled window.

The board holds, per rank and buffer parity, a header (entries in this round, entries left, whether the rank is past its
deadline) and up to BOARD_CAPACITY entries of logs. A round is: write, barrier of the ranks, read. Windows with
more spikes than fit take more rounds; every rank sees all headers, so all agree on their number.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import barrier as B
from dtbsim.kernels import layout as L
from dtbsim.kernels.delay_queue import schedule
from dtbsim.kernels.intrinsics import call_stage, view_i64
from dtbsim.kernels.sources import gid_of, source_index, step_of

HEADER = 8


@nb.njit(nogil=True)
def board_words(n_ranks: int, capacity: int) -> int:
    """int64 words of a board."""
    return B.WORDS + n_ranks * 2 * (HEADER + capacity)


@nb.njit(nogil=True)
def schedule_remote(rank: Any, lane: Any, entries: Any, now: int) -> bool:
    """Enter the spikes of other ranks (entries of their logs) into the lane's delay queue."""
    for k in range(entries.size):
        source = source_index(rank, gid_of(rank, entries[k]))
        if source >= 0 and not schedule(lane, source, step_of(rank, entries[k]), now, rank[L.RING] - 1):
            return False
    return bool(schedule_in_stages(rank, lane, entries.ctypes.data, entries.size, -1, now))


@nb.njit(nogil=True)
def schedule_in_stages(rank: Any, lane: Any, spikes_at: int, n: int, step: int, now: int) -> bool:
    """Enter spikes into what `stages` holds of a lane; False where memory ran out."""
    for address in (lane[L.SPARSE_SCHEDULE_AT], lane[L.DYNAMIC_SCHEDULE_AT], lane[L.PROCEDURAL_SCHEDULE_AT]):
        done: Any = 1
        if address != 0 and n > 0:
            done = call_stage(address, lane.ctypes.data, rank.ctypes.data, spikes_at, n, step, now, 0)
        if done == 0:
            return False
    return True


@nb.njit(nogil=True)
def _slot(rank: Any, who: int, parity: int) -> Any:
    return B.WORDS + (2 * who + parity) * (HEADER + rank[L.BOARD_CAPACITY])


@nb.njit(nogil=True)
def write_round(rank: Any, lanes: Any, board: Any, sent: Any) -> None:
    """Copy the next unsent log entries of this rank into its slot (one thread does this)."""
    parity = rank[L.BOARD_ROUND] & 1
    base = _slot(rank, rank[L.BOARD_RANK], parity)
    capacity = rank[L.BOARD_CAPACITY]
    written = np.int64(0)
    left = np.int64(0)
    for i in range(rank[L.N_LANES]):
        lane = lanes[i]
        log = view_i64(lane[L.LOG_AT], lane[L.LOG_COUNT])
        while sent[i] < lane[L.LOG_COUNT] and written < capacity:
            board[base + HEADER + written] = log[sent[i]]
            written += 1
            sent[i] += 1
        left += lane[L.LOG_COUNT] - sent[i]
    board[base] = written
    board[base + 1] = left
    board[base + 2] = rank[L.LATE]


@nb.njit(nogil=True)
def any_late(rank: Any, board: Any) -> bool:
    """Whether a rank was past its deadline when it wrote this round: all ranks see the same."""
    late = np.int64(0)
    for who in range(rank[L.BOARD_RANKS]):
        late |= board[_slot(rank, who, rank[L.BOARD_ROUND] & 1) + 2]
    return bool(late != 0)


@nb.njit(nogil=True)
def read_round(rank: Any, lanes: Any, board: Any, first_lane: int, last_lane: int, now: int) -> int | np.int64:
    """Enter the other ranks' entries into this thread's lanes; returns the largest rest of any rank, -1 no memory."""
    parity = rank[L.BOARD_ROUND] & 1
    rest = np.int64(0)
    for who in range(rank[L.BOARD_RANKS]):
        base = _slot(rank, who, parity)
        rest = max(rest, board[base + 1])
        if who == rank[L.BOARD_RANK]:
            continue
        entries = board[base + HEADER : base + HEADER + board[base]]
        for i in range(first_lane, last_lane):
            if not schedule_remote(rank, lanes[i], entries, now):
                return -1
    return rest
