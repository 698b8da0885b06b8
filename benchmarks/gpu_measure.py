"""Build a network on a GPU and step it in timed chunks; what each kernel takes; whether the spikes are the CPU's."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

CHUNKS = 5
PROFILE_STEPS = 16
PROFILE_REPEATS = 4
FILLER_BYTES = 1 << 30
Note = Callable[..., None]


def with_plan(config: Any, backend: str, plan: str = "auto") -> Any:
    """The same configuration for another backend, a GPU in this process alone."""
    simulation = config.simulation.model_copy(update={"backend": backend, "gpu_plan": plan})
    return config.model_copy(update={"simulation": simulation})


def made(config: Any, folder: Path | None) -> tuple[Any, Any, Any, dict[str, float]]:
    """(prepared, built, backend, seconds) in this process."""
    from dtbsim.mpi import SerialComm
    from dtbsim.simulate.prepare import prepare
    from dtbsim.simulate.warm_up import warm_up_build

    comm, seconds = SerialComm(), {}
    begin_s = time.perf_counter()
    prepared = prepare(config, comm, folder, None)
    warm_up_build()
    seconds["prepare_s"] = time.perf_counter() - begin_s
    begin_s = time.perf_counter()
    built = prepared.backend_plan.build()
    backend = prepared.backend_plan.open(built, prepared.exchange_plan, comm)
    if prepared.choice.device is not None:
        prepared.choice.device.synchronise()
    seconds["build_s"] = time.perf_counter() - begin_s
    begin_s = time.perf_counter()
    backend.compile()
    seconds["compile_s"] = time.perf_counter() - begin_s
    return prepared, built, backend, seconds


def spikes_of(config: Any, folder: Path | None) -> dict[str, Any]:
    """Number, hash and synaptic events of a whole run without recorders."""
    from dtbsim.record.spike_hash import SpikeHasher

    prepared, _, backend, _ = made(config, folder)
    hasher = SpikeHasher()
    try:
        backend.advance(0, prepared.network.n_steps)
        steps, gids = backend.collect()
        hasher.update(steps, gids)
        return {"spikes": len(steps), "events": backend.events(), "hash": hasher.hexdigest()}
    finally:
        backend.close()


def measure(config: Any, folder: Path | None, note: Note, *, transient_ms: float, wall_s: float) -> Any:
    """Step through the transient, then in chunks of equal length that take about `wall_s` together.

    Notes everything as it becomes known. Returns (prepared, backend, step reached); the caller closes the backend.
    """
    before = time.perf_counter()
    prepared, built, backend, seconds = made(config, folder)
    network, device = prepared.network, prepared.choice.device
    note(
        neurons=network.n_neurons,
        synapses=built.n_synapses,
        lanes=len(built.lanes),
        gpu_plan=backend.plan,
        why=prepared.backend_plan.choice.reason,
        host_peak_bytes_planned=prepared.plan.memory.peak,
        gpu_free_bytes_before=device.limits.free_bytes,
        gpu_free_bytes=device.free_bytes(),
        ready_s=time.perf_counter() - before,
        **seconds,
    )
    dt_ms = network.dt_ms
    step = max(1, round(transient_ms / dt_ms))
    backend.advance(0, step)
    backend.collect()
    length = max(1, round(5.0 / dt_ms))
    took_s, _ = advance(backend, step, step + length)
    step += length
    length = max(1, min(int(length * wall_s / CHUNKS / max(took_s, 1e-6)), (network.n_steps - step) // CHUNKS))
    factors, spikes, events = [], 0, backend.events()
    for done in range(1, CHUNKS + 1):
        took_s, fired = advance(backend, step, step + length)
        step, spikes = step + length, spikes + fired
        factors.append(took_s / (length * dt_ms * 1e-3))
        biological_s = done * length * dt_ms * 1e-3
        note(
            rtf={"median": statistics.median(factors), "min": min(factors), "chunks": list(factors)},
            us_per_step=statistics.median(factors) * dt_ms * 1e3,
            biological_ms=biological_s * 1e3,
            mean_rate_hz=spikes / network.n_neurons / biological_s,
            events_per_s=(backend.events() - events) / sum(f * length * dt_ms * 1e-3 for f in factors),
        )
    per_step = (backend.events() - events) / (CHUNKS * length)
    moved = bytes_moved(built, per_step)
    us = statistics.median(factors) * dt_ms * 1e3
    note(bytes_per_step=moved, events_per_step=per_step, gb_per_s_by_model=sum(moved.values()) / us * 1e-3)
    backend.check_finite(0, step)
    return prepared, backend, step


SYNAPSE_BYTES = {"KIND_PACKED": 4, "KIND_WIDE16": 6, "KIND_WIDE32": 8, "KIND_WIDE64": 8}


def bytes_moved(built: Any, events_per_step: float) -> dict[str, float]:
    """Bytes that a step has to move at least, by what it does: a model to hold times against, not a measurement.

    States and constants are read and states written back, taken as all of both; the input of each slot is read and set
    to zero; a stored synapse is read, and each event adds to a sum (read and written). Where a step is kernels of its
    own, the count of a driven neuron is written and read; where it is not, a synapse may have a delay beside its word.
    """
    from dtbsim.kernels import layout as L

    by_kind = {getattr(L, name): n_bytes for name, n_bytes in SYNAPSE_BYTES.items()}
    states = sum(2 * (lane.neurons.f32.nbytes + lane.neurons.i32.nbytes) for lane in built.lanes)
    sums = {lane.acc.dtype.itemsize for lane in built.lanes}
    slots = sum(lane.lane.n_slots for lane in built.lanes)
    stored = any(lane.rows.n_synapses for lane in built.lanes)
    synapse = max(by_kind[lane.rows.kind] for lane in built.lanes) if stored else 0
    apart = [lane.rows.delays for lane in built.lanes if getattr(lane.rows, "delays", None) is not None]
    synapse += max((delays.itemsize * (delays.size > 0) for delays in apart), default=0)
    driven = [int(built.network.sizes[drive.population]) for drive in built.network.drives if drive.kind == "poisson"]
    share = sum(lane.lane.n_local for lane in built.lanes) / max(1, built.network.n_neurons)
    return {
        "drives": 0.0 if apart else 2.0 * share * sum(driven),
        "states": float(states),
        "input": float(2 * max(sums) * slots),
        "synapses": events_per_step * synapse,
        "sums": events_per_step * 2 * max(sums),
    }


def advance(backend: Any, start: int, stop: int) -> tuple[float, int]:
    """Wall seconds with the collection of spikes, and their number."""
    begin_s = time.perf_counter()
    backend.advance(start, stop)
    steps, _ = backend.collect()
    return time.perf_counter() - begin_s, int(steps.size)


def regions(config: Any, wall_s: float) -> dict[str, Any]:
    """Time of mean-field regions: ns per region, step and member, without what a run records."""
    from dtbsim.backends.cuda import choose
    from dtbsim.backends.cuda.region_engine import DeviceRegions
    from dtbsim.mpi.comm import SerialComm
    from dtbsim.spec import compile_network

    network = compile_network(config)
    assert network.regions is not None
    engine = DeviceRegions(network.regions, network.dt_ms, SerialComm(), choose.open_device(0))
    begin_s = time.perf_counter()
    engine.compile()
    compile_s = time.perf_counter() - begin_s
    step, n = 0, 32 * engine.block
    engine.advance(step, n)  # graphs are made
    step, took_s = n, 0.0
    while took_s < wall_s:
        begin_s = time.perf_counter()
        engine.advance(step, step + n)
        took_s, step, n = time.perf_counter() - begin_s, step + n, 2 * n
    n //= 2
    members = network.regions.members.n
    elements = network.regions.n_nodes * members
    engine.check_finite(0, step)
    found = {"steps": n, "block": engine.block, "compile_s": compile_s, "us_per_step": took_s / n * 1e6}
    found |= {"ns_per_region_step": took_s / n / elements * 1e9, "device_bytes": engine.bytes_there}
    engine.close()
    return found


# --- kernel by kernel -----------------------------------------------------------------------------------------------


class TimedKernels:
    """Launches with an event before and after each; without a GPU's events the time of the host."""

    def __init__(self, kernels: Any, device: Any) -> None:
        self._kernels, self._device = kernels, device
        self.timed: list[tuple[str, Any, Any]] = []
        self._shapes: dict[str, Any] = {}

    def launch(self, name: str, shape: Any, *arguments: int) -> None:
        """One kernel."""
        self._shapes[name] = shape
        self._timed(name, partial(self._kernels.launch, name, shape, *arguments))

    def launch_together(self, name: str, shape: Any, *arguments: int) -> None:
        """One whose blocks run at once."""
        self._shapes[name] = shape
        self._timed(name, partial(self._kernels.launch_together, name, shape, *arguments))

    def _timed(self, name: str, start: Callable[[], None]) -> None:
        before = self._mark()
        start()
        self.timed.append((name, before, self._mark()))

    def _mark(self) -> Any:
        cuda = self._device.cuda
        return time.perf_counter() if cuda is None else self._device.stream.record(cuda.Event())

    def us(self) -> dict[str, float]:
        """Microseconds by kernel, in all."""
        self._device.synchronise()
        total: dict[str, float] = defaultdict(float)
        for name, before, after in self.timed:
            cuda = self._device.cuda
            took_ms = (after - before) * 1e3 if cuda is None else cuda.get_elapsed_time(before, after)
            total[name] += took_ms * 1e3
        return dict(total)

    def resources(self) -> dict[str, dict[str, int]]:
        """By kernel: its launch, and where the device says so what a thread takes and how many blocks run at once."""
        found = {}
        for name, shape in self._shapes.items():
            found[name] = {"blocks": shape.x * shape.y, "threads": shape.threads, "shared_bytes": shape.shared_bytes}
            if hasattr(self._kernels, "resources"):
                at_once = self._kernels.blocks_at_once(name, shape)
                found[name] |= {**self._kernels.resources(name), "blocks_per_multiprocessor": at_once}
        return found


