"""Packets by NCCL, from GPU to GPU, beside the steps: on a stream of their own.

`cuda` is `cupy.cuda` as the device gives it (tests give one that notes the calls). Sends and receives of one exchange
are one group, so that none waits for another (NCCL user guide, point-to-point communication).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.events import is_done
from dtbsim.errors import DtbsimError, FaultError, MissingDependencyError
from dtbsim.mpi import Comm
from dtbsim.mpi.channel import Messages
from dtbsim.mpi.world import on_every_rank

OLDEST = 2700
"""2.7.0, the first version with sends and receives."""


def nccl_version(cuda: Any) -> tuple[int, str]:
    """Return the version as NCCL counts it, 0 where it cannot be used, and then why not."""
    if cuda is None:
        return 0, "this device has none"
    if not getattr(getattr(cuda, "nccl", None), "available", False):
        return 0, "CuPy does not find it (pip install nvidia-nccl-cu12, or -cu13)"
    version = int(cuda.nccl.get_version())
    if version < OLDEST:
        return 0, f"version {version} cannot send from one GPU to one other"
    return version, ""


@contextmanager
def _connecting() -> Iterator[None]:
    """What fails is an error for the user."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        raise MissingDependencyError(
            f"NCCL cannot connect the GPUs of the ranks: {error}",
            remedy="set NCCL_DEBUG=INFO to see why, or simulation.exchange: packets",
        ) from error


class NcclRanks:
    """All ranks of a run; collective. Raises an error of exit code 3 on all of them where NCCL cannot connect them."""

    def __init__(self, device: Device, comm: Comm) -> None:
        self._nccl = device.cuda.nccl
        self.device, self.comm = device, comm
        self.channels: list[NcclChannel] = []
        self.stream, key = on_every_rank(comm, self._ready)
        key = comm.bcast(key)
        made: list[Any] = []
        try:
            on_every_rank(comm, lambda: made.append(self._connected(key)))
        except DtbsimError:
            for ranks in made:
                ranks.abort()  # not all of the others are there
            raise
        (self._ranks,) = made

    def _ready(self) -> tuple[Any, Any]:
        """A stream, and the key on rank 0. What fails alone has to fail here: in ncclCommInitRank all wait for all."""
        with _connecting():
            self.device.synchronise()
            stream = self.device.cuda.Stream(non_blocking=True)
            return stream, self._nccl.get_unique_id() if self.comm.is_root else None

    def _connected(self, key: Any) -> Any:
        with _connecting():
            return self._nccl.NcclCommunicator(self.comm.size, key, self.comm.rank)

    def channel(self, tag: int, out: Messages, into: Messages) -> NcclChannel:
        """A new channel. NCCL knows no tags: all ranks make their exchanges in the same order."""
        made = NcclChannel(self, out, into)
        self.channels.append(made)
        return made

    def move(self, out: Messages, into: Messages) -> None:
        """Start one group of all sends and receives."""
        address, stream, dtype = self.device.address, self.stream.ptr, self._nccl.NCCL_UINT64
        try:
            self._nccl.groupStart()
            for rank, message in out.parts:
                self._ranks.send(address(message), message.size, dtype, rank, stream)
            for rank, message in into.parts:
                self._ranks.recv(address(message), message.size, dtype, rank, stream)
            self._nccl.groupEnd()
        except RuntimeError as error:
            raise FaultError(f"NCCL cannot send spikes: {error}", where=f"rank {self.comm.rank}") from error

    def check(self) -> None:
        """Raise FaultError when NCCL has met an error meanwhile, as when another rank is gone."""
        try:
            self._ranks.check_async_error()
        except RuntimeError as error:
            raise FaultError(f"NCCL has lost another rank: {error}", where=f"rank {self.comm.rank}") from error

    def close(self) -> None:
        """Leave; without waiting for an exchange that others may never join, or that a failed GPU never ends."""
        try:
            idle = all(channel.idle for channel in self.channels)
        except RuntimeError:
            idle = False
        if idle:
            self._ranks.destroy()
        else:
            self._ranks.abort()


class NcclChannel:
    """Messages between devices; see `mpi.channel.Channel`."""

    def __init__(self, ranks: NcclRanks, out: Messages, into: Messages) -> None:
        self._ranks, self._out, self._into = ranks, out, into
        self._filled, self._moved = (ranks.device.cuda.Event(disable_timing=True) for _ in range(2))
        self._started = False

    @property
    def idle(self) -> bool:
        """Nothing is under way."""
        return not self._started or is_done(self._ranks.device.cuda, self._moved)

    def post(self) -> None:
        """Move the messages once the device's stream has got here."""
        ranks = self._ranks
        self._filled.record(ranks.device.stream)
        ranks.stream.wait_event(self._filled)
        ranks.move(self._out, self._into)
        self._moved.record(ranks.stream)
        self._started = True

    def complete(self) -> None:
        """Ask until they have moved: so that this rank is seen to wait for others, and an error is noticed."""
        self._ranks.comm.poll(self.ready)
        self._started = False

    def ready(self) -> bool:
        """Whether they have moved. Raises FaultError when another rank is gone, CUDARuntimeError after a fault."""
        if is_done(self._ranks.device.cuda, self._moved):
            return True
        self._ranks.check()
        return False

    def close(self) -> None:
        """Nothing is held."""
        self._ranks.channels.remove(self)
