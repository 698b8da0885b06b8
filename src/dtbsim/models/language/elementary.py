"""exp and log of float32, defined once for all devices: + - * and integer operations on the bits, no division, no libm.

The functions are written in the subset of `subset.py` plus bit operations and are translated with the update functions
that call them. Range reduction and polynomials follow Moshier's Cephes library (expf.c, logf.c).
`EXP_MAX_ULP` and `LOG_MAX_ULP` bound the error against the correctly rounded result over all float32 (tested).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from dtbsim.models.language import ir
from dtbsim.models.language.subset import Source, parse

EXP_MAX_ULP = 1.0
LOG_MAX_ULP = 0.9


def float_bits(x: Any) -> Any:
    """Return the 32 bits of a float32 as int32."""
    return np.float32(x).view(np.int32)


def bits_float(i: Any) -> Any:
    """Return the float32 with the 32 bits of an int32."""
    return np.int32(i).view(np.float32)


def exp(x: Any) -> Any:
    """Return e**x: x = n ln 2 + r with |r| <= ln(2)/2, a polynomial in r, scaling by 2**n in two exact factors."""
    x = -104.0 if x < -104.0 else x
    x = 89.0 if x > 89.0 else x
    shifted = x * 1.44269504088896341 + 12582912.0
    n = float_bits(shifted) - 1262485504
    n_float = shifted - 12582912.0
    r = x - n_float * 0.693359375
    r = r + n_float * 2.12194440e-4
    p = 1.9875691500e-4 * r + 1.3981999507e-3
    p = p * r + 8.3334519073e-3
    p = p * r + 4.1665795894e-2
    p = p * r + 1.6666665459e-1
    p = p * r + 5.0000001201e-1
    y = p * (r * r) + r + 1.0
    half = n >> 1
    return y * bits_float((half + 127) << 23) * bits_float((n - half + 127) << 23)


def log(x: Any) -> Any:
    """Return ln x: x = m 2**e with m in [sqrt(1/2), sqrt(2)), a polynomial in m - 1; log(0) = -inf, log(-1) = nan."""
    tiny = x < 1.17549435e-38
    bits = float_bits(x * 8388608.0 if tiny else x)
    e = (bits - 1060439283) >> 23
    f = bits_float(bits - (e << 23)) - 1.0
    e = e - 23 if tiny else e
    z = f * f
    p = 7.0376836292e-2 * f - 1.1514610310e-1
    p = p * f + 1.1676998740e-1
    p = p * f - 1.2420140846e-1
    p = p * f + 1.4249322787e-1
    p = p * f - 1.6668057665e-1
    p = p * f + 2.0000714765e-1
    p = p * f - 2.4999993993e-1
    p = p * f + 3.3333331174e-1
    y = f * z * p - e * 2.12194440e-4
    y = y - 0.5 * z
    y = f + y + e * 0.693359375
    y = x if x > 3.4028234e38 else y
    y = bits_float(-8388608) if x == 0.0 else y
    y = bits_float(2143289344) if x < 0.0 else y
    return y if x == x else x


@cache
def definition(name: str) -> ir.Function:
    """Return the checked definition of `exp` or `log`."""
    function = {"exp": exp, "log": log}[name]
    return parse(Source.of(function), {"x": "f32"}, bit_operations=True)
