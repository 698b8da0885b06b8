"""Philox 4x32-10 counter-based random numbers (Salmon et al. 2011, SC'11, doi:10.1145/2063384.2063405).

A draw is a pure function of (seed, what is drawn): there is no generator state. The 128-bit counter is
(word 0, word 1, word 2, word 3); word 3 carries the purpose and the object drawn for, see `PURPOSE_*`.

A global id in word 0 has 32 bits there. What it has above them is multiplied by HIGH and added to the second word of
the key; that of an id in word 2 to the first. Ids below 2**32 leave the key as it is, and no two ids draw the same.
Known-answer vectors of the Random123 distribution are the test.
"""

from __future__ import annotations

import numpy as np

M0 = np.uint64(0xD2511F53)
M1 = np.uint64(0xCD9E8D57)
W0 = np.uint64(0x9E3779B9)
W1 = np.uint64(0xBB67AE85)
HIGH = 0x85EBCA6B
"""Odd, so that different upper words give different keys."""
SHIFT = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)

PURPOSE_SHIFT = 24
"""Word 3 = purpose << 24 | index of the projection, drive or quantity (below 2**24)."""
PURPOSE_SOURCE = 1
PURPOSE_COUNT = 2
PURPOSE_POISSON = 3
PURPOSE_INITIAL = 4
PURPOSE_PARAMETER = 5
PURPOSE_SPLIT = 6
PURPOSE_SUBSET = 7
PURPOSE_NOISE = 8
PURPOSE_EMIT = 9
PURPOSE_OUT_SPLIT = 10
PURPOSE_OUT_TARGET = 11
PURPOSE_RATE = 12
PURPOSE_POSITION = 16
PURPOSE_DEGREE = 20
PURPOSE_TRAIN = 21
PURPOSE_REGION_NOISE = 24
PURPOSE_REGION_DRIVE = 25


def seed_key(seed: int) -> tuple[np.uint32, np.uint32]:
    """Split a 64-bit seed into the two key words."""
    return np.uint32(seed & 0xFFFFFFFF), np.uint32(seed >> 32)


def philox_array(
    c0: np.ndarray, c1: np.ndarray | int, c2: np.ndarray | int, c3: np.ndarray | int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vectorised form for host code: broadcast counters, returns four uint32 arrays of the broadcast shape.

    `c0` are global ids of up to 64 bits, or any words; the others are uint32.
    """
    words = [np.asarray(word, dtype=np.uint64) for word in np.broadcast_arrays(c0, c1, c2, c3)]
    k0, k1 = (int(key) for key in seed_key(seed))
    a, b, c, d = words
    high = a >> SHIFT
    keys = (np.uint64(k1) + high * np.uint64(HIGH)) & LOW if high.any() else np.uint64(k1)
    a = a & LOW
    for _ in range(10):
        p0, p1 = M0 * a, M1 * c
        a, b, c, d = (p1 >> SHIFT) ^ b ^ np.uint64(k0), p1 & LOW, (p0 >> SHIFT) ^ d ^ keys, p0 & LOW
        k0, keys = (k0 + int(W0)) & 0xFFFFFFFF, (keys + W1) & LOW
    return tuple(word.astype(np.uint32) for word in (a, b, c, d))  # type: ignore[return-value]
