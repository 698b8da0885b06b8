"""Where generated synapses go: counted per source, or written into the rows of their sources.

`RowWriter` is a tuple of arrays so that numba sees plain arguments; unused ones have length 0. Source indices number
the source candidates of the rank; targets are slots of the lane's input vector.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba as nb
import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.numerics.fixed_point import ADDED, FACTOR_BITS, FRACTION_BITS_DELAY, FRACTION_BITS_WEIGHT, MEAN_BITS

CHUNK = 512


class RowWriter(NamedTuple):
    """mode 0 counts into `rows` (int32[n]); 1 writes at `cursor` (int64[n]) and advances it.

    There is a row for 2**shift sources: where that is more than one, `lows` (uint8) says which of them.
    """

    mode: int
    kind: int
    shift: int
    rows: Any
    cursor: Any
    lows: Any
    packed: Any
    targets: Any
    weights16: Any
    weights32: Any
    delays8: Any
    delays16: Any


class Draws(NamedTuple):
    """How weights and delays are drawn: a constant, or a fixed-point table (int64[65537]) when its length is not 0.

    With a table of delays an entry's own delay is 0, or a mean around which the table spreads (`pack_delays`).
    """

    weight: int
    weight_table: Any
    delay: int
    delay_table: Any
    max_delay: int


@nb.njit(nogil=True, inline="always")
def interpolate(table: Any, word: Any) -> Any:
    """Fixed-point value of an inverse-CDF table at a uniform word."""
    index = np.int64(word >> np.uint32(16))
    low = table[index]
    return low + (((table[index + 1] - low) * np.int64(word & np.uint32(0xFFFF))) >> 16)


@nb.njit(nogil=True, inline="always")
def draw_weight(draws: Any, word: Any, factor: int) -> Any:
    """Weight in quanta."""
    if draws.weight_table.size == 0 and factor == (1 << FACTOR_BITS):
        return draws.weight
    if draws.weight_table.size == 0:
        value = draws.weight << FRACTION_BITS_WEIGHT
    else:
        value = interpolate(draws.weight_table, word)
    value = (value * factor) >> FACTOR_BITS if factor != (1 << FACTOR_BITS) else value
    return (value + (1 << (FRACTION_BITS_WEIGHT - 1))) >> FRACTION_BITS_WEIGHT


_MEAN = np.int64(ADDED - 1)


@nb.njit(nogil=True, inline="always")
def draw_delay(draws: Any, word: Any, own: int) -> Any:
    """Delay in steps, between 1 and the projection's maximum."""
    if draws.delay_table.size == 0:
        return own if own > 0 else draws.delay
    value = spread_delay(draws.delay_table, word, own) if own != 0 else interpolate(draws.delay_table, word)
    value = (value + (1 << (FRACTION_BITS_DELAY - 1))) >> FRACTION_BITS_DELAY
    return min(max(value, np.int64(1)), draws.max_delay)


@nb.njit(nogil=True)
def spread_delay(table: Any, word: Any, own: int) -> Any:
    """Delay around a packed mean, in 2**-FRACTION_BITS_DELAY steps; words that give too short ones are left out."""
    first = np.uint64(own) >> np.uint64(32)
    moved = first + ((np.uint64(word) * (np.uint64(1 << 32) - first)) >> np.uint64(32))
    value = interpolate(table, np.uint32(moved))
    mean = np.int64(own) & _MEAN
    if np.int64(own) & np.int64(ADDED):
        return value + (mean << (FRACTION_BITS_DELAY - MEAN_BITS))
    return (value * mean) >> MEAN_BITS


@nb.njit(nogil=True, inline="always")
def count(writer: Any, source: int) -> None:
    """Count one synapse of a source."""
    writer.rows[source >> writer.shift] += 1


@nb.njit(nogil=True, inline="always")
def put(writer: Any, source: int, slot: int, weight: int, delay: int) -> None:
    """Write one synapse at its source's cursor."""
    row = source >> writer.shift
    at = writer.cursor[row]
    writer.cursor[row] = at + 1
    if writer.lows.size > 0:
        writer.lows[at] = np.uint8(source & 0xFF)
    if writer.kind == L.KIND_PACKED:
        writer.packed[at] = np.uint32(slot) | (np.uint32(np.int32(weight)) << np.uint32(16))
    elif writer.kind == L.KIND_WIDE16:
        writer.targets[at] = np.uint32(slot)
        writer.weights16[at] = np.int16(weight)
    else:
        writer.targets[at] = np.uint32(slot)
        writer.weights32[at] = np.int32(weight)
    if writer.delays8.size > 0:
        writer.delays8[at] = np.uint8(delay)
    else:
        writer.delays16[at] = np.uint16(delay)
