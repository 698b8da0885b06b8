"""Fills the tables that describe lanes to compiled code from what was built."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cpu_dynamic import CpuDynamicTables
from dtbsim.backends.drive_tables import DriveTables
from dtbsim.backends.dynamic_tables import StatefulTables
from dtbsim.backends.libc import libc
from dtbsim.backends.memory import HostMemory, Memory
from dtbsim.backends.procedural_tables import ProceduralTables
from dtbsim.build.candidates import Candidates
from dtbsim.build.kinds import Kind, neuron_values
from dtbsim.build.lanes import Lane, Run
from dtbsim.build.most_spikes import most_spikes_of
from dtbsim.build.neuron_runs import neuron_runs
from dtbsim.build.neurons import Group
from dtbsim.build.procedural import ring_rows
from dtbsim.build.rank import LaneState
from dtbsim.build.sparse_rows import SparseRows
from dtbsim.kernels import layout as L
from dtbsim.kernels.poisson import SCRATCH_WORDS
from dtbsim.spec.network import Drive, Network

I64 = NDArray[np.int64]
FIRST_LOG = 4096


class LaneTables(ABC):
    """int64[n_lanes, width]: what all backends share of it. Arrays go where `memory` puts them."""

    width = L.LANE_FIELDS
    dynamic: Sequence[StatefulTables]
    """Those of the lanes that have dynamic projections."""

    def __init__(
        self,
        network: Network,
        kinds: list[Kind],
        states: list[LaneState],
        candidates: Candidates,
        ring: int,
        memory: Memory,
    ) -> None:
        self.table = np.zeros((len(states), self.width), dtype=np.int64)
        self.states = states
        self.memory = memory
        self._network, self._kinds, self._candidates, self._ring = network, kinds, candidates, ring
        self.drives = DriveTables(network, memory)
        self.noise_seed = network.seed
        """Of what is drawn while the network runs."""
        self._randoms: list[I64] = []
        for index, state in enumerate(states):
            self._fill(self.table[index], state, index)

    def set_drives(self, drives: Iterable[Drive]) -> None:
        """Drive the neurons from now on as `drives` say, which were compiled with the same seed and channels."""
        before = self.drives
        self.drives = DriveTables(self._network, self._new_memory(), drives, before, self.noise_seed)
        for row, state in zip(self.table, self.states, strict=True):
            self.drives.fill(row, state)
            row[L.EVENT_CURSOR] = 0
            self._drives_filled(row)
        self.drives.forget(before)

    def set_noise_seed(self, seed: int, drives: Iterable[Drive]) -> None:
        """Draw from another seed from now on, for drives, which are as before, and for random sources."""
        self.noise_seed = seed
        self.set_drives(drives)
        for table in self._randoms:
            table[:, L.R_DRAWN] = -1

    @abstractmethod
    def _new_memory(self) -> Memory:
        """Memory for tables that can be replaced as a whole."""

    def _drives_filled(self, row: I64) -> None:  # noqa: B027 - only a GPU has more tables of them
        """The tables of drives of a lane are new."""

    # -- filling ----------------------------------------------------------------------------------------------

    def _fill(self, row: I64, state: LaneState, index: int) -> None:
        lane, neurons, rows = state.lane, state.neurons, state.rows
        n = lane.n_local
        at = self.memory.place
        row[L.N_LOCAL], row[L.N_SLOTS] = n, lane.n_slots
        row[L.F32_AT], row[L.I32_AT] = at(neurons.f32), at(neurons.i32)
        row[L.ACC_AT] = self._input_vector(state, index)
        self._place_ids(row, lane)
        groups = np.zeros((len(neurons.groups), 3), np.int64)
        for g, group in enumerate(neurons.groups):
            groups[g] = self._kernel(group), at(group.header), at(group.constants)
        row[L.N_GROUPS], row[L.GROUPS_AT] = len(groups), at(groups)
        row[L.SYNAPSE_KIND] = rows.kind
        row[[L.TARGET_AT, L.WEIGHT_AT, L.ROW_AT, L.SEGMENT_ROW_AT, L.SEGMENT_AT]] = rows.place(at)
        self.drives.fill(row, state)
        self._emitted(row, state)
        self._random(row, state)
        self._fill_own(row, state, index)

    def _input_vector(self, state: LaneState, index: int) -> int:
        """Address of the lane's input vector."""
        return self.memory.place(state.acc)

    @abstractmethod
    def _kernel(self, group: Group) -> int:
        """What stands for the update kernel of a group."""

    @abstractmethod
    def _fill_own(self, row: I64, state: LaneState, index: int) -> None:
        """Fill in what this backend alone needs."""

    @abstractmethod
    def dynamic_bytes(self) -> int:
        """Bytes at present of what grows."""

    @abstractmethod
    def _place_ids(self, row: I64, lane: Lane) -> None:
        """Fill in where the global ids of the lane's neurons are, and their numbers as sources on this rank."""

    def _emitted(self, row: I64, state: LaneState) -> None:
        parts = [np.zeros((0, 2), np.int64)]
        for run in state.lane.runs:
            spikes = self._network.emitted.get(run.population)
            if spikes is not None:
                first = run.gid0 - self._network.populations[run.population].gid0
                mine = spikes[(spikes[:, 1] >= first) & (spikes[:, 1] < first + run.size)]
                parts.append(mine + np.array([0, run.local - first]))
        listed = np.concatenate(parts)
        listed = np.ascontiguousarray(listed[np.lexsort((listed[:, 1], listed[:, 0]))])
        row[L.N_EMITTED], row[L.EMITTED_AT] = len(listed), self.memory.place(listed)

    def _random(self, row: I64, state: LaneState) -> None:
        """Thresholds of the source neurons that fire at random, in units of 2**-32."""
        lane, table = state.lane, []
        runs: dict[int, list[Run]] = {}
        for run in lane.runs:
            runs.setdefault(run.kind, []).append(run)
        for k, kind in enumerate(self._kinds):
            count = int(lane.group_size[k])
            if kind.model.emits != "poisson" or count == 0:
                continue
            start = int(lane.group_start[k])
            means = np.zeros(count)
            for run in runs[k]:
                means[run.local - start : run.local - start + run.size] = self._means(run)
            distinct, rate = np.unique(means, return_inverse=True)
            first, starts, more = emission_thresholds(distinct)
            buffer_at = self.memory.scratch(4 * count, np.uint8)
            at = self.memory.place
            tables = [at(rate.astype(np.int32)), at(starts), at(more)]
            table.append([start, count, at(first[rate]), buffer_at, -1, *tables])
        row[L.N_RANDOM] = len(table)
        self._randoms.append(np.array(table, np.int64).reshape(-1, L.RANDOM_FIELDS))
        row[L.RANDOM_AT] = self.memory.place(self._randoms[-1])

    def _means(self, run: Run) -> NDArray[np.float64]:
        """Expected number of spikes per step of every neuron of a run."""
        family = self._network.populations[run.population].family
        position = int(np.searchsorted(self._network.families[family].populations, run.population))
        gids = np.arange(run.gid0, run.gid0 + run.size, dtype=np.int64)
        given = neuron_values(self._network, family, position, gids, "parameters")
        rates = np.broadcast_to(self._network.families[family].model.complete(given)["rate_hz"], run.size)
        return np.asarray(rates * self._network.dt_ms * 1e-3, dtype=np.float64)


