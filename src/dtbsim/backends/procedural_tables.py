"""Fills in what the compiled window needs of a lane's procedural projections: pairs, ring, scratch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.memory import Memory
from dtbsim.build.pairs import pair_table
from dtbsim.build.rank import LaneState
from dtbsim.kernels import layout as L
from dtbsim.kernels import pair_layout as P
from dtbsim.kernels.procedural import SCRATCH_WORDS

I64 = NDArray[np.int64]


class ProceduralTables:
    """The arrays of one lane, `ring` rows in its ring; they go where `memory` puts them."""

    def __init__(self, state: LaneState, ring: int, memory: Memory) -> None:
        self._memory = memory
        self._pairs = pair_table(state.procedural, memory.place).table
        self._ring: NDArray[Any] = np.zeros((ring, state.lane.n_slots), dtype=state.acc.dtype)
        self._events = np.zeros(ring, np.int64)

    def fill(self, row: I64) -> None:
        """Set the fields of the lane's row."""
        at = self._memory.place
        row[L.N_PROCEDURAL], row[L.PROCEDURAL_AT] = len(self._pairs), at(self._pairs)
        row[L.PROCEDURAL_RING_AT], row[L.PROCEDURAL_MASK] = at(self._ring), len(self._ring) - 1
        row[L.PROCEDURAL_EVENTS_AT] = at(self._events)
        row[L.PROCEDURAL_SCRATCH_AT] = at(np.zeros(SCRATCH_WORDS, np.int64))
        row[L.PROCEDURAL_COUNTS_AT] = at(np.zeros(1 << int(self._pairs[:, P.SPLITS].max()), np.int64))

    @property
    def n_bytes(self) -> int:
        """Bytes of the ring and the rows of pairs."""
        return self._ring.nbytes + self._events.nbytes + self._pairs.nbytes
