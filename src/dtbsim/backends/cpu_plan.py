"""A rank on CPUs, planned: threads, lanes, and how its spikes travel."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.planned import Progress
from dtbsim.build.rank import RankNetwork, build_rank, plan_rank
from dtbsim.errors import MemoryPlanError
from dtbsim.exchange.board import SharedBoard
from dtbsim.exchange.neighbours import NeighbourExchange, neighbour_exchange
from dtbsim.exchange.plan import ExchangePlan
from dtbsim.mpi import Comm
from dtbsim.partition import BlockTable
from dtbsim.spec.network import Network

_LOG = logging.getLogger(__name__)
_SMALLER = "use more nodes, fewer synapses or a smaller scale"
CpuExchange = Literal["none", "shared_memory", "packets"]


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

    def check_memory(self, comm: Comm) -> None:
        """Nothing: there is no memory but the host's."""

    def build(self, progress: Progress = None) -> RankNetwork:
        """Build the rank on its threads."""
        try:
            return build_rank(self.layout, self.threads, progress)
        except MemoryError as error:  # less was left than the plan found
            raise MemoryPlanError(f"out of memory while building: {error}", remedy=_SMALLER) from error

    def open(self, built: RankNetwork, exchange: ExchangePlan, comm: Comm) -> Backend:
        """Return the backend with its exchange; collective."""
        way: SharedBoard | NeighbourExchange | None = None
        if self.exchange == "shared_memory":
            way = SharedBoard(comm, exchange, self._network.n_neurons // comm.size)
        elif self.exchange == "packets":
            way = neighbour_exchange(comm, built, exchange)
        if way is not None:
            _LOG.info("exchange by %s every %d step(s)", self.exchange, way.window)
        return CpuBackend(built, way, self.threads)
