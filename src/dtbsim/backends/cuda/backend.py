"""The CUDA backend: a rank's lanes stepped by kernels on one GPU; the same spikes as the CPU backend."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.common import CommonBackend
from dtbsim.backends.cuda.counter import SpikeCounter
from dtbsim.backends.cuda.device import LEAST_ITEMS, Device, Future, Graph, Launch
from dtbsim.backends.cuda.dynamic_steps import DynamicSteps
from dtbsim.backends.cuda.exchange import DeviceExchange
from dtbsim.backends.cuda.failures import SMALLER, told_by_device
from dtbsim.backends.cuda.log import SpikeLog, joined
from dtbsim.backends.cuda.procedural import ProceduralSteps
from dtbsim.backends.cuda.source import whole_text
from dtbsim.backends.cuda.tables import DeviceLaneTables
from dtbsim.backends.finite import check_finite, too_many_spikes
from dtbsim.backends.parameters import NeuronAccess
from dtbsim.backends.recent import RecentSpikes
from dtbsim.backends.sampling import Sampler
from dtbsim.backends.weights import RecordedWeights
from dtbsim.build.most_spikes import most_spikes_of
from dtbsim.build.rank import RankNetwork
from dtbsim.errors import MemoryPlanError
from dtbsim.kernels import device_layout as X
from dtbsim.kernels import layout as L
from dtbsim.kernels.update_cuda import updates_text

I64 = NDArray[np.int64]
USUAL_RATE_HZ = 20.0
"""A warp for each spike of a step at such a rate; more spikes take turns."""
GRAPH_STEPS = 32
"""Steps of the longest graph; shorter ones have a power of two."""


class CudaBackend(CommonBackend):
    """Steps the lanes of one rank; `advance` then `collect`, chunk by chunk."""

    name = "cuda"
    plan = "general"
    n_threads = 1
    limit_s: float | None = None
    """Of the CPU backend: launches on a GPU are not cut."""
    tables: DeviceLaneTables

    def __init__(
        self, built: RankNetwork, exchange: DeviceExchange | None, device: Device, first_bucket: int | None = None
    ) -> None:
        super().__init__()
        self._built, self._device, self._exchange = built, device, exchange
        self._network = built.network
        self._place(first_bucket)

    @told_by_device
    def _place(self, first_bucket: int | None) -> None:
        """Bring the network to the device."""
        built, device = self._built, self._device
        self.ring = self._network.ring_steps
        self.tables = self._make_tables(first_bucket)
        self._dynamic = DynamicSteps(built.network, self.tables.dynamic, device, len(built.lanes))
        self.sampler = Sampler(self._network, built.kinds, self.tables)
        self._neurons = NeuronAccess(self._network, built.lanes, self.tables.memory, self.sampler)
        self._n_most = sum(most_spikes_of(self._network, state.lane) for state in built.lanes)
        """The most spikes of a step."""
        self._ranges = device.upload(built.candidates.ranges)
        self.rank = np.zeros(X.DEVICE_RANK_FIELDS, np.int64)
        self._on_device = device.upload(self.rank)
        self._fill_rank()
        self._make_room_for_spikes()
        self._procedural = self._procedural_steps()
        self._collected: list[Future | I64] = []
        self._recent = RecentSpikes(self._network.max_delay_steps)
        self._graphs: dict[int, Graph] = {}
        self._window_start = 0
        self._counter: SpikeCounter | None = None
        records = range(len(self._network.records.weights))
        dynamic, candidates = self.tables.dynamic, built.candidates
        self.weights = [RecordedWeights(self._network, candidates, dynamic, record) for record in records]
        self._seconds = dict.fromkeys(("step", "exchange"), 0.0)

    def _fill_rank(self) -> None:
        rank, address = self.rank, self._device.address
        rank[X.R_N_LANES], rank[X.R_LANES_AT], rank[X.R_RING] = len(self._built.lanes), self.tables.address, self.ring
        rank[X.R_SEED_LOW], rank[X.R_SEED_HIGH] = self._network.seed & 0xFFFFFFFF, self._network.seed >> 32
        self._fill_noise_seed(self._network.seed)
        rank[X.R_N_SOURCE_RANGES], rank[X.R_SOURCE_RANGES_AT] = (
            len(self._built.candidates.ranges),
            address(self._ranges),
        )

    def _fill_noise_seed(self, seed: int) -> None:
        self.rank[X.R_NOISE_LOW], self.rank[X.R_NOISE_HIGH] = seed & 0xFFFFFFFF, seed >> 32

    def _make_tables(self, first_bucket: int | None) -> DeviceLaneTables:
        sized = {} if first_bucket is None else {"first_bucket": first_bucket}
        return DeviceLaneTables(self._built, self.ring, self._device, **sized)

    def _make_room_for_spikes(self) -> None:
        self._log = SpikeLog(self._device, self._n_most)
        self._published = self._device.xp.zeros(max(self._n_most, 1), np.int32)
        self.rank[X.R_PUBLISHED_AT] = self._device.address(self._published)
        self.rank[X.R_LOG_AT] = self._log.address

    def _procedural_steps(self) -> ProceduralSteps | None:
        lanes, tables = self.tables.procedural, self.tables
        if not lanes:
            return None
        return ProceduralSteps(lanes, tables.table, tables.address, self._n_most, self._device)

    def _text(self) -> str:
        macros = self._dynamic.macros | ({} if self._procedural is None else {"DTB_PROCEDURAL": 1})
        return whole_text(
            "step.cu", {"updates.cuh": updates_text(self.tables.variants), **self._dynamic.headers}, macros
        )

    @told_by_device
    def compile(self) -> None:
        """Compile the kernels, or load them from the cache, so that the first chunk does not wait for them."""
        self._kernels = self._device.compile(self._text())
        for other in (self._exchange, self._procedural, self._dynamic):
            if other is not None:
                other.compile()

    # -- launches ---------------------------------------------------------------------------------------------

    def _shape(self, items: int, shared_bytes: int = 0) -> Launch:
        """Enough threads for `items` of every lane, as many as the device runs at once at most."""
        return self._device.limits.spread(items, len(self._built.lanes), shared_bytes)

    def _launch(self, name: str, shape: Launch, *arguments: int) -> None:
        self._kernels.launch(name, shape, self._device.address(self._on_device), *arguments)

    def _schedule(self) -> None:
        spikes = self._built.candidates.size * self._network.dt_ms * 1e-3 * USUAL_RATE_HZ
        self._launch("dtb_schedule", self._shape(max(LEAST_ITEMS, round(32 * spikes))))

    def _steps(self, n: int) -> None:
        for _ in range(n):
            self._step()

    def _step(self) -> None:
        largest = max(state.lane.n_local for state in self._built.lanes)
        rank = self._device.address(self._on_device)
        self._dynamic.before_input(rank)
        self._launch("dtb_input", self._shape(1 << 30, shared_bytes=8))
        self._launch("dtb_neurons", self._shape(largest))
        self._dynamic.before_schedule(rank)
        if self._procedural is not None:
            self._draw(self._procedural, remote=False)
        self._schedule()

    def _draw(self, steps: ProceduralSteps, *, remote: bool) -> None:
        """Draw the synapses of procedural projections for the spikes of the step, or for those of other ranks."""
        at = self._device.address(self._on_device)
        steps.draw(at, self._shape(1 << 30, steps.shared_bytes), remote=remote)
        if steps.ordered:
            self._receive()
            n = int(self.rank[X.R_REMOTE_N if remote else X.R_PUBLISHED_COUNT])
            steps.draw_ordered(at, n if self.rank[X.R_HALT] == 0 else 0, remote=remote)

    def _graph(self, steps: int) -> Graph:
        if steps not in self._graphs:
            self._graphs[steps] = self._device.capture(partial(self._steps, steps))
        return self._graphs[steps]

    # -- stepping ---------------------------------------------------------------------------------------------

    @told_by_device
    def advance(self, start: int, stop: int) -> None:
        """Step from `start` to `stop` (exclusive), exchanging spikes on the way."""
        self.rank[[X.R_CHUNK_START, X.R_STEP, X.R_CHUNK_STOP]] = start, start, stop
        self.tables.drives.set_chunk(start, stop)
        self.sampler.begin(start, stop)
        self._dynamic.reserve(stop)
        if self._counter is not None:
            self._counter.begin(start, stop)
        self.tables.upload(start)
        self._send()
        window = stop - start if self._exchange is None else self._exchange.window
        while self.rank[X.R_STEP] < stop:
            self._window_start = int(self.rank[X.R_STEP])
            self._window(min(self._window_start + window, stop))
            if self._exchange is not None:
                self._swap(self._exchange)
        if self._exchange is not None:
            self._look()  # what was entered last
        self._dynamic.tidy(stop)
        self.reached = stop

    def _send(self) -> None:
        self._device.overwrite(self._on_device, self.rank)

    def _receive(self) -> None:
        self.rank = self._device.download(self._on_device)

    def _window(self, stop: int) -> None:
        """Step until `stop`; the host looks only where the log might become full, or a bucket was too small."""
        begin_s = time.perf_counter()
        rank = self.rank
        while (step := int(rank[X.R_STEP])) < stop:
            room = (self._log.size - int(rank[X.R_LOG_COUNT])) // max(self._n_most, 1)
            if room == 0:
                self._take_log()
                rank = self.rank
                continue
            self._do_steps(min(stop - step, room))
            self._look(stop)
            rank = self.rank
        self._seconds["step"] += time.perf_counter() - begin_s

    def _do_steps(self, left: int) -> None:
        """Start the next `left` steps; only one of them where the host has to look at each."""
        if self._procedural is not None and self._procedural.ordered:
            self._step()
            return
        while left > 0:
            steps = min(GRAPH_STEPS, 1 << (left.bit_length() - 1))
            self._graph(steps).launch()
            left -= steps

    def _look(self, stop: int | None = None) -> None:
        """Wait for the device; while it halts, give it what it lacks. Its packets are sealed once it is at `stop`."""
        while True:
            if self._exchange is not None and stop is not None:
                self._exchange.pack(self._device.address(self._on_device), stop)
            self._receive()
            if self.rank[X.R_HALT] == 0:
                return
            self._resume()

    def _resume(self) -> None:
        """Remove what the device has halted for, and enter the spikes again that it could not enter."""
        halt = int(self.rank[X.R_HALT])
        if halt == X.HALT_SPIKES:
            raise too_many_spikes(self._network)
        if halt == X.HALT_PACKETS and self._exchange is not None:
            self._exchange.second_round(self.rank)
            self.rank[X.R_HALT] = 0
            self._send()
        else:
            self._make_room()
        if halt == X.HALT_STEP:
            self._schedule()
        elif halt == X.HALT_PACKETS:
            self._enter()
        else:
            self._schedule_remote()

    def _make_room(self) -> None:
        try:
            self.tables.make_room()
        except MemoryError as error:
            raise MemoryPlanError(f"no GPU memory left for the spikes in transit: {error}", remedy=SMALLER) from error
        self.tables.upload(int(self.rank[X.R_STEP]))
        self.rank[X.R_HALT] = self.rank[X.R_OVERFLOW] = 0
        self._send()

    # -- spikes -----------------------------------------------------------------------------------------------

    def _take_log(self) -> None:
        """Start to move the log to the host; the next spikes go into its other part."""
        self._receive()
        n = int(self.rank[X.R_LOG_COUNT])
        if n:
            if self._counter is not None:
                self._counter.count(self._log.address, n)
            self._collected.append(self._log.take(n))
        self.rank[X.R_LOG_AT] = self._log.address
        self.rank[X.R_LOG_COUNT] = self.rank[X.R_PACKED] = 0
        self._send()

    def _unsent(self) -> I64:
        """Spikes of the window, on the host."""
        self._take_log()
        entries = joined(self._collected)
        return entries[entries >> 32 >= self._window_start]

    def _swap(self, exchange: DeviceExchange) -> None:
        """Exchange the spikes of a window with the other ranks."""
        begin_s = time.perf_counter()
        left_over = self._unsent() if self.rank[X.R_PACKETS_FULL] != 0 else None
        if exchange.swap(self._device.address(self._on_device), left_over):
            self._keep_counts()
            self._enter()
        self._seconds["exchange"] += time.perf_counter() - begin_s

    def _enter(self) -> None:
        """Enter what was unpacked, for the first time; the device halts already if it is not complete."""
        self._arrange()
        if self._procedural is not None:
            self._draw(self._procedural, remote=True)
        self._schedule_remote()

    def _arrange(self) -> None:
        """Where sources have a state, bring the spikes of each into their order and advance it, once all are here."""
        if self._exchange is None or not self._dynamic:
            return
        self._receive()
        if self.rank[X.R_HALT] == 0:
            n_spikes = self._exchange.arrange(self.rank, self._dynamic.in_order)
            self._send()
            self._dynamic.before_remote(self._device.address(self._on_device), n_spikes)

    def _keep_counts(self) -> None:
        """Of the buckets, in case that one turns out to be too small."""
        self._launch("dtb_keep_counts", self._shape(1))

    def _schedule_remote(self) -> None:
        """Enter spikes of other ranks; a bucket that is too small halts the device."""
        self._launch("dtb_schedule_remote", self._shape(8 * LEAST_ITEMS))

    @told_by_device
    def collect(self) -> tuple[I64, NDArray[np.uint32]]:
        """Spikes since the last call as (step int64[n], gid uint32[n]), in no particular order; clears the logs."""
        self._take_log()
        entries = joined(self._collected)
        self._recent.add(entries, self.reached)
        self._collected = []
        return entries >> 32, (entries & 0xFFFFFFFF).astype(np.uint32)

    @told_by_device
    def count_spikes(self, unit_steps: int) -> None:
        """From now on, count the spikes of every chunk per population and unit of `unit_steps` steps."""
        self._counter = SpikeCounter(self._device, self._network.gid_starts, unit_steps)
        self._counter.compile()

    def counts(self) -> I64 | None:
        """int64[units, populations] of the chunk, whose spikes have been collected; None where nobody asked."""
        return None if self._counter is None else self._counter.values()

    # -- parameters, checks, measures -------------------------------------------------------------------------

    set_parameter = told_by_device(CommonBackend.set_parameter)
    change_parameter = told_by_device(CommonBackend.change_parameter)
    set_state = told_by_device(CommonBackend.set_state)
    set_drives = told_by_device(CommonBackend.set_drives)
    set_noise_seed = told_by_device(CommonBackend.set_noise_seed)
    neuron_values = told_by_device(CommonBackend.neuron_values)
    state = told_by_device(CommonBackend.state)
    load = told_by_device(CommonBackend.load)
    set_weights = told_by_device(CommonBackend.set_weights)

    @told_by_device
    def check_finite(self, start: int, stop: int) -> None:
        """Raise NumericsError if any float state became NaN or infinite in the steps `start` to `stop` (exclusive)."""
        memory = self.tables.memory
        for state in self._built.lanes:
            on_device = memory.of(state.neurons.f32)
            shape = self._device.limits.spread(on_device.size)
            self._launch("dtb_check_finite", shape, self._device.address(on_device), on_device.size)
        self._receive()
        if self.rank[X.R_NOT_FINITE] != 0:
            for state in self._built.lanes:
                state.neurons.f32[...] = self._device.download(memory.of(state.neurons.f32))
            check_finite(self._network, self._built.kinds, self._built.lanes, (start, stop))

    def _uncollected(self) -> I64:
        self._take_log()
        return joined(self._collected)

    def _shared_noise_at(self) -> int:
        return (self.reached - 1) & 1

    def _enter_again(self, spikes: I64, events: int) -> None:
        self.compile()
        entries = self._device.upload(spikes if spikes.size else np.zeros(1, np.int64))
        self.rank[X.R_STEP], self.rank[X.R_EVENTS] = self.reached, events
        self.rank[X.R_REMOTE_AT], self.rank[X.R_REMOTE_N] = self._device.address(entries), spikes.size
        table = self.tables.table
        n_dynamic = table[:, L.N_DYNAMIC].copy()
        table[:, L.N_DYNAMIC] = 0  # their spikes in transit are there already, with what they carry
        self.tables.upload(self.reached)
        self._send()
        self._keep_counts()
        if self._procedural is not None:
            self._draw(self._procedural, remote=True)
        self._schedule_remote()
        self._look()
        table[:, L.N_DYNAMIC] = n_dynamic
        self.rank[X.R_REMOTE_N] = 0
        self._send()

    def events(self) -> int:
        """Synaptic events delivered so far."""
        return int(self.rank[X.R_EVENTS])

    def stage_seconds(self) -> dict[str, float]:
        """Seconds per stage."""
        return dict(self._seconds)

    def close(self) -> None:
        """Let go of the device's memory."""
        self._device.synchronise()
        self._graphs.clear()
        if self._exchange is not None:
            self._exchange.close()
