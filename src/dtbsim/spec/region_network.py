"""The compiled network of mean-field regions: nodes, their numbers, and what couples them.

A node is a region population in one region; nodes of a population are contiguous, populations follow one another in the
order of the configuration. Numbers are float64[members or 1, nodes]: one row where all members of the ensemble have the
same. Times are in steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dtbsim.models.drives.waveforms import Noise as DriveNoise
    from dtbsim.models.drives.waveforms import Wave, Windows
    from dtbsim.models.region_model import RegionModel

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
FunctionKind = Literal["linear", "scaling", "difference", "sigmoidal", "hyperbolic_tangent", "jansen_rit", "kuramoto"]
NoiseKind = Literal["additive", "multiplicative", "ornstein_uhlenbeck"]


@dataclass(frozen=True, eq=False)
class Noise:
    """Noise of one state: `sigma` float64[members or 1, nodes], `tau_ms` of a process."""

    state: str
    kind: NoiseKind
    sigma: F64
    tau_ms: float | None


@dataclass(frozen=True, eq=False)
class RegionPopulation:
    """Nodes of one model; `parameters` and `initial` hold what is given, others keep the model's defaults."""

    name: str
    index: int
    model: RegionModel
    integrator: str
    regions: NDArray[np.int32]
    """Region of the atlas of each node; [-1]: one node, in none."""
    node_names: tuple[str, ...]
    first_node: int
    parameters: Mapping[str, F64]
    initial: Mapping[str, F64]
    noise: tuple[Noise, ...]
    key_path: str
    controlled: frozenset[str] = frozenset()
    """Parameters that change during the run."""

    @property
    def n_nodes(self) -> int:
        """How many they are."""
        return int(self.regions.size)


@dataclass(frozen=True, eq=False)
class Wiring:
    """Entries of a coupling by ascending target, then source: weights float32[e], delays int32[e] in steps."""

    starts: I64
    """int64[targets + 1]"""
    sources: NDArray[np.int32]
    weights: F32
    delays: NDArray[np.int32]

    @property
    def shortest(self) -> int:
        """The shortest delay; a large number without entries."""
        return int(self.delays.min(initial=2**30))

    @property
    def longest(self) -> int:
        """The longest delay, 0 without entries."""
        return int(self.delays.max(initial=0))

    def same(self, other: Wiring) -> bool:
        """Whether they are equal."""
        names = "starts", "sources", "weights", "delays"
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)


@dataclass(frozen=True, eq=False)
class RegionCoupling:
    """Input of a population from another; `strength` float64[members or 1, targets], of the function float64[members].

    `wirings` are the different ones of all members, `wiring_of` int64[members] which of them a member has.
    """

    name: str
    index: int
    source: int
    target: int
    variable: str
    input: str
    function: FunctionKind
    numbers: Mapping[str, F64]
    strength: F64
    wirings: tuple[Wiring, ...]
    wiring_of: I64
    key_path: str


@dataclass(frozen=True, eq=False)
class FromSpikes:
    """Input of a region population from the mean rate (Hz) of a spiking one, low-pass filtered with `tau_ms`.

    `populations` are those of the neurons, in the order of `Wiring.sources`, of `sizes` neurons.
    """

    coupling: RegionCoupling
    populations: NDArray[np.int64]
    sizes: I64
    tau_ms: float


@dataclass(frozen=True, eq=False)
class ToSpikes:
    """What a region population gives to a spiking one: the drive `drive` follows it, target by target.

    The target of `coupling` is -1; rows of its wiring are the neurons' populations `populations`.
    """

    coupling: RegionCoupling
    populations: NDArray[np.int64]
    drive: str
    regions: NDArray[np.int32]
    """Of the neurons' populations."""


STIMULUS = "I_stim"
"""Name of the input current, beside those of a model's inputs."""


@dataclass(frozen=True, eq=False)
class DrivePart:
    """What a drive gives to some regions: a course in time, noise around it, and when it is on."""

    windows: Windows
    wave: Wave
    noise: DriveNoise | None


@dataclass(frozen=True, eq=False)
class RegionDrive:
    """A drive on an input of a population; `which` int64[members or 1, nodes] is the part that a node gets, -1: none.

    It draws by `index`, the same numbers for all nodes where it is `shared`.
    """

    name: str
    index: int
    population: int
    input: str
    parts: tuple[DrivePart, ...]
    which: I64
    shared: bool
    key_path: str


@dataclass(frozen=True, eq=False)
class RegionChange:
    """New values from `step` on, of a parameter or a state of a population, or the strength of a coupling.

    `target` is the index of the population, or the key path of the coupling; `values` float64[members or 1, nodes or 1]
    are those of the nodes in `chosen` (bool[members or 1, nodes or 1]) of `members` (None: all).
    """

    step: int
    what: Literal["parameter", "state", "strength"]
    target: int | str
    name: str
    values: F64
    chosen: NDArray[np.bool_]
    members: tuple[int, ...] | None
    key_path: str


BOLD = ".bold"
"""Who asks for what BOLD needs: no entry of `signals` can have this name."""


@dataclass(frozen=True, eq=False)
class RegionSample:
    """Variables of a population that are sampled: at the end of every `interval`-th step, or their mean over these.

    `owner` is who asks: the index in record.states, or the name of a signal.
    """

    owner: int | str
    population: int
    variables: tuple[str, ...]
    interval: int
    mean: bool = False


@dataclass(frozen=True, eq=False)
class Members:
    """The members of an ensemble: seeds, and what differs between them as coordinates of results, by name."""

    seeds: tuple[int, ...]
    coordinates: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """How many they are."""
        return len(self.seeds)


@dataclass(frozen=True, eq=False, repr=False)
class RegionNetwork:
    """All region populations, their couplings, and the members of the ensemble (one without)."""

    populations: tuple[RegionPopulation, ...]
    couplings: tuple[RegionCoupling, ...]
    members: Members
    samples: tuple[RegionSample, ...] = ()
    from_spikes: tuple[FromSpikes, ...] = ()
    to_spikes: tuple[ToSpikes, ...] = ()
    drives: tuple[RegionDrive, ...] = ()
    changes: tuple[RegionChange, ...] = ()
    """In the order in which they are made."""

    @property
    def n_nodes(self) -> int:
        """Nodes of all populations."""
        return sum(population.n_nodes for population in self.populations)

    @property
    def every_coupling(self) -> tuple[RegionCoupling, ...]:
        """Couplings between regions, from neurons, and to neurons."""
        return (
            *self.couplings,
            *(one.coupling for one in self.from_spikes),
            *(one.coupling for one in self.to_spikes),
        )

    @property
    def longest_delay(self) -> int:
        """The longest delay of any coupling, in steps."""
        return max((wiring.longest for coupling in self.every_coupling for wiring in coupling.wirings), default=0)

    @property
    def shortest_block(self) -> int:
        """Steps of a block: the shortest delay of any coupling, and one more; a large number without any."""
        outer = [one.coupling for one in self.from_spikes] + [one.coupling for one in self.to_spikes]
        used = [w for coupling in (*self.couplings, *outer) for w in coupling.wirings if w.weights.size]
        return min((wiring.shortest + 1 for wiring in used), default=2**30)

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {population.name: population.index for population in self.populations}

    def index(self, name: str) -> int | None:
        """The index of the population called `name`, None where it is none of regions."""
        return self._indices.get(name)
