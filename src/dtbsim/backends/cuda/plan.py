"""Which of the execution plans steps a rank on a GPU: chosen by size, from what is known before anything is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Limits
from dtbsim.backends.cuda.persistent import MAX_SOURCES, shared_bytes
from dtbsim.build.lanes import MAX_DEVICE_LANES, MAX_LANES_PER_THREAD
from dtbsim.build.most_spikes import most_spikes_of
from dtbsim.build.rank import RankPlan, plan_rank
from dtbsim.errors import InputError
from dtbsim.exchange.plan import shortest_window, steps_between
from dtbsim.kernels import layout as L
from dtbsim.partition import BlockTable
from dtbsim.spec.network import Network

PlanName = Literal["persistent", "general"]
WIDE_SUMS = "sums of synaptic input need 64 bits"
MOST_NEURONS = 4_000_000
"""Beyond so many neurons per rank the layout of the persistent plan is not even tried."""

SPARE_MULTIPROCESSORS = 2
"""Without a lane where there are other ranks: there NCCL's kernels run, which else would wait for the window to end."""
LEAST_STEPS = 10
"""Of a launch between two exchanges, by estimate: with fewer, what a launch takes outweighs what its steps save. A
launch is started, brings states and rings to the multiprocessors and back, and its logs are looked at: 50 us; the
general plan has none of that, but takes 5 us more for a step of a network that fits the persistent one."""


@dataclass(frozen=True, eq=False)
class Choice:
    """A plan, the rank's layout for it, and why it is this one."""

    name: PlanName
    layout: RankPlan
    reason: str


def choose_plan(
    network: Network,
    rank: int,
    n_ranks: int,
    limits: Limits,
    wanted: PlanName | Literal["auto"] = "auto",
    ranks: NDArray[np.int32] | None = None,
    table: BlockTable | None = None,
    *,
    bounded: bool = True,
) -> Choice:
    """The persistent plan where it can be, else the general one; `wanted` other than auto is an order.

    `ranks`, `table` and `bounded` as of `plan_rank`.

    Raises InputError where the persistent plan is wanted and cannot be.
    """

    def plan(threads: int, lanes: int) -> RankPlan:
        return plan_rank(
            network, rank, n_ranks, threads, lanes, static_on_device=True, ranks=ranks, table=table, bounded=bounded
        )

    if wanted == "general":
        return Choice("general", plan(1, _general_lanes(network)), "simulation.gpu_plan")
    obstacle = _obstacle_in_network(network, n_ranks)
    if obstacle is None:
        blocks = limits.multiprocessors if n_ranks == 1 else max(1, limits.multiprocessors - SPARE_MULTIPROCESSORS)
        layout = plan(blocks, MAX_LANES_PER_THREAD)
        obstacle = _obstacle_in_layout(layout, limits, blocks)
        if obstacle is None and wanted == "auto" and n_ranks > 1:
            obstacle = _short_launches(layout, n_ranks)
        if obstacle is None and wanted == "auto":
            obstacle = _short_blocks(network)
        if obstacle is None:
            reason = f"{len(layout.lanes)} blocks hold all neurons in shared memory"
            return Choice("persistent", layout, reason if wanted == "auto" else "simulation.gpu_plan")
    if wanted == "persistent":
        raise no_persistent_plan(obstacle)
    return Choice("general", plan(1, _general_lanes(network)), obstacle)


def no_persistent_plan(obstacle: str) -> InputError:
    """The error where the persistent plan is an order that cannot be followed."""
    return InputError(
        f"the persistent plan cannot step this network: {obstacle}",
        where="simulation.gpu_plan",
        remedy="use auto or general",
    )


def _general_lanes(network: Network) -> int:
    """As few lanes as keep synapses at four bytes; one where some are procedural, as each lane draws all of these."""
    procedural = any(projection.procedural for projection in network.projections)
    return 1 if procedural else MAX_DEVICE_LANES


def _obstacle_in_network(network: Network, n_ranks: int) -> str | None:
    for projection in network.projections:
        if projection.dynamics is not None:
            return f"synapses of projection '{projection.name}' change"
        if projection.procedural:
            return f"projection '{projection.name}' is procedural"
    if network.n_neurons > n_ranks * MOST_NEURONS:
        return f"{network.n_neurons:,} neurons on {n_ranks} rank(s) are too many"
    return None


def _short_launches(layout: RankPlan, n_ranks: int) -> str | None:
    """Exchanges so frequent that the persistent plan is slower, though it could be."""
    steps = steps_between(shortest_window(layout.network, layout.blocks, n_ranks))
    if steps >= LEAST_STEPS:
        return None
    return f"ranks exchange every {steps} step(s), and the persistent plan needs {LEAST_STEPS} or more to be faster"


def _short_blocks(network: Network) -> str | None:
    """The same where neurons and mean-field regions give each other something after so few steps."""
    regions = network.regions
    if regions is None or not (regions.from_spikes or regions.to_spikes):
        return None
    steps = regions.shortest_block
    if steps >= LEAST_STEPS:
        return None
    return (
        f"regions exchange with neurons every {steps} step(s), and the persistent plan needs {LEAST_STEPS} or more "
        "to be faster"
    )


def _obstacle_in_layout(layout: RankPlan, limits: Limits, blocks: int) -> str | None:
    network, lanes, ring = layout.network, layout.lanes, layout.network.ring_steps
    if layout.acc_bits != 32:
        return WIDE_SUMS
    if layout.synapse_kind != L.KIND_PACKED:
        return "weights or targets need more than 16 bits"
    if network.n_neurons > MAX_SOURCES:
        return f"{network.n_neurons:,} neurons are more than {MAX_SOURCES:,}"
    if len(lanes) > blocks:
        return f"the neurons need {len(lanes)} blocks, the GPU has {blocks} multiprocessors for them"
    largest = max(most_spikes_of(network, lane) for lane in lanes)
    least = shared_bytes(len(lanes), ring, largest, 0, 0)
    if least > limits.shared_bytes:
        return f"a block needs {least:,} bytes of shared memory, it has {limits.shared_bytes:,}"
    coming = 4 * ring * sum(lane.n_slots for lane in lanes)
    if coming > limits.cache_bytes:
        return f"the input of coming steps ({coming:,} bytes) does not fit the level-2 cache ({limits.cache_bytes:,})"
    return None
