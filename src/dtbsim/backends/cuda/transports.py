"""How packets of spikes get from one GPU to another, and which way is taken.

NCCL moves them from device to device, a CUDA-aware MPI library too, by way of the network card where the hardware has
it; else they go through the memory of the hosts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.nccl import NcclRanks, nccl_version
from dtbsim.errors import InputError
from dtbsim.mpi import Comm
from dtbsim.mpi.channel import Channel, Messages

Way = Literal["nccl", "mpi", "packets"]
NAMES: dict[Way, str] = {
    "nccl": "NCCL, from GPU to GPU",
    "mpi": "MPI, from GPU to GPU",
    "packets": "packets through the memory of the hosts",
}


class Choice(NamedTuple):
    """The way, and why not a better one."""

    way: Way
    reason: str


class Transport(NamedTuple):
    """A way that is open: `channel(tag, out, into)` makes a channel (`mpi.channel.Channel`) of messages in the memory
    of the device, under the same tag on all ranks; `close` ends it.

    The kernels that fill messages or read them must have ended before `post`; after `complete` what has come is there
    for the kernels started from now on.
    """

    way: Way
    channel: Callable[[int, Messages, Messages], Channel]
    close: Callable[[], None]


class HostChannel:
    """Messages go to the host, to the other ranks' hosts, and to their devices."""

    def __init__(self, device: Device, comm: Comm, tag: int, out: Messages, into: Messages) -> None:
        self._device, self._out, self._into = device, out.buffer, into.buffer
        self._sent, self._come = np.zeros(out.buffer.size, np.uint64), np.zeros(into.buffer.size, np.uint64)
        there, here = Messages(out.ranks, self._sent, out.at), Messages(into.ranks, self._come, into.at)
        self._channel = comm.channel(tag, there, here)

    def post(self) -> None:
        """To the host, and on."""
        self._sent[...] = self._device.download(self._out)
        self._channel.post()

    def ready(self) -> bool:
        """Whether they are at this host."""
        return self._channel.ready()

    def complete(self) -> None:
        """From the host."""
        self._channel.complete()
        self._device.overwrite(self._into, self._come)

    def close(self) -> None:
        """Close the channel between hosts."""
        self._channel.close()


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
    if way == "mpi":
        return Transport(way, comm.channel, _nothing)
    return Transport(way, lambda tag, out, into: HostChannel(device, comm, tag, out, into), _nothing)


def _nothing() -> None:
    """The communicator stays open."""
