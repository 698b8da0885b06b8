"""What a projection whose weights follow dopamine keeps on a lane: eligibility, and dopamine per step, see `reward`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.lane_synapses import Dopamine
from dtbsim.backends.memory import Memory
from dtbsim.build.candidates import Candidates
from dtbsim.build.dynamic import DynamicRows
from dtbsim.kernels import dynamic_layout as D
from dtbsim.spec.network import Network
from dtbsim.spec.synapses import Rewarded

LONG_CELLS = 16
"""Cells kept from which on all synapses are advanced, so that the cells can be forgotten."""


class RewardTables:
    """Fills the fields of one row of the table of dynamic projections. Arrays go where `memory` puts them."""

    def __init__(
        self, network: Network, candidates: Candidates, part: DynamicRows, row: NDArray[np.int64], memory: Memory
    ) -> None:
        dynamics = part.dynamics
        assert isinstance(dynamics, Rewarded)
        self._row, self._interval, self._memory = row, dynamics.interval, memory
        self._placed_bytes = 0
        row[D.SHORTEST], row[D.LONGEST] = part.projection.delay_range(network.dt_ms)
        row[D.INTERVAL] = dynamics.interval
        flags = np.zeros(candidates.size, np.uint8)
        for population in part.projection.modulators:
            first = int(candidates.offset[population])
            flags[first : first + network.populations[population].size] = 1
        row[D.DOPAMINE_AT], row[D.N_CANDIDATES] = self._at(flags), flags.size
        self.eligibility = np.zeros(part.rows.n_synapses, np.float32)
        row[D.ELIGIBILITY_AT] = self._at(self.eligibility)
        self._level = np.zeros(1, np.float32)
        row[D.CELL_AT], row[D.LEVEL_AT] = self._at(dynamics.cell()), self._at(self._level)
        row[D.APPLIED] = 0
        self._released = memory.room((0, self._interval), np.int32)
        self._integral = memory.room((0, self._interval + 1), np.float32)

    def _at(self, array: NDArray[Any]) -> int:
        self._placed_bytes += array.nbytes
        return self._memory.place(array)

    @property
    def n_bytes(self) -> int:
        """Everything that is kept here at present."""
        return int(self._placed_bytes + self._released.nbytes + self._integral.nbytes)

    def reserve(self, stop: int) -> None:
        """Make room for all steps before `stop`; cells before the last update of all synapses make way."""
        row = self._row
        needed = (stop - 1) // self._interval + 1
        if needed <= int(row[D.CELL0] + row[D.N_CELLS]):
            return
        first = int(row[D.APPLIED]) // self._interval
        size = max(LONG_CELLS, needed - first)
        self._released = self._moved(self._released, first - int(row[D.CELL0]), size)
        self._integral = self._moved(self._integral, first - int(row[D.CELL0]), size)
        row[D.CELL0], row[D.N_CELLS] = first, size
        row[D.RELEASED_AT] = self._memory.address(self._released)
        row[D.INTEGRAL_AT] = self._memory.address(self._integral)

    def _moved(self, array: Any, first: int, size: int) -> Any:
        """`size` rows: those from `first` on, then zeros."""
        kept = array[first:]
        moved = self._memory.room((size, array.shape[1]), array.dtype)
        moved[: len(kept)] = kept
        return moved

    def read(self, clock: NDArray[np.int64], now: int) -> Dopamine:
        """Cells from that of the last update of all synapses to that of the step before `now`."""
        first, begin = int(self._row[D.APPLIED]) // self._interval, int(self._row[D.CELL0])
        cells = slice(first - begin, max(first, (now - 1) // self._interval + 1) - begin)
        released, integral = (self._memory.contents(array[cells]) for array in (self._released, self._integral))
        self._memory.fetch(self._level, slice(None))
        return Dopamine(first, released, integral, clock, self._level.copy())

    def write(self, dopamine: Dopamine, now: int) -> None:
        """Hold these cells, where none were; the last update of all synapses is known."""
        self.reserve(now)
        self._memory.fill(self._released, dopamine.released)
        self._memory.fill(self._integral, dopamine.integral)
        self._level[:] = dopamine.level
        self._memory.store(self._level, slice(None))

    def is_long(self, now: int) -> bool:
        """Whether many cells wait for synapses to be advanced."""
        return now - int(self._row[D.APPLIED]) > LONG_CELLS * self._interval
