"""Where generated synapses go: counted per source, or written into the rows of their sources.

`RowWriter` is a tuple of arrays so that numba sees plain arguments; unused ones have length 0. Source indices number
the source candidates of the rank; targets are slots of the lane's input vector.

Synapses are generated in chunks of at most CHUNK, as rows of an array (`MADE`). Loops over a chunk call nothing that
takes arrays: every such call would count references to all arrays of the tuple, which costs ten times what drawing a
synapse does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba as nb
import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.numerics.fixed_point import ADDED, FACTOR_BITS, FRACTION_BITS_DELAY, FRACTION_BITS_WEIGHT, MEAN_BITS

CHUNK = 512
MADE = 6
SOURCE, SLOT, WEIGHT, DELAY, ENTRY, GID = range(MADE)
"""Rows of a chunk of synapses, int64[MADE, CHUNK]: source candidate, slot, weight in quanta, delay in steps; ENTRY and
GID (of the target) serve those that make it."""


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
def _weight(table: Any, drawn: bool, given: int, word: Any, factor: int, unscaled: bool) -> Any:
    """Weight in quanta: `given`, or `drawn` from a table, times a factor."""
    if unscaled and not drawn:
        return given
    value = interpolate(table, word) if drawn else given << FRACTION_BITS_WEIGHT
    value = value if unscaled else (value * factor) >> FACTOR_BITS
    return (value + (1 << (FRACTION_BITS_WEIGHT - 1))) >> FRACTION_BITS_WEIGHT


@nb.njit(nogil=True)
def draw_weight(draws: Any, word: Any, factor: int) -> Any:
    """Weight in quanta."""
    drawn = draws.weight_table.size > 0
    return _weight(draws.weight_table, drawn, draws.weight, word, factor, factor == (1 << FACTOR_BITS))


_MEAN = np.int64(ADDED - 1)


@nb.njit(nogil=True, inline="always")
def _spread(table: Any, word: Any, own: int) -> Any:
    """Delay around a packed mean, in 2**-FRACTION_BITS_DELAY steps; words that give too short ones are left out."""
    first = np.uint64(own) >> np.uint64(32)
    moved = first + ((np.uint64(word) * (np.uint64(1 << 32) - first)) >> np.uint64(32))
    value = interpolate(table, np.uint32(moved))
    mean = np.int64(own) & _MEAN
    added = np.int64(own) & np.int64(ADDED)
    return value + (mean << (FRACTION_BITS_DELAY - MEAN_BITS)) if added else (value * mean) >> MEAN_BITS


@nb.njit(nogil=True, inline="always")
def _delay(table: Any, word: Any, own: int, longest: int) -> Any:
    """Delay in steps, from a table."""
    value = _spread(table, word, own) if own != 0 else interpolate(table, word)
    value = (value + (1 << (FRACTION_BITS_DELAY - 1))) >> FRACTION_BITS_DELAY
    return min(max(value, np.int64(1)), longest)


@nb.njit(nogil=True)
def draw_delay(draws: Any, word: Any, own: int) -> Any:
    """Delay in steps, between 1 and the projection's maximum."""
    if draws.delay_table.size == 0:
        return own if own > 0 else draws.delay
    return _delay(draws.delay_table, word, own, draws.max_delay)


@nb.njit(nogil=True)
def draw_weights(draws: Any, words: Any, factor: int, weights: Any, n: int) -> None:
    """weights[:n] (int64) = `draw_weight` of each word."""
    table, given, drawn = draws.weight_table, draws.weight, draws.weight_table.size > 0
    unscaled = factor == (1 << FACTOR_BITS)
    for i in range(n):
        weights[i] = _weight(table, drawn, given, words[i], factor, unscaled)


@nb.njit(nogil=True)
def draw_weights_of(draws: Any, words: Any, entries: Any, factors: Any, weights: Any, n: int) -> None:
    """As `draw_weights`, each with the factor of its entry."""
    table, given, drawn = draws.weight_table, draws.weight, draws.weight_table.size > 0
    for i in range(n):
        factor = factors[entries[i]]
        weights[i] = _weight(table, drawn, given, words[i], factor, factor == (1 << FACTOR_BITS))


@nb.njit(nogil=True)
def draw_delays(draws: Any, words: Any, own: int, delays: Any, n: int) -> None:
    """delays[:n] (int64) = `draw_delay` of each word."""
    if draws.delay_table.size == 0:
        delays[:n] = own if own > 0 else draws.delay
        return
    table, longest = draws.delay_table, draws.max_delay
    for i in range(n):
        delays[i] = _delay(table, words[i], own, longest)


@nb.njit(nogil=True)
def draw_delays_of(draws: Any, words: Any, entries: Any, owns: Any, delays: Any, n: int) -> None:
    """As `draw_delays`, each with the own delay of its entry."""
    table, drawn, longest, given = draws.delay_table, draws.delay_table.size > 0, draws.max_delay, draws.delay
    for i in range(n):
        own = owns[entries[i]]
        delays[i] = _delay(table, words[i], own, longest) if drawn else own if own > 0 else given


@nb.njit(nogil=True)
def count(writer: Any, sources: Any, n: int) -> None:
    """Count n synapses by their sources."""
    rows, shift = writer.rows, writer.shift
    for i in range(n):
        rows[sources[i] >> shift] += 1


@nb.njit(nogil=True)
def put(writer: Any, made: Any, n: int) -> None:
    """Write the first n synapses of a chunk, each at its source's cursor."""
    sources, slots, values, steps = made[SOURCE], made[SLOT], made[WEIGHT], made[DELAY]
    cursor, lows, packed, targets = writer.cursor, writer.lows, writer.packed, writer.targets
    weights16, weights32, delays8, delays16 = writer.weights16, writer.weights32, writer.delays8, writer.delays16
    kind, shift, has_lows, narrow = writer.kind, writer.shift, writer.lows.size > 0, writer.delays8.size > 0
    for i in range(n):
        row = sources[i] >> shift
        at = cursor[row]
        cursor[row] = at + 1
        if has_lows:
            lows[at] = np.uint8(sources[i] & 0xFF)
        if kind == L.KIND_PACKED:
            packed[at] = np.uint32(slots[i]) | (np.uint32(np.int32(values[i])) << np.uint32(16))
        elif kind == L.KIND_WIDE16:
            targets[at] = np.uint32(slots[i])
            weights16[at] = np.int16(values[i])
        else:
            targets[at] = np.uint32(slots[i])
            weights32[at] = np.int32(values[i])
        if narrow:
            delays8[at] = np.uint8(steps[i])
        else:
            delays16[at] = np.uint16(steps[i])
