"""Fixed-point numbers of SpiNNaker's C code, on the host: constants that the chip computes when it starts.

They follow sPyNNaker and spinn_common of the University of Manchester (Apache License 2.0): numbers of 32 bits with 15
behind the point (s16.15, `accum`) and without any before it (u0.32), division and exponentials as in `maths-util.h`,
`stdfix-exp.c` and `exp_synapse_utils.h`. All arrays hold whole numbers, int64 or uint64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

I64 = NDArray[np.int64]
ONE = 1 << 15
SMALLEST_EXPONENT = -340695
"""exp of what is below is 0, in s16.15."""
_LOW = np.uint64(0xFFFFFFFF)
_HIGHS = [int(np.rint(np.exp(n) * 2.0**32)) for n in range(-13, 1)]
_MIDDLE = (
    0, 260218914, 504671961, 734314346, 950043403, 1152702096, 1343082321, 1521927990, 1689937949, 1847768698,
    1996036966, 2135322113, 2266168400, 2389087112, 2504558555, 2613033936,
)  # fmt: skip
_SERIES = (5294, 4293434720, 2081624032)


def accum(values: ArrayLike) -> I64:
    """Return numbers as s16.15, rounded to nearest as sPyNNaker writes them."""
    return np.rint(np.asarray(values, np.float64) * ONE).astype(np.int64)


def divided(a: I64, b: I64) -> I64:
    """Return a / b of s16.15, rounded down, of numbers above 0 (`kdivk`)."""
    return (a << np.int64(15)) // b


def exp_64(x: I64) -> NDArray[np.uint64]:
    """Return exp(x) 2^32 for x of s16.15 from SMALLEST_EXPONENT to 0 (`__expi64`)."""
    whole = x >> 15
    part = x - (whole << 15)
    rest = np.where(part > 0, ONE - part, 0)
    high = np.array(_HIGHS, np.uint64)[13 + whole + (part > 0)]
    value = high - _scaled(high, np.array(_MIDDLE, np.uint64)[rest >> 11])
    y = ((rest & 0x7FF) << 17).astype(np.uint64)
    slope = np.uint64(_SERIES[1]) - (np.uint64(_SERIES[2]) * y >> np.uint64(32))
    series = (slope * y >> np.uint64(32)) + np.uint64(_SERIES[0])
    return np.asarray(np.where(part > 0, value - _scaled(value, series), high))


def _scaled(x: NDArray[np.uint64], y: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """x y / 2^32, rounded as `scale64`."""
    product = (x & _LOW) * y
    rounded = (product >> np.uint64(32)) + ((product & _LOW) >= np.uint64(2**31 - 1))
    return np.asarray(rounded + (x >> np.uint64(32)) * y)


def exp_accum(x: I64) -> I64:
    """Return exp(x) as s16.15 for x of s16.15, not above 0 (`expk`)."""
    found = (exp_64(np.maximum(x, SMALLEST_EXPONENT)) >> np.uint64(17)).astype(np.int64)
    return np.where(x < SMALLEST_EXPONENT, 0, found)


def decay_and_init(tau: I64, step: I64) -> tuple[I64, I64]:
    """Return what a synaptic current keeps over a step, and its first value for an input of 1, both u0.32.

    `tau` and `step` are in ms, s16.15 above 0; the first value makes the mean over the step that of the exponential.
    """
    x = -divided(step, tau)
    keep = np.where(x < SMALLEST_EXPONENT, 0, exp_64(np.maximum(x, SMALLEST_EXPONENT)).astype(np.int64)) & 0xFFFFFFFF
    first = _product_15(divided(tau, step), 0xFFFFFFFF - keep) & 0xFFFFFFFF
    return keep, first


def _product_15(a: I64, b: I64) -> I64:
    """a b / 2^15, rounded down, of a below 2^31 and b below 2^32."""
    high, low = a >> 15, a & 0x7FFF
    found: Any = high * b + (low * b >> 15)
    return np.asarray(found, np.int64)


def steps_up(time: I64, step: I64) -> I64:
    """Return a time in steps, rounded up (`lif_ceil_accum`)."""
    quotient = divided(time, step)
    return (quotient >> 15) + ((quotient & 0x7FFF) > 0)
