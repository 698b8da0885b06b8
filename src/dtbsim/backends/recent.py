"""Spikes of a rank's neurons that some synapse may not have received yet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]


class RecentSpikes:
    """Entries step << bits | gid of the last `longest` steps, where `longest` is the longest delay of the network."""

    def __init__(self, longest: int, bits: int = 32) -> None:
        self._longest, self._bits = longest, bits
        self._entries: I64 = np.zeros(0, np.int64)

    def add(self, entries: I64, now: int) -> None:
        """Keep those that can arrive at step `now`, the next one, or later; forget what has arrived everywhere."""
        first = now - self._longest
        kept = [part[part >> self._bits >= first] for part in (self._entries, entries)]
        self._entries = np.concatenate(kept)

    def since(self, now: int, more: I64) -> I64:
        """Those that can arrive at step `now` or later, with `more` entries that were not added."""
        entries = np.concatenate([self._entries, more])
        return entries[entries >> self._bits >= now - self._longest]

    def load(self, entries: I64) -> None:
        """Begin with these."""
        self._entries = entries
