"""Estimates of networks with mean-field regions: beside neurons, and of regions alone."""

from __future__ import annotations

import dataclasses

import numpy as np

from dtbsim.backends.no_neurons import no_blocks
from dtbsim.build.memory import BASE_BYTES, available_bytes
from dtbsim.clock import time_of
from dtbsim.errors import InputError
from dtbsim.estimation import checks
from dtbsim.estimation.disk import results_of
from dtbsim.estimation.profile import Profile
from dtbsim.estimation.rank import Rank
from dtbsim.estimation.regions import FACTOR, LAPTOP_UPDATE_NS, region_bytes, region_seconds
from dtbsim.estimation.result import Band, Estimate, Exchange, Finding, Machine, Memory, Network, Spread, Time
from dtbsim.estimation.time import Parts
from dtbsim.spec import network as spec

LIMITS = {"regions": "stepping mean-field regions", "signals": "making BOLD of mean-field regions"}


def with_regions(rank: Rank, network: spec.Network, n_ranks: int) -> Rank:
    """What a rank of neurons holds, with its mean-field regions."""
    if network.regions is None:
        return rank
    more = region_bytes(network, rank.rank, n_ranks)
    return dataclasses.replace(rank, host={**rank.host, "regions": float(more)}, planned_host=rank.planned_host + more)


def add_regions(parts: Parts, network: spec.Network, rank: int, machine: Machine, profile: Profile) -> None:
    """Add the seconds of the mean-field regions of a rank."""
    speed = profile["compute.neuron_update"] / LAPTOP_UPDATE_NS if machine.kind == "cpu" else 1.0
    for name, seconds in region_seconds(network, rank, machine.ranks, machine.threads).items():
        parts.add(name, seconds * speed, FACTOR)


def without_neurons(
    network: spec.Network,
    machine: Machine,
    profile: Profile,
    *,
    here: bool,
    keep: int | None,
    free: float | None,
    planning_s: float,
) -> Estimate:
    """How a run of mean-field regions alone would go."""
    regions = network.regions
    assert regions is not None
    every = np.arange(machine.ranks)
    each = [float(region_bytes(network, int(rank), machine.ranks)) for rank in every]
    peak = Spread.of([BASE_BYTES + size for size in each], every)
    n = machine.ranks_per_node
    node = max(
        float(sum(BASE_BYTES + size for size in each[first : first + n])) for first in range(0, machine.ranks, n)
    )
    available = float(available_bytes()) if here else profile["node.memory"] * 2**30
    parts = {"base": Spread.of([float(BASE_BYTES)] * len(each), every), "regions": Spread.of(each, every)}
    memory = Memory(parts, peak, node, available, None, None, None)
    results = results_of(network, machine.ranks, 0.0, keep, free)
    took = [Parts() for _ in each]
    for rank, one in enumerate(took):
        add_regions(one, network, rank, machine, profile)
    slowest = max(took, key=lambda one: one.total.expected)
    start = profile.numbers["process.start"]
    build = Band(start.value / start.factor, start.value, start.value * start.factor)
    build += Band(planning_s, planning_s, planning_s)
    seconds = {name: band.expected for name, band in slowest.seconds.items()}
    duration_ms = time_of(network.n_steps, network.dt_ms)
    time = Time(
        build_s=build,
        real_time_factor=slowest.total,
        run_s=build + slowest.total.scaled(duration_ms * 1e-3),
        parts=seconds,
        limit=LIMITS[max(seconds, key=lambda name: seconds[name])],
    )
    nothing = Spread(0.0, 0.0, 0.0, 0)
    return Estimate(
        network=Network(
            network.name, 0, 0.0, len(regions.populations), 0, network.dt_ms, duration_ms, 0.0, network.block_size,
            len(no_blocks()), regions.n_nodes, regions.members.n,
        ),
        machine=machine,
        ranks_looked_at=machine.ranks,
        neurons=nothing,
        synapses=nothing,
        imbalance=1.0,
        regions_split=None,
        memory=memory,
        exchange=Exchange("none", None, (), nothing, nothing, nothing, nothing),
        time=time,
        results=results,
        refusals=_refusals(network, machine, memory, results),
        warnings=tuple(checks.of_place(machine, memory)),
    )  # fmt: skip


def _refusals(network: spec.Network, machine: Machine, memory: Memory, results: object) -> tuple[Finding, ...]:
    found = [*checks.of_memory(network, machine, memory)]
    if network.execution.backend == "cuda" and machine.kind == "gpu":
        found.append(InputError("mean-field regions are stepped on CPUs", where="simulation.backend", remedy="use cpu"))
    return tuple(Finding.of(error) for error in found)
