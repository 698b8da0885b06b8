"""Arithmetic on whole numbers that float32 holds exactly, for models of chips: functions of their update functions.

A float32 holds every whole number up to 2^24 in size, sums and products below that are exact, and so is a factor of a
power of two. What these functions are given and return are whole numbers unless they say otherwise.
"""

from __future__ import annotations


def floor(x: float) -> float:
    """The largest whole number that is not above x, for |x| < 2^22; x may have a fraction."""
    near = (x + 12582912.0) - 12582912.0
    return near - 1.0 if near > x else near


def wrapped_22(x: float) -> float:
    """x in 22 bits with sign: what overflows comes in again at the other end. |x| < 2^43, exact below 2^24."""
    return x - 4194304.0 * floor((x + 2097152.0) * 0.0000002384185791015625)


def wrapped_24(x: float) -> float:
    """x in 24 bits with sign, for |x| <= 2^24."""
    return x - 16777216.0 * floor((x + 8388608.0) * 0.000000059604644775390625)


def kept(x: float, share: float) -> float:
    """x share / 4096, rounded towards 0, for |x| <= 2^23 and a share of 0 to 4096."""
    size = abs(x)
    high = floor(size * 0.000244140625)
    low = size - 4096.0 * high
    left = high * share + floor(low * share * 0.000244140625)
    return -left if x < 0.0 else left
