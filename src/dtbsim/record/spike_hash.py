"""The hash of a run's spikes: equal spikes, equal hash, however the run was distributed.

Every spike is mixed into two 64-bit words; the words of all spikes of a window of WINDOW_STEPS steps are added modulo
2^64, which takes them in any order and in any parts: ranks add their own spikes, and only the sums travel, once. The
hash is the SHA-256 of the windows that hold spikes, ascending, each as three little-endian uint64: its number
(step // WINDOW_STEPS) and the two sums. A spike is the word w = step * 2^32 + gid; its words are a = mix(w ^ KEY_A) and
b = mix(a ^ KEY_B), with the finalizer of SplitMix64 (Steele, Lea, Flood 2014, OOPSLA; Stafford's variant 13). Of a gid
of more than 32 bits the lower ones are in w, and the upper ones times KEY_C are XORed to it. A run without spikes has
the SHA-256 of nothing.

The sums tell runs apart that differ by accident; they are no protection against someone who looks for two runs with
the same sums.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from dtbsim.numerics.mix import KEY_A, KEY_B, mixed
from dtbsim.record.spike_order import Gids, Steps, check_spikes

U64 = NDArray[np.uint64]

VERSION = 2
"""Of this definition; 1 was the SHA-256 of all spikes in order."""
WINDOW_BITS = 12
WINDOW_STEPS = 1 << WINDOW_BITS
KEY_C = np.uint64(0xD6E8FEB86659FD93)
_BATCH = 1 << 15
"""Spikes that are mixed at once: they and their words stay in the L2 cache."""


class SpikeHasher:
    """Computes the sums of a rank while its spikes come in; `combined` makes the hash of those of all ranks."""

    def __init__(self, sums: Mapping[int, tuple[int, int]] | None = None) -> None:
        self._sums: dict[int, U64] = {window: np.array(words, np.uint64) for window, words in (sums or {}).items()}

    def update(self, steps: Steps, gids: Gids) -> None:
        """Add spikes (int64[n] from 0 to before 2^31, uint32[n] or int64[n]) in any order."""
        check_spikes(steps, gids)
        for low in range(0, len(steps), _BATCH):
            self._add(steps[low : low + _BATCH], gids[low : low + _BATCH])

    def add_sums(self, sums: Iterable[tuple[int, U64]]) -> None:
        """Add sums of windows, as of another rank."""
        for window, words in sums:
            self._sums[window] = self._sums.get(window, np.zeros(2, np.uint64)) + words

    @property
    def sums(self) -> dict[int, tuple[int, int]]:
        """The two sums of every window that holds spikes, by its number: all that a rank needs to go on later."""
        return {window: (int(words[0]), int(words[1])) for window, words in sorted(self._sums.items())}

    def table(self, n_steps: int) -> U64:
        """The sums of all windows of a run of `n_steps`, uint64[windows, 2]; those of ranks are added, wrapping."""
        table = np.zeros((-(-n_steps // WINDOW_STEPS), 2), np.uint64)
        for window, words in self._sums.items():
            table[window] = words
        return table

    def hexdigest(self) -> str:
        """Return the hash of the spikes so far, 64 hexadecimal digits; more may follow."""
        return combined(self._sums)

    def _add(self, steps: Steps, gids: Gids) -> None:
        words = steps.astype(np.uint64)
        windows = words >> np.uint64(WINDOW_BITS)
        words <<= np.uint64(32)
        if gids.dtype == np.int64:
            wide = gids.view(np.uint64)
            words |= wide & np.uint64(0xFFFFFFFF)
            words ^= (wide >> np.uint64(32)) * KEY_C
        else:
            words |= gids
        a = mixed(words ^ KEY_A)
        b = mixed(a ^ KEY_B)
        first, last = int(windows.min()), int(windows.max())
        for window in range(first, last + 1):
            inside = slice(None) if first == last else windows == window
            held = self._sums.setdefault(window, np.zeros(2, np.uint64))
            held += np.array([np.add.reduce(a[inside]), np.add.reduce(b[inside])])


def combined(sums: Mapping[int, U64] | U64) -> str:
    """The hash of the sums of windows: by number, or of all windows from the first on (uint64[windows, 2])."""
    if isinstance(sums, np.ndarray):
        sums = {int(window): sums[window] for window in np.flatnonzero(sums.any(axis=1))}
    sha = hashlib.sha256()
    for window in sorted(window for window, words in sums.items() if words.any()):
        sha.update(np.array([window, *sums[window]], "<u8").tobytes())
    return sha.hexdigest()
