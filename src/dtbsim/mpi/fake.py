"""Ranks as threads of one process: for unit tests of everything that takes a `Comm`, and for dry runs.

Objects are pickled on their way and arrays copied, as with MPI, so that a test cannot pass by sharing memory.
"""

from __future__ import annotations

import pickle
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import numpy as np

from dtbsim.errors import FaultError
from dtbsim.mpi.channel import Channel, Messages, PointToPoint
from dtbsim.mpi.comm import ByteArray, I64Array, U64Array, check_counts, check_parts

T = TypeVar("T")


class FakeAbortError(Exception):
    """Raised in the rank that called `abort`."""

    def __init__(self, code: int) -> None:
        super().__init__(f"abort({code})")
        self.code = code


class FakeWorld:
    """What `size` ranks on `node_count` nodes share (ranks are dealt to nodes in contiguous groups)."""

    def __init__(self, size: int, *, node_count: int = 1, timeout_s: float = 60.0) -> None:
        if not 1 <= node_count <= size:
            raise ValueError(f"{size} ranks cannot be on {node_count} nodes")
        self.size = size
        self.nodes = [rank * node_count // size for rank in range(size)]
        self.timeout_s = timeout_s
        self.slots: list[Any] = [None] * size
        self.meeting = threading.Barrier(size)
        self.abort_code: int | None = None
        self.queues: dict[tuple[int, int, int], queue.SimpleQueue[Any]] = {}

    def comm(self, rank: int) -> FakeComm:
        """Return the communicator of one rank; use it from one thread."""
        return FakeComm(self, rank)


class FakeMessages:
    """Messages through queues, one for each direction of each pair of ranks."""

    def __init__(self, comm: FakeComm, tag: int, out: Messages, into: Messages) -> None:
        self._comm, self._tag = comm, tag
        self._out, self._into = out.parts, into.parts

    def post(self) -> None:
        """Put copies into the queues."""
        for rank, message in self._out:
            self._comm.queue(self._tag, self._comm.rank, rank).put(message.copy())

    def ready(self) -> bool:
        """Whether all queues have something."""
        return not any(self._comm.queue(self._tag, rank, self._comm.rank).empty() for rank, _ in self._into)

    def complete(self) -> None:
        """Take what has come."""
        for rank, message in self._into:
            message[:] = self._comm.take(self._tag, rank)

    def close(self) -> None:
        """Nothing is held."""


class FakePointToPoint:
    """The same for single messages."""

    def __init__(self, comm: FakeComm, tag: int) -> None:
        self._comm, self._tag = comm, tag

    def send(self, rank: int, words: U64Array) -> None:
        """Put a copy into the queue."""
        self._comm.queue(self._tag, self._comm.rank, rank).put(words.copy())

    def receive(self, sizes: Sequence[tuple[int, int]]) -> list[U64Array]:
        """Take what has come."""
        words = [self._comm.take(self._tag, rank) for rank, _ in sizes]
        assert [part.size for part in words] == [n for _, n in sizes]
        return words


class FakeComm:
    """One rank of a `FakeWorld`."""

    def __init__(self, world: FakeWorld, rank: int) -> None:
        self._world = world
        self.rank = rank
        self.size = world.size
        self.node_index = world.nodes[rank]
        self.node_count = world.nodes[-1] + 1
        neighbours = [other for other, node in enumerate(world.nodes) if node == self.node_index]
        self.node_size = len(neighbours)
        self.node_rank = rank - neighbours[0]
        self._leader = neighbours[0]
        self._tags = 0
        self._asked = 0.0

    @property
    def is_root(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def share(self, value: T) -> list[T]:
        """Give `value` to all ranks as it is and return those of all ranks: every collective is made of this."""
        world = self._world
        world.slots[self.rank] = value
        self._meet()
        values = list(world.slots)
        self._meet()
        return values

    def _meet(self) -> None:
        try:
            self._world.meeting.wait(self._world.timeout_s)
        except threading.BrokenBarrierError:
            code = self._world.abort_code
            reason = f"another rank called abort({code})" if code is not None else "another rank failed or did not come"
            raise FaultError(reason, where=f"rank {self.rank}") from None

    def barrier(self) -> None:
        """Return when every rank has called."""
        self._meet()

    def bcast(self, obj: Any, root: int = 0) -> Any:
        """Return a copy of the object of `root`."""
        return pickle.loads(self.share(pickle.dumps(obj if self.rank == root else None))[root])

    def gather(self, obj: Any, root: int = 0) -> list[Any] | None:
        """Return copies of all objects on `root`."""
        everything = self.allgather(obj)
        return everything if self.rank == root else None

    def allgather(self, obj: Any) -> list[Any]:
        """Return copies of all objects."""
        return [pickle.loads(data) for data in self.share(pickle.dumps(obj))]

    def allreduce_sum(self, values: I64Array) -> I64Array:
        """Return the sum over ranks."""
        parts = self.share(np.array(values, dtype=np.int64))
        total: I64Array = np.sum(parts, axis=0, dtype=np.int64)
        return total

    def allreduce_max(self, value: float) -> float:
        """Return the largest value."""
        return max(self.share(float(value)))

    def exchange_counts(self, counts: U64Array) -> U64Array:
        """Send one count to each rank."""
        parts = self.share(np.array(check_counts(counts, self.size)))
        return np.array([part[self.rank] for part in parts], dtype=np.uint64)

    def alltoallv(self, send: Sequence[U64Array]) -> list[U64Array]:
        """Send one array to each rank."""
        check_parts(send, self.size)
        return [parts[self.rank] for parts in self.share([np.array(part) for part in send])]

    def new_tag(self) -> int:
        """Return the next number."""
        self._tags += 1
        return self._tags

    def channel(self, tag: int, out: Messages, into: Messages) -> Channel:
        """Return an exchange."""
        return FakeMessages(self, tag, out, into)

    def point_to_point(self, tag: int) -> PointToPoint:
        """Return single messages under a tag."""
        return FakePointToPoint(self, tag)

    def queue(self, tag: int, source: int, target: int) -> queue.SimpleQueue[Any]:
        """The queue of messages of one tag between two ranks."""
        return self._world.queues.setdefault((tag, source, target), queue.SimpleQueue())

    def take(self, tag: int, source: int) -> Any:
        """The next message of one tag from a rank, once it is there."""
        letters = self.queue(tag, source, self.rank)
        self.poll(lambda: not letters.empty())
        return letters.get()

    def ask_max(self, value: float) -> None:
        """Keep the value until all ranks are asked for the answer."""
        self._asked = float(value)

    def answer_max(self) -> float:
        """Return the largest value."""
        return self.allreduce_max(self._asked)

    def takes_gpu_memory(self) -> tuple[bool, str]:
        """Return False: threads copy memory of the host."""
        return False, "ranks are threads of one process"

    def poll(self, done: Callable[[], bool]) -> None:
        """Ask until it is done; FaultError when another rank failed or it takes too long."""
        end_s = time.monotonic() + self._world.timeout_s
        while not done():
            if self._world.meeting.broken or time.monotonic() > end_s:
                raise FaultError("another rank failed or did not come", where=f"rank {self.rank}")
            time.sleep(1e-5)

    def shared_memory(self, nbytes: int) -> ByteArray | None:
        """Return the zeroed bytes of the node's first rank."""
        if self.size == 1:
            return None
        return self.share(np.zeros(nbytes if self.node_rank == 0 else 0, dtype=np.uint8))[self._leader]

    def attach_row(self, row: memoryview) -> None:
        """Threads are not watched."""

    def abort(self, code: int) -> NoReturn:
        """End this rank with `FakeAbortError` and the others with FaultError at their next collective call."""
        self._world.abort_code = code
        self._world.meeting.abort()
        raise FakeAbortError(code)

    def close(self) -> None:
        """Nothing to release."""


def run_ranks(size: int, work: Callable[[FakeComm], T], *, node_count: int = 1, timeout_s: float = 600.0) -> list[T]:
    """Run `work(comm)` on `size` ranks, each a thread, and return the results by rank.

    If ranks fail, the error of the lowest rank that did not merely suffer from another's failure is raised.
    """
    world = FakeWorld(size, node_count=node_count, timeout_s=timeout_s)
    results: list[Any] = [None] * size
    errors: dict[int, BaseException] = {}

    def body(rank: int) -> None:
        try:
            results[rank] = work(world.comm(rank))
        except BaseException as error:  # noqa: BLE001 - handed to the caller below
            errors[rank] = error
            world.meeting.abort()

    threads = [threading.Thread(target=body, args=(rank,), name=f"rank {rank}", daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout_s)
    if any(thread.is_alive() for thread in threads):
        raise TimeoutError(f"ranks {[r for r, t in enumerate(threads) if t.is_alive()]} did not end in {timeout_s:g} s")
    if errors:
        causes = [rank for rank in sorted(errors) if not isinstance(errors[rank], FaultError)]
        raise errors[(causes or sorted(errors))[0]]
    return results
