"""Objects that the first rank of a node makes and all others of the node get, with large arrays in one copy for all.

They travel as a pickle whose large buffers stay outside of it. Pickle and buffers lie in memory without a name
(`memfd_create`), which the others open by the number that its owner has for it: the kernel frees it with the last rank,
however that ends, and nothing is ever left behind. Every rank maps it privately: what one should write into an array,
no other sees.
"""

from __future__ import annotations

import contextlib
import gc
import io
import mmap
import os
import pickle
import secrets
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dtbsim.errors import DtbsimError
from dtbsim.mpi.comm import Comm
from dtbsim.mpi.world import on_every_rank

T = TypeVar("T")
LEAST_BYTES = 4096
"""Buffers from this size on lie outside the pickle."""
_ALIGNMENT = 64
_TOKEN = 16
_HEAD = struct.Struct("<QQQ")
"""Begin and bytes of the pickle, number of buffers; then for each buffer its begin and size, and whether it is
read-only. The pickle comes last, and is cut off when all have read it."""
_BUFFER = struct.Struct("<QQQ")


class SharingError(Exception):
    """Objects cannot go from one rank to the others, with the reason."""


@dataclass(frozen=True)
class OnNode(Generic[T]):
    """What a rank got: the `value`, and `n_bytes` that all ranks of its node share of it (0: it has its own copy)."""

    value: T
    n_bytes: int
    reason: str = ""
    """Why ranks have their own copies where several are on a node."""


@dataclass(frozen=True)
class _Offer:
    """Where the others of a node find what its first rank has made."""

    node: int
    pid: int
    descriptor: int
    n_bytes: int
    n_kept: int
    """Bytes of buffers, without the pickle."""
    token: bytes
    problem: str = ""

    @property
    def mostly_objects(self) -> bool:
        """Whether the first rank would save nothing if it, too, used the copy that all share."""
        return self.n_bytes > 2 * self.n_kept


def once_on_node(
    comm: Comm,
    work: Callable[[], T],
    *,
    alone: Callable[[], T],
    before_alone: Callable[[], None] | None = None,
    pickler: type[pickle.Pickler] = pickle.Pickler,
) -> OnNode[T]:
    """Run `work()` on the first rank of each node and return its result on all ranks; collective.

    Arrays keep whether they can be written to. An error of `work` is raised on every rank, as `on_every_rank` does.
    Where an object cannot be pickled, or the ranks of a node cannot open each other's memory, every rank calls
    `before_alone()`, which is collective, then each but the first `alone()`, which gives the same; `reason` says why.
    """
    first = comm.node_rank == 0
    made = on_every_rank(comm, lambda: work() if first else None, takes_part=first)
    if comm.size == comm.node_count:
        assert made is not None
        return OnNode(made, 0)
    with contextlib.ExitStack() as stack:
        offer = None
        if first:
            offer = _offered(comm.node_index, made, pickler, stack)
        offers = {one.node: one for one in comm.allgather(offer) if one is not None}
        reason = next((one.problem for one in offers.values() if one.problem), "")
        found: OnNode[T] | None = None
        failure: DtbsimError | None = None
        if not reason and comm.node_size > 1:
            try:
                with _no_collections():
                    one = offers[comm.node_index]
                    value: T = made if made is not None and one.mostly_objects else _taken(one)
                    found = OnNode(value, one.n_kept)
            except DtbsimError as error:
                failure = error
            except (SharingError, OSError, pickle.UnpicklingError, AttributeError, ImportError) as error:
                reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        reason = next((one for one in comm.allgather(reason) if one), "")
        if offer is not None and not offer.problem:
            os.ftruncate(offer.descriptor, offer.n_kept)

    def raised() -> None:
        if failure is not None:
            raise failure

    on_every_rank(comm, raised)
    if reason:
        if before_alone is not None:
            before_alone()
        own = on_every_rank(comm, lambda: made if first else alone())
        assert own is not None
        return OnNode(own, 0, reason)
    if found is None:  # alone on its node
        assert made is not None
        return OnNode(made, 0)
    return found


def _offered(node: int, value: Any, pickler: type[pickle.Pickler], stack: contextlib.ExitStack) -> _Offer:
    """The offer of a value; its memory is open until the stack is left."""
    try:
        with _no_collections():
            head, buffers = _pickled(value, pickler)
        token = secrets.token_bytes(_TOKEN)
        descriptor, n_bytes, n_kept = _written(token, head, buffers)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        return _Offer(node, 0, 0, 0, 0, b"", f"cannot be pickled: {error}")
    except OSError as error:
        return _Offer(node, 0, 0, 0, 0, b"", f"no memory to share: {error}")
    stack.callback(os.close, descriptor)
    return _Offer(node, os.getpid(), descriptor, n_bytes, n_kept, token)


def _pickled(value: Any, pickler: type[pickle.Pickler]) -> tuple[memoryview, list[pickle.PickleBuffer]]:
    buffers: list[pickle.PickleBuffer] = []

    def outside(buffer: pickle.PickleBuffer) -> bool:
        if buffer.raw().nbytes < LEAST_BYTES:
            return True
        buffers.append(buffer)
        return False

    text = io.BytesIO()
    pickler(text, protocol=5, buffer_callback=outside).dump(value)
    return text.getbuffer(), buffers


def _written(token: bytes, text: memoryview, buffers: list[pickle.PickleBuffer]) -> tuple[int, int, int]:
    """Descriptor of new memory that holds everything, its size, and what remains without the pickle."""
    raw = [buffer.raw() for buffer in buffers]
    end = _TOKEN + _HEAD.size + _BUFFER.size * len(raw)
    places = []
    for view in raw:
        begin = _aligned(end)
        end = begin + view.nbytes
        places.append((begin, view.nbytes, int(view.readonly)))
    at = -(-end // mmap.PAGESIZE) * mmap.PAGESIZE
    head = token + _HEAD.pack(at, text.nbytes, len(raw)) + b"".join(_BUFFER.pack(*place) for place in places)
    descriptor = os.memfd_create("dtbsim", os.MFD_CLOEXEC)
    try:
        os.posix_fallocate(descriptor, 0, at + text.nbytes)  # an error now instead of a signal later
        with mmap.mmap(descriptor, at + text.nbytes) as memory:
            memory[: len(head)] = head
            memory[at : at + text.nbytes] = text
            for (begin, n_bytes, _), view in zip(places, raw, strict=True):
                memory[begin : begin + n_bytes] = view
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, at + text.nbytes, at


def _taken(offer: _Offer) -> Any:
    descriptor = os.open(f"/proc/{offer.pid}/fd/{offer.descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        memory = memoryview(mmap.mmap(descriptor, offer.n_bytes, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE))
    finally:
        os.close(descriptor)
    if bytes(memory[:_TOKEN]) != offer.token:
        raise SharingError(f"process {offer.pid} is another one here; ranks of a node must see the same processes")
    at, n_text, n_buffers = _HEAD.unpack_from(memory, _TOKEN)
    table = _TOKEN + _HEAD.size
    buffers = []
    for k in range(n_buffers):
        begin, n_bytes, read_only = _BUFFER.unpack_from(memory, table + k * _BUFFER.size)
        view = memory[begin : begin + n_bytes]
        buffers.append(view.toreadonly() if read_only else view)
    return pickle.loads(memory[at : at + n_text], buffers=buffers)


def _aligned(at: int) -> int:
    return -(-at // _ALIGNMENT) * _ALIGNMENT


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Millions of objects that stay: passes of the garbage collector would take most of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
