"""The flow of dx/ds = x^2 + q in closed form, for neurons with a quadratic upstroke.

x(s) = (x + q T) / (1 - x T) with T = tan(sqrt(q) s) / sqrt(q), tanh for q < 0 (a Moebius map, exact through infinity).
"""

from __future__ import annotations

EXACT_FLOW = (
    "by the exact flow of dx/ds = x^2 + q, x(s) = (x + q T) / (1 - x T) with T = tan(sqrt(q) s) / sqrt(q) (tanh for "
    "q < 0) as a rational function of q s^2, relative error below 1e-5 for q s^2 from -3 to 1"
)


def tan_ratio(z: float) -> float:
    """tan(sqrt(z)) / sqrt(z), tanh for z < 0: the continued fraction to the term 9; z is kept between -30 and 2.2."""
    z = max(min(z, 2.2), -30.0)
    return (945.0 - z * (105.0 - z)) / (945.0 - z * (420.0 - 15.0 * z))


def passage(T: float, q: float) -> float:
    """The time s at which T(s) has the given value: atan(sqrt(q) T) / sqrt(q) as a continued fraction."""
    z = max(q * T * T, -0.9)
    return T * (105.0 + 55.0 * z) / (105.0 + z * (90.0 + 9.0 * z))
