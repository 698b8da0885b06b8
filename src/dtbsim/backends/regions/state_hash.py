"""The hash of the states of mean-field regions: equal states, equal hash, however the run was distributed.

The states of all nodes and members are mixed at every multiple of INTERVAL steps, and at the end. Each value makes two
64-bit words of who it is and of its bits; the words of a moment are added modulo 2^64, so that ranks add their own and
only the sums travel. The hash is the SHA-256 of the moments, ascending, each as three little-endian uint64: its step
and the two sums. Who: member << 40 | number of the state << 32 | number of the node in the network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dtbsim.mpi import Comm
from dtbsim.numerics.mix import KEY_A, KEY_B, mixed

U64 = NDArray[np.uint64]
STATE_HASH_VERSION = 1
INTERVAL = 4096
"""Steps between two moments."""


class RegionHasher:
    """The sums of one rank, by step."""

    def __init__(self, sums: Mapping[int, tuple[int, int]] | None = None) -> None:
        self.sums: dict[int, U64] = {step: np.array(words, np.uint64) for step, words in (sums or {}).items()}
        self._last: tuple[int, U64] | None = None

    def add(self, step: int, who: U64, states: NDArray[np.float32], *, last: bool) -> None:
        """Add states float32[n] after `step` steps, `who` uint64[n] they are; those of the `last` may change."""
        words = states.view(np.uint32).astype(np.uint64)
        words += np.uint64(1) << np.uint64(32)  # a state of 0 counts, too
        a = mixed(mixed(who ^ KEY_A) ^ words)
        b = mixed(a ^ KEY_B)
        sums = np.array([np.add.reduce(a), np.add.reduce(b)], np.uint64)
        if last:
            before = np.zeros(2, np.uint64) if self._last is None or self._last[0] != step else self._last[1]
            self._last = step, before + sums
        else:
            self.sums[step] = self.sums.get(step, np.zeros(2, np.uint64)) + sums

    def combined(self, comm: Comm) -> str:
        """The hash over all ranks, 64 hexadecimal digits; collective."""
        mine = dict(self.sums)
        if self._last is not None and self._last[0] % INTERVAL:
            mine[self._last[0]] = self._last[1]
        return hash_of(comm.allgather({step: words.tolist() for step, words in mine.items()}))


def hash_of(parts: Sequence[Mapping[int, Sequence[int]]]) -> str:
    """The hash of the sums of all ranks."""
    total: dict[int, list[int]] = {}
    for part in parts:
        for step, words in part.items():
            known = total.setdefault(step, [0, 0])
            for k in range(2):
                known[k] = (known[k] + int(words[k])) % 2**64
    sha = hashlib.sha256()
    for step in sorted(total):
        sha.update(np.array([step, *total[step]], "<u8").tobytes())
    return sha.hexdigest()
