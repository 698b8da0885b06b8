"""One exchange of spikes over the board: as many rounds as the ranks of a node need, by all of their threads."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import barrier as B
from dtbsim.kernels import layout as L
from dtbsim.kernels.board import any_late, board_words, read_round, write_round
from dtbsim.kernels.intrinsics import atomic_store, view_i64
from dtbsim.mpi.comm import ROW_TICKS, ROW_WAITING, ROW_WORDS


@nb.njit(nogil=True)
def _sign(rank: Any, waiting: int) -> None:
    """Show those who watch this rank whether it waits for others; the end of a wait is progress."""
    if rank[L.SIGNS_AT] != 0:
        row = view_i64(rank[L.SIGNS_AT], ROW_WORDS)
        row[ROW_WAITING] = waiting
        if waiting == 0:
            row[ROW_TICKS] += 1


@nb.njit(nogil=True)
def begin(rank: Any, lanes: Any) -> None:
    """Publish the first round of an exchange; one thread does it, before work that needs no spikes of other ranks."""
    board = view_i64(rank[L.BOARD_AT], board_words(rank[L.BOARD_RANKS], rank[L.BOARD_CAPACITY]))
    write_round(rank, lanes, board, view_i64(rank[L.BOARD_SENT_AT], rank[L.N_LANES]))
    rank[L.BOARD_GENERATION] = B.arrive(board, rank[L.BOARD_RANKS])


@nb.njit(nogil=True)
def finish(rank: Any, lanes: Any, thread: int, first: int, last: int, now: int) -> int:
    """The rest of an exchange that thread 0 has begun, by all threads; returns 0 or an error code."""
    n_threads = rank[L.N_THREADS]
    barrier = view_i64(rank[L.BARRIER_AT], B.WORDS)
    board = view_i64(rank[L.BOARD_AT], board_words(rank[L.BOARD_RANKS], rank[L.BOARD_CAPACITY]))
    error = 0
    while True:
        if thread == 0:
            _sign(rank, 1)
            together = B.depart(board, rank[L.BOARD_GENERATION])
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
            if rest > 0:
                begin(rank, lanes)
        if rest == 0:
            return 0
