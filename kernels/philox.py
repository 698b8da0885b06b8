"""Philox 4x32-10 counter-based random numbers (Salmon et al. 2011, SC'11, doi:10.1145/2063384.2063405).

A draw is a pure function of (seed, what is drawn): there is no generator state. The 128-bit counter is
(word 0, word 1, word 2, word 3); word 3 carries the purpose and the object drawn for, see `PURPOSE_*`.
Known-answer vectors of the Random123 distribution are the test.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

M0 = np.uint64(0xD2511F53)
M1 = np.uint64(0xCD9E8D57)
W0 = np.uint64(0x9E3779B9)
W1 = np.uint64(0xBB67AE85)
_SHIFT = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)

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


@nb.njit(inline="always")
def philox4x32(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Return the four uint32 outputs for counter (c0..c3) and key (k0, k1), all uint32."""
    # 64-bit lanes whose upper halves are ignored by the next multiplication: vectorises to vpmuludq without truncations
    a, b, c, d = np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3)
    k, q = np.uint64(k0), np.uint64(k1)
    for _ in range(10):
        p0 = M0 * (a & _LOW)
        p1 = M1 * (c & _LOW)
        a = (p1 >> _SHIFT) ^ b ^ k
        b = p1
        c = (p0 >> _SHIFT) ^ d ^ q
        d = p0
        k = np.uint64(k + W0)
        q = np.uint64(q + W1)
    return np.uint32(a), np.uint32(b), np.uint32(c), np.uint32(d)


@nb.njit(inline="always")
def below(high: Any, low: Any, n: Any) -> Any:
    """Integer in [0, n) from 64 random bits (two uint32 words), n < 2**32: floor(u * n), bias below n / 2**64."""
    carry = (np.uint64(low) * np.uint64(n)) >> _SHIFT
    return np.int64((np.uint64(high) * np.uint64(n) + carry) >> _SHIFT)


def seed_key(seed: int) -> tuple[np.uint32, np.uint32]:
    """Split a 64-bit seed into the two key words."""
    return np.uint32(seed & 0xFFFFFFFF), np.uint32(seed >> 32)


def philox_array(
    c0: np.ndarray, c1: np.ndarray | int, c2: np.ndarray | int, c3: np.ndarray | int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vectorised form for host code: broadcast uint32 counters, returns four uint32 arrays of the broadcast shape."""
    words = [np.asarray(word, dtype=np.uint64) for word in np.broadcast_arrays(c0, c1, c2, c3)]
    k0, k1 = (int(key) for key in seed_key(seed))
    a, b, c, d = words
    for _ in range(10):
        p0, p1 = M0 * a, M1 * c
        a, b, c, d = (p1 >> _SHIFT) ^ b ^ np.uint64(k0), p1 & _LOW, (p0 >> _SHIFT) ^ d ^ np.uint64(k1), p0 & _LOW
        k0, k1 = (k0 + int(W0)) & 0xFFFFFFFF, (k1 + int(W1)) & 0xFFFFFFFF
    return tuple(word.astype(np.uint32) for word in (a, b, c, d))  # type: ignore[return-value]
