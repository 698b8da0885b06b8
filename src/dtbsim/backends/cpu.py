"""The CPU backend: a rank's lanes stepped by compiled windows on a team of threads."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.common import CommonBackend
from dtbsim.backends.finite import check_finite, too_many_spikes
from dtbsim.backends.lane_tables import CpuLaneTables
from dtbsim.backends.parameters import NeuronAccess
from dtbsim.backends.recent import RecentSpikes
from dtbsim.backends.sampling import Sampler
from dtbsim.backends.threads import Team
from dtbsim.backends.weights import RecordedWeights
from dtbsim.build.kinds import Kind
from dtbsim.build.rank import RankNetwork
from dtbsim.errors import FaultError, MemoryPlanError
from dtbsim.exchange.interface import Exchange, InsideExchange
from dtbsim.kernels import barrier as B
from dtbsim.kernels import layout as L
from dtbsim.kernels.log import log_of
from dtbsim.kernels.stages import connect
from dtbsim.kernels.window import run_window
from dtbsim.numerics.gids import Gids
from dtbsim.spec.network import Drive, Network

I64 = NDArray[np.int64]
ASKED_PER_CHUNK = 32
"""How often ranks agree in a chunk whether time is up."""


class CpuBackend(CommonBackend):
    """Steps the lanes of one rank; `advance` then `collect`, chunk by chunk."""

    name = "cpu"
    plan: str | None = None
    """How a GPU steps."""
    limit_s: float | None = None
    """Wall time after which `advance` may end early."""
    tables: CpuLaneTables

    def __init__(self, built: RankNetwork, exchange: Exchange | None, n_threads: int) -> None:
        super().__init__()
        self._built = built
        self._network: Network = built.network
        self._kinds: list[Kind] = built.kinds
        n_threads = min(n_threads, len(built.lanes))
        self.ring = self._network.ring_steps
        self.tables = CpuLaneTables(self._network, built.kinds, built.lanes, built.candidates, self.ring)
        self.rank = np.zeros(L.RANK_FIELDS, dtype=np.int64)
        self._sent = np.zeros(len(built.lanes), dtype=np.int64)
        self._keep: list[NDArray[Any]] = []
        self._compiled = False
        self._fill_rank(n_threads)
        self.connect(InsideExchange() if exchange is None else exchange)
        self._team = Team(n_threads)
        self._recent = RecentSpikes(self._network.max_delay_steps, self._network.gid_bits)
        self.sampler = Sampler(self._network, built.kinds, self.tables)
        self._neurons = NeuronAccess(self._network, built.lanes, self.tables.memory, self.sampler)
        records = range(len(self._network.records.weights))
        dynamic, candidates = self.tables.dynamic, built.candidates
        self.weights = [RecordedWeights(self._network, candidates, dynamic, record) for record in records]

    def connect(self, exchange: Exchange) -> None:
        """Exchange spikes with other ranks by this; before the first step."""
        self._exchange: Exchange = exchange
        exchange.attach(self.rank)

    def _fill_rank(self, n_threads: int) -> None:
        rank, lanes = self.rank, self._built.lanes
        self.times = np.zeros((n_threads, L.TIME_WORDS), dtype=np.int64)
        self._barrier = np.zeros(B.WORDS, dtype=np.int64)
        per_thread = np.linspace(0, len(lanes), n_threads + 1).astype(np.int64)
        rank[L.N_LANES], rank[L.N_THREADS], rank[L.RING] = len(lanes), n_threads, self.ring
        rank[L.SEED_LOW], rank[L.SEED_HIGH] = self._network.seed & 0xFFFFFFFF, self._network.seed >> 32
        self._fill_noise_seed(self._network.seed)
        rank[L.THREAD_LANES_AT], rank[L.BARRIER_AT] = self._hold(per_thread), self._hold(self._barrier)
        candidates = self._built.candidates
        rank[L.N_SOURCE_RANGES], rank[L.SOURCE_RANGES_AT] = len(candidates.ranges), self._hold(candidates.ranges)
        rank[L.N_SOURCE_JUMPS], rank[L.SOURCE_JUMPS_AT] = candidates.jump.size, self._hold(candidates.jump)
        rank[L.SOURCE_SHIFT], rank[L.GID_MORE] = candidates.shift, self._network.gid_bits - 32
        rank[L.TIMES_AT], rank[L.BOARD_SENT_AT] = self._hold(self.times), self._hold(self._sent)

    def _fill_noise_seed(self, seed: int) -> None:
        self.rank[L.NOISE_LOW], self.rank[L.NOISE_HIGH] = seed & 0xFFFFFFFF, seed >> 32
        self._compiled = False  # drives that were filled again may need what was not compiled

    def _hold(self, array: NDArray[Any]) -> int:
        self._keep.append(array)
        return int(array.ctypes.data)

    @property
    def n_threads(self) -> int:
        """Threads of this rank."""
        return self._team.n

    def compile(self) -> None:
        """Compile what these lanes need, or load it from the kernel cache, before the first chunk; once."""
        if not self._compiled:
            connect(self.rank, self.tables.table)
            arrived, self.rank[L.REMOTE_N] = int(self.rank[L.REMOTE_N]), 0  # they are for the next steps
            run_window(self.rank, self.tables.table, 0, 0, 0)
            self.rank[L.REMOTE_N] = arrived
            self._exchange.compile()
            self._compiled = True

    # -- stepping ---------------------------------------------------------------------------------------------

    def advance(self, start: int, stop: int) -> None:
        """Step from `start` to `stop` (exclusive), exchanging spikes on the way; to `reached` if time is up before."""
        self.compile()
        deadline_ns = 0 if self.limit_s is None else time.monotonic_ns() + int(self.limit_s * 1e9)
        self.rank[L.CHUNK_START] = start
        self.tables.drives.set_chunk(start, stop)
        self.sampler.begin(start, stop)
        for tables in self.tables.dynamic:
            tables.reserve(stop)
        self.reached = self._windows(self._exchange, start, stop, deadline_ns)
        self.sampler.end(self.reached)
        for tables in self.tables.dynamic:
            tables.tidy(self.reached)

    def _windows(self, exchange: Exchange, start: int, stop: int, deadline_ns: int) -> int:
        """Window after window, each followed by an exchange; returns the steps done, equal on all ranks."""
        window = stop - start if exchange.inside else exchange.window
        self.rank[L.DEADLINE_NS] = deadline_ns if exchange.inside else 0
        ends = range(start + window, stop + window, window)
        every = max(1, len(ends) // ASKED_PER_CHUNK)
        at = start
        for number, end in enumerate(ends, start=1):
            at = self._window(at, min(end, stop))
            late = 0 < deadline_ns < time.monotonic_ns()
            ask = number % every == 0
            self._set_remote(exchange.tick(self.rank, self.tables.table, late=late, ask=ask, last=at == stop))
            if exchange.late:
                break
        return at

    def _window(self, start: int, stop: int) -> int:
        """One compiled call; returns the steps done."""
        table = self.tables.table
        self.rank[L.STEPPED], self.rank[L.END_AFTER], self.rank[L.LATE] = stop, 0, 0
        if self._team.n == 1:
            run_window(self.rank, table, 0, start, stop)
        else:
            self._team.run(lambda thread: run_window(self.rank, table, thread, start, stop))
        self.rank[L.REMOTE_N] = 0
        if self.rank[L.ERROR] == L.ERROR_MEMORY:
            raise MemoryPlanError("no memory left for the spikes in transit", remedy="use more ranks or fewer neurons")
        if self.rank[L.ERROR] == L.ERROR_SPIKES:
            raise too_many_spikes(self._network)
        if self.rank[L.ERROR] != 0:
            raise FaultError("another rank or thread ended the run")
        return int(self.rank[L.STEPPED])

    def _set_remote(self, entries: I64) -> None:
        self._remote = np.ascontiguousarray(entries)
        self.rank[L.REMOTE_AT], self.rank[L.REMOTE_N] = self._remote.ctypes.data, self._remote.size

    def collect(self) -> tuple[I64, Gids]:
        """Spikes since the last call as (step int64[n], gid [n]), in no particular order; clears the logs."""
        table = self.tables.table
        entries = self._uncollected()
        self._recent.add(entries, self.reached)
        table[:, L.LOG_COUNT] = 0
        self._sent[:] = 0
        self._exchange.collected()
        bits = self._network.gid_bits
        return entries >> bits, (entries & ((1 << bits) - 1)).astype(self._network.gid_dtype, copy=False)

    def count_spikes(self, unit_steps: int) -> None:
        """Nothing: here it costs the same to count the spikes that were collected."""

    def counts(self) -> None:
        """Not counted here."""

    # -- checks, drives, state -----------------------------------------------------------------------

    def set_drives(self, drives: Iterable[Drive]) -> None:
        """Drive the neurons from now on as `drives` say, compiled with the channels of the network."""
        super().set_drives(drives)
        self._compiled = False  # they may need what was not compiled

    def check_finite(self, start: int, stop: int) -> None:
        """Raise NumericsError if any float state became NaN or infinite in the steps `start` to `stop` (exclusive)."""
        check_finite(self._network, self._kinds, self._built.lanes, (start, stop))

    def _uncollected(self) -> I64:
        return np.concatenate([log_of(lane) for lane in self.tables.table])

    def _shared_noise_at(self) -> int:
        return 0

    def _settle(self) -> None:
        """Take in spikes of other ranks that are still on their way; collective."""
        self.compile()
        self._window(self.reached, self.reached)
        self._set_remote(self._exchange.complete())
        if self.rank[L.REMOTE_N] > 0:
            self._window(self.reached, self.reached)

    def _enter_again(self, spikes: I64, events: int) -> None:
        table = self.tables.table
        self.compile()
        table[0, L.EVENT_TOTAL] = events
        dynamic = table[:, L.DYNAMIC_SCHEDULE_AT].copy()
        table[:, L.DYNAMIC_SCHEDULE_AT] = 0  # their spikes in transit are there already, with what they carry
        self._set_remote(spikes)
        self._window(self.reached, self.reached)
        table[:, L.DYNAMIC_SCHEDULE_AT] = dynamic

    # -- measures ---------------------------------------------------------------------------------------------

    def events(self) -> int:
        """Synaptic events delivered so far."""
        return int(self.tables.table[:, L.EVENT_TOTAL].sum())

    def stage_seconds(self) -> dict[str, float]:
        """Seconds per stage of a step, mean over this rank's threads."""
        return {name: float(self.times[:, k].mean() * 1e-9) for k, name in enumerate(L.STAGES)}

    def close(self) -> None:
        """Free memory and stop threads."""
        self._exchange.close()
        self._team.close()
        self.tables.close()
