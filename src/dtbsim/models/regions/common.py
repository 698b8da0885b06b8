"""Functions that several region models use, in the checked subset."""

from __future__ import annotations

from math import exp


def gain(x: float, d: float) -> float:
    """x / (1 - exp(-d x)), which is 1 / d at x = 0: there a series, because the quotient is 0 / 0 (d > 0)."""
    y = d * x
    z = y * y
    series = 1.0 + 0.5 * y + z * (0.083333333 - 0.0013888889 * z)
    near = abs(y) < 0.25
    quotient = y / (1.0 - exp(-(1.0 if near else y)))
    return (series if near else quotient) / d
