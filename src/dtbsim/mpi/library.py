"""The one place that imports mpi4py: ranks as processes started by an MPI launcher.

Waiting is polite: a rank that waits polls, gives its core away between polls and sleeps when the wait gets long, so
that more ranks than cores still make progress, Python signal handlers run, and the watchdog sees who waits.
Channels use persistent point-to-point requests: 0.9 us between two ranks where Alltoall takes 7 (MPICH 5,
MPI_THREAD_MULTIPLE, 512 bytes, one machine).
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import numpy as np
from mpi4py import MPI

from dtbsim.errors import InputError
from dtbsim.mpi.channel import Channel, Messages, PointToPoint
from dtbsim.mpi.comm import (
    ROW_LAST_TICK_NS,
    ROW_TICKS,
    ROW_WAITING,
    ByteArray,
    I64Array,
    U64Array,
    blank_row,
    check_counts,
    check_parts,
)
from dtbsim.mpi.gpu_memory import takes_gpu_memory

T = TypeVar("T")

NODE_SWITCH = "DTBSIM_RANKS_PER_NODE"
"""Environment variable: at most so many ranks count as a node, though more share memory."""

_EAGER_POLLS = 1000
_SHORT_NAP_POLLS = 5000
_SHORT_NAP_S = 50e-6
_LONG_NAP_S = 1e-3


_ABANDONED: list[tuple[Messages, Messages]] = []
"""Buffers of exchanges that were left in the middle, at the end of a run: messages may still arrive."""


class MpiMessages:
    """Persistent requests. The buffers may lie in GPU memory: mpi4py sees `__cuda_array_interface__`."""

    def __init__(self, comm: MpiComm, tag: int, out: Messages, into: Messages) -> None:
        self._comm, world = comm, comm.handle
        self._requests = [world.Recv_init(message, rank, tag) for rank, message in into.parts]
        self._requests += [world.Send_init(message, rank, tag) for rank, message in out.parts]
        self._buffers = out, into
        comm.held.add(self)

    def post(self) -> None:
        """Begin the exchange."""
        if self._requests:
            MPI.Prequest.Startall(self._requests)

    def ready(self) -> bool:
        """Whether all requests are done."""
        return not self._requests or bool(MPI.Request.Testall(self._requests))

    def complete(self) -> None:
        """Finish the exchange."""
        if self._requests:
            self._comm.poll(self.ready)

    def close(self) -> None:
        """Give the requests back to the library, and the buffers too if it has not done with them."""
        if not self.ready():
            _ABANDONED.append(self._buffers)
        for request in self._requests:
            request.Free()
        self._requests.clear()
        self._comm.held.discard(self)


class MpiPointToPoint:
    """Requests for single messages."""

    def __init__(self, comm: MpiComm, tag: int) -> None:
        self._comm, self._tag = comm, tag
        self._sending: list[tuple[Any, U64Array]] = []

    def send(self, rank: int, words: U64Array) -> None:
        """Begin to send, and forget what has been sent."""
        self._sending = [(request, kept) for request, kept in self._sending if not request.Test()]
        self._sending.append((self._comm.handle.Isend(words, rank, self._tag), words))

    def receive(self, sizes: Sequence[tuple[int, int]]) -> list[U64Array]:
        """Wait for them."""
        if not sizes:
            return []
        parts = [np.empty(n, np.uint64) for _, n in sizes]
        requests = [
            self._comm.handle.Irecv(part, rank, self._tag) for part, (rank, _) in zip(parts, sizes, strict=True)
        ]
        self._comm.poll(lambda: bool(MPI.Request.Testall(requests)))
        return parts


class MpiComm:
    """All ranks of an MPI job."""

    def __init__(self) -> None:
        self.handle: Any = MPI.COMM_WORLD.Dup()
        self.rank: int = self.handle.rank
        self.size: int = self.handle.size
        self._row = blank_row()
        self._node: Any = _node_of(self.handle)
        self.node_rank: int = self._node.rank
        self.node_size: int = self._node.size
        leader = self._node.bcast(self.rank)
        leaders = sorted(set(self.handle.allgather(leader)))
        self.node_index = leaders.index(leader)
        self.node_count = len(leaders)
        self.held: set[MpiMessages] = set()
        self._tags = itertools.count(1)
        self._windows: list[Any] = []

    @property
    def is_root(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def poll(self, done: Callable[[], bool]) -> None:
        """Return when `done()` is true; marked as waiting meanwhile, and as a sign of life at the end."""
        row = self._row
        row[ROW_WAITING] = 1
        polls = 0
        while not done():
            polls += 1
            if polls < _EAGER_POLLS:
                os.sched_yield()
            else:
                time.sleep(_SHORT_NAP_S if polls < _SHORT_NAP_POLLS else _LONG_NAP_S)
        row[ROW_WAITING] = 0
        row[ROW_TICKS] += 1
        row[ROW_LAST_TICK_NS] = time.monotonic_ns()

    def _finish(self, request: Any) -> None:
        self.poll(lambda: bool(request.Test()))

    def _together(self, call: Callable[[], T]) -> T:
        """Run a blocking call of the library once all ranks are there, so that it cannot block for long."""
        self.barrier()
        self._row[ROW_WAITING] = 1
        result = call()
        self._row[ROW_WAITING] = 0
        return result

    def barrier(self) -> None:
        """Return when every rank has called."""
        self._finish(self.handle.Ibarrier())

    def bcast(self, obj: Any, root: int = 0) -> Any:
        """Return the object of rank `root`."""
        return self._together(lambda: self.handle.bcast(obj, root=root))

    def gather(self, obj: Any, root: int = 0) -> list[Any] | None:
        """Return the objects of all ranks on `root`."""
        everything: list[Any] | None = self._together(lambda: self.handle.gather(obj, root=root))
        return everything

    def allgather(self, obj: Any) -> list[Any]:
        """Return the objects of all ranks."""
        return self._together(lambda: self.handle.allgather(obj))

    def allreduce_sum(self, values: I64Array) -> I64Array:
        """Return the sum over ranks."""
        mine = np.ascontiguousarray(values, dtype=np.int64)
        total = np.empty_like(mine)
        self._finish(self.handle.Iallreduce(mine, total, op=MPI.SUM))
        return total

    def allreduce_max(self, value: float) -> float:
        """Return the largest value."""
        mine, largest = np.array([value], dtype=np.float64), np.empty(1, dtype=np.float64)
        self._finish(self.handle.Iallreduce(mine, largest, op=MPI.MAX))
        return float(largest[0])

    def exchange_counts(self, counts: U64Array) -> U64Array:
        """Send one count to each rank."""
        mine = np.ascontiguousarray(check_counts(counts, self.size))
        received = np.empty_like(mine)
        self._finish(self.handle.Ialltoall(mine, received))
        return received

    def alltoallv(self, send: Sequence[U64Array]) -> list[U64Array]:
        """Send one array to each rank."""
        check_parts(send, self.size)
        counts = np.array([part.size for part in send], dtype=np.uint64)
        arriving = self.exchange_counts(counts)
        outgoing = np.concatenate(send) if counts.any() else np.empty(0, dtype=np.uint64)
        incoming = np.empty(int(arriving.sum()), dtype=np.uint64)
        request = self.handle.Ialltoallv(
            [outgoing, counts.astype(int).tolist()], [incoming, arriving.astype(int).tolist()]
        )
        self._finish(request)
        return np.split(incoming, np.cumsum(arriving.astype(np.int64))[:-1])

    def new_tag(self) -> int:
        """Return the next number."""
        return next(self._tags)

    def channel(self, tag: int, out: Messages, into: Messages) -> Channel:
        """Return an exchange."""
        return MpiMessages(self, tag, out, into)

    def point_to_point(self, tag: int) -> PointToPoint:
        """Return single messages under a tag."""
        return MpiPointToPoint(self, tag)

    def ask_max(self, value: float) -> None:
        """Begin an allreduce."""
        self._asked = np.array([value], dtype=np.float64), np.empty(1, dtype=np.float64)
        self._question = self.handle.Iallreduce(*self._asked, op=MPI.MAX)

    def answer_max(self) -> float:
        """Finish it."""
        self._finish(self._question)
        return float(self._asked[1][0])

    def takes_gpu_memory(self) -> tuple[bool, str]:
        """Return what the library says of itself."""
        return takes_gpu_memory(self.handle)

    def shared_memory(self, nbytes: int) -> ByteArray | None:
        """Return zeroed bytes of this node, allocated by its first rank."""
        first = self.node_rank == 0
        window = MPI.Win.Allocate_shared(max(nbytes, 1) if first else 0, 1, comm=self._node)
        self._windows.append(window)
        memory: Any = window.Shared_query(0)[0]
        values: ByteArray = np.frombuffer(memory, dtype=np.uint8)[:nbytes]
        if first:
            values[:] = 0
        self._finish(self._node.Ibarrier())
        return values

    def attach_row(self, row: memoryview) -> None:
        """Write signs of life into `row` from now on."""
        self._row = row

    def abort(self, code: int) -> NoReturn:
        """End the job. The library would add a line of its own to the one that says why: its stderr is closed first."""
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 2)
        MPI.COMM_WORLD.Abort(code)
        os._exit(code)

    def close(self) -> None:
        """Free requests and windows; collective."""
        for channel in list(self.held):
            channel.close()
        for window in self._windows:
            window.Free()
        self._windows.clear()


def _node_of(world: Any) -> Any:
    """The ranks that share memory with this one, or as many of them as NODE_SWITCH says."""
    node = world.Split_type(MPI.COMM_TYPE_SHARED, key=world.rank)
    given = os.environ.get(NODE_SWITCH)
    if given is None:
        return node
    if not given.isdecimal() or int(given) < 1:
        raise InputError(
            f"{given!r} is not a number of ranks", where=NODE_SWITCH, remedy="give an integer from 1 on, or nothing"
        )
    return node.Split(color=node.rank // int(given), key=node.rank)


def finalize() -> None:
    """Leave MPI, all ranks together, after the last communicator was closed.

    Without it, `python -m mpi4py` would abort the job again when the ranks exit with a status other than 0, although
    all of them leave and one has said why; the library prints lines of its own for that.
    """
    if not MPI.Is_finalized():
        MPI.Finalize()


def library_name() -> str:
    """Return the name of the MPI library in use, one line."""
    return str(MPI.Get_library_version().splitlines()[0].strip("\x00 "))
