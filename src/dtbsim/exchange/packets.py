"""Exchange by message passing: fixed-size packets between all ranks, and a second round when one overflows.

With a window of two steps or more, the exchange of one half-window travels while the next is computed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.exchange.plan import MOST_STEPS, ExchangePlan
from dtbsim.kernels.log import log_of
from dtbsim.kernels.packets import LATE, pack, unpack
from dtbsim.mpi import Comm
from dtbsim.numerics.ranges import range_of

I64 = NDArray[np.int64]
PACKET_WORDS = 512


class PacketExchange:
    """Moves the spikes of each window; `window` is the number of steps between two exchanges."""

    def __init__(self, comm: Comm, plan: ExchangePlan, gid_starts: I64, words: int = PACKET_WORDS) -> None:
        self._comm = comm
        self._needs = plan.needs
        self._gid_starts = gid_starts
        self.overlapped = plan.window >= 2
        self.window = min(plan.window, MOST_STEPS) // 2 if self.overlapped else 1
        self._channel = comm.packet_channel(words)
        self._inbox = np.zeros(comm.size * words, dtype=np.int64)
        self._in_flight = False
        self.late = False
        """Whether a rank said in the exchange received last that it is past its deadline: all ranks have heard it."""
        self._second_round: I64 = np.zeros(0, dtype=np.int64)

    def send(self, rank: I64, lanes: I64, sent: I64, *, late: bool = False) -> None:
        """Start the exchange of everything logged since the last call; `late`: tell all that time is up here."""
        before = sent.copy()
        fits = pack(rank, lanes, sent, self._gid_starts, self._needs, self._comm.rank, self._channel.send)
        if fits:
            self._second_round = self._inbox[:0]
        else:
            logs = [log_of(lane)[int(first) :] for lane, first in zip(lanes, before, strict=True)]
            self._second_round = np.concatenate(logs)
        if late:
            self._channel.send[:, 0] |= LATE
        self._channel.start()
        self._in_flight = True

    def receive(self) -> I64:
        """Entries (step << 32 | gid) of the other ranks from the exchange in flight; empty when there is none."""
        if not self._in_flight:
            return self._inbox[:0]
        self._in_flight = False
        received = self._channel.wait()
        self.late = bool((received[:, 0] & LATE).any())
        n, overflow = unpack(received, self._comm.rank, self._inbox)
        if not overflow:
            return self._inbox[:n]
        others = second_round(self._comm, self._second_round, self._gid_starts, self._needs)
        return np.concatenate([self._inbox[:n], others])


def second_round(comm: Comm, entries: I64, gid_starts: I64, needs: NDArray[np.bool_]) -> I64:
    """Send `entries`, none or those that did not fit into packets, to the ranks that need them; returns what comes."""
    population = range_of(gid_starts, entries & 0xFFFFFFFF)
    wanted = needs[:, population]
    wanted[comm.rank] = False
    parts = comm.alltoallv([entries[keep].astype(np.uint64) for keep in wanted])
    others = [part.view(np.int64) for rank, part in enumerate(parts) if rank != comm.rank]
    return np.concatenate([np.zeros(0, np.int64), *others])
