"""From what was prepared to something that steps: this rank's network, and the backend with its exchange."""

from __future__ import annotations

import logging
from collections.abc import Callable

from dtbsim.backends.backend import Backend
from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.cuda.build import build_rank_on_device
from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.exchange import open_exchange
from dtbsim.backends.cuda.failures import device_failure
from dtbsim.backends.cuda.persistent import backend_for, stride_of
from dtbsim.backends.cuda.plan import WIDE_SUMS, no_persistent_plan
from dtbsim.build.heard import sources_heard
from dtbsim.build.rank import RankNetwork, build_rank
from dtbsim.errors import DtbsimError, MemoryPlanError
from dtbsim.exchange.board import SharedBoard
from dtbsim.exchange.links import find_links
from dtbsim.exchange.neighbours import FIRST_WORDS, NeighbourExchange
from dtbsim.exchange.plan import ExchangePlan
from dtbsim.exchange.wanted import I64, Flags, ask_who_hears, runs_of
from dtbsim.kernels import layout as L
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
    device = prepared.choice.device
    try:
        if device is not None:
            return _build_on_device(prepared, device, progress)
        return build_rank(plan, prepared.threads, progress)
    except Exception as error:
        failure = _build_failure(error, device)
        if failure is None:
            raise
        raise failure from error


def _build_failure(error: Exception, device: Device | None) -> DtbsimError | None:
    """The error for the user, None where the exception is one already or tells of a bug."""
    if device is not None:
        return device_failure(error, device.free_bytes)
    if isinstance(error, MemoryError):  # less was left than the plan found
        return MemoryPlanError(f"out of memory while building: {error}", remedy=_SMALLER)
    return None


def _build_on_device(prepared: Prepared, device: Device, progress: Callable[[int, int], None] | None) -> RankNetwork:
    """Build for the plan that was chosen. That sums need 64 bits may show only now: then for the general one."""
    plan, threads = prepared.plan, prepared.threads
    if prepared.gpu_plan is not None and prepared.gpu_plan.name == "persistent":
        built = build_rank_on_device(
            plan, device, in_order=False, stride_of=stride_of, threads=threads, progress=progress
        )
        if all(state.rows.kind == L.KIND_PACKED for state in built.lanes):
            return built
        if prepared.network.config.simulation.gpu_plan == "persistent":
            raise no_persistent_plan(WIDE_SUMS)
        _LOG.info("GPU plan: general (%s)", WIDE_SUMS)
        del built
    return build_rank_on_device(plan, device, threads=threads, progress=progress)


def make_backend(prepared: Prepared, built: RankNetwork, comm: Comm) -> Backend:
    """The backend that was chosen, with its exchange; collective."""
    if prepared.choice.device is not None:
        return _on_device(prepared, built, comm, prepared.choice.device)
    plan, kind = prepared.exchange_plan, prepared.exchange
    exchange: SharedBoard | NeighbourExchange | None = None
    if kind == "shared_memory":
        exchange = SharedBoard(comm, plan, prepared.network.n_neurons // comm.size)
    elif kind == "packets":
        exchange = neighbour_exchange(comm, built, plan)
    if exchange is not None:
        _LOG.info("exchange by %s every %d step(s)", kind, exchange.window)
    return CpuBackend(built, exchange, prepared.threads)


def neighbour_exchange(
    comm: Comm, built: RankNetwork, plan: ExchangePlan, words: int = FIRST_WORDS
) -> NeighbourExchange:
    """The exchange of a rank that has been built, with ranks that have synapses of its neurons; collective.

    `words` is the room that messages have at first.
    """
    links = find_links(built.network, built.blocks, comm.rank)

    def heard(gid0: I64, size: I64) -> list[Flags]:
        first = built.candidates.numbers(gid0)
        return [sources_heard(built, int(at), int(at + n)) for at, n in zip(first, size, strict=True)]

    known = ask_who_hears(comm, built.blocks, links, len(built.network.populations), heard)
    runs = runs_of(built.blocks, comm.rank)
    return NeighbourExchange(comm, plan, links, runs, len(built.lanes), known, words)


def _on_device(prepared: Prepared, built: RankNetwork, comm: Comm, device: Device) -> Backend:
    network, exchange = prepared.network, None
    if prepared.gpu_exchange is not None:
        exchange = open_exchange(prepared.gpu_exchange, device, comm, network, prepared.exchange_plan)
    return backend_for(built, exchange, device)
