"""Neurons and mean-field regions, stepped together by one backend."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.backends.planned import BackendPlan, Progress
from dtbsim.backends.regions.engine import RegionEngine
from dtbsim.backends.regions.feed import Feed
from dtbsim.backends.regions.memory import planned_bytes
from dtbsim.backends.regions.series import RegionSeries
from dtbsim.backends.regions.state import PART
from dtbsim.backends.regions.state_hash import RegionHasher
from dtbsim.backends.regions.stepper import RegionStepper
from dtbsim.backends.state import State, Values, step_of
from dtbsim.build.rank import RankNetwork
from dtbsim.exchange.plan import ExchangePlan
from dtbsim.mpi import Comm
from dtbsim.mpi.world import on_every_rank
from dtbsim.numerics.ranges import range_of
from dtbsim.spec.network import Network
from dtbsim.spec.region_network import RegionChange, RegionDrive

if TYPE_CHECKING:
    from dtbsim.backends.cuda.device import Device
    from dtbsim.backends.cuda.region_plan import Placement

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Where:
    """The GPU of a rank, which `shared_by` ranks use, and whether regions are stepped there."""

    device: Device
    shared_by: int
    placement: Placement


class JoinedSamples:
    """The samples of several blocks as those of one chunk; see `Sampler`."""

    def __init__(self, sampler: Any) -> None:
        self._sampler, self.records = sampler, sampler.records
        self._parts: list[list[tuple[I64, NDArray[np.float32]]]] = []

    def begin(self) -> None:
        """Begin a chunk."""
        self._parts = []

    def take_block(self) -> None:
        """Keep those of the block that has ended."""
        self._parts.append([self._sampler.take(k) for k in range(len(self.records))])

    def take(self, record: int) -> tuple[I64, NDArray[np.float32]]:
        """Steps and values of a record in the chunk."""
        parts = [part[record] for part in self._parts]
        if not parts:
            steps, values = self._sampler.take(record)
            return steps[:0], values[:0]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


class WithRegionsPlan:
    """The plan of a rank that has regions beside its neurons; see `BackendPlan`."""

    def __init__(
        self, network: Network, inner: BackendPlan, comm: Comm, feed: Feed, where: Where | None = None
    ) -> None:
        """`inner`: the plan of the neurons of `feed.fed(network)`; `where`: the GPU of this rank, None on the CPU."""
        assert network.regions is not None
        self._network, self._inner, self._feed, self._where = network, inner, feed, where
        self.layout = inner.layout
        self._device = None if where is None or not where.placement.on_device else where.device
        if self._device is None:
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
        if self._where is None:
            return self._inner.notes
        there, placement = self._where.device.name, self._where.placement
        place = f"on {there}" if placement.on_device else "on the host"
        return [*self._inner.notes, f"mean-field regions: {place} ({placement.reason})"]

    def check_memory(self, comm: Comm) -> None:
        """That of the neurons, and of regions on the GPU; collective."""
        self._inner.check_memory(comm)
        where, regions = self._where, self._network.regions
        if self._device is None or where is None or regions is None:
            return
        from dtbsim.backends.cuda.region_plan import check_memory

        taken, dt_ms = self._inner.device_bytes, self._network.dt_ms
        on_every_rank(comm, lambda: check_memory(regions, dt_ms, comm, where.device, where.shared_by, taken))

    @property
    def device_bytes(self) -> int:
        """Bytes on the GPU, those of the neurons."""
        return self._inner.device_bytes

    def build(self, progress: Progress = None) -> RankNetwork:
        """Build the neurons."""
        return self._inner.build(progress)

    def open(self, built: RankNetwork, exchange: ExchangePlan, comm: Comm) -> Backend:
        """Return the backend of both; collective."""
        neurons = self._inner.open(built, exchange, comm)
        return WithRegions(self._network, neurons, self._open_regions(comm), comm, self._feed)

    def _open_regions(self, comm: Comm) -> RegionStepper:
        regions, device, dt_ms = self._network.regions, self._device, self._network.dt_ms
        assert regions is not None
        if device is None:
            return RegionEngine(regions, dt_ms, comm, self.threads)
        from dtbsim.backends.cuda.region_engine import DeviceRegions

        return on_every_rank(comm, lambda: DeviceRegions(regions, dt_ms, comm, device))


class WithRegions:
    """A backend of neurons, of which it has everything else, and the regions beside it; see `Backend`."""

    def __init__(self, network: Network, neurons: Backend, regions: RegionStepper, comm: Comm, feed: Feed) -> None:
        self._neurons, self._feed, self._comm = neurons, feed, comm
        self._starts = network.gid_starts
        self._spikes: list[tuple[I64, NDArray[np.uint32]]] = []
        """Of the blocks of the chunk."""
        self._sampled = JoinedSamples(neurons.sampler)
        self.regions = regions
        self._region_s = 0.0

    def __getattr__(self, name: str) -> Any:
        """Everything that is about neurons alone."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._neurons, name)

    @property
    def limit_s(self) -> float | None:
        """Wall time after which a chunk may end early; blocks are too short for that."""
        return None if self.regions.hybrid else self._neurons.limit_s

    @limit_s.setter
    def limit_s(self, value: float | None) -> None:
        self._neurons.limit_s = None if self.regions.hybrid else value

    def compile(self) -> None:
        """Compile what is needed."""
        self._neurons.compile()
        self.regions.compile()

    def advance(self, start: int, stop: int) -> None:
        """Step both; collective."""
        if self.regions.hybrid:
            self._blocks(start, stop)
            return
        self._neurons.advance(start, stop)
        begin_s = time.perf_counter()
        self.regions.advance(start, self._neurons.reached)
        self._region_s += time.perf_counter() - begin_s

    def _blocks(self, start: int, stop: int) -> None:
        """Block by block: what regions give to neurons is known for a block, and what neurons give to regions."""
        self.regions.begin_chunk(start, stop)
        self._sampled.begin()
        while (step := self.regions.reached) < stop:
            end = self.regions.block_end(stop)
            begin_s = time.perf_counter()
            self._feed.start, self._feed.values = step, self.regions.step_block(end)
            self._region_s += time.perf_counter() - begin_s
            self._neurons.advance(step, end)
            steps, gids = self._neurons.collect()
            self._spikes.append((steps, gids))
            self._sampled.take_block()
            begin_s = time.perf_counter()
            self.regions.end_block(end, self._counts(step, end, steps, gids))
            self._region_s += time.perf_counter() - begin_s

    def _counts(self, start: int, stop: int, steps: I64, gids: NDArray[np.uint32]) -> I64:
        """int64[steps, populations]: spikes of all ranks."""
        n = self._starts.size - 1
        keys = (steps - start) * n + range_of(self._starts, gids)
        counts = np.bincount(keys, minlength=(stop - start) * n).reshape(stop - start, n).astype(np.int64)
        return counts if self._comm.size == 1 else self._comm.allreduce_sum(counts)

    def collect(self) -> tuple[I64, NDArray[np.uint32]]:
        """Spikes since the last call, in no particular order."""
        if not self.regions.hybrid:
            return self._neurons.collect()
        parts, self._spikes = self._spikes, []
        steps = np.concatenate([np.zeros(0, np.int64), *(part[0] for part in parts)])
        return steps, np.concatenate([np.zeros(0, np.uint32), *(part[1] for part in parts)])

    def count_spikes(self, unit_steps: int) -> None:
        """As the neurons do it; where chunks are many blocks, spikes are counted when they have been collected."""
        if not self.regions.hybrid:
            self._neurons.count_spikes(unit_steps)

    def counts(self) -> I64 | None:
        """int64[units, populations] of the chunk; None where its spikes are to be counted."""
        return None if self.regions.hybrid else self._neurons.counts()

    @property
    def sampler(self) -> Any:
        """Sampled states of the chunk."""
        return self._sampled if self.regions.hybrid else self._neurons.sampler

    def region_series(self) -> list[RegionSeries]:
        """What the last chunk has brought of the samples of regions."""
        return self.regions.series()

    def region_share(self, population: int) -> tuple[tuple[int, int], tuple[int, ...]]:
        """Nodes and members of this rank."""
        share = self.regions.share
        return share.nodes[population], share.members

    def region_parameter(self, population: int, name: str) -> NDArray[np.float64]:
        """Of this rank."""
        return self.regions.parameter(population, name)

    def set_region_parameter(self, population: int, name: str, values: NDArray[np.float64]) -> None:
        """Of this rank."""
        self.regions.set_parameter(population, name, values)

    def change_regions(self, change: RegionChange) -> None:
        """Make a change of regions."""
        self.regions.change(change)

    def set_region_drives(self, drives: Iterable[RegionDrive]) -> None:
        """Drive the regions like this from now on."""
        self.regions.set_drives(drives)

    def set_region_noise_seed(self, seed: int | None) -> None:
        """Draw the noise of regions from this seed on."""
        self.regions.set_noise_seed(seed)

    def region_values(self, population: int, name: str) -> NDArray[np.float64]:
        """Of this rank."""
        return self.regions.values(population, name)

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
