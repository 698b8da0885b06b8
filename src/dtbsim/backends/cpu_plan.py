"""A rank on CPUs, planned: threads, lanes, and how its spikes travel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.planned import Progress
from dtbsim.build.rank import RankNetwork, build_rank, plan_rank
from dtbsim.errors import MemoryPlanError
from dtbsim.exchange.leaders import leaders_pay
from dtbsim.exchange.open import CpuExchange, open_exchange
from dtbsim.exchange.plan import ExchangePlan
from dtbsim.mpi import Comm
from dtbsim.mpi.world import on_every_rank
from dtbsim.partition import BlockTable
from dtbsim.spec.network import Network

_SMALLER = "use more nodes, fewer synapses or a smaller scale"


class CpuPlan:
    """The plan of one rank; see `BackendPlan`. `table`: the blocks; `ranks`, int32[blocks]: the rank of every block."""

    notes: list[str] = []  # noqa: RUF012 - there is nothing to say

    def __init__(
        self,
        network: Network,
        rank: int,
        n_ranks: int,
        threads: int,
        exchange: CpuExchange,
        ranks: NDArray[np.int32],
        table: BlockTable,
    ) -> None:
        self._network = network
        self.threads, self.exchange = threads, exchange
        self.layout = plan_rank(network, rank, n_ranks, threads, ranks=ranks, table=table)

    def choose_levels(self, comm: Comm) -> None:
        """Exchange over node leaders where messages between ranks would be many; collective."""
        if leaders_pay(comm, self._network, self.layout.blocks):
            self.exchange = "two_level"

    device_bytes = 0

    def check_memory(self, comm: Comm) -> None:
        """Nothing: there is no memory but the host's."""

    def build(self, progress: Progress = None) -> RankNetwork:
        """Build the rank on its threads."""
        try:
            return build_rank(self.layout, self.threads, progress)
        except MemoryError as error:  # less was left than the plan found
            raise MemoryPlanError(f"out of memory while building: {error}", remedy=_SMALLER) from error

    def open(self, built: RankNetwork, exchange: ExchangePlan, comm: Comm) -> Backend:
        """Return the backend with its exchange; collective: that all ranks have room comes first."""
        backend = on_every_rank(comm, lambda: self._without_exchange(built))
        backend.connect(open_exchange(self.exchange, comm, built, exchange))
        return backend

    def _without_exchange(self, built: RankNetwork) -> CpuBackend:
        try:
            return CpuBackend(built, None, self.threads)
        except MemoryError as error:
            raise MemoryPlanError(f"out of memory before the first step: {error}", remedy=_SMALLER) from error
