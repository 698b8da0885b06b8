"""Messages of uint64 words, of any length, between this rank and some others, again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dtbsim.exchange.room import Room, counts_of
from dtbsim.kernels.packets import count_over, note_counts
from dtbsim.mpi.channel import Channel, Messages, PointToPoint

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
_NO_WORDS: U64 = np.zeros(0, np.uint64)
_NO_COUNTS: I64 = np.zeros(0, np.int64)
_AT_START: I64 = np.zeros(1, np.int64)


class Mailbox(Protocol):
    """One exchange that is made again and again: fill `send`, `post`, compute, `complete`, read `recv`, `tidy`.

    Message k to others is `send[send_at[k] : send_at[k + 1]]`, its word 0 the number of entries of logs that follow;
    those that have no room go to `post`. Messages of others are in `recv` by `recv_at` in the same way, though
    not one for each rank. Between `post` and the end of `complete` neither buffer may be touched.
    """

    @property
    def send(self) -> U64:
        """Messages to others."""

    @property
    def recv(self) -> U64:
        """Messages of others."""

    @property
    def send_at(self) -> I64:
        """Where each of `send` begins, and where the last one ends."""

    @property
    def recv_at(self) -> I64:
        """The same of `recv`."""

    def compile(self) -> None:
        """Compile, or load, the code that it needs."""

    def post(self, rest: Sequence[tuple[int, U64]] = ()) -> None:
        """Begin; returns at once. `rest`: (k, words) of what had no room in message k."""

    def progress(self) -> None:
        """Do what others wait for and can be done now, such as to pass on what has arrived; returns at once."""

    def complete(self) -> list[U64]:
        """Return once everything has arrived, with the entries that are not in `recv`."""

    def tidy(self) -> None:
        """Give messages more or less room, for the next exchange; the buffers may be others afterwards."""

    def close(self) -> None:
        """Give back what it holds; nothing is under way."""


class Carrier(Protocol):
    """What moves messages: a `Comm`, or what simulates other ranks."""

    def new_tag(self) -> int:
        """Return a number for what belongs together on all ranks."""

    def channel(self, tag: int, out: Messages, into: Messages) -> Channel:
        """Return an exchange of `out` for `into`."""

    def point_to_point(self, tag: int) -> PointToPoint:
        """Return single messages under a tag."""


class DirectMailbox:
    """Straight to each rank: a message of fixed size, and a second one of just its size where that has no room.

    All ranks make theirs in the same order; each rank of `to` has this one among its `sources`. `words`: the room of a
    message at first.
    """

    def __init__(self, carrier: Carrier, to: Sequence[int], sources: Sequence[int], words: int) -> None:
        self.to, self.sources = list(to), list(sources)
        self._rooms = Room(len(self.to), words), Room(len(self.sources), words)
        self._carrier, self._tag = carrier, carrier.new_tag()
        self._second = carrier.point_to_point(carrier.new_tag())
        self._lay_out()

    def _lay_out(self) -> None:
        self.send_at, self.recv_at = self._rooms[0].at, self._rooms[1].at
        self.send: U64 = np.zeros(int(self.send_at[-1]), np.uint64)
        self.recv: U64 = np.zeros(int(self.recv_at[-1]), np.uint64)
        out, into = Messages(self.to, self.send, self.send_at), Messages(self.sources, self.recv, self.recv_at)
        self._channel = self._carrier.channel(self._tag, out, into)

    def compile(self) -> None:
        """Count the entries of no messages."""
        count_over(_NO_WORDS, _AT_START)
        note_counts(_NO_WORDS, _AT_START, _NO_COUNTS)

    def post(self, rest: Sequence[tuple[int, U64]] = ()) -> None:
        """Begin to send and to receive."""
        self._channel.post()
        for k, words in rest:
            self._second.send(self.to[k], words)

    def progress(self) -> None:
        """Nobody waits for this rank to pass anything on."""

    def ready(self) -> bool:
        """Whether all messages of fixed size have arrived."""
        return self._channel.ready()

    def complete(self) -> list[U64]:
        """Wait for all messages; the second ones."""
        return [words for _, words in self.finish()]

    def finish(self) -> list[tuple[int, U64]]:
        """The same, each with the number of the message that it continues."""
        self._channel.complete()
        if not count_over(self.recv, self.recv_at):
            return []
        over = counts_of(self.recv, self.recv_at) + 1 - self._rooms[1].words
        beyond = np.flatnonzero(over > 0).tolist()
        found = self._second.receive([(self.sources[k], int(over[k])) for k in beyond])
        return list(zip(beyond, found, strict=True))

    def tidy(self) -> None:
        """Adapt the room of messages to what was sent, and to what has come."""
        changed = self._rooms[0].adapt(self.send, self.send_at)
        changed |= self._rooms[1].adapt(self.recv, self.recv_at)
        if changed:
            before = self._channel
            self._lay_out()
            before.close()

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()
