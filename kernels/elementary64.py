"""exp, expm1, log and pow of float64 for loops that LLVM vectorises: arithmetic and operations on bits, no libm.

numpy and libm have several implementations of each, chosen by processor, whose last bits differ; these have one. Range
reduction and rational approximations follow Moshier's Cephes library (exp.c, unity.c, log.c). Errors against the
correctly rounded result are within `EXP_MAX_ULP` and so on (tested).
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb

from dtbsim.kernels.numba_support import bits_double, double_bits

EXP_MAX_ULP = 2.0
EXPM1_MAX_ULP = 4.0
LOG_MAX_ULP = 1.5
"""Where the result is a normal number."""
_SHIFT = 6755399441055744.0  # 1.5 * 2^52: what is added to it is rounded to a whole number, kept in the lowest bits
_SHIFT_BITS = 0x4338000000000000
_BIAS = 1023
_inline = nb.njit(error_model="numpy", forceinline=True)


@_inline
def _reduced(x: Any) -> Any:
    """Return n and exp(r) - 1 for x = n ln 2 + r, |r| <= ln(2) / 2; x is cut to [-746, 710]."""
    x = -746.0 if x < -746.0 else x
    x = 710.0 if x > 710.0 else x
    shifted = x * 1.4426950408889634 + _SHIFT
    n = double_bits(shifted) - _SHIFT_BITS
    n_float = shifted - _SHIFT
    r = x - n_float * 6.93145751953125e-1
    r = r - n_float * 1.42860682030941723212e-6
    z = r * r
    p = 1.26177193074810590878e-4 * z + 3.02994407707441961300e-2
    p = r * (p * z + 9.99999999999999999910e-1)
    q = 3.00198505138664455042e-6 * z + 2.52448340349684104192e-3
    q = q * z + 2.27265548208155028766e-1
    q = q * z + 2.00000000000000000005
    return n, 2.0 * (p / (q - p))


@_inline
def exp(x: Any) -> Any:
    """Return e**x, scaled by 2**n in two exact factors."""
    n, grown = _reduced(x)
    half = n >> 1
    y = (1.0 + grown) * bits_double((half + _BIAS) << 52) * bits_double((n - half + _BIAS) << 52)
    return y if x == x else x


@_inline
def expm1(x: Any) -> Any:
    """Return e**x - 1: 2**n (exp(r) - 1) + (2**n - 1); -1 for x < -700, infinite for x > 709."""
    cut = -700.0 if x < -700.0 else x
    n, grown = _reduced(cut)
    n = 1023 if n > 1023 else n
    power = bits_double((n + _BIAS) << 52)
    y = power * grown + (power - 1.0)
    y = math.inf if x > 709.0 else y
    return y if x == x else x


@_inline
def log(x: Any) -> Any:
    """Return ln x: x = m 2**e with m in [sqrt(1/2), sqrt(2)), a rational function of m - 1; log(0) = -inf."""
    tiny = x < 2.2250738585072014e-308
    bits = double_bits(x * 18014398509481984.0 if tiny else x)
    e = (bits - 0x3FE6A09E667F3BCD) >> 52
    f = bits_double(bits - (e << 52)) - 1.0
    e_float = bits_double(e + _SHIFT_BITS) - _SHIFT
    e_float = e_float - 54.0 if tiny else e_float
    z = f * f
    p = 1.01875663804580931796e-4 * f + 4.97494994976747001425e-1
    p = p * f + 4.70579119878881725854
    p = p * f + 1.44989225341610930846e1
    p = p * f + 1.79368678507819816313e1
    p = p * f + 7.70838733755885391666
    q = f + 1.12873587189167450590e1
    q = q * f + 4.52279145837532221105e1
    q = q * f + 8.29875266912776603211e1
    q = q * f + 7.11544750618563894466e1
    q = q * f + 2.31251620126765340583e1
    y = f * (z * p / q) - e_float * 2.121944400546905827679e-4
    y = y - 0.5 * z
    y = f + y + e_float * 0.693359375
    y = x if x > 1.7976931348623157e308 else y
    y = -math.inf if x == 0.0 else y
    y = math.nan if x < 0.0 else y
    return y if x == x else x


@_inline
def power(x: Any, exponent: Any) -> Any:
    """Return x**exponent of x > 0 as exp(exponent ln x): 2 ulp and more for large logarithms."""
    return exp(exponent * log(x))
