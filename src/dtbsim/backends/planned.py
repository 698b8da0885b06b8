"""What a backend decides of a rank before anything large is allocated: layout, memory, exchange; then it builds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dtbsim.backends.backend import Backend
from dtbsim.build.rank import RankNetwork, RankPlan
from dtbsim.exchange.plan import ExchangePlan
from dtbsim.mpi import Comm

Progress = Callable[[int, int], None] | None
"""Told the lanes that are done, and of how many."""


class BackendPlan(Protocol):
    """One rank of a run, planned by the backend that will step it. Whoever runs it need not know how it is stepped."""

    @property
    def layout(self) -> RankPlan:
        """The rank's neurons in lanes, and their memory on the host."""

    @property
    def exchange(self) -> str:
        """How spikes travel between ranks: none, shared_memory, packets, two_level, nccl, mpi."""

    @property
    def threads(self) -> int:
        """Threads of the host that build."""

    @property
    def notes(self) -> list[str]:
        """What the log says of it."""

    @property
    def device_bytes(self) -> int:
        """Bytes that it will take on a GPU, 0 where it uses none."""

    def check_memory(self, comm: Comm) -> None:
        """Raise MemoryPlanError on every rank where what the backend needs beside the host's is not there; collective.

        Memory on the host is counted by node, whatever the backend.
        """

    def build(self, progress: Progress = None) -> RankNetwork:
        """Build the rank. Raises MemoryPlanError where less was left than the plan found."""

    def open(self, built: RankNetwork, exchange: ExchangePlan, comm: Comm) -> Backend:
        """Return the backend with its exchange; collective.

        What a rank can fail at by itself comes first, and fails on all ranks: none waits for one that is not coming.
        """
