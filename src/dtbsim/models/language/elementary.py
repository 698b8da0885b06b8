"""exp, log, sin, cos, tanh, erfc of float32, defined once for all devices: arithmetic and operations on bits, no libm.

The functions are written in the subset of `subset.py` plus bit operations and are translated with the update functions
that call them. Range reduction and polynomials follow Moshier's Cephes library (expf.c, logf.c, sinf.c, tanhf.c), erfc
the Chebyshev fit of Numerical Recipes with the exponent split in two, so that its tail is as exact as the rest.
`MAX_ULP` bounds the error against the correctly rounded result over all float32 (tested); that of sin and cos is
absolute, `SIN_MAX_ERROR`, because near multiples of pi the result is as small as the error of the reduction.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

from dtbsim.models.language import ir
from dtbsim.models.language.subset import Source, parse

EXP_MAX_ULP = 1.0
LOG_MAX_ULP = 0.9
TANH_MAX_ULP = 2.0
ERFC_MAX_ULP = 8.0
SIN_MAX_ERROR = 3e-7
"""For |x| <= LARGEST_PHASE; beyond, where a float32 resolves an angle to 0.002 only, sin and cos are NaN."""
LARGEST_PHASE = 16384.0


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


def sin(x: Any) -> Any:
    """Return sin x: x = n pi/2 + r with |r| <= pi/4, a polynomial in r; NaN for |x| > LARGEST_PHASE."""
    shifted = x * 0.6366197723675814 + 12582912.0
    n = float_bits(shifted)
    n_float = shifted - 12582912.0
    r = x - n_float * 1.5703125
    r = r - n_float * 4.837512969970703125e-4
    r = r - n_float * 7.54978995489188216e-8
    z = r * r
    s = -1.9515295891e-4 * z + 8.3321608736e-3
    s = s * z - 1.6666654611e-1
    s = s * z * r + r
    c = 2.443315711809948e-5 * z - 1.388731625493765e-3
    c = c * z + 4.166664568298827e-2
    c = c * z * z - 0.5 * z + 1.0
    y = c if (n & 1) == 1 else s
    y = -y if (n & 2) == 2 else y
    return y if abs(x) <= 16384.0 else bits_float(2143289344)


def cos(x: Any) -> Any:
    """Return cos x: as sin, a quarter of a turn ahead; NaN for |x| > LARGEST_PHASE."""
    shifted = x * 0.6366197723675814 + 12582912.0
    n = float_bits(shifted) + 1
    n_float = shifted - 12582912.0
    r = x - n_float * 1.5703125
    r = r - n_float * 4.837512969970703125e-4
    r = r - n_float * 7.54978995489188216e-8
    z = r * r
    s = -1.9515295891e-4 * z + 8.3321608736e-3
    s = s * z - 1.6666654611e-1
    s = s * z * r + r
    c = 2.443315711809948e-5 * z - 1.388731625493765e-3
    c = c * z + 4.166664568298827e-2
    c = c * z * z - 0.5 * z + 1.0
    y = c if (n & 1) == 1 else s
    y = -y if (n & 2) == 2 else y
    return y if abs(x) <= 16384.0 else bits_float(2143289344)


def tanh(x: Any) -> Any:
    """Return tanh x: a polynomial for |x| < 0.625, else 1 - 2 / (exp(2 |x|) + 1) with the sign of x."""
    size = abs(x)
    z = x * x
    p = -5.70498872745e-3 * z + 2.06390887954e-2
    p = p * z - 5.37397155531e-2
    p = p * z + 1.33314422036e-1
    p = p * z - 3.33332819422e-1
    small = p * z * x + x
    large = 1.0 - 2.0 / (exp(2.0 * size) + 1.0)
    large = -large if x < 0.0 else large
    return small if size < 0.625 else large


def erfc(x: Any) -> Any:
    """Return 1 - erf x: t P(t) exp(-x^2) with t = 1 / (1 + |x| / 2), for x < 0 what it lacks to 2."""
    size = abs(x)
    size = 11.0 if size > 11.0 else size
    t = 1.0 / (1.0 + 0.5 * size)
    p = 0.17087277 * t - 0.82215223
    p = p * t + 1.48851587
    p = p * t - 1.13520398
    p = p * t + 0.27886807
    p = p * t - 0.18628806
    p = p * t + 0.09678418
    p = p * t + 0.37409196
    p = p * t + 1.00002368
    p = p * t - 1.26551223
    head = bits_float(float_bits(size) & -4096)
    y = t * exp(p - (size - head) * (size + head)) * exp(-(head * head))
    y = 2.0 - y if x < 0.0 else y
    return y if x == x else x


ELEMENTARY = {"exp": exp, "log": log, "sin": sin, "cos": cos, "tanh": tanh, "erfc": erfc}
MAX_ULP = {"exp": EXP_MAX_ULP, "log": LOG_MAX_ULP, "tanh": TANH_MAX_ULP, "erfc": ERFC_MAX_ULP}


@cache
def definition(name: str) -> ir.Function:
    """Return the checked definition of an elementary function."""
    return parse(Source.of(ELEMENTARY[name]), {"x": "f32"}, bit_operations=True)


def needed(calls: Iterable[str]) -> list[str]:
    """Return the elementary functions among these calls and those that they need, each after what it calls."""
    found = set(calls) & ELEMENTARY.keys()
    for name in tuple(found):
        found |= definition(name).calls & ELEMENTARY.keys()
    return [name for name in ELEMENTARY if name in found]
