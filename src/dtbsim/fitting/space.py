"""Free parameters: keys of a configuration with bounds, and the points of a sweep or a search in the unit cube."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import show
from dtbsim.errors import InputError, raise_mistakes

F64 = NDArray[np.float64]
Sample = Literal["grid", "sobol", "latin"]
SAMPLES: tuple[Sample, ...] = ("grid", "sobol", "latin")
MOST_POINTS = 10_000_000
_FREE = "KEY=LOW:HIGH, or KEY=LOW:HIGH:log, such as couplings.long_range.strength=0.1:0.6"
_VARY = "KEY=FIRST:LAST:NUMBER, such as couplings.long_range.strength=0.1:0.6:11, or KEY=V,V,..."


@dataclass(frozen=True)
class Free:
    """A number of a configuration, `key`, that may be anything from `low` to `high`; `log`: even in its logarithm."""

    key: str
    low: float
    high: float
    log: bool = False

    def value(self, unit: float) -> float:
        """The value at a place of the unit interval; the same bits wherever it is computed."""
        if unit <= 0.0:
            return self.low
        if unit >= 1.0:
            return self.high
        if self.log:
            return float(math.exp(math.log(self.low) + unit * (math.log(self.high) - math.log(self.low))))
        return float(self.low + unit * (self.high - self.low))

    def unit(self, value: float) -> float:
        """The place of a value, 0 at `low` and 1 at `high`."""
        if self.log:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Space:
    """All free parameters of a fit."""

    free: tuple[Free, ...]

    def __len__(self) -> int:
        return len(self.free)

    @property
    def keys(self) -> list[str]:
        """Their keys, in order."""
        return [one.key for one in self.free]

    def values(self, unit: Sequence[float]) -> dict[str, float]:
        """{key: value} at a point of the unit cube."""
        return {one.key: one.value(float(x)) for one, x in zip(self.free, unit, strict=True)}

    def unit(self, values: Mapping[str, float]) -> F64:
        """The point of the unit cube with these values."""
        return np.array([one.unit(float(values[one.key])) for one in self.free])


def space_of(free: object) -> Space:
    """Return the space that texts `key=low:high[:log]`, or {"key": (low, high[, "log"])}, mean.

    Raises InputError, for all mistakes together: no free parameter, bounds that are reversed or no numbers, a
    logarithm of what is not above 0, a key that is given twice.
    """
    mistakes: list[InputError] = []
    found: list[Free] = []
    for key, bounds in _items(free, "free", _FREE):
        try:
            found.append(_free(key, bounds))
        except InputError as error:
            mistakes.append(error)
        if [one.key for one in found].count(key) > 1:
            mistakes.append(InputError(f"{key} is given twice", where="--free", remedy="leave one of them out"))
    raise_mistakes(mistakes)
    if not found:
        raise InputError("there is no free parameter", where="--free", remedy=f"give {_FREE}")
    return Space(tuple(found))


def _items(given: object, name: str, allowed: str) -> list[tuple[str, list[Any]]]:
    if isinstance(given, Mapping):
        entries = []
        for key, value in given.items():
            if not isinstance(key, str) or not isinstance(value, Sequence | np.ndarray) or isinstance(value, str):
                raise InputError(f"got {show(key)}: {show(value)}", where=name, remedy='give {"key.path": (low, high)}')
            entries.append((key.strip(), list(value)))
        return entries
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, Sequence):
        raise InputError(f"got {show(given)}", where=name, remedy=f"give {allowed}")
    found = []
    for text in texts:
        key, equals, values = str(text).partition("=")
        if not equals or not key.strip():
            raise InputError(f"got {show(text)}", where=f"--{name}", remedy=f"give {allowed}")
        found.append((key.strip(), values.split(":")))
    return found


def _free(key: str, bounds: list[Any]) -> Free:
    where = f"--free {key}"
    log = len(bounds) == 3 and str(bounds[2]).strip() == "log"
    if len(bounds) != 2 + log:
        raise InputError(f"got {':'.join(map(str, bounds))}", where=where, remedy=f"give {_FREE}")
    low, high = (_number(value, where) for value in bounds[:2])
    if not low < high:
        remedy = f"give {key}={high:g}:{low:g}" if high < low else "set it with --set instead"
        raise InputError(f"the bounds {low:g} and {high:g} are not in order", where=where, remedy=remedy)
    if log and low <= 0:
        raise InputError(
            f"{low:g} has no logarithm", where=where, remedy="give a lower bound above 0, or leave out log"
        )
    return Free(key, low, high, log)


def _number(value: Any, where: str) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{show(value)} is no number", where=where, remedy=f"give {_FREE}") from None
    if not math.isfinite(found):
        raise InputError(f"{found} is no bound", where=where, remedy="give finite numbers")
    return found


@dataclass(frozen=True)
class Points:
    """The points of a sweep, made one after the other: what is set for each. `corners` has some values of each key."""

    count: int
    keys: tuple[str, ...]
    corners: dict[str, tuple[Any, ...]]
    make: Callable[[], Iterator[dict[str, Any]]]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.make()


def points_of(vary: object, sample: str, n: int | None, seed: int) -> Points:
    """Return the points of a sweep.

    Args:
        vary: texts `key=first:last:number` or `key=v,v,...`, or {"key": (first, last, number)} and {"key": [values]};
            `:log` at the end makes the steps even in the logarithm.
        sample: "grid": every combination, the last key changing fastest; "sobol" or "latin": `n` points of a Sobol
            sequence (scrambled) or a Latin hypercube between first and last (scipy.stats.qmc), where numbers are not
            needed.
        n: how many points of those.
        seed: of the scrambling.

    Raises InputError.
    """
    if sample not in SAMPLES:
        raise InputError(f"got {show(sample)}", where="--sample", remedy=f"allowed: {', '.join(SAMPLES)}")
    axes = [_axis(key, values, sample) for key, values in _items(vary, "vary", _VARY)]
    if not axes:
        raise InputError("nothing varies", where="--vary", remedy=f"give {_VARY}")
    keys = [axis[0] for axis in axes]
    if len(set(keys)) < len(keys):
        raise InputError(f"{keys[0]} is given twice", where="--vary", remedy="leave one of them out")
    if sample == "grid":
        if n is not None:
            raise InputError("a grid has as many points as its numbers say", where="--points", remedy="leave it out")
        total = math.prod(len(axis[1]) for axis in axes)
        if total > MOST_POINTS:
            raise InputError(f"these are {total:,} points", where="--vary", remedy=f"allowed: up to {MOST_POINTS:,}")
        grid = [axis[1] for axis in axes]
        corners = {key: (values[0], values[-1]) for key, values in zip(keys, grid, strict=True)}
        return Points(total, tuple(keys), corners, lambda: _combined(keys, grid))
    if n is None or not 1 <= n <= MOST_POINTS:
        raise InputError(f"how many points of a {sample} sample?", where="--points", remedy="give --points N")
    space = Space(tuple(axis[2] for axis in axes if axis[2] is not None))
    chosen = unit_points(sample, len(space), n, seed)
    ends = {one.key: (one.low, one.high) for one in space.free}
    return Points(n, tuple(keys), ends, lambda: (space.values(row) for row in chosen))


def _combined(keys: list[str], grid: list[list[Any]]) -> Iterator[dict[str, Any]]:
    return (dict(zip(keys, each, strict=True)) for each in itertools.product(*grid))


def unit_points(sample: str, dimensions: int, n: int, seed: int) -> F64:
    """float64[n, dimensions] within the unit cube, of scipy.stats.qmc; the first n of a Sobol sequence."""
    from scipy.stats import qmc

    if sample == "latin":
        return np.asarray(qmc.LatinHypercube(dimensions, rng=np.random.default_rng(seed)).random(n))
    sobol = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed))
    return np.asarray(sobol.random_base2(max(0, math.ceil(math.log2(n))))[:n])


def _axis(key: str, values: list[Any], sample: str) -> tuple[str, list[Any], Free | None]:
    """A key, its values on a grid, and its range."""
    where = f"--vary {key}"
    text = [str(value).strip() for value in values]
    if len(values) == 1 and sample == "grid":
        return key, _listed(text[0], where), None
    log = text[-1] == "log"
    numbers = [_number(value, where) for value in (values[:-1] if log else values)]
    if sample != "grid":
        if len(numbers) not in (2, 3):
            raise InputError(f"got {':'.join(text)}", where=where, remedy=f"give {key}=FIRST:LAST")
        return key, [], _free(key, [*numbers[:2], *(["log"] if log else [])])
    if len(numbers) != 3:
        remedy = f"give {_VARY}"
        raise InputError(f"got {':'.join(text)}: how many values between them?", where=where, remedy=remedy)
    first, last, n = numbers
    if n != int(n) or not 1 <= n <= MOST_POINTS or (n == 1 and first != last):
        raise InputError(
            f"{n:g} values from {first:g} to {last:g}", where=where, remedy="give a whole number, 2 or more"
        )
    if log and min(first, last) <= 0:
        raise InputError("a logarithmic grid needs numbers above 0", where=where, remedy="leave out log")
    grid = np.geomspace(first, last, int(n)) if log else np.linspace(first, last, int(n))
    return key, [float(value) for value in grid], None


def _listed(text: str, where: str) -> list[Any]:
    from dtbsim.config.yaml_text import parse_yaml

    data, _ = parse_yaml(f"[{text}]", where, numbered=False)
    if not isinstance(data, list) or not data:
        raise InputError(f"got {show(text)}", where=where, remedy=f"give {_VARY}")
    return data
