"""Configuration of the network: populations, projections, controllers, circuits; drives are in `drives`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from dtbsim.config.bounds import Number, Size
from dtbsim.config.controllers import ControllerOptions
from dtbsim.config.kinds import Kinds
from dtbsim.config.parts import (
    CONDUCTANCE,
    KIND,
    OFF_GRID,
    RECEPTOR,
    WEIGHT_KEYS,
    Names,
    OffGrid,
    Regions,
    RuleConfig,
    SpikeArrays,
    exactly_one_weight,
)
from dtbsim.config.positions import Positions
from dtbsim.config.region_names import names_neurons
from dtbsim.config.sources import Spreading
from dtbsim.config.synapses import Synapse
from dtbsim.config.values import (
    DrawnPairValue,
    Flag,
    ModelName,
    PerRegion,
    RegionValue,
    Strict,
    Value,
    kind_of_value,
)

Sizes = Annotated[Annotated[Size, Tag("number")] | PerRegion, kind_of_value]
TargetRates = Annotated[Annotated[Number, Field(gt=0), Tag("number")] | PerRegion, kind_of_value]

REGIONS = "regions of the atlas: all, left, right, a list of names, or {all_but: [names]}; default: not tied to regions"


class RegionNoise(Strict):
    """Noise of one state, or of one input, of a region model.

    `additive`: sigma dW; `multiplicative`: sigma x dW, as Ito has it; `ornstein_uhlenbeck`: a process with time
    constant `tau_ms` and standard deviation `sigma` is added to the drift, or to the input.
    """

    kind: Literal["additive", "multiplicative", "ornstein_uhlenbeck"] = Field(default="additive", description=KIND)
    sigma: RegionValue = Field(description="in units of the state per square root of a ms; of a process, per ms")
    tau_ms: Number | None = Field(default=None, gt=0, description="time constant of an Ornstein-Uhlenbeck process")

    @model_validator(mode="after")
    def _process(self) -> RegionNoise:
        if (self.kind == "ornstein_uhlenbeck") != (self.tau_ms is not None):
            raise ValueError("tau_ms belongs to ornstein_uhlenbeck, which needs it")
        return self


class Population(Strict):
    """A set of neurons of one model, or the mean-field nodes of a region model; one in every region of `regions`.

    `parameters` and `initial` are keyed by the model's own names (`dtbsim models show MODEL`), units in the names.
    """

    model: ModelName = Field(
        description="name of a neuron or region model (`dtbsim models list`), or FILE.py:CLASS, your own "
        "(docs/own_models.md); from Python also a class or instance"
    )
    size: Sizes | None = Field(
        default=None,
        description="neurons, in every region where `regions` is given; by region the nearest whole number, at least "
        "1; required, but not of a region model, which has one node in every region",
    )
    regions: Regions | None = Field(default=None, description=REGIONS)
    receptors: dict[str, Annotated[Number, Field(gt=0)]] | None = Field(
        default=None, description="models with any number of ports: port name -> tau_syn_ms, in order"
    )
    spikes_file: str | None = Field(
        default=None, description="models that emit listed spikes: .npz or .csv with `neuron` (from 0) and `time_ms`"
    )
    spikes: SpikeArrays | None = Field(
        default=None, description="the same written out; in Python `neuron` and `time_ms` may be numpy arrays"
    )
    off_grid_spikes: OffGrid = Field(default="error", description=OFF_GRID)
    positions: Positions | None = Field(
        default=None,
        description="where the neurons are, for rules that ask for it; default: at the centroid of their region",
    )
    parameters: dict[str, Value] = Field(default={}, description="model parameters; others keep their defaults")
    initial: dict[str, Value] = Field(default={}, description="state variables at time 0; others keep their defaults")
    integrator: Literal["euler", "heun", "rk4", "exponential"] | None = Field(
        default=None, description="scheme of a region model; default: the model's"
    )
    noise: dict[str, RegionNoise] = Field(
        default={}, description="noise of a region model by state, or by input as in_NAME; default: none"
    )

    @model_validator(mode="after")
    def _size_of_neurons(self) -> Population:
        if self.size is None and names_neurons(self.model):
            missing: InitErrorDetails = {"type": "missing", "loc": ("size",), "input": None}
            raise ValidationError.from_exception_data(type(self).__name__, [missing])
        return self

    @model_validator(mode="after")
    def _spikes_once(self) -> Population:
        if self.spikes is not None and self.spikes_file is not None:
            raise ValueError("give spikes or spikes_file, not both")
        return self


if TYPE_CHECKING:
    Rule = RuleConfig
else:
    Rule = Annotated[Any, Kinds("dtbsim.models.connections:CONNECTION_RULES")]


class TractDelay(Spreading):
    """Delay from the atlas's tract lengths: length / velocity, at least `minimum_ms` (default: one step).

    The nearest whole number of steps, halves up. With a spread every synapse has a delay of its own: length / velocity
    times a factor, or plus an addend, drawn again where it is below `minimum_ms`.
    """

    tract_velocity_m_per_s: Number = Field(gt=0, description="conduction velocity (m/s)")
    minimum_ms: Number | None = Field(default=None, gt=0, description="no delay is shorter; default: one step")


def _delay_kind(value: Any) -> str:
    if isinstance(value, TractDelay) or (isinstance(value, dict) and "tract_velocity_m_per_s" in value):
        return "tract"
    return "drawn"


Delay = Annotated[
    Annotated[DrawnPairValue, Tag("drawn")] | Annotated[TractDelay, Tag("tract")], Discriminator(_delay_kind)
]


class Projection(Strict):
    """Synapses from one population to another.

    `scope` says how regions pair up when both populations live in regions: `same_region` (region r to region r),
    `connectome` (between different regions, by the atlas's weights) or `all` (every region to every region, the
    region itself included). Exactly one of `weight_pA`, `weight_mV`, `weight_nS`, `weight` (dimensionless) is given:
    the one that the target's receptor port takes. `receptor` names a port, or maps ports to fractions of the weight.

    Lists as `source` or `target` mean a projection of its own for every pair, each by the same rule: with
    `fixed_indegree` every target neuron draws `indegree` sources from each of the populations. The projections are then
    named NAME.SOURCE, NAME.TARGET or, where both are lists, NAME.SOURCE.TARGET.

    With `scope: connectome` numbers and weights are those of the intact atlas: a region that the network leaves out
    takes its own connections with it and changes no others. With `connectome_scales: indegree`, the in-degree of
    `fixed_indegree` applies to the region of the atlas with the largest total weight s = sum_j w_ij, over all j of the
    atlas; region i's is scaled by sum_j w_ij / s, over the regions j of the source, which are drawn in proportion to
    w_ij. The total, probability or out-degree of the other rules applies to the pair of regions of the atlas with the
    largest weight, and is scaled by w_ij / max w for the others. With `connectome_scales: weight` the number does not
    follow w: sources are drawn uniformly over the connected regions of the source, an in-degree is scaled by their
    share of all regions of the atlas that project to region i, and the synaptic weight by w_ij / max w.
    `connectome_reference` stands for s or max w. With `spectral_radius`, the largest absolute eigenvalue of the atlas's
    weights, the same in-degree and weight mean the same on every atlas: a matrix of in-degrees whose spectral radius is
    `indegree`. `mean` is the mean total onto a region or, where s does not count, the mean weight of a connection. Give
    the number of the intact atlas where weights of the atlas itself were changed. `network.json` of a run says what it
    was.
    """

    source: str | Names = Field(description="population(s) the spikes come from (NAME, or CIRCUIT.POP of a circuit)")
    target: str | Names = Field(description="population(s) they go to (NAME, or CIRCUIT.POP of a circuit)")
    rule: Rule = Field(description="which neurons are connected")
    scope: Literal["same_region", "connectome", "all"] | None = Field(
        default=None, description="how regions pair up, see above"
    )
    connectome_scales: Literal["indegree", "weight"] = Field(
        default="indegree", description="what follows the atlas's weights with `scope: connectome`, see above"
    )
    connectome_reference: Annotated[Number, Field(gt=0)] | Literal["largest", "mean", "spectral_radius"] | None = Field(
        default=None,
        description="connectome weight that counts as 1 with `scope: connectome`, see above: a number, or the largest, "
        "the mean (with in-degrees: of the totals onto a region) or the spectral radius of the whole atlas; default: "
        "largest",
    )
    receptor: str | dict[str, Number] | None = Field(
        default=None, description=f"{RECEPTOR}; or port -> fraction of the weight"
    )
    weight_pA: DrawnPairValue | None = Field(default=None, description="weight of a current-based synapse")
    weight_mV: DrawnPairValue | None = Field(default=None, description="weight of a charge-based synapse")
    weight_nS: DrawnPairValue | None = Field(default=None, description=CONDUCTANCE)
    weight: DrawnPairValue | None = Field(default=None, description="weight of a dimensionless synapse")
    delay_ms: Delay | None = Field(
        default=None,
        description="from spike to effect: at least one step, at most simulation.max_delay_ms; with STDP all of it is "
        "dendritic: a target's spike meets the source's as if it came so much later; what is drawn counts as the "
        "nearest whole number of steps, halves up (`low` keeps a distribution from shorter ones); required unless the "
        "rule lists delays",
    )
    synapse: Synapse | None = Field(default=None, description="how synapses change with activity; default: static")
    procedural: Flag = Field(
        default=False,
        description="draw the synapses again at every spike instead of storing them: no memory for them, the same "
        "spikes; with fixed_outdegree, all_to_all and one_to_one",
    )

    def pairs(self, name: str) -> Iterator[tuple[str, str, str]]:
        """Yield name, source and target of each projection that this one, called `name`, means."""
        sources = [self.source] if isinstance(self.source, str) else self.source
        targets = [self.target] if isinstance(self.target, str) else self.target
        for source, target in itertools.product(sources, targets):
            ends = [end for end, given in ((source, self.source), (target, self.target)) if not isinstance(given, str)]
            yield ".".join([name, *ends]), source, target

    @model_validator(mode="after")
    def _weight_and_delay(self) -> Projection:
        lists = getattr(self.rule, "lists_values", False)
        if not lists or any(getattr(self, key) is not None for key in WEIGHT_KEYS):
            exactly_one_weight(self)
        if self.delay_ms is None and not lists:
            missing: InitErrorDetails = {"type": "missing", "loc": ("delay_ms",), "input": None}
            raise ValidationError.from_exception_data(type(self).__name__, [missing])
        return self


class HomeostaticStage(Strict):
    """One stage of the schedule: learning rate `eta` from `start_ms` on."""

    start_ms: Number = Field(ge=0, description="from here on, until the next stage")
    eta: Number = Field(ge=0, description="learning rate")


class HomeostaticTonic(ControllerOptions):
    """A slow tonic drive per region that holds the population's mean rate at a target.

    Every `interval_ms`: b_i -= gain * eta * clip((r_i - target) / target, -clip, clip), with r_i the rate of region
    i over the interval, in the unit of the model's `parameter`. With `average_from_ms` and `average_until_ms`, b is
    set to its mean over that time when it ends. `start` is the initial b, or `start_per_indegree` multiplies the
    region's connectome in-degree of projection `projection` (start = start_per_indegree * K_i).
    """

    population_key: ClassVar = "population"
    projection_key: ClassVar = "projection"
    parameter_key: ClassVar = "parameter"
    by_region: ClassVar = ("target_rate_hz", "start")
    on_grid: ClassVar = ("interval_ms", "average_from_ms", "average_until_ms")

    kind: Literal["homeostatic_tonic"] = Field(default="homeostatic_tonic", description=KIND)
    population: str = Field(description="population whose rate is held")
    parameter: str = Field(default="I_e_pA", description="parameter of its model that the drive is added to")
    target_rate_hz: TargetRates = Field(description="target rate")
    interval_ms: Number = Field(gt=0, description="time between two updates")
    gain: Number = Field(default=2.0, description="gain, in the unit of the parameter")
    clip: Number = Field(default=2.0, gt=0, description="largest relative error that counts")
    stages: list[HomeostaticStage] = Field(min_length=1, description="schedule of learning rates, in order of time")
    average_from_ms: Number | None = Field(default=None, ge=0, description="start of the average; default: none")
    average_until_ms: Number | None = Field(default=None, gt=0, description="end of the average; default: none")
    start: RegionValue = Field(default=0.0, description="initial value, in the unit of the parameter")
    start_per_indegree: Number = Field(default=0.0, description="initial value per long-range input")
    projection: str | None = Field(default=None, description="projection whose in-degree counts; default: none")

    @model_validator(mode="after")
    def _consistent(self) -> HomeostaticTonic:
        starts = [stage.start_ms for stage in self.stages]
        if any(later <= earlier for earlier, later in itertools.pairwise(starts)):
            raise ValueError(f"stages must start one after the other; got {', '.join(f'{t:g}' for t in starts)} ms")
        if (self.average_from_ms is None) != (self.average_until_ms is None):
            raise ValueError("average_from_ms and average_until_ms are given together, or neither")
        begin, end = self.average_from_ms, self.average_until_ms
        if begin is not None and end is not None and not begin < end:
            raise ValueError(f"average_from_ms ({begin:g}) must be before average_until_ms ({end:g})")
        if self.start_per_indegree and self.projection is None:
            raise ValueError("start_per_indegree needs `projection`, the one whose in-degree counts")
        return self

    def times(self) -> Iterator[tuple[tuple[str, ...], float | None]]:
        """Those of the schedule, too."""
        yield from super().times()
        for k, stage in enumerate(self.stages):
            yield ("stages", str(k), "start_ms"), stage.start_ms


class CircuitConfig(Strict):
    """Base of what configures a circuit; a class of it has `kind`, a Literal that is its default, too."""

    if TYPE_CHECKING:
        kind: Any

    POPULATIONS: ClassVar[tuple[str, ...]] = ()
    """Names of its populations; elsewhere they are called CIRCUIT.NAME."""
    delay_keys: ClassVar[tuple[str, ...]] = ()
    """Fields that are delays in ms: whole numbers of steps, and as long as delays may be."""

    def population_names(self) -> tuple[str, ...]:
        """Return the names of its populations, where they depend on other fields."""
        return self.POPULATIONS


CIRCUIT_KINDS = Kinds("dtbsim.models.circuits:CIRCUITS")
if TYPE_CHECKING:
    Circuit = CircuitConfig
else:
    Circuit = Annotated[Any, CIRCUIT_KINDS]
