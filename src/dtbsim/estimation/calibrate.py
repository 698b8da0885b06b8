"""This machine, measured: short runs of the engine itself give the numbers of a profile.

All cores work at once, as they do in a run, so that what they share (memory, caches) is shared here, too. What needs
a second node stays as in the profile `cluster`, from data sheets.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.threads import usable_cores
from dtbsim.build.rank import RankPlan, build_rank, plan_rank
from dtbsim.config import load_config_text
from dtbsim.errors import MissingDependencyError
from dtbsim.estimation.costs import firing_rates
from dtbsim.estimation.probe_exchange import exchange_us
from dtbsim.estimation.profile import Number, Profile, load_profile
from dtbsim.estimation.segments import Segments
from dtbsim.simulate.warm_up import warm_up_build
from dtbsim.spec import compile_network

NEURONS = """\
simulation: {dt_ms: 0.1, duration_ms: 400}
populations: {E: {model: iaf_psc_exp, size: SIZE}}
drives: {bg: {kind: poisson, target: E, receptor: ex, rate_hz: 8000, weight_pA: 0.1}}
"""
SYNAPSES = """\
simulation: {dt_ms: 0.1, duration_ms: 1000}
populations:
  P: {model: poisson_source, size: 10000, parameters: {rate_hz: 5}}
  E: {model: iaf_psc_exp, size: 20000}
projections:
  PE: {source: P, target: E, rule: {kind: fixed_indegree, indegree: 1000}, weight_pA: 0.01, delay_ms: DELAY}
"""
PROCEDURAL = """\
simulation: {dt_ms: 0.1, duration_ms: 400}
populations:
  P: {model: poisson_source, size: 1000, parameters: {rate_hz: 10}}
  E: {model: iaf_psc_exp, size: 20000}
projections:
  PE:
    source: P
    target: E
    rule: {kind: fixed_outdegree, outdegree: 1000}
    weight_pA: 0.01
    delay_ms: 1.5
    procedural: true
