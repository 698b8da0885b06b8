"""Dynamic projections of one lane on the CPU: with the memory that the compiled window grows for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cpu_dynamic_state import read_lane, write_lane
from dtbsim.backends.dynamic_tables import I64, StatefulTables
from dtbsim.backends.lane_synapses import LaneSynapses
from dtbsim.backends.libc import libc
from dtbsim.backends.memory import HostMemory
from dtbsim.build.candidates import Candidates
from dtbsim.build.dynamic import DynamicRows
from dtbsim.build.rank import LaneState
from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L
from dtbsim.kernels.rule_kernel import rule_address, rule_function
from dtbsim.kernels.scaling import scale_weights
from dtbsim.spec.network import Network


class CpuDynamicTables(StatefulTables):
    """Memory that compiled code grows is freed on `close`."""

    def __init__(self, network: Network, state: LaneState, candidates: Candidates, ring: int) -> None:
        self._counts: list[NDArray[np.int32]] = []
        self._starts: list[NDArray[np.int32]] = []
        super().__init__(network, state, candidates, ring, HostMemory())

    def close(self) -> None:
        """Free what the compiled window has allocated."""
        for row in self.table:
            for field_at in (D.POOL_AT, D.DUE_AT, D.HISTORY_AT, D.RECENT_AT):
                if row[field_at]:
                    libc.free(int(row[field_at]))
                    row[field_at] = 0

    def dynamic_bytes(self) -> int:
        """Bytes of payload queues and histories at present."""
        t = self.table
        payload = t[:, D.POOL_CHUNKS] * (1 + L.CHUNK_ENTRIES * t[:, D.WORDS]) + t[:, D.DUE_CAPACITY]
        history = t[:, D.N_TARGETS] * t[:, D.HISTORY_CAPACITY] * t[:, D.HISTORY_WORDS]
        own = self._own_bytes()
        return int(8 * (payload + history + 2 * t[:, D.RECENT_CAPACITY]).sum()) + own

    def _fill_own(self, row: I64, part: DynamicRows) -> None:
        row[D.POOL_FREE] = -1
        buckets = np.zeros((self._ring, 2), np.int64)
        buckets[:, 0] = -1
        at = self._memory.place
        row[D.BUCKET_AT] = at(buckets)
        n = int(row[D.N_TARGETS])  # none where weights do not change
        counts, starts = np.zeros(n, np.int32), np.zeros(n, np.int32)
        self._counts.append(counts)
        self._starts.append(starts)
        if not part.dynamics.plastic:
            row[D.ADVANCE_AT] = rule_address(part.dynamics.model, "advance")
            return
        row[D.DELIVER_AT] = rule_address(part.dynamics.model, "deliver")
        row[D.HISTORY_AT] = libc.malloc(int(8 * n * row[D.HISTORY_CAPACITY] * row[D.HISTORY_WORDS]))
        row[D.HISTORY_COUNT_AT], row[D.HISTORY_START_AT] = at(counts), at(starts)
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
            row[field_at] = self._memory.scratch(size, dtype)

    def read(self, index: int, now: int) -> LaneSynapses:
        """What is held of a projection, caught up; all steps before `now` are done."""
        lane = read_lane(self.table[index], self.parts[index], self._ring, self._rewards.get(index), now)
        if lane.plastic is not None and index in self._own_states:
            lane.plastic.own = self._own_states[index].read()
        return lane

    def write(self, index: int, lane: LaneSynapses, now: int) -> None:
        """Hold what another lane, or several, have held of a projection before step `now`."""
        write_lane(self.table[index], self.parts[index], self._ring, self._rewards.get(index), lane, now)
        if lane.plastic is not None and lane.plastic.own is not None:
            self._own_states[index].write(*lane.plastic.own)

    def weights_at(self, index: int, positions: NDArray[np.int64]) -> NDArray[Any]:
        """Weights as they stand in the rows of a projection, at these positions."""
        return self.parts[index].rows.weights[positions]

    def _longest_history(self, index: int) -> int:
        return int((self._counts[index] - self._starts[index]).max(initial=0))

    def _catch_up(self, index: int, now: int) -> None:
        n = self.parts[index].n_sources
        scratch = np.empty(n, np.int32), np.empty(n, np.float32), np.empty(n, np.int32)
        addresses = [array.ctypes.data for array in scratch]
        catch_up = rule_function(self.parts[index].dynamics.model, "catch_up")
        catch_up(self.table[index].ctypes.data, now, self._network.max_delay_steps, *addresses)

    def _scale(self, index: int, factors: NDArray[np.int64], bounds: tuple[int, int]) -> None:
        rows = self.parts[index].rows
        scale_weights(rows.targets, rows.weights, int(self.table[index, D.SLOT0]), factors, *bounds)
