"""What a lane holds of a dynamic projection, in its own numbers, whichever backend steps it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.synapses import Rows
from dtbsim.kernels import layout as L

I64 = NDArray[np.int64]
_LOW32 = 0xFFFFFFFF


@dataclass(eq=False)
class Dopamine:
    """Cells from number `first` on: int32[cells, interval] released, float32[cells, interval + 1] integral; where the
    integral is known to and the step of the level, int64[2]; the level, float32[1]."""

    first: int
    released: NDArray[np.int32]
    integral: NDArray[np.float32]
    clock: I64
    level: NDArray[np.float32]


@dataclass(eq=False)
class Plastic:
    """Weights (int32) and eligibility (float32, empty without dopamine) in the order of the rows; of each target how
    many spikes are remembered, int32[targets], and these, int64[spikes, words]. Of synapses with states of their own
    these, float32[states, synapses], and the step of the last spike that each has seen, int32[synapses]."""

    weights: NDArray[np.int32]
    eligibility: NDArray[np.float32]
    kept: NDArray[np.int32]
    history: I64
    applied: int
    dopamine: Dopamine | None
    own: tuple[NDArray[np.float32], NDArray[np.int32]] | None = None


@dataclass(eq=False)
class LaneSynapses:
    """A projection on a lane: sources int32[n] and float32[n, 2]; spikes in transit, int64[m, 4] (source, step, second
    word, lower half of the third)."""

    last: NDArray[np.int32]
    trace: NDArray[np.float32]
    transit: I64
    plastic: Plastic | None


def spikes_in_transit(rows: Rows, entries: I64, *, whole_third: bool = False) -> I64:
    """Spikes (see `LaneSynapses`) from entries of a payload queue, int64[n, 4]: step when due, synapses, two words.

    Every spike once: the last segment of a source, that of the longest delay, is in the queue as long as any. With
    `whole_third` both halves of the last word are given.
    """
    counts = (rows.segments & np.uint32(0xFFFF)).astype(np.int64)
    begins = np.cumsum(counts) - counts
    segment = np.searchsorted(begins, entries[:, 1] >> L.ENTRY_SHIFT, side="right") - 1
    source = np.searchsorted(rows.segment_rows, segment, side="right") - 1
    delay = (rows.segments[segment] >> np.uint32(16)).astype(np.int64)
    third = entries[:, 3] if whole_third else entries[:, 3] & _LOW32
    spikes = np.stack([source, entries[:, 0] - delay, entries[:, 2], third], axis=1)
    whole: I64 = spikes[segment == rows.segment_rows[source + 1] - 1]
    return whole
