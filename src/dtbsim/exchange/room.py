"""How much room the messages of an exchange have: it follows what was sent, at both ends by the same rule.

Word 0 of a message says in its lower 32 bits how many words follow in all. As many as there is room for travel in a
message of fixed size, the rest in a second one of just their size. Both ends of a pair see the same numbers and apply
the same rule, so that nothing need be agreed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.kernels.packets import COUNT, note_counts

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

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

    def adapt(self, buffer: U64, at: I64) -> bool:
        """Take note of an exchange of the messages in `buffer`; whether room has changed."""
        over = note_counts(buffer, at, self._peak)
        self._since += 1
        if over == 0 and self._since < REVIEW:
            return False
        wanted = self.words
        if over > 0:
            counts = counts_of(buffer, at)
            wanted = np.where(counts + 1 > wanted, enough(counts), wanted)
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
