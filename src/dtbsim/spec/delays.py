"""Delays of a projection: constant, drawn, or a mean for every pair of populations, with or without a spread around it.

A spread is drawn for every synapse from one table, of factors or of addends, whatever the mean of its pair. What would
be below the shortest delay is drawn again: of the uniform words only those are used from which on the table gives more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.clock import nearest_steps, off_grid
from dtbsim.config.bounds import MAX_DELAY_STEPS
from dtbsim.config.network import TractDelay
from dtbsim.config.sources import Spreading
from dtbsim.config.values import Exponential, Lognormal, Normal, TruncatedNormal
from dtbsim.numerics.fixed_point import pack_delays
from dtbsim.spec.distributions import TABLE_SIZE, Table, table_at
from dtbsim.spec.numbers import Numbers
from dtbsim.spec.places import Places

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DelaySpread:
    """Delays around the means of pairs: times what `table` gives (`relative`), or plus it, in ms.

    Per entry: `packed` int64[e] is what the loops that draw delays read (`fixed_point.pack_delays`), `shortest` and
    `longest` int64[e] are the bounds of what they draw, in steps.
    """

    table: Table
    relative: bool
    packed: I64
    shortest: I64
    longest: I64


@dataclass(frozen=True, eq=False)
class Delays:
    """`table` in ms where all pairs draw from the same, else `steps` int32[e], the delay (or mean) of every pair."""

    table: Table | None
    steps: I32
    spread: DelaySpread | None = None
    rounded: bool = False


def find_delays(
    given: Any, pairs_ms: F64 | None, n_entries: int, dt_ms: float, longest_ms: float, path: str, numbers: Numbers
) -> Delays:
    """Delays of a projection with so many entries. InputError for some below one step or above the longest allowed.

    `pairs_ms` float64[e] is the mean of every pair, None for a number or distribution, which is the same for all.
    """
    places = numbers.places
    if pairs_ms is None:
        table = table_at(given, path, places)
        if table.constant:
            places.steps(table.low, dt_ms, path)
        found = Delays(table, np.zeros(n_entries, np.int32), rounded=not table.constant)
        low, high = table.low, table.high
    else:
        found, low, high = _of_pairs(given, pairs_ms, dt_ms, path, numbers)
    check_delays(found, given, low, high, dt_ms, longest_ms, path, places)
    return found


def check_delays(
    found: Delays, given: Any, low: float, high: float, dt_ms: float, longest_ms: float, path: str, places: Places
) -> None:
    """InputError where delays from `low` to `high` ms are below one step, or above the longest allowed."""
    if low < dt_ms / 2 * (1 - 1e-9):
        message = f"delays down to {low:g} ms are shorter than one step (dt_ms = {dt_ms:g})"
        raise places.error(path, message, _short_delay_remedy(given, dt_ms))
    if high > longest_ms or high / dt_ms > MAX_DELAY_STEPS:
        drawn = found.spread is not None or (found.table is not None and not found.table.constant)
        if drawn and high / dt_ms <= MAX_DELAY_STEPS:
            bound = f"high: {longest_ms:g}" if found.spread is None else "a lower high"
            remedy = f"bound the distribution, for example with {bound}, or raise simulation.max_delay_ms"
        else:
            remedy = "raise simulation.max_delay_ms or give shorter delays"
        most = min(longest_ms, MAX_DELAY_STEPS * dt_ms)
        raise places.error(path, f"delays up to {high:g} ms are beyond the maximum of {most:g} ms", remedy)


def _of_pairs(given: Any, means: F64, dt_ms: float, path: str, numbers: Numbers) -> tuple[Delays, float, float]:
    """Delays that differ between pairs, and the shortest and longest of them in ms."""
    low, high = float(means.min(initial=np.inf)), float(means.max(initial=0.0))
    low = dt_ms if low == np.inf else low
    bounded = np.minimum(means, 2 * MAX_DELAY_STEPS * dt_ms)  # what is longer is refused by the caller
    steps = np.maximum(nearest_steps(np.maximum(bounded, 0.0), dt_ms), 1).astype(np.int32)
    table, relative = numbers.spread(given, path) if isinstance(given, Spreading) else (None, True)
    if table is None:
        return Delays(None, steps, rounded=bool(off_grid(means, dt_ms).any())), low, high
    shortest = getattr(given, "minimum_ms", None) or dt_ms
    ends = np.array([table.low, table.high])
    reached = np.multiply.outer(means, ends) if relative else np.add.outer(means, ends)
    high = float(reached.max(initial=0.0))
    if high / dt_ms > MAX_DELAY_STEPS:
        return Delays(None, steps, DelaySpread(table, relative, *_nothing(means.size))), low, high
    wanted = (shortest / np.maximum(means, dt_ms * 1e-6)) if relative else shortest - means
    first = _first_words(table, wanted)
    if (first > 2**32 - 2**16).any():
        where = f"{path}.{'relative_spread' if relative else 'spread'}"
        worst = float(means[int(np.argmax(first))])
        raise numbers.places.error(where, f"around {worst:g} ms it gives no delay of {shortest:g} ms or more")
    spread = DelaySpread(
        table,
        relative,
        pack_delays(bounded / dt_ms, first, relative=relative),
        np.maximum(nearest_steps(np.maximum(reached[:, 0], shortest), dt_ms), 1),
        np.maximum(nearest_steps(np.maximum(reached[:, 1], shortest), dt_ms), 1),
    )
    return Delays(None, steps, spread, rounded=True), low, high


def _nothing(n: int) -> tuple[I64, I64, I64]:
    return np.zeros(n, np.int64), np.ones(n, np.int64), np.ones(n, np.int64)


def _first_words(table: Table, wanted: F64) -> I64:
    """The first uniform word, int64[n], for which a table gives at least each of the wanted values; 2**32: none."""
    quantiles = table.quantiles
    after = np.searchsorted(quantiles, wanted, side="left")
    upper = np.minimum(after, TABLE_SIZE)
    lower = np.maximum(upper - 1, 0)
    rise = quantiles[upper] - quantiles[lower]
    part = np.where(rise > 0, (wanted - quantiles[lower]) / np.where(rise > 0, rise, 1.0), 0.0)
    words = np.ceil((lower + part) * 2.0**16)
    return np.where(after == 0, 0.0, np.where(after > TABLE_SIZE, 2.0**32, words)).astype(np.int64)


def tract_delays(given: TractDelay, lengths_mm: F64, dt_ms: float, path: str, places: Places) -> F64:
    """float64[e]: mean delay of every pair from the length of its tract, in ms."""
    if np.isnan(lengths_mm).any():
        raise places.error(path, "the atlas has no tract lengths for these pairs", "give a delay in ms")
    shortest = given.minimum_ms if given.minimum_ms is not None else dt_ms
    return np.maximum(lengths_mm / given.tract_velocity_m_per_s, shortest)


def _short_delay_remedy(given: object, dt_ms: float) -> str:
    """How to keep delays from being shorter than one step."""
    if isinstance(given, Normal | TruncatedNormal | Lognormal):
        return (
            f"give a bound, low: {dt_ms:g}; what is below is drawn again, or taken as {dt_ms:g} ms with outside: clip"
        )
    if isinstance(given, Exponential):
        return f"shift it, low: {dt_ms:g}"
    return f"give delays of at least {dt_ms:g} ms"
