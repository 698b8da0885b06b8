"""Tables of the dynamic projections of one lane, as all backends share them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.lane_synapses import LaneSynapses
from dtbsim.backends.memory import Memory
from dtbsim.backends.reward_tables import RewardTables
from dtbsim.backends.synapse_states import SynapseStates
from dtbsim.build.candidates import Candidates
from dtbsim.build.dynamic import DynamicRows, rebuilt_dynamic
from dtbsim.build.rank import LaneState
from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels.decay import decay_table
from dtbsim.models.base import MOST_SPIKES
from dtbsim.numerics.gids import Gids
from dtbsim.spec.distributions import Table
from dtbsim.spec.network import Network
from dtbsim.spec.synapses import Dynamics

I64 = NDArray[np.int64]
FIRST_HISTORY = 8
"""Spikes remembered per target before the rings grow: one cache line."""
LONG_HISTORY = 64
"""Spikes remembered of some target from which on all pending changes are applied, so that they can be forgotten."""


def decay_tables(dynamics: Dynamics, dt_ms: float) -> list[NDArray[np.float32]]:
    """Return the table of each decay of a synapse model."""
    return [decay_table(tau, dt_ms) for tau in dynamics.taus_ms]


def _kind(dynamics: Dynamics) -> int:
    """Return BY_SOURCE, PLASTIC, MODULATED or STATEFUL."""
    if not dynamics.plastic:
        return D.BY_SOURCE
    if dynamics.stateful:
        return D.STATEFUL
    return D.MODULATED if dynamics.modulated else D.PLASTIC


class DynamicTables(ABC):
    """int64[n, width] in the order of `parts`: queues and what grows belong to a backend. Arrays go to `memory`."""

    width = D.FIELDS

    def __init__(self, network: Network, state: LaneState, candidates: Candidates, ring: int, memory: Memory) -> None:
        self._network, self._state, self._ring, self._memory = network, state, ring, memory
        self._candidates = candidates
        self.parts: list[DynamicRows] = state.dynamic
        self.index_of = {part.projection.index: index for index, part in enumerate(self.parts)}
        """Place in `parts` by index of the projection."""
        self._rewards: dict[int, RewardTables] = {}
        self._own_states: dict[int, SynapseStates] = {}
        self._sources: list[tuple[NDArray[np.int32], NDArray[np.float32]]] = []
        """Step of the last spike and state of the sources of each projection."""
        self.table = np.zeros((len(self.parts), self.width), dtype=np.int64)
        for index, (row, part) in enumerate(zip(self.table, self.parts, strict=True)):
            self._fill(row, part)
            self._fill_own(row, part)
            if part.dynamics.modulated:
                self._rewards[index] = RewardTables(network, candidates, part, row, memory)
            if part.dynamics.stateful:
                self._own_states[index] = SynapseStates(part, row, memory)

    # -- filling ----------------------------------------------------------------------------------------------

    def _fill(self, row: I64, part: DynamicRows) -> None:
        rows, dynamics = part.rows, part.dynamics
        at = self._memory.place
        row[D.KIND], row[D.SYNAPSE_KIND], row[D.WORDS] = _kind(dynamics), rows.kind, dynamics.words
        row[D.SOURCE0], row[D.N_SOURCES], row[D.N_HEARD] = part.source0, part.n_sources, part.n_heard
        row[D.USED_AT] = 0 if part.used is None else at(part.used)
        row[D.TARGET_AT], row[D.WEIGHT_AT] = at(rows.targets), at(rows.weights)
        row[D.ROW_AT], row[D.SEGMENT_ROW_AT] = at(rows.rows), at(rows.segment_rows)
        row[D.SEGMENT_AT] = at(rows.segments)
        row[D.RULE] = self._network.synapse_models.index(dynamics.model)
        parameters = dynamics.parameters(part.quantum)
        row[D.PARAMETERS_AT], row[D.N_PARAMETERS] = at(parameters), parameters.size
        for field_at, table in zip(D.DECAY_FIELDS, decay_tables(dynamics, self._network.dt_ms), strict=True):
            row[field_at], row[field_at + 1] = at(table), table.size
        last = np.full(part.n_sources, -1, np.int32)
        trace = np.tile(dynamics.initial_states(), (part.n_sources, 1))
        self._sources.append((last, trace))
        row[D.LAST_AT], row[D.TRACE_AT] = at(last), at(trace)
        if dynamics.plastic:
            self._fill_plastic(row, part)

    def _fill_plastic(self, row: I64, part: DynamicRows) -> None:
        dynamics, lane = part.dynamics, self._state.lane
        row[D.SHIFT], row[D.SIGN] = dynamics.shift(part.quantum), dynamics.sign
        runs = lane.runs_of_family(self._network.families[part.projection.target_family])
        kind, first = runs[0].kind, runs[0].local
        row[D.SLOT0] = int(lane.slot_start[kind][part.projection.channel]) + first - int(lane.group_start[kind])
        row[D.LOCAL0], row[D.N_TARGETS] = first, sum(run.size for run in runs)
        several = self._network.families[part.projection.target_family].model.counts_spikes
        row[D.HISTORY_ROOM] = MOST_SPIKES if several else 1
        capacity = FIRST_HISTORY if not several else 1 << (2 * MOST_SPIKES).bit_length()
        row[D.HISTORY_WORDS], row[D.HISTORY_CAPACITY] = dynamics.history_words, capacity
        row[D.APPLIED], row[D.PAIRS_ONLY] = -1, int(dynamics.pairs_only)
        row[D.FROZEN_AT], row[D.N_FROZEN] = self._memory.place(dynamics.frozen), len(dynamics.frozen)

    @abstractmethod
    def _fill_own(self, row: I64, part: DynamicRows) -> None:
        """Fill in what this backend alone needs: payload queue, histories, log of sources."""

    def _own_bytes(self) -> int:
        """Bytes of eligibility and dopamine, and of states of synapses."""
        rewards = sum(reward.n_bytes for reward in self._rewards.values())
        return rewards + sum(states.n_bytes for states in self._own_states.values())

    # -- targets ----------------------------------------------------------------------------------------------

    def targets_of(self, index: int) -> tuple[Gids, int, int]:
        """Gids of the lane's neurons by local index, and first slot and first local index of a plastic projection."""
        row = self.table[index]
        return self._state.lane.gids, int(row[D.SLOT0]), int(row[D.LOCAL0])

    def target_gids(self, index: int) -> NDArray[np.int64]:
        """Gids of the neurons that have a history in a plastic projection, in the order of their input slots."""
        gids, _, first = self.targets_of(index)
        return gids[first : first + int(self.table[index, D.N_TARGETS])].astype(np.int64)

    def source_gids(self, index: int) -> Gids:
        """Gids of the sources of a projection, ascending, one per row."""
        part = self.parts[index]
        return self._candidates.gids_of(part.numbers)

    # -- plastic weights --------------------------------------------------------------------------------------

    def reserve(self, stop: int) -> None:
        """Make room for what is kept per step, for all steps before `stop`."""
        for reward in self._rewards.values():
            reward.reserve(stop)

    def tidy(self, now: int) -> None:
        """Apply and forget pending changes where histories have become long; all steps before `now` are done."""
        for index, part in enumerate(self.parts):
            long = part.dynamics.plastic and self._longest_history(index) > LONG_HISTORY
            if long or (index in self._rewards and self._rewards[index].is_long(now)):
                self.catch_up(index, now)

    def catch_up(self, index: int, now: int) -> None:
        """Apply all spikes of targets up to `now` - 2 longest delays to the weights of one plastic projection.

        Where dopamine changes the weights: all that has happened by the last update one longest delay before `now`.
        Of synapses with states of their own: all spikes of targets.
        """
        if self.parts[index].dynamics.plastic:
            self._catch_up(index, now)

    def scale(self, index: int, now: int, factors: NDArray[np.int64]) -> None:
        """Multiply the weights of a plastic projection by what belongs to their targets, all steps before `now` done.

        `factors` int64[n targets], in 2**-FACTOR_BITS. Pending changes are applied first, as far as `catch_up` does.
        """
        self.catch_up(index, now)
        part = self.parts[index]
        self._scale(index, factors, part.dynamics.bounds(part.quantum))

    def set_plastic(self, index: int, now: int, weight: Table | None, factor: float) -> None:
        """Draw plastic weights anew (None: keep them) and multiply them, within their bounds.

        All steps before `now` are done. Pending changes are applied first, as far as `catch_up` does.
        """
        self.catch_up(index, now)
        part = self.parts[index]
        if weight is None:
            before = self.weights_at(index, np.arange(part.rows.n_synapses))
        else:
            before = rebuilt_dynamic(self._network, self._state.lane, self._candidates, part, weight).rows.weights
        self._memory.replace(part.rows.weights, part.sizes(before * np.float64(factor)))

    def set_by_source(self, index: int, weight: Table) -> None:
        """Draw anew the weights of a projection whose sources, not its weights, change."""
        part = self.parts[index]
        rows = rebuilt_dynamic(self._network, self._state.lane, self._candidates, part, weight).rows
        self._memory.replace(part.rows.targets, rows.targets)
        self._memory.replace(part.rows.weights, rows.weights)

    @abstractmethod
    def weights_at(self, index: int, positions: NDArray[np.int64]) -> NDArray[Any]:
        """Weights as they stand in the rows of a projection, at these positions."""

    @abstractmethod
    def _longest_history(self, index: int) -> int:
        """Spikes that are remembered of the target of which there are most."""

    @abstractmethod
    def _catch_up(self, index: int, now: int) -> None:
        """Apply what is pending to the weights of a projection; all steps before `now` are done."""

    @abstractmethod
    def _scale(self, index: int, factors: NDArray[np.int64], bounds: tuple[int, int]) -> None:
        """Multiply the weights of a projection by the factors of their targets, within the bounds."""


class StatefulTables(DynamicTables):
    """Tables whose memory can be read and written."""

    @abstractmethod
    def read(self, index: int, now: int) -> LaneSynapses:
        """What is held of a projection, caught up; all steps before `now` are done."""

    @abstractmethod
    def write(self, index: int, lane: LaneSynapses, now: int) -> None:
        """Hold what another lane, or several, have held of a projection before step `now`."""
