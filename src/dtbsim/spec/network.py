"""The compiled network: populations, projections and drives as arrays of plain numbers, independent of ranks.

Global ids (gids) number all neurons: populations are contiguous gid ranges in list order. A family (`E`) that lives
in regions gives one population per region (`E@Precentral_L`). Everything here is a pure function of configuration and
seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dtbsim.clock import nearest_steps
from dtbsim.config.bounds import MAX_DELAY_STEPS as MAX_DELAY_STEPS
from dtbsim.config.bounds import MAX_NEURONS as MAX_NEURONS
from dtbsim.models import NeuronModel
from dtbsim.models.connections import ConnectionRule, Listing
from dtbsim.models.drives.inputs import Trains
from dtbsim.models.drives.waveforms import Noise, Rate, Wave, Windows
from dtbsim.models.synapses import SynapseModel
from dtbsim.numerics.gids import gid_bits, gid_dtype
from dtbsim.numerics.rings import ring_steps
from dtbsim.spec.changes import NeuronChange, WeightChange
from dtbsim.spec.degrees import Degrees
from dtbsim.spec.delays import DelaySpread
from dtbsim.spec.distributions import Table
from dtbsim.spec.drive_rates import OwnMeans
from dtbsim.spec.numbers import Quantity
from dtbsim.spec.records import Execution, Records, Request
from dtbsim.spec.region_network import RegionNetwork
from dtbsim.spec.resolution import Resolution
from dtbsim.spec.samples import StateRequest
from dtbsim.spec.synapses import Dynamics

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas
    from dtbsim.spec.entries import Entries


@dataclass(frozen=True)
class Channel:
    """One input sum per neuron: its weight quantum and the inputs of the model that it feeds, {input: factor}."""

    mix: tuple[tuple[int, float], ...]
    quantum: float
    max_weight: int
    """Largest |weight| in quanta that any synapse or drive of this channel begins with."""
    max_plastic: int = 0
    """Largest |weight| in quanta that any plastic synapse of this channel can reach."""
    group: int = 0
    """Channels of one group have one quantum; but for inputs that are only recorded they count as one channel."""


@dataclass(frozen=True, eq=False)
class Family:
    """Populations of one model and one set of input channels; `parameters` and `initial` as in `spec.numbers`."""

    name: str
    declared: NeuronModel
    """The model that the configuration names; parameters, states and ports are called as there."""
    model: NeuronModel
    """The form of it that steps the neurons."""
    parameters: dict[str, Quantity]
    initial: dict[str, Quantity]
    channels: tuple[Channel, ...]
    populations: NDArray[np.int32]
    controlled: frozenset[str]
    """Parameters that change during the run."""
    has_current: bool
    """Whether some drive injects a current."""
    key_path: str


@dataclass(frozen=True)
class Population:
    """A contiguous range of gids: neurons of one family in one region (region index -1: none)."""

    name: str
    family: int
    region: int
    gid0: int
    size: int


@dataclass(frozen=True, eq=False)
class Projection:
    """Synapses from one family to another, piece by piece.

    A piece is one target population with its pool of source entries [entry_start, entry_stop). `number` is what the
    rule counts (`ConnectionRule.number_of`): per piece an in-degree; per entry a total, probability or out-degree, or
    the expected synapses of a rule that lists them.
    `cumulative` (uint32) selects an entry of the pool when it has several: the first with word <= cumulative.
    `weight_factor` scales the drawn weight per entry; `delay_steps` is the delay of an entry, or its mean, and 0
    where all draw theirs from `delay`.
    """

    name: str
    index: int
    source_family: int
    target_family: int
    rule: ConnectionRule
    autapses: bool
    multapses: bool
    channel: int
    weight: Table
    delay: Table | None
    """In ms; None: every entry has its own."""
    piece_target: NDArray[np.int32]
    piece_number: NDArray[np.int64]
    entry_start: NDArray[np.int64]
    entry_source: NDArray[np.int32]
    entry_number: NDArray[np.float64]
    entry_cumulative: NDArray[np.uint32]
    weight_factor: NDArray[np.float64]
    delay_steps: NDArray[np.int32]
    key_path: str
    scope: str = "all"
    dynamics: Dynamics | None = None
    """None: static synapses."""
    modulators: tuple[int, ...] = ()
    """Populations whose spikes change the synapses from outside: they release dopamine."""
    procedural: bool = False
    """Synapses are drawn again at every spike instead of being stored."""
    reference: float | None = None
    """What connectome weights are divided by; None: they do not count."""
    listing: Listing | None = None
    """The synapses, of a rule that lists them itself."""
    lists_weights: bool = False
    """Whether the weights are those that the listing gives."""
    weight_unit: float = 1.0
    """What weights of the configuration are multiplied by, for all pairs alike."""
    spread: DelaySpread | None = None
    """How delays spread around the mean of every entry, with `delay` None."""
    degrees: Degrees | None = None
    """In-degrees that differ between the targets of a piece, of which `piece_number` is then the mean."""
    receptors: dict[str, float] | None = None
    """Ports that the configuration names, with their factors; None: the sign of the weight chooses."""

    @property
    def own_delay(self) -> NDArray[np.int64]:
        """int64[e]: what the loops that draw delays read of every entry."""
        return self.delay_steps.astype(np.int64) if self.spread is None else self.spread.packed

    @property
    def tables(self) -> list[Table]:
        """What weights and delays are drawn from."""
        used = (self.weight, self.delay, None if self.spread is None else self.spread.table)
        return [table for table in used if table is not None and not table.constant]

    @property
    def delay_bounds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Smallest and largest delay of every entry in steps, where `delay` is None."""
        own = self.delay_steps.astype(np.int64)
        return (own, own) if self.spread is None else (self.spread.shortest, self.spread.longest)

    def entries(self, piece: int) -> slice:
        """The pool of a piece."""
        return slice(int(self.entry_start[piece]), int(self.entry_start[piece + 1]))

    def delay_range(self, dt_ms: float) -> tuple[int, int]:
        """Smallest and largest delay in steps of any entry; (1, 1) without entries."""
        if not self.entry_source.size:
            return 1, 1
        if self.delay is None:
            shortest, longest = self.delay_bounds
            return int(shortest.min()), int(longest.max())
        low, high = np.maximum(nearest_steps([self.delay.low, self.delay.high], dt_ms), 1).tolist()
        return low, high


