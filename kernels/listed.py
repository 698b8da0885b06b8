"""Synapses that a connection rule lists: their values, and where they go."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.kernels.jit import cached_njit
from dtbsim.kernels.philox import keyed, philox4x32
from dtbsim.kernels.row_writer import (
    CHUNK,
    DELAY,
    MADE,
    SLOT,
    SOURCE,
    WEIGHT,
    count,
    draw_delay,
    draw_weight,
    put,
)
from dtbsim.numerics.philox import PURPOSE_SHIFT, PURPOSE_SOURCE

CALL_LISTED = 3
"""Lowest two bits of the third word of the counter (other rules have 0 to 2 there); the bits above count calls."""
_PURPOSE = np.uint32(PURPOSE_SOURCE << PURPOSE_SHIFT)


@cached_njit
def draw_listed(
    targets: Any, numbers: Any, own_delays: Any, projection: int, k0: Any, k1: Any, draws: Any, weights: Any,
    delays: Any,
) -> None:  # fmt: skip
    """Draw the weights (int32[n], in quanta) and delays (uint16[n], in steps) of synapses that list none.

    Keyed by the target's gid (int64[n]) and the synapse's number among those of its target (uint32[n]). Arrays of
    length 0 are not filled; own_delays int32[n] is above 0 where the pair of populations has a delay of its own.
    """
    c3 = _PURPOSE | np.uint32(projection)
    for i in range(targets.size):
        gid = targets[i]
        r0, r1, _, _ = philox4x32(np.uint32(gid), numbers[i], np.uint32(CALL_LISTED), c3, k0, keyed(k1, gid >> 32))
        if weights.size > 0:
            weights[i] = np.int32(draw_weight(draws, r0, 1 << 27))
        if delays.size > 0:
            delays[i] = np.uint16(draw_delay(draws, r1, np.int64(own_delays[i])))


@cached_njit
def put_listed(sources: Any, slots: Any, weights: Any, delays: Any, writer: Any) -> None:
    """Count or write synapses; int32[n] sources, slots and weights, uint16[n] delays."""
    made = np.empty((MADE, CHUNK), np.int64)
    done = np.int64(0)
    while done < sources.size:
        n = min(np.int64(CHUNK), sources.size - done)
        for i in range(n):
            made[SOURCE, i] = sources[done + i]
            made[SLOT, i] = slots[done + i]
            made[WEIGHT, i] = weights[done + i]
            made[DELAY, i] = delays[done + i]
        if writer.mode == 0:
            count(writer, made[SOURCE], n)
        else:
            put(writer, made, n)
        done += n
