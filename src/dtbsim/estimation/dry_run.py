"""One rank of a run, built and stepped here alone: what it takes, measured, with spikes of the others drawn."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass, replace

import numpy as np

from dtbsim.backends.cpu import CpuBackend
from dtbsim.build.memory import available_bytes, check_memory
from dtbsim.build.rank import RankNetwork, build_rank, plan_rank
from dtbsim.clock import steps_of, time_of
from dtbsim.errors import InputError
from dtbsim.estimation.costs import firing_rates
from dtbsim.estimation.result import Estimate, Measured
from dtbsim.estimation.traffic import TrafficModel
from dtbsim.exchange.dry_run import DryComm, DryExchange, drawn_heard
from dtbsim.exchange.links import find_links
from dtbsim.exchange.plan import ExchangePlan, shortest_window
from dtbsim.exchange.wanted import runs_of, worth_asking
from dtbsim.spec.network import Network

CHUNK_STEPS = 1000


@dataclass(frozen=True)
class DryRun:
    """Which rank of how many, on how many threads; for how many steps; what neurons of other ranks fire at."""

    rank: int
    n_ranks: int
    threads: int
    n_steps: int
    rate_hz: float


def measured_steps(network: Network, measure_ms: float) -> int:
    """Steps of `measure_ms`. Raises InputError where it is no whole number of them, none, or more than the run has."""
    n_steps = steps_of(measure_ms, network.dt_ms, "measure_ms")
    if not 0 < n_steps <= network.n_steps:
        duration_ms = time_of(network.n_steps, network.dt_ms)
        raise InputError(
            f"{measure_ms:g} ms cannot be measured of a run of {duration_ms:g} ms",
            where="measure_ms",
            remedy=f"give more than 0 and at most {duration_ms:g}",
        )
    return n_steps


def with_measured(estimate: Estimate, network: Network, n_steps: int, rate_hz: float) -> Estimate:
    """The estimate, with what its fullest rank takes; errors as of `measure_rank`."""
    machine = estimate.machine
    run = DryRun(estimate.memory.peak.rank, machine.ranks, machine.threads, n_steps, rate_hz)
    return replace(estimate, measured=measure_rank(network, run))


def measure_rank(network: Network, run: DryRun) -> Measured:
    """Build the rank, and step it.

    Raises:
        InputError: more ranks than blocks.
        MemoryPlanError: this machine has too little memory for it; nothing was built.
    """
    plan = plan_rank(network, run.rank, run.n_ranks, run.threads)
    check_memory(plan.memory.peak, available_bytes(), 1)
    begun_s = time.perf_counter()
    built = build_rank(plan, run.threads)
    built_s = time.perf_counter()
    comm = DryComm(run.rank, run.n_ranks)
    exchange = open_dry_exchange(comm, built, run.rate_hz)
    backend = CpuBackend(built, exchange, run.threads)
    try:
        backend.compile()
        seconds, spikes = 0.0, 0
        for start in range(0, run.n_steps, CHUNK_STEPS):
            chunk_s = time.perf_counter()
            backend.advance(start, min(start + CHUNK_STEPS, run.n_steps))
            spikes += backend.collect()[0].size
            seconds += time.perf_counter() - chunk_s
        seconds -= comm.drawing_s
        biological_s = time_of(run.n_steps, network.dt_ms) * 1e-3
        windows = max(1, exchange.windows)
        return Measured(
            rank=run.rank,
            duration_ms=time_of(run.n_steps, network.dt_ms),
            neurons=built.n_neurons,
            synapses=built.n_synapses,
            planned_bytes=plan.memory.peak,
            allocated_bytes=built.total_bytes,
            peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            build_s=built_s - begun_s,
            real_time_factor=seconds / biological_s,
            rate_hz=spikes / max(1, built.n_neurons) / biological_s,
            events_per_s=backend.events() / biological_s,
            neighbours=exchange.neighbours[0],
            messages_per_window=float(comm.messages.sum()) / windows,
            bytes_per_window=8.0 * float(comm.words.sum()) / windows,
            spikes_received_per_s=comm.received / biological_s,
            exchange_us=1e6 * exchange.seconds / windows,
        )
    finally:
        backend.close()


def open_dry_exchange(comm: DryComm, built: RankNetwork, rate_hz: float) -> DryExchange:
    """The exchange with ranks that are not there, whose neurons fire at `rate_hz` where they are no sources."""
    network, blocks = built.network, built.blocks
    rates = firing_rates(network, rate_hz)
    links = find_links(network, blocks, comm.rank)
    model = TrafficModel(network, blocks, comm.size, rates)
    heard = drawn_heard(blocks, comm.rank, links, model.chances(comm.rank, links), network.seed)
    comm.fire(built, rates)
    plan = ExchangePlan.of(shortest_window(network, blocks, comm.size), np.zeros((0, len(network.populations)), bool))
    known = heard if worth_asking(heard) else None
    return DryExchange(comm, plan, links, runs_of(blocks, comm.rank), len(built.lanes), known)
