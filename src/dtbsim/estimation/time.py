"""How long a rank takes: to be built, and for a second of biological time, part by part, with the bounds of each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from dtbsim.estimation.profile import Profile
from dtbsim.estimation.rank import Rank
from dtbsim.estimation.result import Band, Machine
from dtbsim.spec.network import Network

US, NS = 1e-6, 1e-9
NEAR_STEPS, FAR_STEPS = 40, 200
"""Delays in steps for which a row is measured."""
STORED_NS = 60.0
"""A spike that is collected, counted, hashed and stored (docs/adr/0024, benchmarks/README.md: 1.6 % of stepping)."""

PASSED_NS = 4.0
"""A word that a node leader passes on (benchmarks/scale.py: 3 to 5)."""


@dataclass
class Parts:
    """Seconds by part, each with the factor by which it may be off."""

    seconds: dict[str, Band] = field(default_factory=dict)

    def add(self, part: str, seconds: float, factor: float) -> None:
        """Add to a part."""
        band = Band(seconds / factor, seconds, seconds * factor)
        self.seconds[part] = self.seconds[part] + band if part in self.seconds else band

    def expected(self, *parts: str) -> float:
        """The sum of some parts that are there."""
        return sum(self.seconds[part].expected for part in parts if part in self.seconds)

    @property
    def total(self) -> Band:
        """All parts together; if they are off, then all to the same side: the bounds are wide rather than narrow."""
        return sum(self.seconds.values(), Band(0.0, 0.0, 0.0))


def build_time(rank: Rank, machine: Machine, profile: Profile) -> Parts:
    """Until the first step: starting the process, drawing and sorting synapses."""
    parts, workers = Parts(), 1 if machine.kind == "gpu" else min(machine.threads, rank.n_lanes)
    start, each = profile.numbers["process.start"], profile.numbers["compute.build_synapse"]
    parts.add("start", start.value, start.factor)
    parts.add("synapses", rank.stored * each.value * NS / workers, each.factor)
    return parts


def step_time(rank: Rank, network: Network, machine: Machine, profile: Profile, way: str) -> Parts:
    """Wall seconds per biological second of one rank, if all of its node are as busy."""
    parts, steps_per_s = Parts(), 1000.0 / network.dt_ms
    workers = _workers(rank, machine) if machine.kind == "cpu" else 1.0 / _sharing(machine)

    def add(part: str, number: str, times: float, by: float = workers, unit: float = NS) -> None:
        known = profile.numbers[number]
        parts.add(part, times * known.value * unit / by, known.factor)

    add("neurons", "compute.neuron_update", rank.neurons_per_step * steps_per_s)
    add("drives", "compute.drive", rank.driven_per_step * steps_per_s)
    event, near, far = (profile.numbers[f"compute.{name}"] for name in ("event", "row", "far_row"))
    row_ns = row_time(network.max_delay_steps, near.value, far.value)
    # a row costs what fetching it takes or what its events take, whichever is more: both grow into each other
    delivered = math.hypot(rank.events_per_s * event.value, rank.rows_per_s * row_ns)
    parts.add("synapses", delivered * NS / workers, max(event.factor, near.factor, far.factor))
    add("synapses", "compute.draw", rank.draws_per_s)
    if machine.kind == "gpu" or machine.threads > 1:
        add("steps", "compute.step", steps_per_s, 1.0, US)
    parts.add("recording", rank.spikes_per_s * STORED_NS * NS, 2.0)
    _add_exchange(parts, rank, machine, profile, way, workers)
    return parts


def row_time(max_delay_steps: int, near: float, far: float) -> float:
    """What a row takes: `near` where the queues of NEAR_STEPS coming steps are in the cache, `far` with FAR_STEPS."""
    share = math.log(max_delay_steps / NEAR_STEPS) / math.log(FAR_STEPS / NEAR_STEPS)
    share = min(max(share, 0.0), 1.0)
    return float(near ** (1 - share) * far**share)


def _workers(rank: Rank, machine: Machine) -> float:
    """Threads that are busy: no more than lanes, no more than cores."""
    cores = machine.cores_per_node / (machine.threads * machine.ranks_per_node)
    return min(machine.threads, rank.n_lanes) * min(1.0, cores)


def _sharing(machine: Machine) -> int:
    """Ranks on one GPU."""
    return -(-machine.ranks_per_node // (machine.gpus_per_node or 1))


def _add_exchange(parts: Parts, rank: Rank, machine: Machine, profile: Profile, way: str, workers: float) -> None:
    traffic, numbers = rank.traffic, profile.numbers
    if way == "none" or not traffic.windows_per_s:
        return
    computing_s = parts.expected("neurons", "drives", "synapses", "steps")
    spike, between = numbers["exchange.spike"], machine.nodes > 1
    lanes = 1.0 if machine.kind == "gpu" else float(rank.n_lanes)
    handled = traffic.spikes_sent_per_s + traffic.spikes_received_per_s * lanes / workers
    parts.add("exchange", handled * spike.value * NS, spike.factor)
    if way == "shared_memory":
        wait = numbers["exchange.latency_within"]
        rounds = max(1, (machine.ranks - 1).bit_length())
        parts.add("exchange", traffic.windows_per_s * wait.value * US * rounds, wait.factor)
        return
    host, message = numbers["exchange.host"], numbers["exchange.message"]
    parts.add("exchange", traffic.windows_per_s * host.value * US, host.factor)
    parts.add("exchange", traffic.messages_per_s * message.value * US, message.factor)
    if traffic.passed_per_s:
        parts.add("exchange", traffic.passed_per_s * PASSED_NS * NS, 2.0)
    latency = numbers["exchange.latency_between" if between else "exchange.latency_within"]
    width = numbers["exchange.bandwidth_between" if between else "exchange.bandwidth_within"]
    sharing = machine.ranks_per_node if between else 1
    under_way_s = traffic.windows_per_s * latency.value * US + traffic.bytes_per_s * sharing / (width.value * 1e9)
    # a message travels while the next window is stepped: only what takes longer than that is waited for
    factor = max(latency.factor, width.factor)
    low, high = (max(0.0, under_way_s * by - computing_s) for by in (1 / factor, factor))
    seconds = max(0.0, under_way_s - computing_s)
    if high:
        parts.seconds["exchange"] = parts.seconds["exchange"] + Band(low, seconds, high)