@dataclass(frozen=True, eq=False)
class Drive:
    """Input from outside to one population, while its `windows` are open. Times in steps.

    kind `poisson`: `mean` events per step, or what `rate` gives, of `weight` quanta into `channel`; `current`: what
    `wave` gives; `noise`: `noise` around `wave`; `events`: listed (step, neuron), int64[n, 2], each of `weight` quanta;
    `trains`: spikes of `weight` quanta that `trains` draws as the run goes on.
    `neurons` are the indices, ascending, that receive it; None: all. With `shared` all of its targets, in all
    populations, get the same. `own_means` gives every neuron a mean of its own, of which `mean` is the largest.
    """

    kind: Literal["poisson", "current", "noise", "events", "trains"]
    name: str
    index: int
    population: int
    windows: Windows
    neurons: NDArray[np.int64] | None = None
    shared: bool = False
    channel: int = -1
    weight: int = 0
    mean: float = 0.0
    own_means: OwnMeans | None = None
    rate: Rate | None = None
    wave: Wave | None = None
    noise: Noise | None = None
    events: NDArray[np.int64] | None = None
    trains: Trains | None = None
    key_path: str = ""

    @property
    def start(self) -> int:
        """The first step at which it is on."""
        return self.windows.start

    @property
    def stop(self) -> int:
        """The step from which on it is off for good."""
        return self.windows.stop

    def waveform(self, steps: NDArray[np.int64], dt_ms: float) -> NDArray[np.float32]:
        """The current at the given steps (their left ends), float32, zero where the drive is off."""
        assert self.wave is not None
        value = self.wave.values(steps, dt_ms)
        value[~self.windows.contain(steps)] = 0.0
        return value.astype(np.float32)

    def noise_waveform(self, steps: NDArray[np.int64], dt_ms: float) -> NDArray[np.float32]:
        """Mean and standard deviation at the given steps, float32[n, 2], zero where the drive is off."""
        assert self.noise is not None
        sd = self.noise.sd.values(steps, dt_ms)
        sd[~self.windows.contain(steps)] = 0.0
        return np.stack([self.waveform(steps, dt_ms), sd.astype(np.float32)], axis=1)

    def local(self, first: int, size: int) -> NDArray[np.int64] | None:
        """Which of the neurons `first` to before `first + size` receive it, counted from `first`; None: all of them."""
        if self.neurons is None:
            return None
        low, high = np.searchsorted(self.neurons, [first, first + size])
        return None if high - low == size else self.neurons[low:high] - first


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """Everything that the simulation depends on, together with the seed; nothing after it reads the configuration."""

    name: str
    dt_ms: float
    n_steps: int
    seed: int
    block_size: int
    families: tuple[Family, ...]
    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    drives: tuple[Drive, ...]
    records: Records
    """What is recorded, in steps and indices."""
    execution: Execution
    """How the work is divided and stepped, which no spike depends on."""
    signals: tuple[Request, ...] = ()
    """Entries of `signals`, in their order."""
    controllers: tuple[Request, ...] = ()
    """Entries of `controllers`, in their order."""
    region_names: tuple[str, ...] = ()
    atlas: Atlas | None = None
    atlas_given: str | None = None
    """Name or path of the atlas, as the configuration has it."""
    notes: tuple[str, ...] = ()
    """What belongs into the log once: what was rounded."""
    warnings: tuple[str, ...] = ()
    """What the user should know of the network."""
    resolutions: tuple[Resolution, ...] = ()
    """How finely the input of each population keeps its weights."""
    changes: tuple[NeuronChange, ...] = ()
    """What changes in neurons at given steps, in the order in which it is done."""
    samples: tuple[StateRequest, ...] = ()
    """Which states are sampled, for record.states and for signals."""
    by_region: dict[tuple[str, str], NDArray[np.float64]] = field(default_factory=dict)
    """Numbers of controllers that may differ between regions, by (controller, key): one for each of its population."""
    weight_changes: tuple[WeightChange, ...] = ()
    """What static synapses weigh from given steps on, ascending."""
    noise_seeds: tuple[tuple[int, int], ...] = ()
    """(step, seed): from which step on what is drawn while the network runs is drawn from which seed, ascending."""
    emitted: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    """Source populations: population index -> int64[n, 2] (step, neuron), ascending."""
    regions: RegionNetwork | None = None
    """Mean-field regions; None without any."""

    def noise_seed_given(self, step: int) -> int | None:
        """The seed of what is drawn in a step, where a change has given one."""
        return next((seed for start, seed in reversed(self.noise_seeds) if start <= step), None)

    def noise_seed_at(self, step: int) -> int:
        """The seed of what is drawn in a step."""
        given = self.noise_seed_given(step)
        return self.seed if given is None else given

    def __repr__(self) -> str:
        return (
            f"<Network {self.name}: {self.n_neurons:,} neurons in {len(self.populations):,} populations, "
            f"{len(self.projections):,} projections, {self.n_steps:,} steps of {self.dt_ms:g} ms>"
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows: sizes, families of populations, projections."""
        from dtbsim.spec.overview import overview_html

        return overview_html(self)

    @property
    def n_neurons(self) -> int:
        """All neurons; 0 where all populations are of mean-field regions."""
        last = self.populations[-1] if self.populations else None
        return 0 if last is None else last.gid0 + last.size

    @property
    def gid_bits(self) -> int:
        """Bits of a gid in the entries of spikes, step << gid_bits | gid."""
        return gid_bits(self.n_neurons)

    @property
    def gid_dtype(self) -> type[np.uint32] | type[np.int64]:
        """What gids are stored as."""
        return gid_dtype(self.n_neurons)

    @cached_property
    def gid_starts(self) -> NDArray[np.int64]:
        """int64[n_populations + 1], read-only: first gid of each population, then the number of neurons."""
        return _read_only([population.gid0 for population in self.populations] + [self.n_neurons])

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """int64[n_populations], read-only: neurons of each population."""
        return _read_only([population.size for population in self.populations])

    @cached_property
    def max_delay_steps(self) -> int:
        """Upper bound of all delays, at least 1."""
        bounds = [projection.delay_range(self.dt_ms)[1] for projection in self.projections]
        return max(bounds, default=1)

    @property
    def ring_steps(self) -> int:
        """Steps of the rings that hold what is in transit."""
        return ring_steps(self.max_delay_steps)

    @cached_property
    def entries(self) -> Entries:
        """Every pool entry of every projection."""
        from dtbsim.spec.entries import entries_of

        return entries_of(self)

    def prefetch(self) -> None:
        """Compute now what is kept with the network, for all who get a copy of it."""
        for _ in (self.gid_starts, self.sizes, self.max_delay_steps, self.entries):
            pass

    @cached_property
    def synapse_models(self) -> list[SynapseModel]:
        """The different models of synapses that change, in the order of the projections."""
        return list(dict.fromkeys(p.dynamics.model for p in self.projections if p.dynamics is not None))

    @cached_property
    def _family_indices(self) -> dict[str, int]:
        return {family.name: index for index, family in enumerate(self.families)}

    def family_index(self, name: str) -> int:
        """Index of the family called `name`."""
        return self._family_indices[name]

    @cached_property
    def _projections_by_name(self) -> dict[str, Projection]:
        return {projection.name: projection for projection in self.projections}

    def projection(self, name: str) -> Projection:
        """The projection called `name`."""
        return self._projections_by_name[name]

    def population_names(self) -> list[str]:
        """Names in gid order."""
        return [population.name for population in self.populations]


def with_weights(network: Network, weights: Mapping[int, Table]) -> Network:
    """Return the network with other weights of some projections, by their index."""
    projections = [
        replace(projection, weight=weights[projection.index]) if projection.index in weights else projection
        for projection in network.projections
    ]
    return replace(network, projections=tuple(projections))


def _read_only(values: list[int]) -> NDArray[np.int64]:
    array = np.array(values, dtype=np.int64)
    array.flags.writeable = False
    return array
