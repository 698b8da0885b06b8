"""States that the synapses of a projection have beside their weights, on one lane; see `kernels.synapse_state`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.memory import Memory
from dtbsim.build.dynamic import DynamicRows
from dtbsim.kernels import dynamic_layout as D


class SynapseStates:
    """float32[states, synapses] and int32[synapses] in the order of the rows, where `memory` puts them.

    Fills the fields of one row of the table of dynamic projections.
    """

    def __init__(self, part: DynamicRows, row: NDArray[np.int64], memory: Memory) -> None:
        self._memory = memory
        n = part.rows.n_synapses
        self._states = np.repeat(part.dynamics.synapse_states(part.quantum)[:, None], n, axis=1)
        self._events = np.zeros(n, np.int32)
        row[D.STATES_AT], row[D.N_STATES] = memory.place(self._states), len(self._states)
        row[D.EVENT_AT] = memory.place(self._events)

    @property
    def n_bytes(self) -> int:
        """Everything that is kept here."""
        return int(self._states.nbytes + self._events.nbytes)

    def read(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Copies as they are now."""
        for array in (self._states, self._events):
            self._memory.fetch(array, slice(None))
        return self._states.copy(), self._events.copy()

    def write(self, states: NDArray[np.float32], events: NDArray[np.int32]) -> None:
        """Hold these."""
        self._states[:], self._events[:] = states, events
        for array in (self._states, self._events):
            self._memory.store(array, slice(None))