def emission_thresholds(means: NDArray[np.float64]) -> tuple[NDArray[np.uint32], I64, NDArray[np.uint32]]:
    """Of Poisson numbers with these means, the probabilities of k or more in units of 2**-32, at most 2**32 - 1.

    Returns those for k = 1, uint32[n], and for k = 2, 3, ... until they vanish, one mean after the other: int64[n + 1]
    starts, uint32[...].
    """
    from scipy.special import gammainc

    first = np.minimum(np.rint(-np.expm1(-means) * 2.0**32), 2.0**32 - 1).astype(np.uint32)
    columns, k = [], 2
    while True:
        scaled = np.minimum(np.rint(gammainc(k, means) * 2.0**32), 2.0**32 - 1).astype(np.uint32)
        if not scaled.any():
            break
        columns.append(scaled)
        k += 1
    rows = np.stack(columns, axis=1) if columns else np.zeros((means.size, 0), np.uint32)
    starts = np.concatenate([[0], np.cumsum((rows > 0).sum(axis=1))]).astype(np.int64)
    return first, starts, rows[rows > 0]


class CpuLaneTables(LaneTables):
    """With what the compiled window needs: memory that it grows is freed on `close`."""

    def __init__(
        self, network: Network, kinds: list[Kind], states: list[LaneState], candidates: Candidates, ring: int
    ) -> None:
        self.dynamic: list[CpuDynamicTables] = []
        self.procedural: list[ProceduralTables] = []
        super().__init__(network, kinds, states, candidates, ring, HostMemory())

    def _kernel(self, group: Group) -> int:
        return group.kernel.address

    def _place_ids(self, row: I64, lane: Lane) -> None:
        runs = neuron_runs(self._network, self._candidates, lane)
        row[L.N_RUNS], row[L.RUNS_AT] = len(runs) - 1, self.memory.place(runs)

    def _input_vector(self, state: LaneState, index: int) -> int:
        """That of lanes with procedural synapses is chosen in every step."""
        return 0 if state.procedural else super()._input_vector(state, index)

    def _fill_own(self, row: I64, state: LaneState, index: int) -> None:
        n = state.lane.n_local
        at = self.memory.place
        row[L.STIM_AT] = at(np.zeros(max(n, 1), np.float32))
        row[L.SPK_AT] = at(np.zeros((n + 63) // 64 * 64, np.uint8))
        row[L.POOL_FREE] = -1
        buckets = np.zeros((self._ring, 2), np.int64)
        buckets[:, 0] = -1
        row[L.BUCKET_AT] = at(buckets)
        most = most_spikes_of(self._network, state.lane)  # pages that no spike needs take no memory
        row[L.PUBLISHED_AT], row[L.PUBLISHED_CAPACITY] = at(np.zeros((2, max(most, 1)), np.int32)), most
        if isinstance(state.rows, SparseRows):
            state.rows.fill(row, at)
        row[L.LOG_AT], row[L.LOG_CAPACITY] = libc.malloc(8 * FIRST_LOG), FIRST_LOG
        row[L.SCRATCH_AT] = at(np.zeros(SCRATCH_WORDS, np.uint16))
        if state.dynamic:
            tables = CpuDynamicTables(self._network, state, self._candidates, self._ring)
            self.dynamic.append(tables)
            row[L.N_DYNAMIC], row[L.DYNAMIC_AT] = len(tables.table), tables.table.ctypes.data
        if state.procedural:
            self.procedural.append(ProceduralTables(state, ring_rows(self._network), self.memory))
            self.procedural[-1].fill(row)

    def _new_memory(self) -> Memory:
        return HostMemory()

    def close(self) -> None:
        """Free what the compiled window has allocated."""
        for tables in self.dynamic:
            tables.close()
        for row in self.table:
            for field_at in (L.POOL_AT, L.DUE_AT, L.LOG_AT):
                if row[field_at]:
                    libc.free(int(row[field_at]))
                    row[field_at] = 0

    def dynamic_bytes(self) -> int:
        """Bytes of delay queues, logs and rings at present."""
        chunks, due, log = (int(self.table[:, f].sum()) for f in (L.POOL_CHUNKS, L.DUE_CAPACITY, L.LOG_CAPACITY))
        kept = sum(tables.dynamic_bytes() for tables in self.dynamic) + sum(part.n_bytes for part in self.procedural)
        return 8 * (chunks * L.CHUNK_WORDS + due + log) + kept
