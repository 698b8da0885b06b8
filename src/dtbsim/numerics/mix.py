"""Mixing of 64-bit words for hashes of spikes and states: SplitMix64's finalizer (Steele, Lea, Flood 2014, OOPSLA)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
KEY_A = np.uint64(0x9E3779B97F4A7C15)
KEY_B = np.uint64(0xC2B2AE3D27D4EB4F)


def mixed(words: U64) -> U64:
    """SplitMix64's finalizer, a bijection of 64-bit words, in place."""
    words ^= words >> np.uint64(30)
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words
