"""The persistent plan: many steps in one launch, a block per lane on a multiprocessor of its own; see persistent.cu."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.device import LEAST_ITEMS, Device, Future, Launch
from dtbsim.backends.cuda.exchange import DeviceExchange
from dtbsim.backends.cuda.log import joined
from dtbsim.backends.cuda.one_word import put_in_words
from dtbsim.backends.cuda.rows import NO_SYNAPSE, DeviceRows
from dtbsim.backends.cuda.source import whole_text
from dtbsim.backends.cuda.tables import NOT_SPARSE, DeviceLaneTables
from dtbsim.build.most_spikes import most_spikes_of
from dtbsim.build.rank import LaneState, RankNetwork
from dtbsim.build.synapses import Rows
from dtbsim.errors import InputError
from dtbsim.kernels import device_layout as X
from dtbsim.kernels import layout as L
from dtbsim.kernels.update_cuda import updates_text

I64 = NDArray[np.int64]
BLOCK_THREADS = 768
"""Threads of a block: at most 80 registers each. With 1,024, large models would have to spill."""
LOG_STEPS = 2048
"""Most steps of a launch: room in a lane's log is for the most spikes in all of them."""
LOG_BYTES = 1 << 30
"""For all logs, or a sixteenth of the free memory if that is less."""
MAX_SOURCES = 1 << X.SOURCE_BITS

MOST_PADDING = 8
"""Places per synapse, at most, of rows that all have the same length."""


