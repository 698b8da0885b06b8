"""Build a network and step it in timed chunks, without recorders, in a process or an MPI job of its own.

    python benchmarks/stepping.py CONFIG --out FILE [--transient MS] [--chunks N] [--spikes FILE]

Used by pd14.py and weak_scaling.py through `measure_apart`. The engine is driven through its parts: prepare, build,
backend, then advance and collect chunk by chunk; every chunk begins when all ranks are ready and ends with the last.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import common

MIN_CHUNKS = 5


def measure_apart(
    config: Any, folder: Path, *, ranks: int, transient_ms: float, chunks: int, spikes: Path | None = None
) -> dict[str, Any]:
    """Measure `config` (a RunConfig whose relative paths start at `folder`) in a process of its own."""
    from dtbsim import dump_config

    with tempfile.TemporaryDirectory(dir=folder) as inner:
        out = Path(inner) / "stepping.json"
        path = folder / f"{config.name}.yaml"
        path.write_text(dump_config(config), encoding="utf-8")
        more = () if spikes is None else ("--spikes", spikes)
        arguments = (path, "--out", out, "--transient", transient_ms, "--chunks", chunks, *more)
        common.run_python(Path(__file__), *arguments, ranks=ranks)
        result: dict[str, Any] = common.read_json(out)
    return result


@dataclass
class Times:
    """What was timed: `bounds` int[chunks + 1] steps, and per chunk wall seconds (slowest rank) and synaptic events."""

    seconds: dict[str, float] = field(default_factory=dict)
    transient_s: float = 0.0
    bounds: list[int] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)
    """Seconds per stage of a step over all chunks, mean over the threads of this rank."""

    @contextmanager
    def adding(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        begin_s = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin_s


def measure(path: Path, comm: Any, transient_ms: float, chunks: int) -> tuple[dict[str, Any], Any, Any]:
    """Return the result, and on rank 0 the spikes of all ranks (steps, gids) and the network; collective."""
    from dtbsim.backends.cpu import CpuBackend
    from dtbsim.build.neurons import kernel_of
    from dtbsim.build.rank import build_rank
    from dtbsim.config import load_config
    from dtbsim.simulate.prepare import prepare
    from dtbsim.simulate.warm_up import warm_up_build

    times = Times()
    with times.adding("network"):
        prepared = prepare(load_config(path), comm, path.parent, None)
    with times.adding("compile"):
        warm_up_build()
        for kind in prepared.plan.kinds:
            if not kind.model.is_source:
                kernel_of(kind, prepared.plan.acc_bits)
    comm.barrier()
    with times.adding("build"):
        built = build_rank(prepared.plan, prepared.threads)
        backend = CpuBackend(built, exchange_of(prepared, comm, built), prepared.threads)
    try:
        with times.adding("compile"):
            backend.compile()
        spikes = step(prepared.network, backend, comm, times, transient_ms, chunks)
        rss = common.peak_rss_bytes()
        spikes = gathered(comm, spikes)
        return summarise(comm, prepared, built, backend, times, rss), spikes, prepared.network
    finally:
        backend.close()


def exchange_of(prepared: Any, comm: Any, built: Any) -> Any:
    """How the spikes of this rank travel, as a run chooses it."""
    from dtbsim.exchange.open import open_exchange

    return open_exchange(prepared.exchange, comm, built, prepared.exchange_plan)


def step(
    network: Any, backend: Any, comm: Any, times: Times, transient_ms: float, chunks: int
) -> list[tuple[Any, Any]]:
    """Step through the transient, then in equal chunks to the end; returns the spikes (steps, gids) per chunk."""
    first = round(transient_ms / network.dt_ms)
    length = (network.n_steps - first) // chunks
    times.bounds = [first + length * k for k in range(chunks + 1)]
    times.transient_s, spikes = advance(backend, comm, 0, first)
    kept = [spikes]
    before, events = dict(backend.stage_seconds()), backend.events()
    for start, stop in zip(times.bounds[:-1], times.bounds[1:], strict=True):
        wall_s, spikes = advance(backend, comm, start, stop)
        kept.append(spikes)
        times.wall_s.append(wall_s)
        times.events.append(backend.events() - events)
        events = backend.events()
    times.stages = {name: seconds - before[name] for name, seconds in backend.stage_seconds().items()}
    backend.check_finite(0, times.bounds[-1])
    return kept


def advance(backend: Any, comm: Any, start: int, stop: int) -> tuple[float, tuple[Any, Any]]:
    """Step all ranks from `start` to `stop` and collect their spikes; returns the seconds of the slowest."""
    comm.barrier()
    begin_s = time.perf_counter()
    backend.advance(start, stop)
    spikes = backend.collect()
    return comm.allreduce_max(time.perf_counter() - begin_s), spikes


def gathered(comm: Any, spikes: list[tuple[Any, Any]]) -> tuple[Any, Any] | None:
    """Spikes of all chunks and ranks on rank 0, None elsewhere."""
    import numpy as np

    mine = tuple(np.concatenate(columns) for columns in zip(*spikes, strict=True))
    parts = comm.gather(mine)
    return None if parts is None else tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))


# --- what it amounts to ---------------------------------------------------------------------------------------------


def summarise(comm: Any, prepared: Any, built: Any, backend: Any, times: Times, rss: int) -> dict[str, Any]:
    """The result, the same on every rank; collective."""
    network = prepared.network
    mine = {
        "synapses": built.n_synapses,
        "bytes": built.total_bytes + backend.tables.dynamic_bytes(),
        "rss": rss,
        "threads": backend.n_threads,
        "events": times.events,
        "seconds": times.seconds,
        "stages": times.stages,
    }
    shares = comm.allgather(mine)
    synapses, threads = (sum(share[key] for share in shares) for key in ("synapses", "threads"))
    events = [sum(chunk) for chunk in zip(*(share["events"] for share in shares), strict=True)]
    peak = [share["rss"] for share in shares]
    stages = {name: statistics.mean(share["stages"][name] for share in shares) for name in times.stages}
    seconds = {f"{name}_s": max(share["seconds"][name] for share in shares) for name in times.seconds}
    return {
        "neurons": network.n_neurons,
        "synapses": synapses,
        "ranks": comm.size,
        "threads_per_rank": backend.n_threads,
        "lanes": len(built.lanes),
        "exchange": prepared.exchange,
        "exchange_every_ms": prepared.exchange_plan.window * network.dt_ms if comm.size > 1 else None,
        **seconds,
        **speed(times, events, threads, network.dt_ms),
        "bytes_per_synapse": sum(share["bytes"] for share in shares) / max(synapses, 1),
        "peak_rss_bytes": {"sum": sum(peak), "max": max(peak)},
        "peak_rss_bytes_per_synapse": sum(peak) / max(synapses, 1),
        "stages": per_step(stages, times, sum(events), threads, network.n_neurons),
    }


def speed(times: Times, events: list[int], threads: int, dt_ms: float) -> dict[str, Any]:
    """Real-time factors and synaptic events per second and core, over chunks."""
    chunk_s = (times.bounds[1] - times.bounds[0]) * dt_ms * 1e-3
    factors = [wall_s / chunk_s for wall_s in times.wall_s]
    rates = [count / wall_s / threads for count, wall_s in zip(events, times.wall_s, strict=True)]
    whole_s = times.bounds[-1] * dt_ms * 1e-3
    return {
        "biological_ms": [bound * dt_ms for bound in (times.bounds[0], times.bounds[-1])],
        "rtf": {"median": statistics.median(factors), "min": min(factors), "chunks": factors},
        "rtf_with_transient": (times.transient_s + sum(times.wall_s)) / whole_s,
        "synaptic_events": sum(events),
        "synaptic_events_per_s_per_core": statistics.median(rates),
    }


def per_step(
    stages: dict[str, float], times: Times, events: int, threads: int, neurons: int
) -> dict[str, dict[str, float] | float | None]:
    """Time of each stage per step and thread, its share, and what that is per synaptic event and per neuron."""
    steps, total_s = times.bounds[-1] - times.bounds[0], sum(stages.values())
    neuron_ns = {name: stages[name] * threads / (steps * neurons) * 1e9 for name in ("drive", "update", "detect")}
    return {
        "us_per_step": {name: seconds / steps * 1e6 for name, seconds in stages.items()},
        "share": {name: seconds / total_s for name, seconds in stages.items()},
        "deliver_ns_per_event": stages["deliver"] * threads / events * 1e9 if events else None,
        "ns_per_neuron_step": neuron_ns | {"sum": sum(neuron_ns.values())},
    }


def main() -> None:
    """One measurement, as `measure_apart` starts it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--transient", type=float, default=0.0, metavar="MS", help="not part of the chunks")
    parser.add_argument("--chunks", type=common.count, default=MIN_CHUNKS, metavar="N")
    parser.add_argument("--spikes", type=Path, metavar="FILE", help="save the spikes here (.npz)")
    options = parser.parse_args()

    import numpy as np

    from dtbsim.mpi import world_comm

    comm = world_comm()
    result, spikes, network = measure(options.config, comm, options.transient, options.chunks)
    if not comm.is_root:
        return
    begin_ms, end_ms = result["biological_ms"]
    result["spikes"] = int((spikes[0] >= round(begin_ms / network.dt_ms)).sum())
    result["mean_rate_hz"] = result["spikes"] / network.n_neurons / ((end_ms - begin_ms) * 1e-3)
    if options.spikes is not None:
        np.savez(options.spikes, steps=spikes[0], gids=spikes[1], gid_starts=network.gid_starts)
    common.write_json(options.out, result)


if __name__ == "__main__":
    main()
