"""How the weights and delays of a projection are drawn, as fixed-point tables for the compiled loops."""

from __future__ import annotations

from functools import lru_cache
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from dtbsim.clock import nearest_steps
from dtbsim.kernels import row_writer as S
from dtbsim.numerics.fixed_point import FACTOR_BITS, FRACTION_BITS_DELAY, FRACTION_BITS_WEIGHT
from dtbsim.spec.distributions import Table
from dtbsim.spec.network import Projection

_NO_TABLE = np.zeros(0, np.int64)
_KNOWN: WeakValueDictionary[tuple[Table, float, int], NDArray[np.int64]] = WeakValueDictionary()


def draws_of(
    projection: Projection, quantum: float, dt_ms: float, *, weights: bool = True, delays: bool = True
) -> S.Draws:
    """Weights in `quantum`, delays in steps of `dt_ms`; lanes that hold the same table share it.

    Not `weights` or not `delays`: these are listed, and nothing is drawn.
    """
    weight, delay = projection.weight, projection.delay
    if not weights:
        weight_table, constant_weight = _NO_TABLE, 0
    elif weight.constant:
        weight_table, constant_weight = _NO_TABLE, round(weight.low / quantum)
    else:
        weight_table, constant_weight = _fixed_point(weight, quantum, FRACTION_BITS_WEIGHT), 0
    if delays and projection.spread is not None:
        unit = 1.0 if projection.spread.relative else dt_ms
        delay_table, constant_delay = _fixed_point(projection.spread.table, unit, FRACTION_BITS_DELAY), 0
    elif not delays or delay is None or delay.constant:
        delay_table, constant_delay = _NO_TABLE, _steps(delay, dt_ms)
    else:
        delay_table, constant_delay = _fixed_point(delay, dt_ms, FRACTION_BITS_DELAY), 0
    largest = projection.delay_range(dt_ms)[1]
    return S.Draws(constant_weight, weight_table, constant_delay, delay_table, largest)


def largest_weight(draws: S.Draws, factor: int) -> int:
    """Largest |weight| in quanta that `row_writer.draw_weight` can give with this factor (0 to 2**FACTOR_BITS)."""
    table = draws.weight_table
    ends = (int(table[0]), int(table[-1])) if table.size else (draws.weight << FRACTION_BITS_WEIGHT,) * 2
    half = 1 << (FRACTION_BITS_WEIGHT - 1)
    return max(abs((((end * factor) >> FACTOR_BITS) + half) >> FRACTION_BITS_WEIGHT) for end in ends)


@lru_cache(maxsize=64)
def _fixed_point(table: Table, unit: float, bits: int) -> NDArray[np.int64]:
    """The table in integers; the last ones stay, and what is held elsewhere is shared."""
    key = table, unit, bits
    found = _KNOWN.get(key)
    if found is None:
        found = table.fixed_point(unit, bits)
        _KNOWN[key] = found
    return found


def _steps(delay: Table | None, dt_ms: float) -> int:
    return 1 if delay is None else max(1, int(nearest_steps(delay.low, dt_ms)))
