"""Free parameters: bounds, and the numbers without bounds that filters and inversions move in their place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from dtbsim.arguments import refuse
from dtbsim.errors import InputError

F64 = NDArray[np.float64]
_EDGE = 1e-12


@dataclass(frozen=True)
class Free:
    """A parameter that lies between two bounds, in equal parts or, with `log`, in equal ratios.

    What is moved is u with x = low + (high - low) Phi(u), Phi the normal distribution function: a standard normal u
    is an x that is uniform between the bounds, the prior. With `log` this holds for log x.
    """

    key: str
    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or not self.key:
            raise refuse(self.key, "free", "the name of a parameter")
        for bound in (self.low, self.high):
            if isinstance(bound, bool) or not isinstance(bound, int | float | np.number) or not math.isfinite(bound):
                raise refuse(bound, f"free {self.key}", "finite bounds, LOW:HIGH")
        if not self.low < self.high:
            raise InputError(
                f"the lower bound {self.low:g} is not below the upper one, {self.high:g}",
                where=f"free {self.key}",
                remedy="give LOW:HIGH" if self.low == self.high else f"give {self.high:g}:{self.low:g}",
            )
        if self.log and not self.low > 0:
            raise InputError(
                f"a logarithmic scale begins above 0, not at {self.low:g}",
                where=f"free {self.key}",
                remedy="raise the lower bound, or leave `log` out",
            )

    def bounded(self, u: F64) -> F64:
        """The parameter, of the same shape as `u`."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        x = low + (high - low) * ndtr(u)
        found: F64 = np.clip(np.exp(x) if self.log else x, self.low, self.high)
        return found

    def unbounded(self, x: F64) -> F64:
        """What is moved in the place of `x`, float64 of its shape; a value at a bound counts as just within."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        share = ((np.log(x) if self.log else x) - low) / (high - low)
        found: F64 = ndtri(np.clip(share, _EDGE, 1 - _EDGE))
        return found


def parse_free(text: str) -> Free:
    """The free parameter that `KEY=LOW:HIGH[:log]` means. InputError otherwise."""
    key, equals, given = text.partition("=")
    parts = given.split(":")
    form = "KEY=LOW:HIGH or KEY=LOW:HIGH:log"
    if not equals or not key.strip() or len(parts) not in (2, 3) or parts[2:] not in ([], ["log"]):
        raise InputError(f"got '{text}'", where="--free", remedy=f"give {form}")
    try:
        low, high = float(parts[0]), float(parts[1])
    except ValueError:
        raise InputError(
            f"'{given}' are no two numbers", where=f"--free {key.strip()}", remedy=f"give {form}"
        ) from None
    return Free(key.strip(), low, high, log=len(parts) == 3)


def _free_of(key: str, bounds: Sequence[float]) -> Free:
    if isinstance(bounds, str) or not isinstance(bounds, Sequence) or len(bounds) != 2:
        raise refuse(bounds, f"free {key}", "two bounds, (low, high)")
    return Free(key, bounds[0], bounds[1])


FreeLike = Sequence[Free | str] | Mapping[str, Sequence[float]]


def free_parameters(given: FreeLike) -> tuple[Free, ...]:
    """Free parameters as `Free`, `KEY=LOW:HIGH[:log]` or {KEY: (low, high)}; InputError for none or one twice."""
    if isinstance(given, Mapping):
        items: Iterable[Free] = [_free_of(key, bounds) for key, bounds in given.items()]
    elif isinstance(given, str) or not isinstance(given, Sequence):
        raise refuse(given, "free", "a list of KEY=LOW:HIGH, or a mapping {KEY: (low, high)}")
    else:
        items = [item if isinstance(item, Free) else parse_free(item) for item in given]
    found = tuple(items)
    if not found:
        raise InputError("no parameter is free", where="free", remedy="name one: --free KEY=LOW:HIGH")
    keys = [item.key for item in found]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise InputError(f"'{twice}' is free twice", where="free", remedy="give it once")
    return found


def to_bounded(parameters: Sequence[Free], u: F64) -> F64:
    """float64[members, parameters] within their bounds, of unbounded numbers of that shape."""
    return np.column_stack([one.bounded(u[:, k]) for k, one in enumerate(parameters)])


def to_unbounded(parameters: Sequence[Free], x: F64) -> F64:
    """The inverse of `to_bounded`."""
    return np.column_stack([one.unbounded(x[:, k]) for k, one in enumerate(parameters)])
