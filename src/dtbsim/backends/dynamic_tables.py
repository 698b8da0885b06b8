"""Tables of the dynamic projections of one lane, and the memory that the compiled window grows for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.libc import libc
from dtbsim.backends.reward_tables import RewardTables
from dtbsim.build.dynamic import DynamicRows
from dtbsim.build.rank import LaneState
from dtbsim.build.synapses import Candidates
from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L
from dtbsim.kernels.reward import catch_up_rewarded
from dtbsim.kernels.scaling import scale_weights
from dtbsim.kernels.stdp import catch_up
from dtbsim.spec.network import Network

I64 = NDArray[np.int64]
FIRST_HISTORY = 8
"""Spikes remembered per target before the rings grow: one cache line."""
LONG_HISTORY = 64
"""Spikes remembered of some target from which on all pending changes are applied, so that they can be forgotten."""


class DynamicTables:
    """int64[n, dynamic_layout.FIELDS] in the order of `parts`; memory that compiled code grows is freed on `close`."""

    def __init__(self, network: Network, state: LaneState, candidates: Candidates, ring: int) -> None:
        self._network, self._state, self._candidates, self._ring = network, state, candidates, ring
        self.parts: list[DynamicRows] = state.dynamic
        self._keep: list[NDArray[Any]] = []
        self._counts: list[NDArray[np.int32]] = []
        self._starts: list[NDArray[np.int32]] = []
        self._rewards: dict[int, RewardTables] = {}
        self.table = np.zeros((len(self.parts), D.FIELDS), dtype=np.int64)
        for index, (row, part) in enumerate(zip(self.table, self.parts, strict=True)):
            self._fill(row, part)
            if part.dynamics.kind == D.STDP_DOPAMINE:
                self._rewards[index] = RewardTables(network, candidates, part, row)

    def close(self) -> None:
        """Free what the compiled window has allocated."""
        for row in self.table:
            for field_at in (D.POOL_AT, D.DUE_AT, D.HISTORY_AT, D.RECENT_AT):
                if row[field_at]:
                    libc.free(int(row[field_at]))
                    row[field_at] = 0

    def dynamic_bytes(self) -> int:
        """Bytes of agendas and histories at present."""
        t = self.table
        agenda = t[:, D.POOL_CHUNKS] * (1 + L.CHUNK_ENTRIES * t[:, D.WORDS]) + t[:, D.DUE_CAPACITY]
        history = t[:, D.N_TARGETS] * t[:, D.HISTORY_CAPACITY] * t[:, D.HISTORY_WORDS]
        own = sum(reward.n_bytes for reward in self._rewards.values())
        return int(8 * (agenda + history + 2 * t[:, D.RECENT_CAPACITY]).sum()) + own

    def _at(self, array: NDArray[Any]) -> int:
        self._keep.append(array)
        return int(array.ctypes.data)

    def _fill(self, row: I64, part: DynamicRows) -> None:
        rows, dynamics = part.rows, part.dynamics
        at = self._at
        row[D.KIND], row[D.SYNAPSE_KIND], row[D.WORDS] = dynamics.kind, rows.kind, dynamics.words
        row[D.SOURCE0], row[D.N_SOURCES] = part.source0, part.n_sources
        row[D.TARGET_AT], row[D.WEIGHT_AT] = at(rows.targets), at(rows.weights)
        row[D.ROW_AT], row[D.SEGMENT_ROW_AT] = at(rows.rows), at(rows.segment_rows)
        row[D.SEGMENT_AT] = at(rows.segments)
        row[D.POOL_FREE] = -1
        buckets = np.zeros((self._ring, 2), np.int64)
        buckets[:, 0] = -1
        row[D.BUCKET_AT] = at(buckets)
        row[D.PARAMETERS_AT] = at(dynamics.parameters(part.quantum))
        for field_at, table in zip(D.DECAY_FIELDS, dynamics.decays(self._network.dt_ms), strict=True):
            row[field_at], row[field_at + 1] = at(table), table.size
        row[D.LAST_AT] = at(np.full(part.n_sources, -1, np.int32))
        row[D.TRACE_AT] = at(np.zeros((part.n_sources, 2), np.float32))
        empty = np.zeros(0, np.int32)
        self._counts.append(empty)
        self._starts.append(empty)
        if dynamics.plastic:
            self._fill_plastic(row, part)

    def _fill_plastic(self, row: I64, part: DynamicRows) -> None:
        dynamics, lane = part.dynamics, self._state.lane
        row[D.SHIFT], row[D.SIGN] = dynamics.shift(part.quantum), dynamics.sign
        runs = [r for r in lane.runs if self._network.populations[r.population].family == part.projection.target_family]
        kind = runs[0].kind
        row[D.SLOT0] = int(lane.slot_start[kind][part.projection.channel])
        row[D.LOCAL0], row[D.N_TARGETS] = int(lane.group_start[kind]), int(lane.group_size[kind])
        n = int(row[D.N_TARGETS])
        row[D.HISTORY_WORDS], row[D.HISTORY_CAPACITY] = dynamics.history_words, FIRST_HISTORY
        row[D.HISTORY_AT] = libc.malloc(8 * n * FIRST_HISTORY * dynamics.history_words)
        counts, starts = np.zeros(n, np.int32), np.zeros(n, np.int32)
        self._counts[-1], self._starts[-1] = counts, starts
        row[D.HISTORY_COUNT_AT], row[D.HISTORY_START_AT] = self._at(counts), self._at(starts)
        row[D.APPLIED] = -1
        longest = int((part.rows.segments & np.uint32(0xFFFF)).max(initial=0))
        for field_at, dtype, size in (
            (D.STOP_AT, np.int32, n),
            (D.WINDOW_AT, np.int32, n * D.WINDOW),
            (D.SEEN_AT, np.float32, n),
            (D.PENDING_AT, np.int32, longest + 1),
            (D.CURSOR_AT, np.int32, longest + 1),
            (D.LEFT_AT, np.int32, longest + 1),
            (D.BUFFER_AT, np.float32, 3 * longest),
        ):
            row[field_at] = self._at(np.zeros(size, dtype))
        row[D.FROZEN_AT], row[D.N_FROZEN] = self._at(dynamics.frozen), len(dynamics.frozen)

    def targets_of(self, index: int) -> tuple[NDArray[np.uint32], int, int]:
        """Gids of the lane's neurons by local index, and first slot and first local index of a plastic projection."""
        row = self.table[index]
        return self._state.lane.gids, int(row[D.SLOT0]), int(row[D.LOCAL0])

    def target_gids(self, index: int) -> NDArray[np.int64]:
        """Gids of the neurons that have a history in a plastic projection, in the order of their input slots."""
        gids, _, first = self.targets_of(index)
        return gids[first : first + int(self.table[index, D.N_TARGETS])].astype(np.int64)

    # -- plastic weights --------------------------------------------------------------------------------------

    def reserve(self, stop: int) -> None:
        """Make room for what is kept per step, for all steps before `stop`."""
        for reward in self._rewards.values():
            reward.reserve(stop)

    def tidy(self, now: int) -> None:
        """Apply and forget pending changes where histories have become long; all steps before `now` are done."""
        for index, (counts, starts) in enumerate(zip(self._counts, self._starts, strict=True)):
            long = counts.size > 0 and int((counts - starts).max()) > LONG_HISTORY
            if long or (index in self._rewards and self._rewards[index].is_long(now)):
                self.catch_up(index, now)

    def catch_up(self, index: int, now: int) -> None:
        """Apply all spikes of targets up to `now` - 2 longest delays to the weights of one plastic projection.

        Where dopamine changes the weights: all that has happened by the last update one longest delay before `now`.
        """
        if not self.parts[index].dynamics.plastic:
            return
        n = self.parts[index].n_sources
        longest = self._network.max_delay_steps
        scratch = np.empty(n, np.int32), np.empty(n, np.float32), np.empty(n, np.int32)
        if index in self._rewards:
            catch_up_rewarded(self.table[index], now, *scratch)
        else:
            catch_up(self.table[index], now, longest, *scratch)

    def scale(self, index: int, now: int, factors: NDArray[np.int64]) -> None:
        """Multiply the weights of a plastic projection by what belongs to their targets, all steps before `now` done.

        `factors` int64[n targets], in 2**-FACTOR_BITS. Pending changes are applied first, as far as `catch_up` does.
        """
        self.catch_up(index, now)
        part = self.parts[index]
        bounds = part.dynamics.bounds(part.quantum)
        scale_weights(part.rows.targets, part.rows.weights, int(self.table[index, D.SLOT0]), factors, *bounds)
