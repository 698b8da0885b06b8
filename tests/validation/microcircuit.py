"""The microcircuit of Potjans and Diesmann (2014) in both simulators at a reduced scale: statistics by population."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.pd14_model import DT_MS, microcircuit, plain_model
from tests.validation.distributions import statistics

from dtbsim.analysis.spikes import population_statistics, select_spikes

POPULATIONS = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
TRANSIENT_MS = 500.0


def run_dtbsim(scale: float, duration_ms: float, seed: int, *more: str, threads: int = 1) -> dict[str, Any]:
    """Statistics of every population in a run with dtbsim."""
    return analysed(*_spikes(scale, duration_ms, seed, threads, *more), duration_ms)


def run_full_scale(duration_ms: float, seed: int) -> dict[str, Any]:
    """The statistics that the stored simulation with NEST at full scale has, of every population."""
    steps, gids, ranges = _spikes(1.0, duration_ms, seed, 2)
    window = {"dt_ms": DT_MS, "start_step": round(TRANSIENT_MS / DT_MS), "stop_step": round(duration_ms / DT_MS)}
    found = {}
    for name, (gid0, size) in ranges.items():
        whole = population_statistics(steps, gids, gid0=gid0, size=size, **window)
        spikes = select_spikes(
            steps, gids, gid0=gid0, size=size, start_step=window["start_step"], stop_step=window["stop_step"]
        )[1]
        counts = np.bincount(np.bincount(spikes.astype(np.int64) - gid0, minlength=size))
        found[name] = {
            "rate_hz": round(whole.rate_hz, 4),
            "rate": {"bin": 1.0, "first": 0, "counts": counts.tolist()},
            "silent_fraction": round(whole.silent_fraction, 4),
            "cv_isi": round(float(whole.cv_isi or "nan"), 4),
            "correlation": round(float(whole.correlation or "nan"), 5),
        }
    return found


def _spikes(
    scale: float, duration_ms: float, seed: int, threads: int, *more: str
) -> tuple[Any, Any, dict[str, tuple[int, int]]]:
    """Steps and gids of a run with dtbsim; first gid and size by population."""
    import dtbsim

    chosen = ["record.rate_bin_ms=null", *more]
    with tempfile.TemporaryDirectory() as folder:
        config = microcircuit(scale, duration_ms, seed, threads)
        run = dtbsim.run(config, out=Path(folder) / "run", set=chosen).open()
        steps, gids = run.spike_steps()
        table = run.populations.set_index("name")
    ranges = {name: (int(table.gid0[f"column.{name}"]), int(table["size"][f"column.{name}"])) for name in POPULATIONS}
    return steps, gids, ranges


def analysed(steps: Any, gids: Any, ranges: dict[str, tuple[int, int]], duration_ms: float) -> dict[str, Any]:
    """Statistics by population, after a transient; `ranges`: first gid and size."""
    window = {"dt_ms": DT_MS, "start_step": round(TRANSIENT_MS / DT_MS), "stop_step": round(duration_ms / DT_MS)}
    return {name: statistics(steps, gids, gid0=gid0, size=size, **window) for name, (gid0, size) in ranges.items()}


def run_nest(scale: float, duration_ms: float, seed: int) -> dict[str, Any]:
    """The same with NEST, on one thread."""
    import nest

    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution, nest.rng_seed, nest.local_num_threads = DT_MS, seed, 1
    cells = create_column(nest, scale)
    ranges = {name: (int(cell[0].global_id), len(cell)) for name, cell in cells.items()}
    recorder = nest.Create("spike_recorder")
    for cell in cells.values():
        nest.Connect(cell, recorder)
    nest.Simulate(duration_ms)
    events = recorder.events
    steps = np.rint(events["times"] / DT_MS).astype(np.int64) - 1
    return analysed(steps, events["senders"].astype(np.int64), ranges, duration_ms)


def create_column(nest: Any, scale: float) -> dict[str, Any]:
    """The populations in NEST by name, with their Poisson input and their connections."""
    model = plain_model(scale)
    cells = {}
    for name, entry in model["populations"].items():
        potential = nest.random.normal(entry["V_m_mean"], entry["V_m_sd"])
        parameters = {**entry["parameters"], "I_e": entry["I_e"], "V_m": potential}
        cells[name] = nest.Create("iaf_psc_exp", entry["size"], params=parameters)
        generator = nest.Create("poisson_generator", params={"rate": entry["poisson_rate_hz"]})
        nest.Connect(generator, cells[name], syn_spec={"weight": entry["poisson_weight"], "delay": DT_MS})
    for projection in model["projections"]:
        _connect(nest, cells, projection)
    return cells


def _connect(nest: Any, cells: dict[str, Any], projection: dict[str, Any]) -> None:
    """Fixed total number; truncated normal weights (one sign) and delays (at least one step)."""
    low, high = projection["weight_low"], projection["weight_high"]
    weight = nest.math.redraw(
        nest.random.normal(projection["weight_mean"], projection["weight_sd"]),
        min=-math.inf if low is None else low,
        max=math.inf if high is None else high,
    )
    delay = nest.math.redraw(
        nest.random.normal(projection["delay_mean"], projection["delay_sd"]), min=projection["delay_low"], max=math.inf
    )
    rule = {"rule": "fixed_total_number", "N": projection["total"]}
    nest.Connect(cells[projection["source"]], cells[projection["target"]], rule, {"weight": weight, "delay": delay})
