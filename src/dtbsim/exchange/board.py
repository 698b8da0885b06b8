"""Exchange over shared memory between ranks of one node, done inside the compiled window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import MissingDependencyError
from dtbsim.exchange.interface import InsideExchange
from dtbsim.exchange.plan import MOST_STEPS, ExchangePlan
from dtbsim.kernels import barrier as B
from dtbsim.kernels import layout as L
from dtbsim.kernels.board import HEADER
from dtbsim.mpi import Comm
from dtbsim.runtime.watchdog import active_watchdog

MIN_CAPACITY, MAX_CAPACITY = 1024, 1 << 20


def board_capacity(neurons_per_rank: int) -> int:
    """Spikes of a rank for which the board has room."""
    return int(np.clip(neurons_per_rank, MIN_CAPACITY, MAX_CAPACITY))


class SharedBoard(InsideExchange):
    """The board of one node; `window` is the number of steps between two exchanges. See `interface.Exchange`."""

    def __init__(self, comm: Comm, plan: ExchangePlan, neurons_per_rank: int) -> None:
        self.window = min(plan.window, MOST_STEPS)
        self.capacity = board_capacity(neurons_per_rank)
        words = B.WORDS + comm.size * 2 * (HEADER + self.capacity)
        memory = comm.shared_memory(8 * words)
        if memory is None:
            raise MissingDependencyError(
                "this MPI library gives no shared memory between the ranks of a node",
                remedy="set simulation.exchange: packets",
            )
        self._memory = memory
        self._comm = comm

    def attach(self, rank: NDArray[np.int64]) -> None:
        """Enter the board, and where to show that this rank waits, into the rank's table."""
        watchdog = active_watchdog()
        if watchdog is not None:
            rank[L.SIGNS_AT] = np.frombuffer(watchdog.row, dtype=np.int64).ctypes.data
        rank[L.BOARD_AT] = np.frombuffer(self._memory, dtype=np.uint8).ctypes.data
        rank[L.BOARD_RANK], rank[L.BOARD_RANKS] = self._comm.rank, self._comm.size
        rank[L.BOARD_WINDOW], rank[L.BOARD_CAPACITY] = self.window, self.capacity
