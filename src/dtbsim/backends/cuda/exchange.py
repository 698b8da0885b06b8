"""Exchange of spikes between ranks with GPUs: packed, sent, unpacked and entered without a look of the host at them.

A rank has one message for each rank that has synapses of its neurons. With a window of two steps or more, the exchange
of one half-window travels while the next is stepped; buffers are there twice. The host learns from the rank table that
a message was too small, its own at the end of a window, those of others because the device halts; then its spikes go
through the hosts in a second message between these two ranks, and both give the first one more room from then on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device, Kernels
from dtbsim.backends.cuda.packets import Addressed, Packets
from dtbsim.backends.cuda.source import whole_text
from dtbsim.backends.cuda.transports import NAMES, Choice, open_transport
from dtbsim.build.rank import RankNetwork
from dtbsim.exchange.links import Links, find_links
from dtbsim.exchange.plan import ExchangePlan, steps_between
from dtbsim.kernels import device_layout as X
from dtbsim.mpi import Comm

_LOG = logging.getLogger(__name__)
I64 = NDArray[np.int64]
ITEMS = 8192
FIRST_WORDS = 512
"""Of a message at first."""


class DeviceExchange:
    """`window` is the number of steps between two exchanges; all ranks make one together."""

    def __init__(
        self,
        device: Device,
        comm: Comm,
        plan: ExchangePlan,
        gid_starts: I64,
        links: Links,
        choice: Choice,
        words: int = FIRST_WORDS,
    ) -> None:
        self._device = device
        self.overlapped = plan.window >= 2
        self.window = steps_between(plan.window)
        self.way = choice.way
        self._transport = open_transport(choice.way, device, comm)
        addressed = Addressed(links, gid_starts, comm.point_to_point(comm.new_tag()))
        self._all = [
            Packets(device, self._transport, addressed, comm.new_tag(), words)
            for _ in range(2 if self.overlapped else 1)
        ]
        self._turn = 0
        self._under_way: Packets | None = None
        self._unpacked: Packets | None = None
        self._replaced: Any = None
        _LOG.info("exchange by %s every %d step(s): %s", NAMES[choice.way], self.window, choice.reason)

    def compile(self) -> None:
        """Compile the kernels, or load them."""
        self._kernels: Kernels = self._device.compile(whole_text("packets.cu", {}))

    # -- a window ---------------------------------------------------------------------------------------------

    def pack(self, rank_at: int, step: int) -> None:
        """Pack what is in the log behind the steps so far; it is the whole window once the device is at `step`."""
        self._pack("dtb_pack", 1, rank_at, step)

    def pack_lanes(self, rank_at: int, n_lanes: int, *, last: bool) -> None:
        """Pack what is in the logs of the lanes; it is the whole window if `last`."""
        self._pack("dtb_pack_lanes", n_lanes, rank_at, int(last))

    def _pack(self, kernel: str, n_rows: int, rank_at: int, until: int) -> None:
        address, packets = self._device.address, self._all[self._turn]
        shape = self._device.limits.spread(-(-ITEMS // n_rows), n_rows)
        self._kernels.launch(kernel, shape, rank_at, address(packets.table), address(packets.send), until)

    def swap(self, rank_at: int, left_over: I64 | None) -> bool:
        """Send what was packed, unpack what has come: that of the window before, where exchanges are overlapped.

        The host has seen that the messages are complete, and gives the spikes (step << 32 | gid) of the window where
        some were too small. Returns whether there is something to enter.
        """
        packed = self._all[self._turn]
        self._turn = (self._turn + 1) % len(self._all)
        come: Packets | None = packed
        if self.overlapped:
            come, self._under_way = self._under_way, packed
            if come is not None:
                come.complete()
        packed.post(left_over)
        if come is None:
            return False
        if come is packed:
            come.complete()
        self._unpack(rank_at, come)
        come.grow_sent()
        self._unpacked = come
        return True

    def _unpack(self, rank_at: int, come: Packets) -> None:
        address = self._device.address
        shape = self._device.limits.spread(1, max(1, come.n_in), shared_bytes=16)
        self._kernels.launch("dtb_unpack", shape, rank_at, address(come.table), address(come.recv))
        self._replaced = None

    # -- what was unpacked last, on the host --------------------------------------------------------------------------

    def second_round(self, rank: I64) -> None:
        """Add the spikes of messages that were too small to those unpacked last, in the host's rank table."""
        assert self._unpacked is not None
        unpacked = self._entries_of(rank)
        self._replace(rank, np.concatenate([unpacked, *self._unpacked.receive_rest()]))

    def arrange(self, rank: I64, order: Callable[[I64], I64]) -> int:
        """Bring the spikes unpacked last into an order, in the host's rank table; returns how many there are."""
        entries = order(self._entries_of(rank))
        self._replace(rank, entries)
        return entries.size

    def _entries_of(self, rank: I64) -> I64:
        assert self._unpacked is not None
        held = self._unpacked.entries if self._replaced is None else self._replaced
        return self._device.download(held[: int(rank[X.R_REMOTE_N])])

    def _replace(self, rank: I64, entries: I64) -> None:
        self._replaced = self._device.upload(np.append(entries, 0))  # never empty: it has an address
        rank[X.R_REMOTE_AT], rank[X.R_REMOTE_N] = self._device.address(self._replaced), entries.size

    def close(self) -> None:
        """Leave the others."""
        self._transport.close()


def open_exchange(choice: Choice, device: Device, comm: Comm, built: RankNetwork, plan: ExchangePlan) -> DeviceExchange:
    """The exchange between the GPUs of all ranks by the way that was chosen (`choose_way`); collective.

    Raises MissingDependencyError where NCCL was chosen and cannot connect the ranks.
    """
    links = find_links(built.network, built.blocks, comm.rank)
    return DeviceExchange(device, comm, plan, built.network.gid_starts, links, choice)
