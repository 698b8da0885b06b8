"""From what was prepared to something that steps: this rank's network, and the backend with its exchange."""

from __future__ import annotations

import logging
from collections.abc import Callable

from dtbsim.backends.backend import Backend
from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.exchange import open_exchange
from dtbsim.backends.cuda.persistent import PersistentBackend
from dtbsim.build.rank import RankNetwork, build_rank
from dtbsim.errors import MemoryPlanError
from dtbsim.exchange.board import SharedBoard
from dtbsim.exchange.packets import PacketExchange
from dtbsim.mpi import Comm
from dtbsim.simulate.prepare import Prepared

_LOG = logging.getLogger(__name__)
_SMALLER = "use more nodes, fewer synapses or a smaller scale"


def build_network(prepared: Prepared, progress: Callable[[int, int], None] | None = None) -> RankNetwork:
    """Build this rank's part; `progress(done, of)` counts its lanes. Raises MemoryPlanError."""
    plan = prepared.plan
    _LOG.info(
        "building: memory planned %.2f GiB, %d lane(s), synapse format %d",
        plan.memory.peak / 2**30, len(plan.lanes), plan.synapse_kind,
    )  # fmt: skip
    try:
        return build_rank(plan, prepared.threads, progress)
    except MemoryError as error:  # less was left than the plan found
        raise MemoryPlanError(f"out of memory while building: {error}", remedy=_SMALLER) from error


def make_backend(prepared: Prepared, built: RankNetwork, comm: Comm) -> Backend:
    """The backend that was chosen, with its exchange; collective."""
    if prepared.choice.device is not None:
        return _on_device(prepared, built, comm, prepared.choice.device)
    plan, kind = prepared.exchange_plan, prepared.exchange
    exchange: SharedBoard | PacketExchange | None = None
    if kind == "shared_memory":
        exchange = SharedBoard(comm, plan, prepared.network.n_neurons // comm.size)
    elif kind == "packets":
        exchange = PacketExchange(comm, plan, prepared.network.gid_starts)
    if exchange is not None:
        _LOG.info("exchange by %s every %d step(s)", kind, exchange.window)
    return CpuBackend(built, exchange, prepared.threads)


def _on_device(prepared: Prepared, built: RankNetwork, comm: Comm, device: Device) -> Backend:
    network, exchange = prepared.network, None
    if comm.size > 1:
        wanted = network.config.simulation.exchange
        exchange = open_exchange(wanted, device, comm, network, prepared.exchange_plan)
    persistent = prepared.gpu_plan is not None and prepared.gpu_plan.name == "persistent"
    return (PersistentBackend if persistent else CudaBackend)(built, exchange, device)
