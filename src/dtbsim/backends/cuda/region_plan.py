"""Where mean-field regions are stepped, in which groups and blocks on a GPU, and what they take there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dtbsim.backends.cuda.device import Device
from dtbsim.backends.regions.drives import driven_inputs
from dtbsim.backends.regions.functions import PRE
from dtbsim.backends.regions.group import MOST_BLOCK
from dtbsim.backends.regions.shares import share_of
from dtbsim.errors import MemoryPlanError
from dtbsim.kernels.noise import TABLE
from dtbsim.kernels.region_blocks import PLAIN
from dtbsim.mpi import Comm
from dtbsim.spec.region_network import RegionNetwork, RegionPopulation

MOST_LANES = 1024
"""Members of a group, at most: more make no stretch of memory longer that matters."""
BLOCK_VALUES = 1 << 22
"""Values of one variable in a block, about at most: then they stay in the level-2 cache."""
LEAST_BLOCK = 4
PART = 32
"""Bytes of a part of a drive."""
TABLES = 2048
"""Bytes of the tables of a population in a group, about."""
LEAST_WORK = 50_000
"""Element-steps of a block from which a GPU is worth its launches, by estimate: a core takes 0.5 ms for them at 10 ns
each, sixteen cores 0.03 ms; three launches and, in hybrid networks, two copies that are waited for take 0.03 ms."""


def lanes_for(network: RegionNetwork, n_ranks: int) -> int:
    """Members of a group: many, but so that every rank has groups of its own where there are enough members."""
    return max(1, min(MOST_LANES, -(-network.members.n // n_ranks)))


def block_limit(network: RegionNetwork, n_ranks: int) -> int:
    """Steps of a block, at most, the same on all ranks: with many elements launches do not matter, and memory does."""
    return int(np.clip(BLOCK_VALUES // max(1, _elements(network, n_ranks)), LEAST_BLOCK, MOST_BLOCK))


def _elements(network: RegionNetwork, n_ranks: int) -> int:
    """Regions times members of a rank, about."""
    return -(-network.n_nodes * network.members.n // n_ranks)


def _block(network: RegionNetwork, n_ranks: int) -> int:
    """Steps of a block."""
    return min(block_limit(network, n_ranks), network.shortest_block)


@dataclass(frozen=True)
class Placement:
    """Whether regions are stepped on the GPU, and why, for the log."""

    on_device: bool
    reason: str


def place_regions(network: RegionNetwork, n_ranks: int, *, ordered: bool) -> Placement:
    """On the GPU where a block of them is worth it, else on the host; the same on every rank.

    `ordered`: cuda was asked for. That holds for regions that exchange nothing with neurons, whatever their size; where
    they do it is an order for the neurons, as blocks pass through the host anyhow.
    """
    elements, steps = _elements(network, n_ranks), _block(network, n_ranks)
    hybrid = bool(network.from_spikes or network.to_spikes)
    shown = f"{elements:,} regions times members, {steps} step(s) a block"
    if ordered and not hybrid:
        return Placement(True, f"as configured; {shown}")
    if elements * steps >= LEAST_WORK:
        return Placement(True, shown)
    return Placement(False, f"{shown}: fewer than {LEAST_WORK:,} element-steps, a GPU's launches would take longer")


def device_bytes(network: RegionNetwork, dt_ms: float, rank: int, n_ranks: int) -> int:
    """Bytes of states, constants, inputs, histories and wiring on the GPU of a rank.

    To them come the samples of a chunk, and the courses of drives in it.
    """
    share = share_of(network, rank, n_ranks, lanes_for(network, n_ranks))
    members, n_groups, columns = len(share.members), len(share.groups), network.longest_delay + 1
    total, block = 4 * TABLE, _block(network, n_ranks)
    outer = [*(one.coupling for one in network.from_spikes), *(one.coupling for one in network.to_spikes)]
    heard = set()
    for coupling in (*network.couplings, *outer):
        low, high = (0, 1) if coupling.target < 0 else share.nodes[coupling.target]
        functions = PRE.get(coupling.function, (PLAIN,))
        entries = max(wiring.weights.size for wiring in coupling.wirings)
        total += n_groups * len(functions) * (12 * entries + 8 * (high - low + 1))
        # sums, the strength of each target, and numbers of the function
        total += 4 * members * len(functions) * ((high - low) * (block + 1) + 8)
        heard |= {(coupling.source, coupling.variable, function) for function in functions if coupling.source >= 0}
    for source, _, _ in heard:
        total += 4 * columns * (network.populations[source].n_nodes + 1) * members
    for population in network.populations:
        low, high = share.nodes[population.index]
        sent = {coupling.variable for coupling in (*network.couplings, *outer) if coupling.source == population.index}
        sampled = [sample for sample in network.samples if sample.population == population.index]
        sent |= {variable for sample in sampled for variable in sample.variables}
        means = sum(len(sample.variables) for sample in sampled)
        arrives = [coupling for coupling in network.couplings if coupling.target == population.index]
        own = sum(coupling.function == "difference" for coupling in arrives)
        rows = _state_rows(population, dt_ms) + own + 2 + block * len(sent) + means
        acting = [drive for drive in network.drives if drive.population == population.index]
        rows += block * len(driven_inputs(network.drives, population.index)) + 2 * len(acting)
        total += PART * n_groups * sum(len(drive.parts) for drive in acting)
        total += 4 * rows * (high - low) * members + TABLES * n_groups
    return total


def _state_rows(population: RegionPopulation, dt_ms: float) -> int:
    """Rows of states, processes of noise, lines of own delays, and constants that differ between elements."""
    model = population.model
    given = model.complete({}) | {name: values.max() for name, values in population.parameters.items()}
    lines = sum(round(float(given[row.parameter]) / dt_ms) for row in model.delays)
    noise = sum(1 + (one.kind == "ornstein_uhlenbeck") for one in population.noise)
    varying = {name for name, values in population.parameters.items() if np.ptp(values) != 0}
    return len(model.states) + noise + lines + 2 * len(varying | population.controlled)


def check_memory(
    network: RegionNetwork, dt_ms: float, comm: Comm, device: Device, shared_by: int, neuron_bytes: int
) -> None:
    """Raise MemoryPlanError, with the numbers, where regions and neurons of a rank need more than its GPU has left."""
    needed, free = device_bytes(network, dt_ms, comm.rank, comm.size), device.free_bytes() // shared_by
    if needed + neuron_bytes <= free:
        return
    neurons = f", and the neurons {neuron_bytes / 2**30:.2f} GiB" if neuron_bytes else ""
    raise MemoryPlanError(
        f"mean-field regions need {needed / 2**30:.2f} GiB on {device.name}{neurons}, but {free / 2**30:.2f} GiB are "
        "free"
        + (f" for each of {shared_by} ranks" if shared_by > 1 else "")
        + f" ({network.n_nodes:,} regions, {network.members.n:,} members, delays up to {network.longest_delay:,} "
        "steps)",
        remedy="use more GPUs, fewer members or longer steps, or simulation.backend: cpu",
    )
