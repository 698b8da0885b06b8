"""Memory known beforehand: what a rank will allocate, and whether the machine has it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.blocks import Blocks, indegrees
from dtbsim.build.candidates import Candidates
from dtbsim.build.dynamic_memory import source_bytes, target_bytes
from dtbsim.build.kinds import find_kinds
from dtbsim.build.lanes import Lane
from dtbsim.build.listed import LISTED_BYTES
from dtbsim.build.procedural import procedural_bytes, ring_rows
from dtbsim.build.sparse_rows import sparse_bytes
from dtbsim.errors import MemoryPlanError
from dtbsim.kernels import layout as L
from dtbsim.kernels.poisson import coarse_thresholds, poisson_thresholds
from dtbsim.models.synapses import StatefulSynapse
from dtbsim.spec.network import Drive, Network, Projection

BASE_BYTES = 350 * 2**20
"""Interpreter, libraries, compiled code."""
BYTES_PER_SYNAPSE = {L.KIND_PACKED: 4, L.KIND_WIDE16: 6, L.KIND_WIDE32: 8, L.KIND_WIDE64: 8}
COMMON_BYTES = 13
"""Input current, spike flag, room for published spikes; states and inputs come on top."""
BYTES_PER_DRIVEN = 8
"""Counts of a Poisson drive, drawn for eight steps at once."""
BYTES_PER_TRAIN = 24
"""Of a drawn spike train: slot and gid, and each number of its state, which is kept three times."""
SEGMENT_BYTES = 4
ELIGIBILITY_BYTES = 4
INT32_SAFE = 2**31 - 1


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes of one rank: `synapses` and `tables` stay, `building` is needed on top while building.

    `n_synapses` counts procedural synapses, too; of these only `tables` has a part, their rings.
    """

    n_synapses: float
    synapses: int
    tables: int
    building: int

    @property
    def peak(self) -> int:
        """Largest use at any time."""
        return BASE_BYTES + self.synapses + self.tables + self.building


def further_bytes(projection: Projection) -> int:
    """Bytes that every synapse has beside target and weight: eligibility, or states of its own and their time."""
    if projection.dynamics is not None and isinstance(projection.dynamics.model, StatefulSynapse):
        return 4 * len(projection.dynamics.model.states) + 4
    return ELIGIBILITY_BYTES if projection.modulators else 0


def plan_memory(
    network: Network,
    blocks: Blocks,
    lanes: list[Lane],
    candidates: Candidates,
    kind: int,
    rank: int,
    *,
    static_here: bool = True,
    shift: int = 0,
) -> MemoryPlan:
    """What the rank will need of the host's memory; not `static_here`: its static synapses are built elsewhere.

    `shift`: that of the sparse rows of its static synapses.
    """
    share = owned_share(network, blocks, rank)
    owned = share * network.sizes
    each = synapses_onto(network, share)
    here = np.array([(static_here and not p.procedural) or p.dynamics is not None for p in network.projections], bool)
    stored = float(each[here].sum())
    plastic = sum(n for n, p in zip(each, network.projections, strict=True) if p.dynamics and p.dynamics.plastic)
    further = sum(n * further_bytes(p) for n, p in zip(each, network.projections, strict=True))
    static = here & np.array([p.dynamics is None for p in network.projections], bool)
    dynamic = here & ~static
    rows = candidates.size if static.any() and not shift else 0
    per_lane = rows * (2 * 8 + 4)
    segments = int(most_segments(network, share, len(lanes), dynamic if shift else here)) * SEGMENT_BYTES
    ring = network.ring_steps
    neurons = int((neuron_bytes(network, kind == L.KIND_WIDE64) * owned).sum())
    tables = len(lanes) * (per_lane + ring * 16) + segments + neurons + candidates.n_bytes
    tables += procedural_bytes(network, lanes, kind, ring_rows(network))
    if ring_rows(network):
        tables -= sum(lane.n_slots for lane in lanes) * (8 if kind == L.KIND_WIDE64 else 4)  # one of the ring's rows
    delay_bytes = 1 if network.max_delay_steps <= 255 else 2
    of_sources, sources_building = source_bytes(network, candidates, each / len(lanes), delay_bytes)
    tables += int(len(lanes) * of_sources + target_bytes(network, owned))
    sparse_rows = 0
    if shift:
        sparse, n_lanes = float(each[static].sum()), len(lanes)
        kept = 0 if one_delay(network, static) else delay_bytes
        tables += int(n_lanes * sparse_bytes(candidates.size, sparse / n_lanes, shift, kept))
        sparse_rows = n_lanes * ((candidates.size >> shift) + 2)
    listed = sum(n for n, p in zip(each, network.projections, strict=True) if p.listing is not None)
    building = int(each[static].sum()) * delay_bytes + int(len(lanes) * sources_building)
    building += (len(lanes) * rows + sparse_rows) * 13 + int(listed) * LISTED_BYTES
    synapses = int(stored - plastic) * BYTES_PER_SYNAPSE[kind] + int(plastic) * BYTES_PER_SYNAPSE[L.KIND_WIDE32]
    synapses += int(further)
    return MemoryPlan(float(each.sum()), synapses, tables, building)


