"""Everything decided before anything large is allocated: threads, backend, exchange, this rank's share, its memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.no_neurons import no_blocks
from dtbsim.backends.planned import BackendPlan
from dtbsim.build.blocks import assign_ranks, cut_blocks, find_ranks
from dtbsim.build.memory import available_bytes, check_memory
from dtbsim.build.rank import RankPlan
from dtbsim.config import Locator, RunConfig
from dtbsim.errors import InputError, MemoryPlanError
from dtbsim.exchange.plan import ExchangePlan, plan_exchange
from dtbsim.kernels.kernel_cache import check_cache
from dtbsim.models.references import ReferencePickler
from dtbsim.mpi import Comm, on_root
from dtbsim.mpi.node_memory import OnNode, once_on_node
from dtbsim.mpi.world import on_every_rank
from dtbsim.partition import BlockTable
from dtbsim.run_folder.inputs import Input, find_inputs
from dtbsim.signals.memory import region_signal_bytes
from dtbsim.simulate.choose import Choice, choose_backend, plan_backend
from dtbsim.simulate.given import whole_config
from dtbsim.simulate.own_models import OwnModels, check_same_models, own_models
from dtbsim.simulate.streams import plan_streams
from dtbsim.spec import Network, compile_network
from dtbsim.spec.network import MAX_DELAY_STEPS
from dtbsim.spec.simulated import check_simulated


@dataclass(frozen=True, eq=False)
class Prepared:
    """A network and how this rank will build and step its part of it."""

    config: RunConfig
    """What `network` was compiled from: written into the run folder, read by no stage."""
    network: Network
    models: OwnModels
    inputs: list[Input]
    """The files that were read; those of other nodes hold the same."""
    backend_plan: BackendPlan
    """This rank as its backend will step it."""
    exchange_plan: ExchangePlan
    choice: Choice
    shared_bytes: int = 0
    """Of the network and its division, in one copy for all ranks of a node."""
    unshared: str = ""
    """Why ranks have copies of their own where several are on a node."""

    @property
    def backend(self) -> str:
        """Name of the backend."""
        return self.choice.name

    @property
    def plan(self) -> RankPlan:
        """This rank's neurons in lanes."""
        return self.backend_plan.layout

    @property
    def exchange(self) -> str:
        """How spikes travel between ranks."""
        return self.backend_plan.exchange

    @property
    def threads(self) -> int:
        """Threads of this rank."""
        return self.backend_plan.threads


def prepare(
    config: RunConfig, comm: Comm, base_dir: Path | None, locator: Locator | None, *, live: bool = False
) -> Prepared:
    """Compile the network and plan this rank's part; the same error on every rank when something does not fit.

    The first rank of each node compiles, the others get what it has made (`once_on_node`). `live`: any parameter may
    change.
    """
    on_every_rank(comm, check_cache)
    shared = _compiled(config, comm, base_dir, locator, live=live)
    network = shared.value
    first = comm.node_rank == 0
    models = on_every_rank(
        comm, lambda: own_models(config, base_dir) if first else OwnModels(config, {}, [], []), takes_part=first
    )
    check_same_models(models, comm)
    inputs = on_every_rank(comm, lambda: find_inputs(config, base_dir) if first else [], takes_part=first)
    check_same_inputs(inputs, comm)
    choice = choose_backend(network, comm)
    divided = _divided(network, comm)
    backend_plan = plan_backend(choice, network, comm, divided.value.table, divided.value.ranks)
    if comm.is_root and network.regions is not None:
        memory = backend_plan.layout.memory
        backend_plan.layout.memory = replace(memory, tables=memory.tables + region_signal_bytes(network))
    try:
        check_node_memory(backend_plan.layout, comm)
    except MemoryPlanError as error:
        if network.regions is None:
            raise
        from dtbsim.backends.regions.memory import of_members, planned_bytes

        own = planned_bytes(network.regions, 0, comm.size) + region_signal_bytes(network)
        raise of_members(error, network.regions, own) from None
    backend_plan.check_memory(comm)
    return Prepared(
        config=config,
        network=network,
        models=models,
        inputs=inputs,
        backend_plan=backend_plan,
        exchange_plan=divided.value.exchange,
        choice=choice,
        shared_bytes=shared.n_bytes + divided.n_bytes,
        unshared=shared.reason,
    )


def _compiled(
    config: RunConfig, comm: Comm, base_dir: Path | None, locator: Locator | None, *, live: bool
) -> OnNode[Network]:
    """The network, compiled and checked on the first rank of each node."""
    given = config, base_dir, locator

    def compiled() -> Network:
        network = compile_network(*given, live=live)
        check_simulated(network)
        plan_streams(network, given[2])  # mistakes are found where their places are known
        network.prefetch()
        return network

    def alone() -> Network:
        return compile_network(*given, live=live)

    def everywhere() -> None:
        nonlocal given
        given = whole_config(comm, config, base_dir, locator)

    return once_on_node(comm, compiled, alone=alone, before_alone=everywhere, pickler=ReferencePickler)


@dataclass(frozen=True, eq=False)
class _Divided:
    """The blocks of a network, the rank of each, and which ranks exchange."""

    table: BlockTable
    ranks: NDArray[np.int32]
    exchange: ExchangePlan


def _divided(network: Network, comm: Comm) -> OnNode[_Divided]:
    """The ranks of blocks are found on rank 0, as partitioners of other packages may draw lots."""
    if not network.n_neurons:
        nothing = np.zeros((comm.size, 0), dtype=bool)
        return OnNode(_Divided(no_blocks(), np.zeros(0, np.int32), ExchangePlan.of(MAX_DELAY_STEPS, nothing)), 0)
    ranks = on_root(comm, lambda: find_ranks(network, cut_blocks(network), comm.size))

    def divided() -> _Divided:
        table = cut_blocks(network)
        return _Divided(table, ranks, plan_exchange(network, assign_ranks(network, table, comm.size, ranks), comm.size))

    return once_on_node(comm, divided, alone=divided)


def check_same_inputs(inputs: list[Input], comm: Comm) -> None:
    """Raise InputError on every rank where a file that the configuration names is another one on some node."""
    seen = comm.allgather([(given.key, file.sha256) for given in inputs for file in given.files])
    for rank, rows in enumerate(seen):
        if rows and rows != seen[0]:
            key = next((mine[0] for mine, other in zip(seen[0], rows, strict=False) if mine != other), seen[0][-1][0])
            raise InputError(
                f"the file on the node of rank {rank} is not that on the node of rank 0",
                where=".".join(key),
                remedy="give every node the same file",
            )


def check_node_memory(plan: RankPlan, comm: Comm) -> None:
    """Raise MemoryPlanError on every rank when the ranks of any node together need more than it has."""
    shares = comm.allgather((comm.node_index, plan.memory.peak, available_bytes() if comm.node_rank == 0 else None))
    for node in range(comm.node_count):
        needed = [peak for index, peak, _ in shares if index == node]
        available = next(free for index, _, free in shares if index == node and free is not None)
        check_memory(sum(needed), available, len(needed))
