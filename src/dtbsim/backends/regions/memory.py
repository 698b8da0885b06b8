"""Bytes that the regions of a rank take, known before anything of their size is there: the arrays of `LaneGroup`."""

from __future__ import annotations

import numpy as np

from dtbsim.backends.regions.functions import PRE
from dtbsim.backends.regions.group import MOST_BLOCK
from dtbsim.backends.regions.shares import Share, share_of
from dtbsim.errors import MemoryPlanError
from dtbsim.kernels.region_coupling import ROWS, WIDTH
from dtbsim.spec.region_network import RegionCoupling, RegionNetwork, RegionPopulation, Wiring

F32, F64, I64 = 4, 8, 8
PER_MEMBER = 2_000
"""Of the objects of a member in the compiled network, beside its numbers."""


def planned_bytes(network: RegionNetwork, rank: int, n_ranks: int) -> int:
    """Bytes of everything that the regions of a rank will hold."""
    return sum(planned_parts(network, rank, n_ranks).values())


def planned_parts(network: RegionNetwork, rank: int, n_ranks: int) -> dict[str, int]:
    """The same by part: `states` and constants, `couplings` (weights and sums), `histories`, `numbers`."""
    share = share_of(network, rank, n_ranks)
    parts = dict.fromkeys(("states", "couplings", "histories", "numbers"), 0)
    for population in network.populations:
        for values in (*population.parameters.values(), *population.initial.values()):
            parts["numbers"] += values.nbytes
    for coupling in network.couplings:
        parts["numbers"] += coupling.strength.nbytes + sum(values.nbytes for values in coupling.numbers.values())
    parts["numbers"] += PER_MEMBER * network.members.n
    for members in share.groups:
        for name, size in _group(network, share, members).items():
            parts[name] += size
    return parts


def _group(network: RegionNetwork, share: Share, members: tuple[int, ...]) -> dict[str, int]:
    wirings = [coupling.wirings[int(coupling.wiring_of[members[0]])] for coupling in network.couplings]
    outer = [*(one.coupling for one in network.from_spikes), *(one.coupling for one in network.to_spikes)]
    used = [wiring for wiring in [*wirings, *(one.wirings[0] for one in outer)] if wiring.weights.size]
    block = min([MOST_BLOCK, *(wiring.shortest + 1 for wiring in used)])
    back = max([wiring.longest for wiring in used], default=0)
    columns = back + 1 + (0 if back == 0 else max(64, block, back // 2))
    lanes = len(members)
    parts = dict.fromkeys(("states", "couplings", "histories"), 0)
    for population in network.populations:
        first, last = share.nodes[population.index]
        parts["states"] += _states(network, population, (last - first) * lanes, block)
    kept: dict[tuple[int, str, int], int] = {}
    weights: dict[tuple[int, bool], int] = {}
    for coupling, wiring in zip(network.couplings, wirings, strict=True):
        first, last = share.nodes[coupling.target]
        sources = network.populations[coupling.source].n_nodes
        for function in PRE.get(coupling.function, (0,)):
            kept[coupling.source, coupling.variable, function] = F32 * ((sources + 1) * columns * lanes + WIDTH)
            size, own = _slot(wiring, sources, last - first, lanes, block)
            weights[id(wiring), lanes % WIDTH == 0] = size
            parts["couplings"] += own
    for one in network.from_spikes:
        kept[-1, one.coupling.variable, len(kept)] = F32 * (one.sizes.size + 1) * columns * lanes
        parts["couplings"] += _entries(one.coupling)
    parts["couplings"] += sum(_entries(one.coupling) for one in network.to_spikes) + sum(weights.values())
    parts["histories"] = sum(kept.values())
    return parts


def _states(network: RegionNetwork, population: RegionPopulation, size: int, block: int) -> int:
    """States, constants that differ, noise, keys, and what is sent in a block."""
    states, noise = len(population.model.states), len(population.noise)
    differing = sum(np.ptp(values) != 0 for values in population.parameters.values())
    differing += len(population.controlled) + sum(np.ptp(one.sigma) != 0 for one in population.noise)
    sent = {one.variable for one in network.couplings if one.source == population.index}
    sent |= {v for one in network.samples if one.population == population.index for v in one.variables}
    means = sum(one.mean for one in network.samples if one.population == population.index)
    rows = states + noise + int(differing) + 4 * max(noise, 1) + 4 + 2 + len(sent) * block + means
    return F32 * rows * size


def _slot(wiring: Wiring, sources: int, targets: int, lanes: int, block: int) -> tuple[int, int]:
    """Bytes of the weights of a wiring, which slots share, and of the sums of one slot."""
    groups = -(-targets // ROWS)
    sums = F32 * targets * lanes * (block + 1)
    dense = wiring.weights.size >= 0.25 * targets * sources and wiring.shortest == wiring.longest
    if dense and (lanes % WIDTH == 0 or (lanes == 1 and block < 8)):
        width = groups * ROWS if lanes > 1 else -(-targets // WIDTH) * WIDTH
        return F32 * sources * width, sums + F32 * block * width * lanes
    counts = np.diff(wiring.starts)[: groups * ROWS]
    padded = np.zeros(groups * ROWS, np.int64)
    padded[: counts.size] = counts
    entries = int(padded.reshape(groups, ROWS).max(axis=1, initial=0).sum()) * ROWS
    return 0, sums + (F32 + I64) * entries + F32 * groups * ROWS * -(-block * lanes // WIDTH) * WIDTH


def _entries(coupling: RegionCoupling) -> int:
    return (F32 + I64) * int(coupling.wirings[0].weights.size)


def of_members(error: MemoryPlanError, network: RegionNetwork | None, own: int) -> MemoryPlanError:
    """The refusal of an ensemble, whose members take `own` bytes, says how many would fit; others are as they were."""
    if network is None or network.members.n == 1:
        return error
    members = network.members.n
    room = max(0, own - error.excess_bytes)
    fit = min(members - 1, int(members * room / max(1, own)))
    return MemoryPlanError(
        f"{error.message}; it has {members:,} members of {network.n_nodes:,} regions, and about {fit:,} would fit",
        where="ensemble",
        remedy="use fewer members at a time, or more nodes",
    )
