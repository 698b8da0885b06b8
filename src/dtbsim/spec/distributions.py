"""Inverse-CDF tables: the one way in which any distribution is drawn.

A table has TABLE_SIZE + 1 float64 quantiles at p = i / TABLE_SIZE, computed once on the host (`spec.quantiles`); a
32-bit uniform word u is mapped by linear interpolation between entries u >> 16 and (u >> 16) + 1 with fraction
(u & 0xffff) / 65536.
Integer forms (weights in quanta, delays in steps) hold the same table in fixed point and are interpolated in integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from dtbsim.config.bounds import MAX_NUMBER
from dtbsim.config.values import (
    Constant,
    Exponential,
    Lognormal,
    Normal,
    TruncatedNormal,
    Uniform,
)
from dtbsim.errors import InputError
from dtbsim.spec.places import Places
from dtbsim.spec.quantiles import exponential_quantiles, lognormal_quantiles, normal_quantiles

TABLE_BITS = 16
TABLE_SIZE = 1 << TABLE_BITS

FloatArray = NDArray[np.float64]
Drawable = float | Constant | Uniform | Normal | TruncatedNormal | Lognormal | Exponential


@dataclass(frozen=True, eq=False)
class Table:
    """Quantiles of one distribution; `constant` when all are equal.

    A network may have as many distributions as projections, and the quantiles of one take half a megabyte, so a table
    keeps how to `compute` them: those that were used last stay in memory.

    Attributes:
        compute: gives the quantiles, float64[TABLE_SIZE + 1], ascending.
        low, high: smallest and largest value that can be drawn.
        mean, size: mean of what is drawn, and of its absolute value.
    """

    compute: Callable[[], FloatArray]
    low: float
    high: float
    mean: float
    size: float

    @classmethod
    def of(cls, compute: Callable[[], FloatArray]) -> Table:
        """The table of the quantiles that `compute` gives."""
        quantiles = compute()
        middles = (quantiles[1:] + quantiles[:-1]) / 2
        mean, size = float(np.mean(middles)), float(np.mean(np.abs(middles)))
        return cls(compute, float(quantiles[0]), float(quantiles[-1]), mean, size)

    @property
    def quantiles(self) -> FloatArray:
        """float64[TABLE_SIZE + 1], ascending, read-only."""
        return _quantiles(self)

    @property
    def constant(self) -> bool:
        """Whether every draw gives the same value."""
        return self.low == self.high

    def draw(self, words: NDArray[np.uint32]) -> FloatArray:
        """Values for uniform words (uint32[n]) as float64[n]."""
        index = words >> np.uint32(16)
        fraction = (words & np.uint32(0xFFFF)).astype(np.float64) / 65536.0
        quantiles = self.quantiles
        low = quantiles[index]
        values: FloatArray = low + (quantiles[index + np.uint32(1)] - low) * fraction
        return values

    def fixed_point(self, unit: float, fraction_bits: int) -> NDArray[np.int64]:
        """The quantiles in units of `unit` / 2**fraction_bits, int64[TABLE_SIZE + 1]."""
        return np.rint(self.quantiles / unit * 2.0**fraction_bits).astype(np.int64)

    def map(self, scale: float) -> Table:
        """The table of `scale` times the variable (reversed for a negative scale, so that it stays ascending)."""
        return Table.of(partial(_scaled, self, scale))

    def shifted(self, by: float) -> Table:
        """The table of the variable plus a number."""
        return Table.of(partial(_shifted, self, by))


@lru_cache(maxsize=64)
def _quantiles(table: Table) -> FloatArray:
    quantiles = table.compute()
    quantiles.flags.writeable = False
    return quantiles


def _scaled(table: Table, scale: float) -> FloatArray:
    scaled: FloatArray = table.quantiles * scale
    return scaled if scale >= 0 else scaled[::-1].copy()


def _shifted(table: Table, by: float) -> FloatArray:
    shifted: FloatArray = table.quantiles + by
    return shifted


def as_table(value: Drawable) -> Table:
    """The table of a number or distribution; `sd = 0` is a constant. InputError for values that float32 cannot hold."""
    if isinstance(value, (int, float)):
        return _constant(float(value))
    if isinstance(value, Constant):
        return _constant(value.value)
    with np.errstate(over="ignore", invalid="ignore"):
        table = _table(value.model_dump_json(), type(value))
    if not max(abs(table.low), abs(table.high)) <= MAX_NUMBER:
        raise InputError(
            f"it gives values from {table.low:.3g} to {table.high:.3g}",
            remedy=f"allowed: sizes up to {MAX_NUMBER:.3g} (float32)",
        )
    return table


def standard_normal() -> Table:
    """Return the table of the normal distribution with mean 0 and standard deviation 1."""
    return as_table(Normal(distribution="normal", mean=0.0, sd=1.0))


def table_at(value: Drawable, path: str, places: Places) -> Table:
    """`as_table` whose errors name the key path."""
    try:
        return as_table(value)
    except InputError as error:
        raise places.error(path, error.message, error.remedy) from None


@lru_cache(maxsize=1 << 17)
def _constant(value: float) -> Table:
    return Table(partial(np.full, TABLE_SIZE + 1, value), value, value, value, abs(value))


@lru_cache(maxsize=1 << 17)
def _table(dump: str, kind: type) -> Table:
    return Table.of(partial(_drawn, kind.model_validate_json(dump)))  # type: ignore[attr-defined]


def _drawn(value: Drawable) -> FloatArray:
    """The quantiles of a distribution."""
    if isinstance(value, Uniform):
        return value.low + (value.high - value.low) * (np.arange(TABLE_SIZE + 1) / TABLE_SIZE)
    if isinstance(value, Normal | TruncatedNormal):
        return normal_quantiles(value, TABLE_SIZE)
    if isinstance(value, Lognormal):
        return lognormal_quantiles(value, TABLE_SIZE)
    if isinstance(value, Exponential):
        return exponential_quantiles(value, TABLE_SIZE)
    raise TypeError(f"no table for {type(value).__name__}")
