"""GPU memory known beforehand: what a rank will allocate there, and whether the device has it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda import persistent, tables
from dtbsim.backends.cuda.build import StrideOf
from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.failures import SMALLER
from dtbsim.backends.cuda.log import log_bytes
from dtbsim.backends.cuda.projection_tasks import WORK_BYTES
from dtbsim.build.blocks import ASSUMED_RATE_HZ
from dtbsim.build.dynamic_memory import source_bytes
from dtbsim.build.lanes import Lane
from dtbsim.build.memory import (
    BYTES_PER_SYNAPSE,
    SEGMENT_BYTES,
    further_bytes,
    most_segments,
    neuron_bytes,
    synapses_onto,
)
from dtbsim.build.most_spikes import most_spikes_of
from dtbsim.build.neuron_runs import neuron_runs
from dtbsim.build.procedural import procedural_bytes, ring_size
from dtbsim.build.rank import RankPlan
from dtbsim.errors import MemoryPlanError
from dtbsim.kernels import layout as L
from dtbsim.kernels.tasks import TASK_FIELDS
from dtbsim.spec.distributions import TABLE_SIZE
from dtbsim.spec.network import Network, Projection

BURST = 8
"""Spikes in transit are planned for so many times the assumed rate; beyond it buckets grow into what is left."""
ID_BYTES = 8
"""Gid of a neuron, and its number as a source."""
ENTRY_BYTES = 12 * 8
"""What the build keeps of each entry of a pool."""


@dataclass(frozen=True)
class DeviceMemoryPlan:
    """Bytes of one rank on its GPU: `synapses` (static), their `tables`; then `building`, or after it the others."""

    n_synapses: float
    synapses: int
    tables: int
    building: int
    dynamic: int
    neurons: int
    spikes: int

    @property
    def peak(self) -> int:
        """Largest use at any time."""
        return self.synapses + self.tables + max(self.building, self.dynamic + self.neurons + self.spikes)


def plan_device_memory(plan: RankPlan, *, in_order: bool = True, stride_of: StrideOf | None = None) -> DeviceMemoryPlan:
    """What the rank will need; `in_order` and `stride_of` as for `build_rank_on_device`."""
    network, lanes = plan.network, plan.lanes
    static = np.array([p.dynamics is None and not p.procedural for p in network.projections], dtype=bool)
    shares = [_share(network, lane) for lane in lanes]
    per_lane = [float(synapses_onto(network, share)[static].sum()) for share in shares]
    total, share = sum(per_lane), np.sum(shares, axis=0)
    places = total if stride_of is None or in_order else sum(_places(plan, s, static, stride_of) for s in shares)
    delay_bytes = 1 if network.max_delay_steps <= 255 else 2
    n, rows = plan.candidates.size, len(lanes) * (plan.candidates.size + 1)
    segments = sum(int(most_segments(network, each, 1, static)) for each in shares)
    synapses = round(places) * BYTES_PER_SYNAPSE[plan.synapse_kind]
    held_delays, row_bytes = (0, 2 * 8 * rows + segments * SEGMENT_BYTES) if in_order else (delay_bytes, 8 * rows)
    building = round(max(per_lane)) * (delay_bytes - held_delays) + n * (4 + 8 + 8) + WORK_BYTES
    building += (
        max(_listed(network, share) for share in shares)
        + _draw_tables(network.projections)
        + max(lane.n_slots * 8 + _task_bytes(network, lane) for lane in lanes)
    )
    return DeviceMemoryPlan(
        n_synapses=total,
        synapses=synapses + round(places) * held_delays,
        tables=row_bytes + plan.candidates.n_bytes,
        building=building,
        dynamic=_dynamic(plan, shares),
        neurons=int((neuron_bytes(network, plan.acc_bits == 64) * share * network.sizes).sum()) + _id_bytes(plan),
        spikes=_spikes(plan, segments, in_order=in_order),
    )


def check_device_plan(plan: DeviceMemoryPlan, device: Device, shared_by: int = 1) -> None:
    """Raise MemoryPlanError, with the numbers, when a rank needs more than its share of what its GPU has left."""
    free = device.free_bytes() // shared_by
    if plan.peak <= free:
        return
    parts = {
        f"{plan.n_synapses:.4g} synapses": plan.synapses,
        "their tables": plan.tables,
        "building": plan.building,
        "or then changing synapses": plan.dynamic,
        "neurons": plan.neurons,
        "spikes": plan.spikes,
    }
    shown = ", ".join(f"{name} {size / 2**30:.2f}" for name, size in parts.items())
    raise MemoryPlanError(
        f"the network needs {plan.peak / 2**30:.2f} GiB on {device.name}, but {free / 2**30:.2f} GiB are free"
        + (f" for each of {shared_by} ranks" if shared_by > 1 else "")
        + f" ({shown})",
        remedy=SMALLER,
    )


def _share(network: Network, lane: Lane) -> NDArray[np.float64]:
    """float64[n_populations]: which part of each population the lane owns."""
    return lane.per_population(len(network.populations)) / network.sizes


def _places(plan: RankPlan, share: NDArray[np.float64], chosen: NDArray[np.bool_], stride_of: StrideOf) -> float:
    """Synapses of a lane, or places of its rows if all get one length, that of the longest: six standard deviations."""
    network, entries, n = plan.network, plan.network.entries, plan.candidates.size
    owned = entries.synapses * share[entries.target] * chosen[entries.projection]
    mean = np.asarray(np.bincount(entries.source, owned, network.sizes.size), np.float64)
    total = float(mean.sum())
    mean /= network.sizes
    return float(n * stride_of(math.ceil((mean + 6 * np.sqrt(mean)).max()), n, round(total))) or total


def _id_bytes(plan: RankPlan) -> int:
    """Bytes of the ids of neurons in lanes of many runs."""
    runs = [len(neuron_runs(plan.network, plan.candidates, lane)) - 1 for lane in plan.lanes]
    return sum(ID_BYTES * lane.n_local for lane, n in zip(plan.lanes, runs, strict=True) if n > tables.MOST_RUNS)


def _sum_bytes(plan: RankPlan) -> int:
    return plan.acc_bits // 8


def _draw_tables(projections: tuple[Projection, ...]) -> int:
    """Bytes of the tables from which weights and delays of static synapses are drawn."""
    drawn = [p for p in projections if p.dynamics is None and not p.procedural and p.listing is None]
    return 8 * (TABLE_SIZE + 1) * sum(len(p.tables) for p in drawn)


def _task_bytes(network: Network, lane: Lane) -> int:
    """Bytes that say which static synapses to draw: tasks, one per block and often source population, and pools."""
    runs = np.bincount(lane.table[:, 2], minlength=len(network.populations))
    total = 0
    for projection in network.projections:
        if projection.dynamics is not None or projection.procedural or projection.rule.by_source:
            continue
        if projection.listing is not None:
            continue
        pool = np.diff(projection.entry_start)
        entries = np.minimum(pool, 1) if projection.rule.tasks == "pool" else pool
        tasks = int((entries * runs[projection.piece_target]).sum())
        if projection.degrees is not None:
            tasks = lane.n_local  # at most one per neuron
        total += 8 * (TASK_FIELDS + 1) * tasks + ENTRY_BYTES * int(pool.sum())
    return total


def _listed(network: Network, share: NDArray[np.float64]) -> int:
    """Bytes of the synapses of a lane that rules list."""
    each = synapses_onto(network, share)
    listed = [n for n, p in zip(each, network.projections, strict=True) if p.listing is not None and p.dynamics is None]
    return 16 * int(sum(listed))


def _dynamic(plan: RankPlan, shares: list[NDArray[np.float64]]) -> int:
    """Bytes of the synapses that change, and of their rows."""
    network, share = plan.network, np.sum(shares, axis=0)
    chosen = np.array([projection.dynamics is not None for projection in network.projections], dtype=bool)
    total = 0
    for projection, n in zip(network.projections, synapses_onto(network, share), strict=True):
        if projection.dynamics is None:
            continue
        kind = L.KIND_WIDE32 if projection.dynamics.plastic else plan.synapse_kind
        total += int(n) * (BYTES_PER_SYNAPSE[kind] + further_bytes(projection))
    for each in shares:
        total += int(source_bytes(network, plan.candidates, synapses_onto(network, each), 0)[0])
    return total + sum(int(most_segments(network, each, 1, chosen)) for each in shares) * SEGMENT_BYTES


def _spikes(plan: RankPlan, segments: int, *, in_order: bool) -> int:
    """Bytes of logs, of what blocks tell each other, and of what is in transit: buckets, or sums of coming steps."""
    n_lanes = len(plan.lanes)
    ring = plan.network.ring_steps
    by_spike = procedural_bytes(plan.network, plan.lanes, plan.synapse_kind, ring_size(plan.network))
    if not in_order:
        largest = max(lane.n_local for lane in plan.lanes)
        log = max(8 * largest * n_lanes, min(persistent.LOG_BYTES, 8 * largest * n_lanes * persistent.LOG_STEPS))
        lists = 2 * n_lanes * (8 + 4 * largest)
        rings = ring * (sum(lane.n_slots for lane in plan.lanes) * _sum_bytes(plan) + 4 * n_lanes)
        return log + lists + rings + by_spike
    most = sum(most_spikes_of(plan.network, lane) for lane in plan.lanes)
    log = log_bytes(most) + 4 * most
    busy = math.ceil(BURST * ASSUMED_RATE_HZ * plan.network.dt_ms * 1e-3 * segments)
    return log + 8 * ring * (n_lanes * tables.FIRST_BUCKET + busy) + by_spike
