"""Everything decided before anything large is allocated: threads, backend, exchange, this rank's share, its memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.plan import Choice as GpuPlan
from dtbsim.backends.cuda.plan import choose_plan
from dtbsim.backends.cuda.transports import Choice as GpuExchange
from dtbsim.backends.cuda.transports import choose_way
from dtbsim.build.memory import available_bytes, check_memory
from dtbsim.build.rank import RankPlan, plan_rank
from dtbsim.config import Locator, RunConfig
from dtbsim.errors import InputError
from dtbsim.exchange.plan import ExchangePlan, plan_exchange
from dtbsim.kernels.kernel_cache import check_cache
from dtbsim.mpi import Comm
from dtbsim.mpi.world import on_every_rank
from dtbsim.run_folder.inputs import Input, find_inputs
from dtbsim.simulate.choose import Choice, check_device_memory, choose_backend
from dtbsim.simulate.own_models import OwnModels, check_same_models, own_models
from dtbsim.spec import Network, compile_network
from dtbsim.spec.records import Execution

ExchangeKind = Literal["none", "shared_memory", "packets", "nccl", "mpi"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A network and how this rank will build and step its part of it."""

    config: RunConfig
    """What `network` was compiled from: written into the run folder, read by no stage."""
    network: Network
    models: OwnModels
    inputs: list[Input]
    """The files that were read; those of other nodes hold the same."""
    plan: RankPlan
    exchange_plan: ExchangePlan
    exchange: ExchangeKind
    threads: int
    choice: Choice
    gpu_plan: GpuPlan | None
    """How the GPU steps, None on the CPU."""
    gpu_exchange: GpuExchange | None
    """How spikes travel between GPUs, None where they need not."""

    @property
    def backend(self) -> str:
        """Name of the backend."""
        return self.choice.name


def prepare(
    config: RunConfig, comm: Comm, base_dir: Path | None, locator: Locator | None, *, live: bool = False
) -> Prepared:
    """Compile the network and plan this rank's part; the same error on every rank when something does not fit.

    `live`: any parameter may change.
    """
    on_every_rank(comm, check_cache)
    network = on_every_rank(comm, lambda: compile_network(config, base_dir, locator, live=live))
    models = on_every_rank(comm, lambda: own_models(config, base_dir))
    check_same_models(models, comm)
    inputs = on_every_rank(comm, lambda: find_inputs(config, base_dir) if comm.node_rank == 0 else [])
    check_same_inputs(inputs, comm)
    choice = choose_backend(network, comm)
    gpu_exchange = choose_gpu_exchange(network.execution, comm, choice.device)
    exchange = choose_exchange(network.execution, comm) if gpu_exchange is None else gpu_exchange.way
    threads = choose_threads(network.execution, comm)
    gpu_plan: GpuPlan | None = None
    if (device := choice.device) is not None:
        wanted = network.execution.gpu_plan
        gpu_plan = on_every_rank(comm, lambda: choose_plan(network, comm.rank, comm.size, device.limits, wanted))
        plan = gpu_plan.layout
    else:
        plan = on_every_rank(comm, lambda: plan_rank(network, comm.rank, comm.size, threads))
    check_node_memory(plan, comm)
    check_device_memory(choice, gpu_plan, comm)
    return Prepared(
        config=config,
        network=network,
        models=models,
        inputs=inputs,
        plan=plan,
        exchange_plan=plan_exchange(network, plan.blocks, comm.size),
        exchange=exchange,
        threads=threads,
        choice=choice,
        gpu_plan=gpu_plan,
        gpu_exchange=gpu_exchange,
    )


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


def choose_threads(wanted: Execution, comm: Comm) -> int:
    """Threads of this rank: as configured, else its share of the cores that the ranks of its node may use."""
    if wanted.threads is not None:
        return wanted.threads
    mine = os.sched_getaffinity(0)
    seen = [cores for node, cores in comm.allgather((comm.node_index, mine)) if node == comm.node_index]
    return max(1, min(len(mine), len(set().union(*seen)) // comm.node_size))


def choose_gpu_exchange(wanted: Execution, comm: Comm, device: Device | None) -> GpuExchange | None:
    """How spikes travel between GPUs, the same on all ranks; None without GPUs or with one rank."""
    if device is None or comm.size == 1:
        return None
    return on_every_rank(comm, lambda: choose_way(wanted.exchange, device, comm))


def choose_exchange(execution: Execution, comm: Comm) -> ExchangeKind:
    """How spikes travel between CPUs: within one node over shared memory, between nodes as packets."""
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


def check_node_memory(plan: RankPlan, comm: Comm) -> None:
    """Raise MemoryPlanError on every rank when the ranks of any node together need more than it has."""
    shares = comm.allgather((comm.node_index, plan.memory.peak, available_bytes() if comm.node_rank == 0 else None))
    for node in range(comm.node_count):
        needed = [peak for index, peak, _ in shares if index == node]
        available = next(free for index, _, free in shares if index == node and free is not None)
        check_memory(sum(needed), available, len(needed))
