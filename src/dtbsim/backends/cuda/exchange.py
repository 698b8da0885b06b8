"""Exchange of spikes between ranks with GPUs: packed, sent, unpacked and entered without a look of the host at them.

With a window of two steps or more, the exchange of one half-window travels while the next is stepped; buffers are there
twice. The host learns from the rank table that packets were too small, its own at the end of a window, those of others
because the device halts; then the spikes go through the hosts in a second round, whose place in the order of all
collective calls is the same on every rank: after the next exchange has begun, or at the end of a chunk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device, Kernels
from dtbsim.backends.cuda.source import whole_text
from dtbsim.backends.cuda.transports import NAMES, Choice, DeviceChannel, open_transport
from dtbsim.exchange.packets import PACKET_WORDS, second_round
from dtbsim.exchange.plan import ExchangePlan
from dtbsim.kernels import device_layout as X
from dtbsim.mpi import Comm
from dtbsim.spec.network import Network

_LOG = logging.getLogger(__name__)
I64 = NDArray[np.int64]
NONE: I64 = np.zeros(0, np.int64)
ITEMS = 8192
LIVELY_HZ = 50.0
MOST_WORDS = 1 << 17


def packet_words(neurons_per_rank: int, window_ms: float) -> int:
    """Words of a packet for all spikes of a window at LIVELY_HZ, at least those of ranks without GPUs.

    The same on every rank, from numbers that are.
    """
    spikes = int(neurons_per_rank * window_ms * LIVELY_HZ / 1000.0)
    return min(max(PACKET_WORDS, 1 << spikes.bit_length()), MOST_WORDS)


def _steps_between(plan: ExchangePlan) -> int:
    """Steps between two exchanges: two half-windows fit the shortest delay."""
    return max(1, plan.window // 2)


class _Packets:
    """The packets of one exchange and, where they were too small, the spikes of this rank."""

    def __init__(self, channel: DeviceChannel) -> None:
        self.channel = channel
        self.left_over: I64 = NONE


class DeviceExchange:
    """`window` is the number of steps between two exchanges; all ranks make one together."""

    def __init__(
        self, device: Device, comm: Comm, plan: ExchangePlan, gid_starts: I64, choice: Choice, words: int = PACKET_WORDS
    ) -> None:
        self._device, self._comm = device, comm
        self._needs, self._gid_starts = plan.needs, np.ascontiguousarray(gid_starts, np.int64)
        self.overlapped = plan.window >= 2
        self.window = _steps_between(plan)
        self.way = choice.way
        self._transport = open_transport(choice.way, device, comm)
        self._all = [_Packets(self._transport.channel(words)) for _ in range(2 if self.overlapped else 1)]
        self._turn = 0
        self._under_way: _Packets | None = None
        self._unpacked: _Packets | None = None
        self._table = self._exchange_table(words)
        self._replaced: Any = None
        _LOG.info("exchange by %s every %d step(s): %s", NAMES[choice.way], self.window, choice.reason)

    def _exchange_table(self, words: int) -> Any:
        device, n_ranks, table = self._device, self._comm.size, np.zeros(X.EXCHANGE_FIELDS, np.int64)
        self._kept = {
            X.E_NEEDS_AT: device.upload(self._needs.astype(np.uint8)),
            X.E_GID_STARTS_AT: device.upload(self._gid_starts),
            X.E_COUNT_AT: device.xp.zeros(n_ranks, np.int64),
            X.E_ENTRIES_AT: device.xp.zeros(n_ranks * words, np.int64),
        }
        for field, array in self._kept.items():
            table[field] = device.address(array)
        table[X.E_RANK], table[X.E_N_RANKS], table[X.E_PACKET_WORDS] = self._comm.rank, n_ranks, words
        table[X.E_N_POPULATIONS] = self._needs.shape[1]
        return device.upload(table)

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
        address = self._device.address
        packets = address(self._all[self._turn].channel.send)
        shape = self._device.limits.spread(-(-ITEMS // n_rows), n_rows)
        self._kernels.launch(kernel, shape, rank_at, address(self._table), packets, until)

    def swap(self, rank_at: int, left_over: I64 | None) -> bool:
        """Send what was packed, unpack what has come: that of the window before, where exchanges are overlapped.

        The host has seen that the packets are complete, and gives the spikes (step << 32 | gid) that did not fit.
        Returns whether there is something to enter.
        """
        packed = self._all[self._turn]
        self._turn = (self._turn + 1) % len(self._all)
        packed.left_over = NONE if left_over is None else left_over
        if self.overlapped:
            come, self._under_way = self._under_way, packed
            if come is not None:
                come.channel.wait()
            packed.channel.start()
            if come is None:
                return False
        else:
            come = packed
            come.channel.start()
            come.channel.wait()
        self._unpack(rank_at, come.channel)
        self._unpacked = come
        return True

    def _unpack(self, rank_at: int, channel: DeviceChannel) -> None:
        address = self._device.address
        shape = self._device.limits.spread(1, self._comm.size, shared_bytes=16)
        arguments = rank_at, address(self._table), address(channel.recv), address(channel.send)
        self._kernels.launch("dtb_unpack", shape, *arguments)
        self._replaced = None

    # -- what was unpacked last, on the host --------------------------------------------------------------------------

    def second_round(self, rank: I64) -> None:
        """Add the spikes that did not fit to those unpacked last, in the host's rank table; collective."""
        assert self._unpacked is not None
        come = second_round(self._comm, self._unpacked.left_over, self._gid_starts, self._needs)
        self._replace(rank, np.concatenate([self._entries_of(rank), come]))

    def arrange(self, rank: I64, order: Callable[[I64], I64]) -> int:
        """Bring the spikes unpacked last into an order, in the host's rank table; returns how many there are."""
        entries = order(self._entries_of(rank))
        self._replace(rank, entries)
        return entries.size

    def _entries_of(self, rank: I64) -> I64:
        held = self._kept[X.E_ENTRIES_AT] if self._replaced is None else self._replaced
        return self._device.download(held[: int(rank[X.R_REMOTE_N])])

    def _replace(self, rank: I64, entries: I64) -> None:
        self._replaced = self._device.upload(np.append(entries, 0))  # never empty: it has an address
        rank[X.R_REMOTE_AT], rank[X.R_REMOTE_N] = self._device.address(self._replaced), entries.size

    def close(self) -> None:
        """Leave the others."""
        self._transport.close()


def open_exchange(choice: Choice, device: Device, comm: Comm, network: Network, plan: ExchangePlan) -> DeviceExchange:
    """The exchange between the GPUs of all ranks by the way that was chosen (`choose_way`); collective.

    Raises MissingDependencyError where NCCL was chosen and cannot connect the ranks.
    """
    words = packet_words(network.n_neurons // comm.size, _steps_between(plan) * network.dt_ms)
    return DeviceExchange(device, comm, plan, network.gid_starts, choice, words)