def holders_of_kernels(backend: Any) -> list[Any]:
    """The backend and its parts that launch kernels of their own: every set of kernels is timed."""
    parts = (backend, backend._procedural, backend._dynamic, backend._exchange, backend._counter)
    return [part for part in parts if getattr(part, "_kernels", None) is not None]


def profile(prepared: Any, backend: Any, step: int) -> dict[str, Any]:
    """Microseconds per step of every kernel, launched one by one while the GPU is kept busy until all are queued.

    What the kernels take of registers and local memory stands beside it.
    """
    device, holders = prepared.choice.device, holders_of_kernels(backend)
    sets = [holder._kernels for holder in holders]
    timed = [TimedKernels(kernels, device) for kernels in sets]
    for holder, kernels in zip(holders, timed, strict=True):
        holder._kernels = kernels
    graph = getattr(backend, "_graph", None)
    if graph is not None:
        backend._graph = lambda steps: SimpleNamespace(launch=partial(backend._steps, steps))
    filler = None if device.cuda is None else device.xp.empty(min(FILLER_BYTES, device.free_bytes() // 4), "u1")
    try:
        for _ in range(PROFILE_REPEATS):
            if filler is not None:
                for _ in range(20):
                    filler.data.memset_async(0, filler.nbytes, device.stream)
            backend.advance(step, step + PROFILE_STEPS)
            step += PROFILE_STEPS
        backend.collect()
        us = {name: took for kernels in timed for name, took in kernels.us().items()}
    finally:
        for holder, original in zip(holders, sets, strict=True):
            holder._kernels = original
        if graph is not None:
            backend._graph = graph
    steps = PROFILE_REPEATS * PROFILE_STEPS
    return {
        "us_per_step": {name: value / steps for name, value in us.items()},
        "resources": {name: needs for kernels in timed for name, needs in kernels.resources().items()},
    }
