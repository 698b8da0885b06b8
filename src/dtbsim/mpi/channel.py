"""Messages of fixed size between fixed ranks, again and again: what every kind of `Comm` offers, and one process.

Buffers belong to the caller and stay where they are; on GPUs they may lie in the memory of the device.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Messages:
    """One message for (or from) each of `ranks`: the k-th is `buffer[at[k] : at[k + 1]]`, uint64 words.

    `buffer` may be an array of a GPU; `at` int64[n + 1].
    """

    ranks: Sequence[int]
    buffer: Any
    at: I64

    def __getitem__(self, k: int) -> Any:
        return self.buffer[self.at[k] : self.at[k + 1]]

    @property
    def parts(self) -> list[tuple[int, Any]]:
        """(rank, message) of all."""
        return [(rank, self[k]) for k, rank in enumerate(self.ranks)]


class Channel(Protocol):
    """One exchange of messages with some ranks, made again and again. Nobody waits for ranks it has no message for.

    Fill the messages to others, `post`, compute, `complete`, read those of others. Between `post` and the end of
    `complete` neither buffer may be touched.
    """

    def post(self) -> None:
        """Begin the exchange; returns at once."""

    def ready(self) -> bool:
        """Whether `complete` would return at once."""

    def complete(self) -> None:
        """Return when all messages of others are there, and this rank's are on their way."""

    def close(self) -> None:
        """Give back what the exchange holds; nothing is under way."""


class PointToPoint(Protocol):
    """Single messages of any size between two ranks that both know of them."""

    def send(self, rank: int, words: U64) -> None:
        """Begin to send; `words` are not changed any more."""

    def receive(self, sizes: Sequence[tuple[int, int]]) -> list[U64]:
        """Return one message of each (rank, words), in the order in which that rank sent them, once all are there."""


class LoopbackMessages:
    """One process sends to itself whatever it would send to others."""

    def __init__(self, out: Messages, into: Messages) -> None:
        self._out, self._into = out, into

    def post(self) -> None:
        """Copy what is sent."""
        self._into.buffer[:] = self._out.buffer

    def ready(self) -> bool:
        """Return True."""
        return True

    def complete(self) -> None:
        """Nothing is under way."""

    def close(self) -> None:
        """Nothing is held."""


class LoopbackPointToPoint:
    """PointToPoint of one process to itself, by the rank that they are addressed to."""

    def __init__(self) -> None:
        self._sent: dict[int, deque[U64]] = defaultdict(deque)

    def send(self, rank: int, words: U64) -> None:
        """Keep them."""
        self._sent[rank].append(words)

    def receive(self, sizes: Sequence[tuple[int, int]]) -> list[U64]:
        """Return what was kept."""
        return [self._sent[rank].popleft() for rank, _ in sizes]
