"""A network without neurons: the plan of a rank, and a backend that steps nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.backends.parameters import Chosen, NewValues
from dtbsim.backends.planned import Progress
from dtbsim.backends.plastic import PlasticWeights
from dtbsim.backends.regions.series import RegionSeries
from dtbsim.backends.regions.state_hash import RegionHasher
from dtbsim.backends.sampling import Sampled
from dtbsim.backends.state import State, Values, step_of
from dtbsim.backends.weights import RecordedWeights
from dtbsim.build.blocks import Blocks
from dtbsim.build.candidates import Candidates
from dtbsim.build.listed import ListedOnRank
from dtbsim.build.memory import MemoryPlan
from dtbsim.build.rank import RankNetwork, RankPlan
from dtbsim.errors import InputError
from dtbsim.exchange.plan import ExchangePlan
from dtbsim.kernels.sources import RANGE_FIELDS
from dtbsim.mpi import Comm
from dtbsim.partition import BlockTable
from dtbsim.spec.distributions import Table
from dtbsim.spec.network import Drive, Network
from dtbsim.spec.region_network import RegionChange, RegionDrive

I64 = NDArray[np.int64]


def _none() -> I64:
    return np.zeros(0, np.int64)


def no_blocks() -> BlockTable:
    """The blocks of no neurons."""
    int32 = np.zeros(0, np.int32)
    return BlockTable(n_neurons=_none(), work=np.zeros(0), region=int32, population=int32, gid0=_none(), xyz_mm=None)


class NoNeuronsPlan:
    """The plan of one rank; see `BackendPlan`."""

    exchange = "none"
    notes: list[str] = []  # noqa: RUF012 - there is nothing to say
    device_bytes = 0

    def __init__(self, network: Network, threads: int) -> None:
        self.threads = threads
        int32, table = np.zeros(0, np.int32), no_blocks()
        blocks = Blocks(_none(), _none(), _none(), int32)
        candidates = Candidates(_none(), np.zeros((0, RANGE_FIELDS), np.int64), int32, 0, ListedOnRank.nothing())
        memory = MemoryPlan(0, 0, 0, 0)
        self.layout = RankPlan(network, [], table, blocks, [], candidates, 32, 0, memory)

    def check_memory(self, comm: Comm) -> None:
        """Nothing: there is no memory but the host's."""

    def build(self, progress: Progress = None) -> RankNetwork:
        """Return a rank with nothing in it."""
        plan = self.layout
        return RankNetwork(plan.network, [], plan.blocks, plan.table, [], plan.candidates, plan.memory)

    def open(self, built: RankNetwork, exchange: ExchangePlan, comm: Comm) -> Backend:
        """Return a backend that steps nothing."""
        return NoNeurons(self.threads)


class _NothingSampled:
    """The sampler of no neurons."""

    records: list[Sampled] = []  # noqa: RUF012 - there are none

    def take(self, record: int) -> tuple[I64, NDArray[np.float32]]:
        """There is no record."""
        raise IndexError(record)


class NoNeurons:
    """Steps nothing; see `Backend`."""

    name = "cpu"
    plan: str | None = None
    limit_s: float | None = None
    weights: Sequence[RecordedWeights] = ()
    weights_set: Mapping[int, Table] = {}

    def __init__(self, n_threads: int) -> None:
        self.n_threads, self.reached = n_threads, 0
        self.sampler: Any = _NothingSampled()

    def compile(self) -> None:
        """Nothing."""

    def advance(self, start: int, stop: int) -> None:
        """Be there."""
        self.reached = stop

    def collect(self) -> tuple[I64, NDArray[np.uint32]]:
        """Return no spikes."""
        return _none(), np.zeros(0, np.uint32)

    def count_spikes(self, unit_steps: int) -> None:
        """Nothing."""

    def counts(self) -> I64 | None:
        """Not counted."""
        return None

    def region_series(self) -> Sequence[RegionSeries]:
        """None."""
        return ()

    def region_share(self, population: int) -> tuple[tuple[int, int], tuple[int, ...]]:
        """There are no regions."""
        raise IndexError(population)

    def region_parameter(self, population: int, name: str) -> NDArray[np.float64]:
        """There are no regions."""
        raise IndexError(population)

    def set_region_parameter(self, population: int, name: str, values: NDArray[np.float64]) -> None:
        """There are no regions."""
        raise IndexError(population)

    def change_regions(self, change: RegionChange) -> None:
        """There are no regions."""
        raise IndexError(change.target)

    def set_region_drives(self, drives: Iterable[RegionDrive]) -> None:
        """Nothing: there are no regions."""

    def set_region_noise_seed(self, seed: int | None) -> None:
        """Nothing: there are no regions."""

    def region_values(self, population: int, name: str) -> NDArray[np.float64]:
        """There are no regions."""
        raise IndexError(population)

    def region_hash(self) -> RegionHasher | None:
        """None."""
        return None

    def check_finite(self, start: int, stop: int) -> None:
        """Nothing."""

    def set_parameter(self, family_index: int, parameter: str, values: NDArray[np.float64]) -> None:
        """There are no neurons."""
        raise self._error()

    def change_parameter(self, family_index: int, parameter: str, chosen: Chosen, values: NewValues) -> None:
        """There are no neurons."""
        raise self._error()

    def set_state(self, family_index: int, state: str, chosen: Chosen, values: NewValues) -> None:
        """There are no neurons."""
        raise self._error()

    def check_set_weights(self) -> None:
        """There are no synapses."""
        raise self._error()

    def set_weights(self, weights: Mapping[int, Table]) -> None:
        """There are no synapses."""
        raise self._error()

    def set_plastic_weights(self, projection: int, weight: Table | None, factor: float) -> None:
        """There are no synapses."""
        raise self._error()

    def neuron_values(self, family_index: int, name: str) -> tuple[I64, NDArray[np.float64]]:
        """There are no neurons."""
        raise self._error()

    def set_drives(self, drives: Iterable[Drive]) -> None:
        """Nothing."""

    def set_noise_seed(self, seed: int) -> None:
        """Nothing that neurons draw."""

    def plastic_weights(self, projection: int) -> PlasticWeights:
        """There are no synapses."""
        raise self._error()

    def state(self) -> Values:
        """The step alone."""
        return {"step": np.array([self.reached], np.int64)}

    def load(self, state: State) -> None:
        """Go on from there."""
        self.reached = step_of(state)

    def events(self) -> int:
        """None."""
        return 0

    def dynamic_bytes(self) -> int:
        """None."""
        return 0

    def stage_seconds(self) -> dict[str, float]:
        """None."""
        return {}

    def close(self) -> None:
        """Nothing."""

    @staticmethod
    def _error() -> InputError:
        return InputError("this network has no neurons", remedy="its regions are mean fields")
