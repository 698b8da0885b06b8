"""From a compiled network and a machine to an estimate: the order of the work; each part stands in its own module."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

import numpy as np

from dtbsim.backends.threads import usable_cores
from dtbsim.build.blocks import ASSUMED_RATE_HZ, Blocks, assign_ranks, cut_blocks
from dtbsim.build.memory import available_bytes
from dtbsim.clock import time_of
from dtbsim.estimation import checks
from dtbsim.estimation.disk import results_of
from dtbsim.estimation.loads import chosen_ranks, find_loads
from dtbsim.estimation.place import HERE, Asked, place_ranks
from dtbsim.estimation.profile import Number, Profile, load_profile
from dtbsim.estimation.rank import Rank, Ranks
from dtbsim.estimation.region_networks import LIMITS as REGION_LIMITS
from dtbsim.estimation.region_networks import add_regions, with_regions, without_neurons
from dtbsim.estimation.result import Band, Estimate, Exchange, Machine, Memory, Network, Spread, Time, Window
from dtbsim.estimation.time import Parts, build_time, step_time
from dtbsim.partition import BlockTable
from dtbsim.spec import network as spec

ALL_UP_TO, ON_GPU = 256, 8
"""Ranks up to which all are looked at, and else so many; fewer with GPUs, whose plan has thousands of lanes."""
ENTRIES = 50_000_000
"""Pairs of populations that are looked at, over all ranks: half a minute."""
LIMITS = REGION_LIMITS | {
    "neurons": "updating neurons",
    "drives": "drawing the input of drives",
    "synapses": "delivering spikes to synapses",
    "steps": "what every step takes, however few neurons it has",
    "recording": "recording spikes",
    "exchange": "exchanging spikes between ranks",
}


def estimate_network(
    network: spec.Network,
    asked: Asked,
    machine: str | None = None,
    *,
    rate_hz: float = ASSUMED_RATE_HZ,
    keep: int | None = None,
    available_disk: float | None = None,
    network_s: float = 0.0,
) -> Estimate:
    """How a run of a compiled network would go; nothing of the size of the network is allocated.

    Args:
        network: the network.
        asked: ranks, ranks of a node, GPUs, threads.
        machine: a profile by name, or its file; None: this machine, with the times of the profile `laptop`.
        rate_hz: what neurons fire at that are no sources.
        keep: checkpoints that are kept; None: none are written.
        available_disk: free bytes where the results would go; None: not known.
        network_s: seconds that compiling the network took.

    Raises:
        InputError: more ranks than blocks, no such profile or one that does not fit, options that do not fit it.
    """
    begun_s = time.perf_counter()
    profile = this_machine() if machine is None else load_profile(machine)
    where = place_ranks(asked, profile, network)
    if not network.n_neurons:
        return without_neurons(network, where, profile, here=machine is None, keep=keep, free=available_disk,
                               planning_s=network_s + time.perf_counter() - begun_s)  # fmt: skip
    table = cut_blocks(network)
    blocks = assign_ranks(network, table, where.ranks)
    loads = find_loads(network, table, blocks, where.ranks)
    ranks = Ranks(network, table, blocks, where, profile, rate_hz)
    chosen = chosen_ranks(loads, _most_ranks(network, where))
    found = [with_regions(ranks.work_out(rank), network, where.ranks) for rank in chosen.tolist()]
    planning_s = network_s + time.perf_counter() - begun_s
    memory = _memory(found, where, profile, here=machine is None)
    results = results_of(network, where.ranks, rate_hz, keep, available_disk)
    took = _time(found, network, where, profile, ranks.way, planning_s)
    every = np.arange(where.ranks)
    told = checks.warnings(
        network,
        where,
        memory,
        results,
        took,
        imbalance=loads.imbalance,
        fewest_blocks=int(loads.blocks.min()),
        shortest=ranks.traffic.shortest,
        way=ranks.way,
    )
    return Estimate(
        network=_network(network, table, float(loads.synapses.sum()), rate_hz),
        machine=where,
        ranks_looked_at=len(found),
        neurons=Spread.of(loads.neurons, every),
        synapses=Spread.of(loads.synapses, every),
        imbalance=loads.imbalance,
        regions_split=_split(table, blocks),
        memory=memory,
        exchange=_exchange(found, network, ranks),
        time=took,
        results=results,
        refusals=checks.refusals(network, found, where, memory, results),
        warnings=tuple(told),
    )


def _most_ranks(network: spec.Network, machine: Machine) -> int:
    """Of how many ranks all are looked at: fewer where one takes long, as of networks of many pairs of populations."""
    if machine.kind == "gpu":
        return ON_GPU
    return int(np.clip(ENTRIES // max(1, len(network.entries)), ON_GPU, ALL_UP_TO))


def this_machine() -> Profile:
    """Cores and memory of this machine, with the times of the profile `laptop`, which were measured on another."""
    known = load_profile("laptop")
    origin = "this machine"
    numbers = dict(known.numbers)
    numbers["node.cores"] = Number(float(usable_cores()), "cores", "measured", origin)
    numbers["node.memory"] = Number(available_bytes() / 2**30, "GiB", "measured", f"{origin}, free at present")
    description = "This machine, with times of the profile laptop; `dtbsim calibrate` measures its own"
    return dataclasses.replace(known, name=HERE, description=description, numbers=numbers)


def _network(network: spec.Network, table: BlockTable, synapses: float, rate_hz: float) -> Network:
    return Network(
        name=network.name,
        neurons=network.n_neurons,
        synapses=synapses,
        populations=len(network.populations),
        projections=len(network.projections),
        dt_ms=network.dt_ms,
        duration_ms=time_of(network.n_steps, network.dt_ms),
        rate_hz=rate_hz,
        block_size=network.block_size,
        blocks=len(table),
        regions=0 if network.regions is None else network.regions.n_nodes,
        members=1 if network.regions is None else network.regions.members.n,
    )


def _split(table: BlockTable, blocks: Blocks) -> int | None:
    """Regions on several ranks; None without regions."""
    inside = table.region >= 0
    if not inside.any():
        return None
    n = int(blocks.rank.max()) + 1
    pairs = np.unique(table.region[inside].astype(np.int64) * n + blocks.rank[inside])
    return int((np.unique(pairs // n, return_counts=True)[1] > 1).sum())


def _over(ranks: Sequence[Rank], value: Callable[[Rank], float]) -> Spread:
    return Spread.of([value(rank) for rank in ranks], [rank.rank for rank in ranks])


def _memory(ranks: Sequence[Rank], machine: Machine, profile: Profile, *, here: bool) -> Memory:
    peak = _over(ranks, lambda rank: rank.host_peak)
    node = max(_node_bytes(ranks, machine, first) for first in _first_ranks(ranks, machine))
    device, device_peak, device_available = None, None, None
    if ranks[0].device is not None:
        names = list(ranks[0].device)
        device = {name: _over(ranks, lambda rank, name=name: (rank.device or {})[name]) for name in names}  # type: ignore[misc]
        device_peak = _over(ranks, lambda rank: rank.device_peak or 0.0)
        sharing = -(-machine.ranks_per_node // (machine.gpus_per_node or 1))
        device_available = profile["gpu.memory"] * 2**30 / sharing
    parts = {name: _over(ranks, lambda rank, name=name: rank.host[name]) for name in ranks[0].host}  # type: ignore[misc]
    available = float(available_bytes()) if here else profile["node.memory"] * 2**30
    return Memory(parts, peak, node, available, device, device_peak, device_available)


def _first_ranks(ranks: Sequence[Rank], machine: Machine) -> list[int]:
    """First rank of every node of which all ranks are known; [0] where they are not."""
    return list(range(0, machine.ranks, machine.ranks_per_node)) if len(ranks) == machine.ranks else [0]


def _node_bytes(ranks: Sequence[Rank], machine: Machine, first: int) -> float:
    """Of all ranks of a node; where only some ranks are known, of the heaviest one and others like the mean."""
    n = machine.ranks_per_node
    each = [max(rank.host_peak, rank.planned_host) for rank in ranks]
    if len(ranks) == machine.ranks:
        return float(sum(each[first : first + n]))
    return float(max(each) + (n - 1) * np.mean(each))


def _exchange(ranks: Sequence[Rank], network: spec.Network, of: Ranks) -> Exchange:
    silent = of.way == "none" or of.traffic.silent
    per_s = ranks[0].traffic.windows_per_s
    return Exchange(
        way=of.way,
        window_ms=None if silent else 1000.0 / per_s,
        windows=() if silent else _windows(ranks, 1000.0 / per_s),
        neighbours=_over(ranks, lambda rank: 0.0 if silent else rank.traffic.to),
        messages_per_window=_over(ranks, lambda rank: 0.0 if silent else rank.traffic.messages_per_s / per_s),
        bytes_per_window=_over(ranks, lambda rank: 0.0 if silent else rank.traffic.bytes_per_s / per_s),
        spikes_received_per_s=_over(ranks, lambda rank: 0.0 if silent else rank.traffic.spikes_received_per_s),
    )


def _windows(ranks: Sequence[Rank], window_ms: float) -> tuple[Window, ...]:
    ticks = np.concatenate([np.maximum(rank.traffic.ticks, 1) for rank in ranks])
    times, links = np.unique(ticks, return_counts=True)
    return tuple(Window(float(t) * window_ms, float(n) / len(ranks)) for t, n in zip(times, links, strict=True))


def _time(
    ranks: Sequence[Rank], network: spec.Network, machine: Machine, profile: Profile, way: str, planning_s: float
) -> Time:
    """Of the slowest rank, which all others wait for."""
    parts = [step_time(rank, network, machine, profile, way) for rank in ranks]
    for rank, one in zip(ranks, parts, strict=True):
        add_regions(one, network, rank.rank, machine, profile)
    slowest: Parts = max(parts, key=lambda one: one.total.expected)
    builds = [build_time(rank, machine, profile).total for rank in ranks]
    build = max(builds, key=lambda band: band.expected) + Band(planning_s, planning_s, planning_s)
    biological_s = time_of(network.n_steps, network.dt_ms) * 1e-3
    seconds = {name: band.expected for name, band in slowest.seconds.items()}
    return Time(
        build_s=build,
        real_time_factor=slowest.total,
        run_s=build + slowest.total.scaled(biological_s),
        parts=seconds,
        limit=LIMITS[max(seconds, key=lambda name: seconds[name])],
    )
