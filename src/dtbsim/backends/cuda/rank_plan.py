"""A rank on a GPU, planned: which plan steps it, in which layout, in how much memory, and how its spikes travel."""

from __future__ import annotations

import logging
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.backends.cuda.build import build_rank_on_device
from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.exchange import open_exchange
from dtbsim.backends.cuda.failures import device_failure
from dtbsim.backends.cuda.memory_plan import DeviceMemoryPlan, check_device_plan, plan_device_memory
from dtbsim.backends.cuda.persistent import backend_for, stride_of
from dtbsim.backends.cuda.plan import WIDE_SUMS, choose_plan, no_persistent_plan
from dtbsim.backends.cuda.transports import Choice as Way
from dtbsim.backends.planned import Progress
from dtbsim.build.rank import RankNetwork, RankPlan
from dtbsim.exchange.plan import ExchangePlan
from dtbsim.kernels import layout as L
from dtbsim.mpi import Comm
from dtbsim.mpi.world import on_every_rank
from dtbsim.spec.network import Network

_LOG = logging.getLogger(__name__)


class CudaPlan:
    """The plan of one rank; see `BackendPlan`.

    `ranks`, int32[blocks], is the rank of every block. `device` is this rank's GPU, which `shared_by` ranks use; `way`
    is how spikes travel between GPUs, None where they need not. Raises InputError where the plan that
    `network.execution` orders cannot step the rank.
    """

    def __init__(
        self,
        network: Network,
        rank: int,
        n_ranks: int,
        threads: int,
        device: Device,
        shared_by: int,
        way: Way | None,
        ranks: NDArray[np.int32],
    ) -> None:
        self._network, self._device, self._shared_by, self._way = network, device, shared_by, way
        self.threads = threads
        self.choice = choose_plan(network, rank, n_ranks, device.limits, network.execution.gpu_plan, ranks)

    @property
    def layout(self) -> RankPlan:
        """The rank's neurons in lanes, for the plan that steps them."""
        return self.choice.layout

    @property
    def exchange(self) -> str:
        """How spikes travel between ranks."""
        return "none" if self._way is None else self._way.way

    @property
    def notes(self) -> list[str]:
        """The plan, and why it is this one."""
        return [f"GPU plan: {self.choice.name} ({self.choice.reason})"]

    def check_memory(self, comm: Comm) -> None:
        """Raise MemoryPlanError on every rank when the network of any exceeds its share of its GPU; collective."""
        needed = self._needed
        on_every_rank(comm, lambda: check_device_plan(needed, self._device, self._shared_by))

    @cached_property
    def _needed(self) -> DeviceMemoryPlan:
        persistent = self.choice.name == "persistent"
        return plan_device_memory(self.layout, in_order=not persistent, stride_of=stride_of if persistent else None)

    @property
    def device_bytes(self) -> int:
        """Bytes that it will take on its GPU."""
        return self._needed.peak

    def build(self, progress: Progress = None) -> RankNetwork:
        """Build for the plan that was chosen. That sums need 64 bits may show only now: then for the general one."""
        try:
            return self._build(progress)
        except Exception as error:
            failure = device_failure(error, self._device.free_bytes)
            if failure is None:
                raise
            raise failure from error

    def _build(self, progress: Progress) -> RankNetwork:
        plan, device, threads = self.layout, self._device, self.threads
        if self.choice.name == "persistent":
            built = build_rank_on_device(
                plan, device, in_order=False, stride_of=stride_of, threads=threads, progress=progress
            )
            if all(state.rows.kind == L.KIND_PACKED for state in built.lanes):
                return built
            if self._network.execution.gpu_plan == "persistent":
                raise no_persistent_plan(WIDE_SUMS)
            _LOG.info("GPU plan: general (%s)", WIDE_SUMS)
            del built
        return build_rank_on_device(plan, device, threads=threads, progress=progress)

    def open(self, built: RankNetwork, exchange: ExchangePlan, comm: Comm) -> Backend:
        """Return the backend of the plan that the rank was built for, with its exchange; collective."""
        device = self._device
        backend = on_every_rank(comm, lambda: backend_for(built, None, device))
        if self._way is not None:
            backend.connect(open_exchange(self._way, device, comm, built, exchange))
        return backend
