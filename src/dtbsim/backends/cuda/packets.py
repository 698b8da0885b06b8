"""Messages of one exchange in the memory of a GPU: one for each neighbouring rank, each with room of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.transports import Transport
from dtbsim.exchange.links import Links
from dtbsim.exchange.room import enough
from dtbsim.kernels import device_layout as X
from dtbsim.kernels.packets import COUNT, OVERFLOW
from dtbsim.mpi.channel import Messages, PointToPoint
from dtbsim.numerics.ranges import range_of

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Addressed:
    """Who gets the spikes of which populations, and how those travel that have no room in their message."""

    links: Links
    gid_starts: I64
    second: PointToPoint

    def by_message(self, entries: I64) -> tuple[I64, I64]:
        """(entries of each message int64[n_out], population of each entry)."""
        population = range_of(self.gid_starts, entries & 0xFFFFFFFF)
        each = np.bincount(population, minlength=self.gid_starts.size - 1)
        of_link = np.repeat(each, np.diff(self.links.first))
        counts = np.bincount(self.links.wanted_by, of_link, self.links.to.size)
        return counts.astype(np.int64), population

    def wanted(self, message: int) -> I64:
        """Populations whose spikes go into a message."""
        populations = np.repeat(np.arange(self.links.first.size - 1), np.diff(self.links.first))
        mine: I64 = populations[self.links.wanted_by == message]
        return mine


class Packets:
    """`send` and `recv`, uint64 on the device, hold all messages one after another; `table` is the exchange table
    (`kernels.device_layout`), `entries` what is unpacked. Room is `words` of each message at first, and grows where it
    was too small, at both ends by the same rule."""

    def __init__(self, device: Device, transport: Transport, addressed: Addressed, tag: int, words: int) -> None:
        self._device, self._transport, self._addressed, self._tag = device, transport, addressed, tag
        links = addressed.links
        self._to, self._sources = links.to.tolist(), links.sources.tolist()
        self._out_words, self._in_words = np.full(links.to.size, words), np.full(links.sources.size, words)
        self._sent: I64 | None = None
        """Entries of each message of the present exchange, where some were too small."""
        self._fixed = {
            X.E_GID_STARTS_AT: device.upload(np.ascontiguousarray(addressed.gid_starts, np.int64)),
            X.E_FIRST_AT: device.upload(links.first.astype(np.int64)),
            X.E_WANTED_BY_AT: device.upload(np.append(links.wanted_by, 0).astype(np.int32)),
            X.E_COUNT_AT: device.xp.zeros(links.to.size + 1, np.int64),
        }
        self._channel: Any = None
        self._lay_out_sent()
        self._lay_out_received()
        self._open()

    @property
    def n_in(self) -> int:
        """Messages of others."""
        return len(self._sources)

    def _lay_out_sent(self) -> None:
        self._out_at = _starts(self._out_words)
        self.send = self._device.xp.zeros(max(int(self._out_at[-1]), 1), np.uint64)

    def _lay_out_received(self) -> None:
        self._in_at = _starts(self._in_words)
        self.recv = self._device.xp.zeros(max(int(self._in_at[-1]), 1), np.uint64)
        self.entries = self._device.xp.zeros(max(int(self._in_at[-1]), 1), np.int64)

    def _open(self) -> None:
        """Make the table and the channel of the buffers as they are."""
        device, table = self._device, np.zeros(X.EXCHANGE_FIELDS, np.int64)
        self._kept = self._fixed | {
            X.E_OUT_AT: device.upload(self._out_at),
            X.E_IN_AT: device.upload(self._in_at),
            X.E_ENTRIES_AT: self.entries,
        }
        for field, array in self._kept.items():
            table[field] = device.address(array)
        table[X.E_N_OUT], table[X.E_N_IN] = len(self._to), len(self._sources)
        table[X.E_N_POPULATIONS] = self._addressed.gid_starts.size - 1
        self.table = device.upload(table)
        device.synchronise()  # the zeros are there
        before = self._channel
        out = Messages(self._to, self.send, self._out_at)
        self._channel = self._transport.channel(self._tag, out, Messages(self._sources, self.recv, self._in_at))
        if before is not None:
            before.close()

    def post(self, left_over: I64 | None) -> None:
        """Begin the exchange; `left_over`: all spikes of the window, where some message was too small."""
        self._channel.post()
        self._sent = None
        if left_over is None:
            return
        self._sent, population = self._addressed.by_message(left_over)
        for k in np.flatnonzero(self._sent + 1 > self._out_words).tolist():
            mine = left_over[np.isin(population, self._addressed.wanted(k))]
            self._addressed.second.send(self._to[k], mine.astype(np.uint64))

    def complete(self) -> None:
        """Finish the exchange."""
        self._channel.complete()

    def grow_sent(self) -> None:
        """Give messages to others more room that were too small in the exchange that is over."""
        if self._sent is None:
            return
        self._out_words = np.where(self._sent + 1 > self._out_words, enough(self._sent), self._out_words)
        self._sent = None
        self._device.synchronise()  # whatever was started with the buffers as they were
        self._lay_out_sent()
        self._open()

    def receive_rest(self) -> list[I64]:
        """The spikes of messages of others that were too small, which have more room from now on."""
        heads = self._device.download(self.recv)[self._in_at[:-1]]
        counts = (heads & COUNT).astype(np.int64)
        full = np.flatnonzero(heads >= OVERFLOW)
        parts = self._addressed.second.receive([(self._sources[k], int(counts[k])) for k in full.tolist()])
        self._in_words[full] = enough(counts[full])
        self._lay_out_received()
        self._open()
        return [part.view(np.int64) for part in parts]


def _starts(words: I64) -> I64:
    return np.concatenate([[0], np.cumsum(words)]).astype(np.int64)