"""
SMALL = """\
name: small
simulation: {dt_ms: 0.1, duration_ms: 500, threads: 1, block_size: 64}
populations: {E: {model: iaf_psc_exp, size: 128}}
projections: {EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 1, delay_ms: 0.1}}
drives: {bg: {kind: poisson, target: E, receptor: ex, rate_hz: 8000, weight_pA: 30}}
"""
DELAYS = (
    "1.5",
    "{distribution: uniform, low: 1, high: 4}",
    "{distribution: uniform, low: 1, high: 20}",
)
"""Of long rows, and of short ones of delays up to NEAR_STEPS and FAR_STEPS: their times tell events and rows apart."""
ROUNDS = 6
LIMIT_S = 300


@dataclass(frozen=True)
class Stepped:
    """Seconds per stage of a step, over all threads together; wall time, steps, events, CPU seconds of the build."""

    stages: dict[str, float]
    wall_s: float
    steps: int
    events: int
    rows: float
    synapses: int
    build_s: float


def calibrate(say: Callable[[str], None] = lambda text: None) -> Profile:
    """Measure this machine; `say` gets a line on what is being measured.

    Raises:
        MissingDependencyError: a run of the command line does not work here.
    """
    threads = usable_cores()
    base, origin = load_profile("cluster"), f"dtbsim calibrate, {_processor()}"

    def measured(value: float, unit: str, what: str = "") -> Number:
        return Number(float(f"{value:.4g}"), unit, "measured", f"{origin}{what}")

    numbers = dict(base.numbers)
    numbers["node.cores"] = measured(threads, "cores")
    numbers["node.memory"] = measured(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, "GiB")
    say("a small run, from its start to its end")
    start_s, memory_mib = _small_run()
    numbers["process.start"], numbers["process.memory"] = measured(start_s, "s"), measured(memory_mib, "MiB")
    warm_up_build()
    say("updates and drives")
    step_us = _step_us(threads)
    numbers["compute.step"] = measured(step_us, "us", "" if threads > 1 else ": one thread, which waits for none")
    neurons = _stepped(NEURONS.replace("SIZE", str(25_000 * threads)), threads)
    each = neurons.steps * 25_000 * threads
    own = neurons.stages["update"] + neurons.stages["detect"]
    numbers["compute.neuron_update"] = measured(1e9 * own / each, "ns")
    numbers["compute.drive"] = measured(1e9 * neurons.stages["drive"] / each, "ns")
    say("building and delivering 20 million synapses, three times")
    runs = [_stepped(SYNAPSES.replace("DELAY", delay), threads) for delay in DELAYS]
    for name, value in zip(("event", "row", "far_row"), _event_and_rows(runs), strict=True):
        numbers[f"compute.{name}"] = measured(value, "ns")
    built = [1e9 * run.build_s / run.synapses for run in runs]
    numbers["compute.build_synapse"] = measured(float(np.mean(built)), "ns")
    drawn = _stepped(PROCEDURAL, threads)
    draws = drawn.events * threads  # every lane draws all synapses of a spike
    numbers["compute.draw"] = measured(1e9 * (drawn.stages["deliver"] + drawn.stages["schedule"]) / draws, "ns")
    say("exchanges")
    host, spike = exchange_us()
    numbers["exchange.host"], numbers["exchange.spike"] = measured(host, "us"), measured(1e3 * spike, "ns")
    between = _between_ranks() if threads > 1 else None
    if between is not None:
        waited_us, with_mpi_mib = between
        numbers["exchange.latency_within"] = measured(waited_us, "us", ", between two ranks")
        numbers["process.mpi"] = measured(max(with_mpi_mib - memory_mib, 1.0), "MiB", ", a rank of two beside one")
    name = platform.node() or "machine"
    description = f"{_processor()}, {threads} core(s); what goes between nodes is that of the profile cluster"
    return Profile(name, "cpu", description, numbers)


def _event_and_rows(runs: list[Stepped]) -> list[float]:
    """ns of an event, and of a row with delays up to NEAR_STEPS and FAR_STEPS (see `time.step_time`)."""
    alone, near, far = (1e9 * (run.stages["deliver"] + run.stages["schedule"]) for run in runs)
    event = alone / runs[0].events  # its rows are so long that they cost nothing beside their events
    rows = []
    for took_ns, run in ((near, runs[1]), (far, runs[2])):
        beyond = took_ns**2 - (event * run.events) ** 2
        rows.append(math.sqrt(max(beyond, (0.1 * took_ns) ** 2)) / run.rows)
    return [event, *rows]


def _stepped(text: str, threads: int) -> Stepped:
    """Build a network and step it; of several rounds the fastest, less the time that others had the cores."""
    network = compile_network(load_config_text(text))
    plan = plan_rank(network, 0, 1, threads)
    begun_s = time.process_time()
    built = build_rank(plan, threads)
    build_s = time.process_time() - begun_s
    backend = CpuBackend(built, None, threads)
    try:
        backend.compile()
        bounds = np.linspace(network.n_steps // 4, network.n_steps, ROUNDS + 1).astype(int).tolist()
        backend.advance(0, bounds[0])
        backend.collect()
        found = []
        for start, stop in itertools.pairwise(bounds):
            before, events = backend.stage_seconds(), backend.events()
            begun_s, cpu_s = time.perf_counter(), time.process_time()
            backend.advance(start, stop)
            wall_s, cpu_s = time.perf_counter() - begun_s, time.process_time() - cpu_s
            backend.collect()
            stages = {name: threads * (s - before[name]) for name, s in backend.stage_seconds().items()}
            busy_s = sum(stages.values()) - stages["wait"]
            share = min(1.0, cpu_s / busy_s)  # less than 1 where other programs had the cores for a while
            stages, wall_s = {name: share * s for name, s in stages.items()}, share * wall_s
            steps, new = stop - start, backend.events() - events
            found.append(Stepped(stages, wall_s, steps, new, _rows(plan, steps), built.n_synapses, build_s))
    finally:
        backend.close()
    return min(found, key=lambda one: one.wall_s / one.steps)


def _rows(plan: RankPlan, steps: int) -> float:
    """Rows that the spikes of so many steps enter, as an estimate counts them."""
    network = plan.network
    stored = np.ones(len(network.entries), dtype=bool)
    rates = firing_rates(network, 0.0)
    per_s = Segments(network).rows_per_s(network.entries.synapses, rates, len(plan.lanes), stored)
    return per_s * steps * network.dt_ms * 1e-3


def _step_us(threads: int) -> float:
    """What a step takes that has next to nothing to do."""
    one = _stepped(NEURONS.replace("SIZE", str(64 * threads)), threads)
    return 1e6 * one.wall_s / one.steps


def _small_run() -> tuple[float, float]:
    """Seconds of a run beside its steps, and MiB of the largest rank; the second run, with everything compiled."""
    summary = [_run([]) for _ in range(2)][-1]
    return summary["wall_s"] - summary["simulate_s"], summary["peak_rss_bytes"]["max"] / 2**20


def _between_ranks() -> tuple[float, float] | None:
    """Microseconds of an exchange of two ranks, which wait for each other, and MiB of the larger; None without MPI."""
    beside = Path(sys.executable).with_name("mpiexec")
    mpiexec = str(beside) if beside.is_file() else shutil.which("mpiexec")
    if mpiexec is None:
        return None
    try:
        summaries = [_run([mpiexec, "-n", "2"]) for _ in range(2)]
    except MissingDependencyError:
        return None
    steps = 5000
    waited_us = min(1e6 * float(s["stages"]["simulate: exchange"]["max_s"]) / steps for s in summaries)
    return waited_us, float(summaries[-1]["peak_rss_bytes"]["max"]) / 2**20


def _run(launcher: list[str]) -> dict[str, Any]:
    """The summary of a small run, in a process of its own or as many as the launcher starts."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "small.yaml"
        config.write_text(SMALL, encoding="utf-8")
        module = ["-m", "mpi4py", "-m", "dtbsim"] if launcher else ["-m", "dtbsim"]
        command = [*launcher, sys.executable, *module, "run", str(config), "--json", "--no-report"]
        command += ["--out", str(Path(folder) / "run"), "--backend", "cpu"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, cwd=folder, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines()[-1:] or ["no message"]
            raise MissingDependencyError(f"a small run does not work here: {said[0]}", remedy="see `dtbsim doctor`")
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
