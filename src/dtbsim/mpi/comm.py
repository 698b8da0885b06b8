"""What the rest of the program needs from a set of ranks, and the single-process case of it.

Collective calls must be made by every rank of the communicator in the same order. Arrays that travel keep their dtype:
`uint64` for packets and counts, `int64` for sums.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from dtbsim.mpi.channel import Channel, LoopbackMessages, LoopbackPointToPoint, Messages, PointToPoint

U64Array = NDArray[np.uint64]
I64Array = NDArray[np.int64]
ByteArray = NDArray[np.uint8]

ROW_WORDS = 16
"""int64 words of a rank's sign-of-life row; `dtbsim.runtime.board` gives the words their meaning."""
ROW_TICKS = 2
ROW_LAST_TICK_NS = 3
ROW_WAITING = 5


class Comm(Protocol):
    """The ranks of a run. `node_*` count the ranks that share memory; `is_root` is true on rank 0."""

    rank: int
    size: int
    node_rank: int
    node_size: int
    node_index: int
    node_count: int

    @property
    def is_root(self) -> bool:
        """Whether this is rank 0."""

    def barrier(self) -> None:
        """Return when every rank has called."""

    def bcast(self, obj: Any, root: int = 0) -> Any:
        """Return the object of rank `root` (pickled) on every rank."""

    def gather(self, obj: Any, root: int = 0) -> list[Any] | None:
        """Return the objects of all ranks, by rank, on rank `root`; None elsewhere."""

    def allgather(self, obj: Any) -> list[Any]:
        """Return the objects of all ranks, by rank, on every rank."""

    def allreduce_sum(self, values: I64Array) -> I64Array:
        """Return the element-wise sum over ranks of an int64 array of one shape."""

    def allreduce_max(self, value: float) -> float:
        """Return the largest value over ranks."""

    def exchange_counts(self, counts: U64Array) -> U64Array:
        """Send `counts[r]` to rank r (uint64, shape (size,)); return what each rank sent here."""

    def alltoallv(self, send: Sequence[U64Array]) -> list[U64Array]:
        """Send the uint64 array `send[r]` to rank r; return the arrays received, by rank."""

    def new_tag(self) -> int:
        """Return a number for a channel or for single messages; all ranks ask for them in the same order."""

    def channel(self, tag: int, out: Messages, into: Messages) -> Channel:
        """Return an exchange of `out` for `into`; the ranks of each have this one in theirs, under the same tag.

        Buffers may lie in GPU memory where `takes_gpu_memory`; the GPU then works on none between post and complete.
        """

    def point_to_point(self, tag: int) -> PointToPoint:
        """Return single messages under a tag."""

    def ask_max(self, value: float) -> None:
        """Begin to find out the largest value over ranks; `answer_max` comes before the next one."""

    def answer_max(self) -> float:
        """Return the largest of the values that were given to `ask_max`."""

    def takes_gpu_memory(self) -> tuple[bool, str]:
        """Return whether buffers may lie in GPU memory, and what says so; the answer of this rank."""

    def poll(self, done: Callable[[], bool]) -> None:
        """Return when `done()` is true: for waiting on other ranks by other means."""

    def shared_memory(self, nbytes: int) -> ByteArray | None:
        """Return zeroed bytes shared by the ranks of one node, or None for a single process (nobody to share with)."""

    def attach_row(self, row: memoryview) -> None:
        """Write signs of life (waiting or not, count and time of the last progress) into this row from now on."""

    def abort(self, code: int) -> NoReturn:
        """End all ranks at once with exit status `code`."""

    def close(self) -> None:
        """Release buffers and windows; collective."""


def blank_row() -> memoryview:
    """Return a row that nobody watches: ROW_WORDS int64 zeros."""
    return memoryview(bytearray(8 * ROW_WORDS)).cast("q")


class SerialComm:
    """One process, no MPI."""

    rank = 0
    size = 1
    node_rank = 0
    node_size = 1
    node_index = 0
    node_count = 1
    is_root = True

    def __init__(self) -> None:
        self._asked = 0.0

    def barrier(self) -> None:
        """Nobody to wait for."""

    def bcast(self, obj: Any, root: int = 0) -> Any:
        """Return the object itself."""
        _check_root(root, 1)
        return obj

    def gather(self, obj: Any, root: int = 0) -> list[Any] | None:
        """Return a list of one."""
        _check_root(root, 1)
        return [obj]

    def allgather(self, obj: Any) -> list[Any]:
        """Return a list of one."""
        return [obj]

    def allreduce_sum(self, values: I64Array) -> I64Array:
        """Return a copy."""
        return np.array(values, dtype=np.int64)

    def allreduce_max(self, value: float) -> float:
        """Return the value."""
        return float(value)

    def exchange_counts(self, counts: U64Array) -> U64Array:
        """Return a copy."""
        return np.array(check_counts(counts, 1))

    def alltoallv(self, send: Sequence[U64Array]) -> list[U64Array]:
        """Return a copy of the one array."""
        check_parts(send, 1)
        return [np.array(send[0], dtype=np.uint64)]

    def new_tag(self) -> int:
        """Return 0: nothing is confused with anything else."""
        return 0

    def channel(self, tag: int, out: Messages, into: Messages) -> Channel:
        """Return an exchange with nobody, or of this rank with itself."""
        return LoopbackMessages(out, into)

    def point_to_point(self, tag: int) -> PointToPoint:
        """return single messages to itself."""
        return LoopbackPointToPoint()

    def ask_max(self, value: float) -> None:
        """Keep the value."""
        self._asked = float(value)

    def answer_max(self) -> float:
        """Return what was asked."""
        return self._asked

    def takes_gpu_memory(self) -> tuple[bool, str]:
        """Return False: nothing is sent."""
        return False, "there is one rank"

    def poll(self, done: Callable[[], bool]) -> None:
        """Ask until it is done."""
        while not done():
            os.sched_yield()

    def shared_memory(self, nbytes: int) -> ByteArray | None:
        """Return None: nobody to share with."""
        return None

    def attach_row(self, row: memoryview) -> None:
        """A single process never waits: nothing to write."""

    def abort(self, code: int) -> NoReturn:
        """Leave at once, without clean-up."""
        os._exit(code)

    def close(self) -> None:
        """Nothing to release."""


def check_counts(values: U64Array, size: int) -> U64Array:
    """Return `values` if it is uint64 of shape (size,); a programming error otherwise."""
    if values.dtype != np.uint64 or values.shape != (size,):
        raise ValueError(f"exchange needs uint64 of shape ({size},), got {values.dtype} of shape {values.shape}")
    return values


def check_parts(send: Sequence[U64Array], size: int) -> None:
    """Check that there is one flat uint64 array per rank."""
    if len(send) != size or any(part.dtype != np.uint64 or part.ndim != 1 for part in send):
        kinds = ", ".join(f"{part.dtype}{list(part.shape)}" for part in send)
        raise ValueError(f"alltoallv needs {size} flat uint64 arrays, one per rank, got {len(send)}: {kinds}")


def _check_root(root: int, size: int) -> None:
    if not 0 <= root < size:
        raise ValueError(f"root {root} is not a rank (0 to {size - 1})")
