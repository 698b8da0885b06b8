"""Quantiles of the distributions, with and without bounds.

Every function gives float64[n + 1], ascending: the quantiles at p = i / n. The ends of tails, unbounded or with a
bound far out, are placed so that linear interpolation in the last interval keeps the mean that the distribution has
there: a normal ends at 4.6 standard deviations for n = 65,536. No quantile is beyond a bound.

Values outside the bounds are drawn again, so the quantiles are those of the distribution given that it falls within
them; or they are clipped: the quantiles without bounds, those outside replaced by the bound, which so gets the
probability of everything beyond it (to 1 / n).
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dtbsim.config.values import Exponential, Lognormal, Normal, TruncatedNormal
from dtbsim.errors import InputError

FloatArray = NDArray[np.float64]


class _Part(NamedTuple):
    """The standard normal between `a` and `b`: its inner quantiles z[1:-1], and the probability of an interval."""

    a: float
    b: float
    z: FloatArray
    mass: float


def normal_quantiles(value: Normal | TruncatedNormal, n: int) -> FloatArray:
    """Of a normal; `sd = 0` gives the mean. InputError where it never falls within its bounds."""
    low, high = _bounds(value)
    if value.sd == 0 and low <= value.mean <= high:
        return np.full(n + 1, value.mean)
    a, b = (_standard(bound, value.mean, value.sd) for bound in (low, high))
    if _clipped(value) or (math.isinf(a) and math.isinf(b)):
        _check_mass(value, a, b, n)
        return np.clip(value.mean + value.sd * _standard_quantiles(n), low, high)
    # work in the lower tail, where ndtr keeps its precision
    flip = a > 0
    a, b, z, mass = _part(value, *((-b, -a) if flip else (a, b)), n)
    z[0] = min(2 * (_density(a) - _density(float(z[1]))) / mass - z[1], z[1])
    z[-1] = max(2 * (_density(float(z[-2])) - _density(b)) / mass - z[-2], z[-2])
    z = np.maximum.accumulate(np.clip(z, a, b))
    z = -z[::-1] if flip else z
    return np.clip(value.mean + value.sd * z, low, high)


def lognormal_quantiles(value: Lognormal, n: int) -> FloatArray:
    """Of a lognormal. InputError where it never falls within its bounds.

    Without bounds the ends are those of the normal that its logarithm is; drawn again within bounds, its own.
    """
    low, high = _bounds(value)
    sigma = _sigma(value)
    middle = math.log(value.mean) - sigma * sigma / 2
    a, b = (_standard(math.log(bound) if bound > 0 else -math.inf, middle, sigma) for bound in (low, high))
    if _clipped(value) or (math.isinf(a) and b == math.inf):
        _check_mass(value, a, b, n)
        return np.clip(np.exp(middle + sigma * _standard_quantiles(n)), low, high)
    flip = a > 0
    part = _part(value, *((-b, -a) if flip else (a, b)), n)
    z = -part.z[::-1] if flip else part.z
    x = np.exp(middle + sigma * z)
    first = value.mean * _between(a - sigma, float(z[1]) - sigma) / part.mass
    last = value.mean * _between(float(z[-2]) - sigma, b - sigma) / part.mass
    return _with_ends(x[1:-1], first, last, max(low, 0.0), high)


def _sigma(value: Lognormal) -> float:
    """Standard deviation of the logarithm."""
    ratio = value.sd / value.mean
    if ratio > 1e100:  # whose square could be no number
        return math.sqrt(2 * (math.log(value.sd) - math.log(value.mean)))
    return math.sqrt(math.log1p(ratio**2))


def exponential_quantiles(value: Exponential, n: int) -> FloatArray:
    """Of a shifted exponential; `low` is the shift."""
    p = np.arange(n + 1) / n
    if value.high is None or value.outside == "clip":
        quantiles = value.low - value.mean * np.append(np.log1p(-p[:-1]), -math.log(n) - 2.0)
        return quantiles if value.high is None else np.minimum(quantiles, value.high)
    length = value.high - value.low
    x = -value.mean * np.log1p(p[:-1] * np.expm1(-length / value.mean))
    rest = (length - x[-1]) / value.mean
    left_out = rest / math.expm1(rest) if 0 < rest < 700 else float(rest <= 0)  # of the mean, beyond `high`
    last = float(x[-1]) + value.mean * (1.0 - left_out)
    return np.minimum(value.low + _with_ends(x[1:], x[1] / 2, last, 0.0, length), value.high)


def _with_ends(x: FloatArray, first: float, last: float, low: float, high: float) -> FloatArray:
    """Inner quantiles `x` and ends that give the outermost intervals the means `first` and `last`."""
    inner = np.maximum.accumulate(np.clip(x, low, high))
    start = np.clip(np.nan_to_num(2 * first - inner[0], nan=low), low, inner[0])
    end = np.clip(np.nan_to_num(2 * last - inner[-1], nan=high), inner[-1], high)
    return np.concatenate([[start], inner, [end]])


def _bounds(value: Normal | TruncatedNormal | Lognormal) -> tuple[float, float]:
    low = -math.inf if value.low is None else value.low
    return low, math.inf if value.high is None else value.high


def _clipped(value: Normal | TruncatedNormal | Lognormal) -> bool:
    return getattr(value, "outside", None) == "clip"


def _standard(bound: float, mean: float, sd: float) -> float:
    """The bound in standard deviations from the mean."""
    if sd == 0:
        return math.copysign(math.inf, bound - mean)
    return (bound - mean) / sd


def _part(value: Normal | TruncatedNormal | Lognormal, a: float, b: float, n: int) -> _Part:
    from scipy.special import ndtr, ndtri

    mass_a, mass_b = float(ndtr(a)), float(ndtr(b))
    mass = (mass_b - mass_a) / n
    if not mass > 0:
        raise _never_within(value)
    return _Part(a, b, ndtri(mass_a + (mass_b - mass_a) * (np.arange(n + 1) / n)), mass)


def _check_mass(value: Normal | TruncatedNormal | Lognormal, a: float, b: float, n: int) -> None:
    if not _between(a, b) / n > 0:
        raise _never_within(value)


def _never_within(value: Normal | TruncatedNormal | Lognormal) -> InputError:
    shown = [f"{name} {bound:g}" for name, bound in (("low", value.low), ("high", value.high)) if bound is not None]
    kind = value.distribution.removeprefix("truncated_")
    return InputError(
        f"a {kind} with mean {value.mean:g} and sd {value.sd:g} never falls within {', '.join(shown)}",
        remedy="move the bounds towards the mean, or give a larger sd",
    )


def _between(a: float, b: float) -> float:
    """Probability that a standard normal is between a and b."""
    from scipy.special import ndtr

    a, b = (-b, -a) if a > 0 else (a, b)
    return float(ndtr(b)) - float(ndtr(a))


@cache
def _standard_quantiles(n: int) -> FloatArray:
    """Standard normal quantiles; the end points keep the mean of the outermost intervals."""
    from scipy.special import ndtri

    p = np.arange(n + 1) / n
    z = np.empty_like(p)
    z[1:-1] = ndtri(p[1:-1])
    edge = float(z[-2])
    z[-1] = 2 * (_density(edge) * n) - edge
    z[0] = -z[-1]
    return z


def _density(z: float) -> float:
    """Standard normal density."""
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