def owned_share(network: Network, blocks: Blocks, rank: int) -> NDArray[np.float64]:
    """float64[n_populations]: which part of each population the rank owns."""
    mine = blocks.rank == rank
    return np.asarray(np.bincount(blocks.population[mine], blocks.size[mine], network.sizes.size) / network.sizes)


def one_delay(network: Network, chosen: NDArray[np.bool_]) -> bool:
    """Whether all synapses of the chosen projections (bool[n_projections]) have the same delay."""
    entries = network.entries
    wanted = chosen[entries.projection]
    shortest, longest = entries.shortest[wanted], entries.longest[wanted]
    return not shortest.size or bool(shortest.min() == longest.max())


def synapses_onto(network: Network, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[n_projections]: expected synapses of each onto a share (float64[n_populations]) of every population."""
    entries = network.entries
    return entries.per_projection(entries.synapses * share[entries.target], len(network.projections))


def neuron_bytes(network: Network, wide: bool) -> NDArray[np.int64]:
    """int64[n_populations]: bytes per neuron, beside synapses; `wide`: sums of 64 bits."""
    of_family = np.zeros(len(network.families), dtype=np.int64)
    for kind in find_kinds(network):
        own = 4 * (len(kind.model.states) + len(kind.arrays)) + (8 if wide else 4) * len(kind.channels)
        of_family[kind.families] = own
    result: NDArray[np.int64] = COMMON_BYTES + of_family[[population.family for population in network.populations]]
    for drive in network.drives:
        result[drive.population] += BYTES_PER_DRIVEN * (drive.kind == "poisson") + own_rate_bytes(drive)
        if drive.trains is not None:
            result[drive.population] += BYTES_PER_TRAIN * (1 + drive.trains.width)
    return result


def own_rate_bytes(drive: Drive) -> int:
    """Bytes per neuron of a Poisson drive that has thresholds for each: those, coarse ones, gid and slot; else 0."""
    if drive.own_means is None:
        return 0
    thresholds = poisson_thresholds(drive.mean)
    return int(4 * thresholds.size + 2 * coarse_thresholds(thresholds).size + 12)


def most_segments(network: Network, share: NDArray[np.float64], n_lanes: int, chosen: NDArray[np.bool_]) -> float:
    """Expected segments of the chosen projections (bool[n_projections]), where delays are drawn an upper bound.

    There as many in each row as synapses or as possible delays, per projection.
    """
    entries, rows = network.entries, n_lanes * network.sizes
    wanted = chosen[entries.projection]
    projection, source = entries.projection[wanted], entries.source[wanted]
    owned = (entries.synapses * share[entries.target])[wanted]
    one_delay = [p.delay is None and p.spread is None for p in network.projections]
    tract = np.array(one_delay, dtype=bool)[projection]
    cells = rows[source][tract].astype(np.float64)  # one delay per pair of populations
    segments = float((cells * -np.expm1(-owned[tract] / cells)).sum())
    drawn = ~tract
    pair, entry = np.unique(projection[drawn] * rows.size + source[drawn], return_inverse=True)
    shortest, longest = np.full(pair.size, np.iinfo(np.int64).max), np.zeros(pair.size, np.int64)
    np.minimum.at(shortest, entry, entries.shortest[wanted][drawn])
    np.maximum.at(longest, entry, entries.longest[wanted][drawn])
    delays = longest - shortest + 1
    per_source = np.bincount(entry, owned[drawn], pair.size)
    return segments + float(np.minimum(per_source, rows[pair % rows.size] * delays).sum())


def acc_bits_for(network: Network) -> int:
    """64 where the expected in-degrees alone would overflow 32-bit sums, else 32 (checked exactly after the build)."""
    largest = np.array(
        [max((max(c.max_weight, c.max_plastic) for c in family.channels), default=0) for family in network.families],
        dtype=np.float64,
    )
    family = np.array([population.family for population in network.populations])
    return 64 if (indegrees(network) * largest[family] > INT32_SAFE).any() else 32


def check_memory(needed_on_node: int, available: int, ranks_on_node: int) -> None:
    """Raise MemoryPlanError, with the numbers, when the ranks of a node together need more than is available."""
    if needed_on_node > available:
        error = MemoryPlanError(
            f"the network needs {needed_on_node / 2**30:.1f} GiB on this node ({ranks_on_node} rank(s)), "
            f"but {available / 2**30:.1f} GiB are available",
            remedy="use more nodes, fewer synapses or a smaller scale",
        )
        error.excess_bytes = needed_on_node - available
        raise error


def available_bytes() -> int:
    """Memory that can be allocated without swapping, within the limits of a container."""
    import psutil

    return int(min(psutil.virtual_memory().available, _cgroup_room()))


def _cgroup_room() -> float:
    """Bytes left under a cgroup v2 limit, infinite where there is none."""
    from pathlib import Path

    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text().strip()
        used = int((folder / "memory.current").read_text())
    except (OSError, ValueError):
        return math.inf
    return math.inf if limit == "max" else max(0.0, float(limit) - used)
