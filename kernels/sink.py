"""Where generated synapses go: counted per source, or written into the rows of their sources.

`Sink` is a tuple of arrays so that numba sees plain arguments; unused ones have length 0. Source indices number the
source candidates of the rank; targets are slots of the lane's input vector.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba as nb
import numpy as np

from dtbsim.kernels import layout as L

FRACTION_BITS_WEIGHT = 8
FRACTION_BITS_DELAY = 16
FACTOR_BITS = 27
"""Bits of what multiplies a weight: a weight of 2**27 quanta, with its fraction, times 2**27 is an int64."""
CHUNK = 512


class Sink(NamedTuple):
    """mode 0 counts into `rows` (int32[n_sources]); 1 writes at `cursor` (int64[n_sources]) and advances it."""

    mode: int
    kind: int
    rows: Any
    cursor: Any
    packed: Any
    targets: Any
    weights16: Any
    weights32: Any
    delays8: Any
    delays16: Any


class Draws(NamedTuple):
    """How weights and delays are drawn: a constant, or a fixed-point table (int64[65537]) when its length is not 0.

    A table of delays is used only where the entry's own (tract) delay is 0.
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


@nb.njit(nogil=True, inline="always")
def draw_delay(draws: Any, word: Any, own: int) -> Any:
    """Delay in steps, between 1 and the projection's maximum."""
    if own > 0:
        return own
    if draws.delay_table.size == 0:
        return draws.delay
    value = (interpolate(draws.delay_table, word) + (1 << (FRACTION_BITS_DELAY - 1))) >> FRACTION_BITS_DELAY
    return min(max(value, np.int64(1)), draws.max_delay)


@nb.njit(nogil=True, inline="always")
def put(sink: Any, source: int, slot: int, weight: int, delay: int) -> None:
    """Write one synapse at its source's cursor."""
    at = sink.cursor[source]
    sink.cursor[source] = at + 1
    if sink.kind == L.KIND_PACKED:
        sink.packed[at] = np.uint32(slot) | (np.uint32(np.int32(weight)) << np.uint32(16))
    elif sink.kind == L.KIND_WIDE16:
        sink.targets[at] = np.uint32(slot)
        sink.weights16[at] = np.int16(weight)
    else:
        sink.targets[at] = np.uint32(slot)
        sink.weights32[at] = np.int32(weight)
    if sink.delays8.size > 0:
        sink.delays8[at] = np.uint8(delay)
    else:
        sink.delays16[at] = np.uint16(delay)
