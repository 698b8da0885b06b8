"""Where the neurons are computed, on how many threads, how spikes travel: what `simulation` means on these machines."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cpu_plan import CpuPlan
from dtbsim.backends.cuda import choose
from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.rank_plan import CudaPlan
from dtbsim.backends.cuda.transports import choose_way
from dtbsim.backends.no_neurons import NoNeuronsPlan
from dtbsim.backends.planned import BackendPlan
from dtbsim.errors import DtbsimError, InputError
from dtbsim.exchange.open import CpuExchange
from dtbsim.mpi import Comm
from dtbsim.mpi.world import on_every_rank
from dtbsim.partition import BlockTable
from dtbsim.spec import Network
from dtbsim.spec.records import Execution
from dtbsim.spec.simulated import check_on_gpu

if TYPE_CHECKING:
    from dtbsim.backends.cuda.region_plan import Placement

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Choice:
    """A backend (cpu or cuda), why it is this one, and this rank's GPU where it is cuda."""

    name: str
    reason: str
    device: Device | None = None
    shared_by: int = 1
    """Ranks that use the same GPU."""

    def say(self) -> None:
        """Log it."""
        _LOG.info("backend %s (%s)", self.name, self.reason)
        if self.device is not None:
            facts = ", ".join(f"{key} {value}" for key, value in self.device.facts.items() if key != "name")
            _LOG.info("GPU: %s (%s)", self.device.name, facts)
        if self.shared_by > 1:
            _LOG.info("%d ranks share a GPU", self.shared_by)


def choose_backend(network: Network, comm: Comm) -> Choice:
    """The backend of a run, the same on all ranks; collective.

    `auto` is cuda where every rank can have a GPU, else cpu. `cuda` that cannot be had is the error of what is missing
    (`open_device`), never a run on the CPU.
    """
    wanted = network.execution.backend
    if wanted == "cpu":
        return Choice("cpu", "as configured")
    if wanted == "cuda":
        on_every_rank(comm, lambda: check_on_gpu(network))
        device = on_every_rank(comm, lambda: choose.open_device(comm.node_rank))
        return Choice("cuda", f"as configured: {device.name}", device, _shared_by(device, comm))
    if network.regions is not None and network.n_neurons == 0:
        placement = _placement(network, comm, ordered=False)
        if not placement.on_device:
            return Choice("cpu", f"auto: {placement.reason}")
    found, problem = None, None
    try:
        check_on_gpu(network)
        found = choose.open_device(comm.node_rank)
    except DtbsimError as error:
        problem = error.message
    problems = [text for text in comm.allgather(problem) if text is not None]
    if problems or found is None:
        return Choice("cpu", f"auto: {problems[0]}")
    return Choice("cuda", f"auto: {found.name}", found, _shared_by(found, comm))


def _placement(network: Network, comm: Comm, *, ordered: bool) -> Placement:
    """Where the regions of a network are stepped if there is a GPU."""
    from dtbsim.backends.cuda.region_plan import place_regions

    assert network.regions is not None
    return place_regions(network.regions, comm.size, ordered=ordered)


def _shared_by(device: Device, comm: Comm) -> int:
    mine = comm.node_index, device.identity
    return sum(other == mine for other in comm.allgather(mine))


def plan_backend(
    choice: Choice, network: Network, comm: Comm, table: BlockTable, ranks: NDArray[np.int32]
) -> BackendPlan:
    """The plan of this rank for the backend that was chosen; the same error on every rank; collective.

    `table`: the blocks of the network; `ranks`, int32[blocks]: the rank of each.
    """
    if network.regions is not None:
        from dtbsim.backends.regions.feed import Feed, fed
        from dtbsim.backends.with_regions import Where, WithRegionsPlan

        feed, where = Feed(len(network.regions.to_spikes)), None
        if choice.device is not None:
            placement = _placement(network, comm, ordered=network.execution.backend == "cuda")
            where = Where(choice.device, choice.shared_by, placement)
        inner = _plan_neurons(choice, fed(network, feed), comm, table, ranks)
        return on_every_rank(comm, lambda: WithRegionsPlan(network, inner, comm, feed, where))
    return _plan_neurons(choice, network, comm, table, ranks)


def _plan_neurons(
    choice: Choice, network: Network, comm: Comm, table: BlockTable, ranks: NDArray[np.int32]
) -> BackendPlan:
    wanted, device = network.execution, choice.device
    if network.n_neurons == 0:
        return NoNeuronsPlan(network, choose_threads(wanted, comm))
    if device is None:
        exchange, threads = choose_exchange(wanted, comm), choose_threads(wanted, comm)
        plan = on_every_rank(comm, lambda: CpuPlan(network, comm.rank, comm.size, threads, exchange, ranks, table))
        if wanted.exchange == "auto" and exchange == "packets":
            plan.choose_levels(comm)
        return plan
    way = None if comm.size == 1 else on_every_rank(comm, lambda: choose_way(wanted.exchange, device, comm))
    threads = choose_threads(wanted, comm)
    return on_every_rank(
        comm, lambda: CudaPlan(network, comm.rank, comm.size, threads, device, choice.shared_by, way, ranks)
    )


def choose_threads(wanted: Execution, comm: Comm) -> int:
    """Threads of this rank: as configured, else its share of the cores that the ranks of its node may use."""
    if wanted.threads is not None:
        return wanted.threads
    mine = os.sched_getaffinity(0)
    seen = [cores for node, cores in comm.allgather((comm.node_index, mine)) if node == comm.node_index]
    return max(1, min(len(mine), len(set().union(*seen)) // comm.node_size))


def choose_exchange(execution: Execution, comm: Comm) -> CpuExchange:
    """How spikes travel between CPUs: within one node over shared memory, between nodes as packets.

    These may turn out to be so many that `auto` is two_level: only the plan of the ranks knows (`CpuPlan`).
    """
    wanted = execution.exchange
    if comm.size == 1:
        return "none"
    if wanted == "shared_memory" and comm.node_count > 1:
        raise InputError(
            f"simulation.exchange is shared_memory, but the ranks are on {comm.node_count} nodes",
            remedy="use auto or packets",
        )
    if wanted == "auto":
        return "shared_memory" if comm.node_count == 1 else "packets"
    return wanted