def stride_of(longest: int, n_sources: int, n_synapses: int) -> int:
    """Places of every row if all have the same number, a multiple of 32; 0 where that would waste too much memory."""
    stride = -(-longest // 32) * 32
    return stride if stride * n_sources <= MOST_PADDING * n_synapses else 0


def shared_bytes(n_lanes: int, ring: int, n_most: int, arena_words: int, ring_words: int) -> int:
    """Shared memory of a block: board, lists, events per step, then states and constants, and the ring, if they fit."""
    return X.BOARD_BYTES + 4 * (n_most + 3 * n_lanes + ring + arena_words + ring_words)


class PersistentTables(DeviceLaneTables):
    """Lane tables with a ring of input vectors and a delay per synapse instead of delay queues."""

    keeps_counts = False

    def __init__(self, built: RankNetwork, ring: int, device: Device) -> None:
        self._rings: list[Any] = []
        self._due: list[Any] = []
        self.shared_bytes = 0
        self._lane_count = len(built.lanes)
        super().__init__(built, ring, device)

    def _fill_own(self, row: I64, state: LaneState, index: int) -> None:
        self._fill_units(row)
        device, neurons = self._device, state.neurons
        n, slots, ring = most_spikes_of(self._network, state.lane), state.lane.n_slots, self._ring
        self._place_synapses(row, state)
        self._rings.append(device.xp.zeros(ring * slots, np.int32))
        self._due.append(device.xp.zeros(ring, np.int32))
        row[X.X_RING_AT], row[X.X_DUE_AT] = device.address(self._rings[-1]), device.address(self._due[-1])
        row[X.X_FIRED_CAPACITY], row[X.X_N_F32], row[X.X_N_I32] = n, neurons.f32.size, neurons.i32.size
        arenas, whole, most = neurons.f32.size + neurons.i32.size, ring * slots, device.limits.shared_bytes
        row[X.X_ARENAS_SHARED] = int(shared_bytes(self._lane_count, ring, n, arenas, 0) <= most)
        arenas *= int(row[X.X_ARENAS_SHARED])
        row[X.X_RING_SHARED] = int(shared_bytes(self._lane_count, ring, n, arenas, whole) <= most)
        whole *= int(row[X.X_RING_SHARED])
        self.shared_bytes = max(self.shared_bytes, shared_bytes(self._lane_count, ring, n, arenas, whole))

    def _place_synapses(self, row: I64, state: LaneState) -> None:
        rows = state.rows
        if isinstance(rows, DeviceRows):
            assert rows.delays is not None, "rows for this plan are built with in_order=False"
            if rows.negative is None and self._in_words(row, state, rows.targets, rows.delays):
                state.rows = rows = replace(rows, negative=int(row[X.X_NEGATIVE]), delays=rows.delays[:0].copy())
            row[X.X_STRIDE], row[X.X_NEGATIVE] = rows.stride, rows.negative or 0
            row[X.X_DELAY_AT] = self._device.address(rows.delays) if rows.negative is None else 0
            return
        assert isinstance(rows, Rows), NOT_SPARSE
        delays = np.repeat(rows.segments >> np.uint32(16), rows.segments & np.uint32(0xFFFF))
        delays = delays.astype(np.uint8 if self._ring <= 256 else np.uint16)
        synapses = rows.targets
        counts = np.diff(rows.rows)
        stride = stride_of(int(counts.max(initial=0)), counts.size, rows.n_synapses)
        if state.lane.n_slots > NO_SYNAPSE & np.uint32(0xFFFF):
            stride = 0  # its last slot with a weight of -1 would look like NO_SYNAPSE
        if stride:
            places = np.arange(rows.n_synapses) + np.repeat(np.arange(counts.size) * stride - rows.rows[:-1], counts)
            wide, wide_delays = np.full(counts.size * stride, NO_SYNAPSE), np.zeros(counts.size * stride, delays.dtype)
            wide[places], wide_delays[places] = synapses, delays
            synapses, delays = wide, wide_delays
        row[X.X_STRIDE], synapses = stride, synapses.copy()
        if not self._in_words(row, state, synapses, delays):
            row[X.X_DELAY_AT] = self.memory.place(delays)
        row[L.TARGET_AT] = self.memory.place(synapses)

    def _in_words(self, row: I64, state: LaneState, synapses: Any, delays: Any) -> bool:
        """Whether the delays of a lane could be put into the words of its synapses."""
        if state.rows.kind != L.KIND_PACKED:
            return False
        negative = put_in_words(synapses, delays, state.lane.n_slots, self._ring)
        row[X.X_NEGATIVE] = negative or 0
        return negative is not None

    def take_log_counts(self) -> I64:
        """Entries in the log of each lane; they are forgotten."""
        counts = self._device.download(self._copy[:, L.LOG_COUNT])
        self._copy[:, L.LOG_COUNT] = 0
        return counts

    def dynamic_bytes(self) -> int:
        """Bytes of the rings."""
        return sum(int(ring.nbytes) for ring in self._rings)


class PersistentBackend(CudaBackend):
    """The same backend with one launch per window instead of graphs of steps."""

    plan = "persistent"
    tables: PersistentTables

    def __init__(self, built: RankNetwork, exchange: DeviceExchange | None, device: Device) -> None:
        super().__init__(built, exchange, device)
        self._told = False

    def check_set_weights(self) -> None:
        """Raise InputError: rows that are built again are those of the general plan."""
        remedy = "set simulation.gpu_plan to general"
        raise InputError("the persistent plan of a GPU cannot change weights", remedy=remedy)

    def _make_tables(self, first_bucket: int | None) -> DeviceLaneTables:
        return PersistentTables(self._built, self.ring, self._device)

    def _make_room_for_spikes(self) -> None:
        device, lanes, rank = self._device, self._built.lanes, self.rank
        n_lanes, largest = len(lanes), int(self.tables.table[:, X.X_FIRED_CAPACITY].max())
        room = min(LOG_BYTES, device.limits.free_bytes // 16)
        self.log_steps = int(np.clip(room // (8 * largest * n_lanes), 1, LOG_STEPS))
        self._logs = device.xp.zeros((n_lanes, largest * self.log_steps), np.int64)
        self._messages = device.xp.zeros((2, n_lanes), np.int64)
        self._lists = device.xp.zeros((2, n_lanes, largest), np.int32)
        for lane, row in enumerate(self.tables.table):
            row[L.LOG_AT] = device.address(self._logs) + 8 * lane * self._logs.shape[1]
        rank[X.R_MESSAGES_AT], rank[X.R_LISTS_AT] = device.address(self._messages), device.address(self._lists)
        rank[X.R_LIST_CAPACITY] = largest

    def _text(self) -> str:
        generated = {"updates.cuh": updates_text(self.tables.variants)}
        return whole_text("persistent.cu", generated, {"DTB_THREADS": BLOCK_THREADS})

    def _window(self, stop: int) -> None:
        """Step until `stop`, emptying the logs where they could become full."""
        begin_s = time.perf_counter()
        shape = Launch(len(self._built.lanes), 1, BLOCK_THREADS, self.tables.shared_bytes)
        step = int(self.rank[X.R_STEP])
        if not self._told:  # as if all had told of the step before
            self._messages[...] = message(step & (MAX_SOURCES - 1))
            self._told = True
        while step < stop:
            until = min(stop, step + self.log_steps)
            rank = self._device.address(self._on_device)
            self._kernels.launch_together("dtb_persistent", shape, rank, step, until)
            if self._exchange is not None:
                self._exchange.pack_lanes(rank, len(self._built.lanes), last=until == stop)
            self._receive()
            if self.rank[X.R_HALT] != 0:  # nothing was done
                self._resume()
                continue
            step = until
            self.rank[X.R_STEP] = step
            self._take_log()
        self._seconds["step"] += time.perf_counter() - begin_s

    def _take_log(self) -> None:
        """Start to move the logs of all lanes to the host."""
        if self._counter is not None:
            self._counter.count_lanes(self._device.address(self._on_device), len(self._built.lanes))
        counts = self.tables.take_log_counts()
        longest = int(counts.max(initial=0))
        if longest > 0:
            filled = self._logs[:, :longest].copy()  # the next launch overwrites the logs
            self._collected.append(_LaneLogs(self._device.download_later(filled), counts))
        self._send()

    def _unsent(self) -> I64:
        entries = joined(self._collected)  # what is not in the logs any more
        return entries[entries >> 32 >= self._window_start]

    def _keep_counts(self) -> None:
        """Rings have room for everything."""

    def _schedule_remote(self) -> None:
        self._launch("dtb_persistent_remote", self._shape(8 * LEAST_ITEMS))


def backend_for(built: RankNetwork, exchange: DeviceExchange | None, device: Device) -> CudaBackend:
    """The backend of the plan that the synapses were built for."""
    in_order = all(isinstance(state.rows, DeviceRows) and state.rows.delays is None for state in built.lanes)
    return (CudaBackend if in_order else PersistentBackend)(built, exchange, device)


class _LaneLogs:
    """Logs of lanes on their way to the host: int64[n_lanes, longest], the first `counts` entries of each."""

    def __init__(self, part: Future, counts: I64) -> None:
        self._part, self._counts = part, counts

    def values(self) -> I64:
        """All entries."""
        entries = self._part.values()
        return np.asarray(entries[np.arange(entries.shape[1]) < self._counts[:, None]])


def message(tag: int) -> int:
    """The word (int64) of a block that tells no spike; `tag` is that of the step, below 2**SOURCE_BITS."""
    word = tag << (2 * X.SOURCE_BITS + 4)
    return word - (1 << 64) if word >= 1 << 63 else word
