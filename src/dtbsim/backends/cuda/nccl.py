"""Packets by NCCL, from GPU to GPU, beside the steps: on a stream of their own.

`cuda` is `cupy.cuda` as the device gives it (tests give one that notes the calls). Sends and receives of one exchange
are one group, so that none waits for another (NCCL user guide, point-to-point communication).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.backends.cuda.device import Device
from dtbsim.errors import FaultError, MissingDependencyError
from dtbsim.mpi import Comm

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


class NcclRanks:
    """All ranks of a run; collective. Raises MissingDependencyError where NCCL cannot connect them."""

    def __init__(self, device: Device, comm: Comm) -> None:
        self._nccl = device.cuda.nccl
        self.device, self.comm = device, comm
        self.stream = device.cuda.Stream(non_blocking=True)
        key, failure = None, None
        if comm.is_root:
            try:
                key = self._nccl.get_unique_id()
            except RuntimeError as error:
                failure = str(error)
        key, failure = comm.bcast((key, failure))
        if failure is None:
            try:
                self._ranks: Any = self._nccl.NcclCommunicator(comm.size, key, comm.rank)
            except RuntimeError as error:
                failure = str(error)
        if failure is not None:
            raise MissingDependencyError(
                f"NCCL cannot connect the GPUs of the ranks: {failure}",
                remedy="set NCCL_DEBUG=INFO to see why, or simulation.exchange: packets",
            )
        self._channels: list[NcclChannel] = []

    def channel(self, words: int) -> NcclChannel:
        """A new channel."""
        self._channels.append(NcclChannel(self, words))
        return self._channels[-1]

    def move(self, send: Any, recv: Any) -> None:
        """Start one group of sends and receives of all rows."""
        address, rank, size, stream = self.device.address, self.comm.rank, self.comm.size, self.stream.ptr
        words, dtype = send.shape[1], self._nccl.NCCL_UINT64
        try:
            self._nccl.groupStart()
            for shift in range(1, size):
                to, source = (rank + shift) % size, (rank - shift) % size
                self._ranks.send(address(send[to]), words, dtype, to, stream)
                self._ranks.recv(address(recv[source]), words, dtype, source, stream)
            self._nccl.groupEnd()
        except RuntimeError as error:
            raise FaultError(f"NCCL cannot send spikes: {error}", where=f"rank {rank}") from error

    def check(self) -> None:
        """Raise FaultError when NCCL has met an error meanwhile, as when another rank is gone."""
        try:
            self._ranks.check_async_error()
        except RuntimeError as error:
            raise FaultError(f"NCCL has lost another rank: {error}", where=f"rank {self.comm.rank}") from error

    def close(self) -> None:
        """Leave; without waiting for an exchange that others may never join."""
        if all(channel.idle for channel in self._channels):
            self._ranks.destroy()
        else:
            self._ranks.abort()


class NcclChannel:
    """Fixed-size packets between all devices."""

    def __init__(self, ranks: NcclRanks, words: int) -> None:
        self._ranks = ranks
        cuda, device = ranks.device.cuda, ranks.device
        self.send, self.recv = (device.xp.zeros((ranks.comm.size, words), np.uint64) for _ in range(2))
        self._filled, self._moved = (cuda.Event(disable_timing=True) for _ in range(2))
        self._started = False

    @property
    def idle(self) -> bool:
        """Nothing is under way."""
        return not self._started or bool(self._moved.done)

    def start(self) -> None:
        """Move the packets once the device's stream has got here."""
        ranks = self._ranks
        self._filled.record(ranks.device.stream)
        ranks.stream.wait_event(self._filled)
        ranks.move(self.send, self.recv)
        self._moved.record(ranks.stream)
        self._started = True

    def wait(self) -> None:
        """Ask until they have moved: so that this rank is seen to wait for others, and an error is noticed."""
        self._ranks.comm.poll(self._arrived)
        self._started = False

    def _arrived(self) -> bool:
        if bool(self._moved.done):
            return True
        self._ranks.check()
        return False
