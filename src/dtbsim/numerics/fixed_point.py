"""Fixed-point numbers of generated synapses: fractions of weights and delays, factors, delays around a mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FRACTION_BITS_WEIGHT = 8
FRACTION_BITS_DELAY = 16
FACTOR_BITS = 27
"""Bits of what multiplies a weight: a weight of 2**27 quanta, with its fraction, times 2**27 is an int64."""
MEAN_BITS = 8
"""Bits of a mean delay below one step."""
ADDED = 1 << 31
"""Bit of a packed delay: what the table gives is added to the mean, and not a factor."""


def pack_delays(steps: ArrayLike, first_words: NDArray[np.int64], *, relative: bool) -> NDArray[np.int64]:
    """Own delays of entries (int64[e]) whose synapses are spread around means of `steps` (float64[e]).

    Low 31 bits: the mean in 2**-MEAN_BITS steps; bit 31: what the table gives is added to it, and not a factor; high 32
    bits: the first of the uniform words that count, `first_words` int64[e] below 2**32. Never 0.
    """
    mean = np.rint(np.asarray(steps) * 2.0**MEAN_BITS).astype(np.int64)
    kind = 0 if relative else ADDED
    packed = (first_words.astype(np.uint64) << np.uint64(32)).view(np.int64) | mean | kind
    return np.where(packed == 0, 1, packed)


def lowest_bit(sizes: NDArray[np.float64]) -> float:
    """Return the largest power of two of which all sizes are whole multiples, inf where all are 0."""
    given = sizes[sizes > 0]
    if not given.size:
        return float("inf")
    mantissa, exponent = np.frexp(given)
    bits = (mantissa * 2.0**53).astype(np.int64)
    return float(np.ldexp((bits & -bits).astype(np.float64), exponent - 53).min())
