"""The numbers of a run at its end: what `--json` prints and summary.json holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dtbsim.backends.backend import Backend
from dtbsim.backends.regions.state_hash import STATE_HASH_VERSION
from dtbsim.build.rank import RankNetwork
from dtbsim.clock import time_of
from dtbsim.mpi import Comm
from dtbsim.record.spike_hash import VERSION
from dtbsim.simulate.prepare import Prepared
from dtbsim.simulate.stages import OTHER, Stages, peak_rss_bytes
from dtbsim.simulate.streams import Streams

_NOTHING: dict[str, Any] = {"spikes": 0, "spike_hash": None, "synchrony": None, "warnings": []}
"""What the streams would say, of a run that ended before they were opened."""


def summarise_run(
    comm: Comm,
    prepared: Prepared,
    built: RankNetwork,
    backend: Backend,
    streams: Streams | None,
    stages: Stages,
    *,
    steps: int,
    start: int = 0,
    begins: int = 0,
    events_before: int = 0,
    run_dir: Path,
    interrupted: bool,
) -> dict[str, Any]:
    """The summary, the same on every rank; collective. Where a run went on from step `start`, times are since then.

    A branch counts from step `begins` on, where there had been so many events before.
    """
    network = prepared.network
    wall_s = stages.elapsed_s()
    seconds = stages.seconds | _inside(backend, streams, stages.seconds.get("simulate", 0.0))
    mine: dict[str, Any] = {
        "synapses": built.n_synapses,
        "bytes": built.total_bytes + backend.dynamic_bytes(),
        "events": backend.events(),
        "rss": peak_rss_bytes(),
        "threads": backend.n_threads,
        "seconds": seconds,
        "wall": wall_s,
        "peaks": stages.peak_bytes,
    }
    shares = comm.allgather(mine)
    known = {**_NOTHING, **(streams.summary(steps) if streams is not None else {})}
    biological_s = (steps - begins) * network.dt_ms * 1e-3
    total = {key: sum(share[key] for share in shares) for key in ("synapses", "bytes", "events")}
    table = {name: [share["seconds"].get(name, 0.0) for share in shares] for name in seconds}
    simulate_s = max(table.get("simulate", [0.0]))
    summary: dict[str, Any] = {
        "name": network.name,
        "neurons": network.n_neurons,
        "synapses": total["synapses"],
        "bytes_per_synapse": total["bytes"] / total["synapses"] if total["synapses"] else None,
        "spikes": known.pop("spikes"),
        "events": total["events"] - events_before,
        "mean_rate_hz": None,
        "biological_s": biological_s,
        "compile_s": max(table["compile"]),
        "build_s": max(table["build"]),
        "simulate_s": simulate_s,
        "wall_s": max(share["wall"] for share in shares),
        "rtf": simulate_s / ((steps - start) * network.dt_ms * 1e-3) if steps > start else None,
        "peak_rss_bytes": {
            "sum": sum(share["rss"] for share in shares),
            "max": max(share["rss"] for share in shares),
        },
        "ranks": comm.size,
        "threads": max(share["threads"] for share in shares),
        "backend": prepared.backend,
        "gpu": None if prepared.choice.device is None else prepared.choice.device.name,
        "gpu_plan": backend.plan,
        "exchange": prepared.exchange,
        "spike_hash": known.pop("spike_hash"),
        "spike_hash_version": VERSION,
        "run_dir": str(run_dir),
        "interrupted": interrupted,
        "resumed_at_ms": time_of(start, network.dt_ms) if start > begins else None,
        "begins_at_ms": time_of(begins, network.dt_ms),
        "stages": {name: _stage(name, values, shares) for name, values in table.items()},
        "shares": [
            {
                "rank": rank,
                "build_s": table["build"][rank],
                "simulate_s": table.get("simulate", [0.0] * comm.size)[rank],
                "peak_rss_bytes": share["rss"],
            }
            for rank, share in enumerate(shares)
        ],
    }
    if steps > begins and network.n_neurons:
        summary["mean_rate_hz"] = summary["spikes"] / network.n_neurons / biological_s
    summary |= known
    hasher = backend.region_hash()
    if hasher is not None:
        summary |= {"state_hash": hasher.combined(comm), "state_hash_version": STATE_HASH_VERSION}
    if network.regions is not None:
        summary |= {"regions": network.regions.n_nodes, "members": network.regions.members.n}
    summary["warnings"] = [*network.warnings, *summary["warnings"]]
    return summary


def with_report(summary: dict[str, Any], stages: Stages, n_ranks: int) -> dict[str, Any]:
    """The summary of a run whose report has been written since, all ranks waiting for it."""
    wall_s = stages.elapsed_s()
    report_s = stages.seconds["report"]
    since_s = wall_s - summary["wall_s"] - report_s
    report = {"sum_s": n_ranks * report_s, "max_s": report_s, "max_peak_rss_bytes": stages.peak_bytes["report"]}
    other = summary["stages"].get(OTHER, {"sum_s": 0.0, "max_s": 0.0})
    other = other | {"sum_s": other["sum_s"] + n_ranks * since_s, "max_s": other["max_s"] + since_s}
    return summary | {"wall_s": wall_s, "stages": summary["stages"] | {"report": report, OTHER: other}}


def _inside(backend: Backend, streams: Streams | None, simulate_s: float) -> dict[str, float]:
    """Seconds of the parts of the simulation, named `simulate: PART`; they add up to it."""
    parts = backend.stage_seconds() | (streams.seconds if streams is not None else {})
    if streams is not None:
        parts["rest"] = max(0.0, simulate_s - sum(parts.values()))
    return {f"simulate: {name}": seconds for name, seconds in parts.items()}


def _stage(name: str, seconds: list[float], shares: list[dict[str, Any]]) -> dict[str, float | int]:
    """Sum and maximum over ranks; of whole stages also the largest peak of memory by their end."""
    stage: dict[str, float | int] = {"sum_s": sum(seconds), "max_s": max(seconds)}
    peaks = [share["peaks"][name] for share in shares if name in share["peaks"]]
    return stage | ({"max_peak_rss_bytes": max(peaks)} if peaks else {})
