"""Fills in what the compiled window needs of a lane's procedural projections: pairs, ring, scratch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.pairs import pair_table
from dtbsim.build.rank import LaneState
from dtbsim.kernels import layout as L
from dtbsim.kernels import pair_layout as P
from dtbsim.kernels.procedural import SCRATCH_WORDS

I64 = NDArray[np.int64]


class ProceduralTables:
    """The arrays of one lane, `ring` rows in its ring."""

    def __init__(self, state: LaneState, ring: int) -> None:
        self._pairs = pair_table(state.procedural)
        self._ring: NDArray[Any] = np.zeros((ring, state.lane.n_slots), dtype=state.acc.dtype)
        self._events = np.zeros(ring, np.int64)
        self._scratch = np.zeros(SCRATCH_WORDS, np.int64)
        self._counts = np.zeros(1 << int(self._pairs.table[:, P.SPLITS].max()), np.int64)

    def fill(self, row: I64) -> None:
        """Set the fields of the lane's row."""
        row[L.N_PROCEDURAL], row[L.PROCEDURAL_AT] = len(self._pairs.table), self._pairs.table.ctypes.data
        row[L.PROCEDURAL_RING_AT], row[L.PROCEDURAL_MASK] = self._ring.ctypes.data, len(self._ring) - 1
        row[L.PROCEDURAL_EVENTS_AT] = self._events.ctypes.data
        row[L.PROCEDURAL_SCRATCH_AT] = self._scratch.ctypes.data
        row[L.PROCEDURAL_COUNTS_AT] = self._counts.ctypes.data

    @property
    def n_bytes(self) -> int:
        """Bytes of the ring and the rows of pairs."""
        return self._ring.nbytes + self._events.nbytes + self._pairs.table.nbytes
