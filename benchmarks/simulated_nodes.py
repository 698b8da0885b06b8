"""What a rank of many nodes exchanges by way of node leaders, simulated in one process: everybody sends the same.

`SimulatedNodes` is the communicator of a rank; what it would receive is there when it asks, so that what is measured is
the work of the host: packing, passing on, unpacking.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.kernels.bundles import fill
from dtbsim.mpi.channel import LoopbackPointToPoint
from dtbsim.mpi.comm import SerialComm

NEAR, UP, ACROSS, DOWN = range(4)
"""Mailboxes in the order in which they are made; each has two tags."""


class SimulatedNodes(SerialComm):
    """Rank 0 of a node, or rank 1, among `size` ranks of nodes of `per_node`; each sends each `entries` spikes."""

    def __init__(self, size: int, per_node: int, entries: float, *, leads: bool) -> None:
        super().__init__()
        self.rank, self.size, self.node_size = 0 if leads else 1, size, per_node
        self.node_rank, self.node_count = self.rank, size // per_node
        self.entries, self._tags = entries, 0

    def new_tag(self) -> int:
        """The next number."""
        self._tags += 1
        return self._tags

    def allgather(self, obj: Any) -> list[Any]:
        """The nodes of all ranks, where one says its own."""
        return [rank // self.node_size for rank in range(self.size)] if isinstance(obj, int) else [obj]

    def alltoallv(self, send: Any) -> list[Any]:
        """What the ranks of a node tell their leader: the same as this one."""
        own = max(send, key=len)
        return [own if rank < self.node_size and self.rank == 0 else own[:0] for rank in range(self.size)]

    def channel(self, tag: int, out: Any, into: Any) -> Any:
        """An exchange that has always happened."""
        return Arrived(self, (tag - 1) // 2, into)

    def point_to_point(self, tag: int) -> Any:
        """Second messages: of others the end of what they send."""
        return Rest(self, (tag - 1) // 2)

    def content(self, kind: int) -> Any:
        """Words of one message of a mailbox of this kind."""
        far = self.size - self.node_size
        if kind == NEAR:
            return some(self.entries)
        if kind == DOWN:
            return some(self.entries * far)
        ranks = (
            np.arange(self.node_size, self.size) if kind == UP else np.tile(np.arange(self.node_size), self.node_size)
        )
        counts = np.diff(np.floor(np.arange(ranks.size + 1) * self.entries)).astype(np.int64)
        heads = np.cumsum(counts + 1) - counts - 1
        words = np.ones(int(counts.sum()) + ranks.size, np.uint64)
        words[heads] = ranks.astype(np.uint64) << np.uint64(32) | counts.astype(np.uint64)
        keep = np.repeat(counts > 0, counts + 1)
        return words[keep]


def some(n: float) -> Any:
    """About n entries."""
    return np.ones(round(n), np.uint64)


class Arrived:
    """An exchange whose messages lie there."""

    def __init__(self, comm: SimulatedNodes, kind: int, into: Any) -> None:
        if len(into.ranks):
            words = comm.content(kind)
            at = np.arange(len(into.ranks) + 1) * words.size
            fill(into.at, into.buffer, at, np.tile(words, len(into.ranks)))

    def post(self) -> None:
        """Nothing moves."""

    complete = close = post

    def ready(self) -> bool:
        """Always."""
        return True


class Rest(LoopbackPointToPoint):
    """The ends of messages that lie there."""

    def __init__(self, comm: SimulatedNodes, kind: int) -> None:
        super().__init__()
        self._comm, self._kind = comm, kind

    def send(self, rank: int, words: Any) -> None:
        """To nobody."""

    def receive(self, sizes: Any) -> list[Any]:
        """The last words of what is sent."""
        words = self._comm.content(self._kind)
        return [words[words.size - n :].copy() for _, n in sizes]
