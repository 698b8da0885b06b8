"""How packets of spikes get from one GPU to another, and which way is taken.

NCCL moves them from device to device, a CUDA-aware MPI library too, by way of the network card where the hardware has
it; else they go through the memory of the hosts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.nccl import NcclRanks, nccl_version
from dtbsim.errors import InputError
from dtbsim.mpi import Comm

Way = Literal["nccl", "mpi", "packets"]
NAMES: dict[Way, str] = {
    "nccl": "NCCL, from GPU to GPU",
    "mpi": "MPI, from GPU to GPU",
    "packets": "packets through the memory of the hosts",
}


class DeviceChannel(Protocol):
    """One exchange of fixed-size packets: row r of `send` goes to rank r, row r of `recv` comes from it; on the device.

    The own row does not move. The kernels that fill `send` or read `recv` must have ended before `start`; between
    `start` and the end of `wait` nothing touches either.
    """

    send: Any
    recv: Any

    def start(self) -> None:
        """Begin."""

    def wait(self) -> None:
        """Return when `recv` is there for the kernels started from now on."""


class Choice(NamedTuple):
    """The way, and why not a better one."""

    way: Way
    reason: str


class Transport(NamedTuple):
    """A way that is open: `channel(words)` makes a channel, on all ranks in the same order; `close` ends it."""

    way: Way
    channel: Callable[[int], DeviceChannel]
    close: Callable[[], None]


class HostChannel:
    """Packets go to the host, to the other ranks' hosts, and to their devices."""

    def __init__(self, device: Device, comm: Comm, words: int) -> None:
        self.send, self.recv = (device.xp.zeros((comm.size, words), np.uint64) for _ in range(2))
        self._device, self._channel = device, comm.packet_channel(words)

    def start(self) -> None:
        """To the host, and on."""
        self._channel.send[...] = self._device.download(self.send)
        self._channel.start()

    def wait(self) -> None:
        """From the host."""
        self._device.overwrite(self.recv, self._channel.wait())


class MpiDeviceChannel:
    """Packets that the MPI library takes from the memory of a device and puts into that of another."""

    def __init__(self, device: Device, comm: Comm, words: int) -> None:
        self.send, self.recv = (device.xp.zeros((comm.size, words), np.uint64) for _ in range(2))
        device.synchronise()  # the zeros are there
        self._channel = comm.packet_channel_over(self.send, self.recv)

    def start(self) -> None:
        """All sends and receives."""
        self._channel.start()

    def wait(self) -> None:
        """All of them have ended."""
        self._channel.wait()


def choose_way(wanted: str, device: Device, comm: Comm) -> Choice:
    """What `simulation.exchange` means for ranks with GPUs: the same on all of them; collective.

    Raises InputError where a way is asked for that GPUs do not have.
    """
    if wanted in ("shared_memory", "two_level"):
        raise InputError(
            f"simulation.exchange is {wanted}, but with backend cuda the spikes are in the memory of GPUs",
            where="simulation.exchange",
            remedy="use auto or packets",
        )
    if wanted == "packets":
        return Choice("packets", "simulation.exchange is packets")
    told = comm.allgather(((comm.node_index, device.identity), nccl_version(device.cuda), comm.takes_gpu_memory()))
    gpus, versions, aware = zip(*told, strict=True)
    against_nccl = _against_nccl(gpus, versions)
    if against_nccl is None:
        return Choice("nccl", "every rank has NCCL and a GPU of its own")
    refusals = [(rank, why) for rank, (takes, why) in enumerate(aware) if not takes]
    if not refusals:
        return Choice("mpi", f"not NCCL: {against_nccl}; MPI takes GPU memory: {aware[0][1]}")
    rank, why = refusals[0]
    return Choice("packets", f"not NCCL: {against_nccl}; not MPI from GPU to GPU: {why} (rank {rank})")


def _against_nccl(gpus: tuple[tuple[int, str], ...], versions: tuple[tuple[int, str], ...]) -> str | None:
    """Why NCCL cannot be used, None: it can."""
    for rank, (version, why) in enumerate(versions):
        if version == 0:
            return f"{why} (rank {rank})"
    if len({version for version, _ in versions}) > 1:
        found = ", ".join(str(version) for version, _ in versions)
        return f"the ranks have different versions of it ({found})"
    (node, identity), ranks = Counter(gpus).most_common(1)[0]
    if ranks > 1:
        return f"{ranks} ranks share GPU {identity} of node {node}, where it allows one"
    return None


def open_transport(way: Way, device: Device, comm: Comm) -> Transport:
    """Open it; collective. Raises MissingDependencyError where NCCL cannot connect the ranks."""
    if way == "nccl":
        ranks = NcclRanks(device, comm)
        return Transport(way, ranks.channel, ranks.close)
    kind = MpiDeviceChannel if way == "mpi" else HostChannel
    return Transport(way, lambda words: kind(device, comm, words), lambda: None)
