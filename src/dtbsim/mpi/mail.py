"""Messages of uint64 words between fixed pairs of ranks, again and again: what all kinds of `Comm` share of them.

Word 0 of a message says in its lower 32 bits how many words follow in all. As many as the pair has room for travel in a
message of fixed size, the rest in a second one of just their size. Room follows what is sent: both ends of a pair see
the same numbers and apply the same rule, so that nothing need be agreed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

COUNT = np.uint64(0xFFFFFFFF)
LEAST_WORDS = 16
REVIEW = 64
"""Exchanges after which a pair gets less room where it has used less."""
SPARE = 2


def counts_of(words: U64, at: I64) -> I64:
    """Words that follow word 0 in all, of every message: int64[n]. Messages begin at `at`, int64[n + 1]."""
    return (words[at[:-1]] & COUNT).astype(np.int64)


class Room:
    """Words of room for messages with each of some ranks, word 0 included."""

    def __init__(self, n: int, words: int) -> None:
        self.words: I64 = np.full(n, max(words, 2), np.int64)
        self._peak = np.zeros(n, np.int64)
        self._since = 0

    @property
    def at(self) -> I64:
        """Where each message begins in a buffer of all, int64[n + 1]."""
        return np.concatenate([[0], np.cumsum(self.words)]).astype(np.int64)

    def adapt(self, counts: I64) -> bool:
        """Take note of an exchange of messages with `counts` words beside word 0; whether room has changed."""
        np.maximum(self._peak, counts, out=self._peak)
        self._since += 1
        wanted = np.where(counts + 1 > self.words, enough(counts), self.words)
        if self._since == REVIEW:
            fitting = enough(self._peak)
            wanted = np.where(SPARE * fitting <= wanted, fitting, wanted)
            self._since, self._peak = 0, np.zeros_like(self._peak)
        changed = bool((wanted != self.words).any())
        self.words = wanted
        return changed


def enough(counts: I64) -> I64:
    """Room for messages of `counts` words, and for up to twice as many; a power of two each."""
    words: I64 = np.maximum(LEAST_WORDS, 2 ** np.ceil(np.log2(SPARE * (counts + 1.0))).astype(np.int64))
    return words


class MailBuffers:
    """What one end of the exchange holds: `send` and `recv` are one buffer each, with the messages one after another.

    Fill word 0 and the words of each message in `send` (what does not fit goes to `start`), then `start(rest)`,
    compute, `wait()`, and read `recv`. Between `start` and `wait` neither may be touched. `tidy()` after reading.
    """

    def __init__(self, to: Sequence[int], sources: Sequence[int], words: int) -> None:
        self.to, self.sources = list(to), list(sources)
        self._rooms = Room(len(self.to), words), Room(len(self.sources), words)
        self._lay_out()

    def _lay_out(self) -> None:
        self.send_at, self.recv_at = self._rooms[0].at, self._rooms[1].at
        self.send: U64 = np.zeros(int(self.send_at[-1]), np.uint64)
        self.recv: U64 = np.zeros(int(self.recv_at[-1]), np.uint64)

    def out(self, k: int) -> U64:
        """The message to the k-th rank of `to`, as long as there is room for."""
        return self.send[self.send_at[k] : self.send_at[k + 1]]

    def arrived(self, k: int) -> U64:
        """The message from the k-th rank of `sources`."""
        return self.recv[self.recv_at[k] : self.recv_at[k + 1]]

    def outstanding(self) -> list[tuple[int, int]]:
        """(k, words) of what did not fit into the messages that have arrived."""
        over = counts_of(self.recv, self.recv_at) + 1 - self._rooms[1].words
        return [(int(k), int(over[k])) for k in np.flatnonzero(over > 0)]

    def adapt(self) -> bool:
        """Give the messages to come the room that they seem to need; whether buffers are new."""
        changed = self._rooms[0].adapt(counts_of(self.send, self.send_at))
        changed |= self._rooms[1].adapt(counts_of(self.recv, self.recv_at))
        if changed:
            self._lay_out()
        return changed
