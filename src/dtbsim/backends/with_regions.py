"""Neurons and mean-field regions, stepped together by one backend."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from dtbsim.backends.backend import Backend
from dtbsim.backends.planned import BackendPlan, Progress
from dtbsim.backends.regions.engine import RegionEngine, planned_bytes
from dtbsim.backends.regions.state import PART
from dtbsim.backends.state import State, Values, step_of
from dtbsim.build.rank import RankNetwork
from dtbsim.exchange.plan import ExchangePlan
from dtbsim.mpi import Comm
from dtbsim.record.regions import RegionSeries
from dtbsim.record.state_hash import RegionHasher
from dtbsim.spec.network import Network


class WithRegionsPlan:
    """The plan of a rank that has regions beside its neurons; see `BackendPlan`."""

    def __init__(self, network: Network, inner: BackendPlan, comm: Comm) -> None:
        assert network.regions is not None
        self._network, self._inner = network, inner
        self.layout = inner.layout
        more = planned_bytes(network.regions, comm.rank, comm.size)
        memory = self.layout.memory
        self.layout.memory = replace(memory, tables=memory.tables + more)

    @property
    def exchange(self) -> str:
        """How spikes travel."""
        return self._inner.exchange

    @property
    def threads(self) -> int:
        """Threads of the host."""
        return self._inner.threads

    @property
    def notes(self) -> list[str]:
        """What the log says of it."""
        return self._inner.notes

    def check_memory(self, comm: Comm) -> None:
        """That of the neurons."""
        self._inner.check_memory(comm)

    def build(self, progress: Progress = None) -> RankNetwork:
        """Build the neurons."""
        return self._inner.build(progress)

    def open(self, built: RankNetwork, exchange: ExchangePlan, comm: Comm) -> Backend:
        """Return the backend of both; collective."""
        return WithRegions(self._network, self._inner.open(built, exchange, comm), comm, self.threads)


class WithRegions:
    """A backend of neurons, of which it has everything else, and the regions beside it; see `Backend`."""

    def __init__(self, network: Network, neurons: Backend, comm: Comm, n_threads: int) -> None:
        assert network.regions is not None
        self._neurons = neurons
        self.regions = RegionEngine(network.regions, network.dt_ms, comm, n_threads)
        self._region_s = 0.0

    def __getattr__(self, name: str) -> Any:
        """Everything that is about neurons alone."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._neurons, name)

    @property
    def limit_s(self) -> float | None:
        """Wall time after which neurons may end a chunk early."""
        return self._neurons.limit_s

    @limit_s.setter
    def limit_s(self, value: float | None) -> None:
        self._neurons.limit_s = value

    def compile(self) -> None:
        """Compile what is needed."""
        self._neurons.compile()
        self.regions.compile()

    def advance(self, start: int, stop: int) -> None:
        """Step both; collective."""
        self._neurons.advance(start, stop)
        begin_s = time.perf_counter()
        self.regions.advance(start, self._neurons.reached)
        self._region_s += time.perf_counter() - begin_s

    def region_series(self) -> list[RegionSeries]:
        """What the last chunk has brought of the samples of regions."""
        return self.regions.series()

    def region_share(self, population: int) -> tuple[tuple[int, int], tuple[int, ...]]:
        """Nodes and members of this rank."""
        share = self.regions.share
        return share.nodes[population], share.members

    def region_hash(self) -> RegionHasher | None:
        """The hash of the states of regions so far."""
        return self.regions.hashed()

    def check_finite(self, start: int, stop: int) -> None:
        """Raise NumericsError if any state became NaN or infinite."""
        self._neurons.check_finite(start, stop)
        self.regions.check_finite(start, stop)

    def state(self) -> Values:
        """Everything that going on from here needs; collective."""
        return self._neurons.state() | self.regions.state()

    def load(self, state: State) -> None:
        """Go on from this state of the whole network; collective."""
        self._neurons.load({name: array for name, array in state.items() if not name.startswith(f"{PART}/")})
        self.regions.load(state, step_of(state))

    def dynamic_bytes(self) -> int:
        """Bytes at present of what grows, and of regions."""
        return self._neurons.dynamic_bytes() + self.regions.n_bytes

    def stage_seconds(self) -> dict[str, float]:
        """Seconds per stage of a step."""
        return self._neurons.stage_seconds() | {"regions": self._region_s}

    def close(self) -> None:
        """Free memory and stop threads."""
        self.regions.close()
        self._neurons.close()
