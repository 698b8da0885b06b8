"""Philox 4x32-10 (`dtbsim.numerics.philox`) as compiled code."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.numerics.philox import HIGH, LOW, M0, M1, SHIFT, W0, W1

_HIGH = np.uint64(HIGH)


@nb.njit(inline="always")
def philox4x32(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Return the four uint32 outputs for counter (c0..c3) and key (k0, k1), all uint32."""
    # 64-bit lanes whose upper halves are ignored by the next multiplication: vectorises to vpmuludq without truncations
    a, b, c, d = np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3)
    k, q = np.uint64(k0), np.uint64(k1)
    for _ in range(10):
        p0 = M0 * (a & LOW)
        p1 = M1 * (c & LOW)
        a = (p1 >> SHIFT) ^ b ^ k
        b = p1
        c = (p0 >> SHIFT) ^ d ^ q
        d = p0
        k = np.uint64(k + W0)
        q = np.uint64(q + W1)
    return np.uint32(a), np.uint32(b), np.uint32(c), np.uint32(d)


@nb.njit(inline="always")
def keyed(key: Any, high: Any) -> Any:
    """A word of the key (uint32) for a global id with these upper 32 bits (`numerics.philox`)."""
    return np.uint32(np.uint64(key) + np.uint64(high) * _HIGH)


@nb.njit(inline="always")
def below(high: Any, low: Any, n: Any) -> Any:
    """Integer in [0, n) from 64 random bits (two uint32 words), n < 2**32: floor(u * n), bias below n / 2**64."""
    carry = (np.uint64(low) * np.uint64(n)) >> SHIFT
    return np.int64((np.uint64(high) * np.uint64(n) + carry) >> SHIFT)
