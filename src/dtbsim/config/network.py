"""Configuration of the network: populations, projections, drives, controllers, circuits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from dtbsim.config.values import DrawnValue, Strict, Value

Regions = Literal["all", "left", "right"] | list[str]


class Population(Strict):
    """A set of neurons of one model; with `regions`, one such set in every named region of the atlas.

    `parameters` and `initial` are keyed by the model's own names (`dtbsim models show MODEL`), units in the names.
    """

    model: str
    size: int = Field(ge=1, le=2**32 - 1)
    regions: Regions | None = None
    receptors: dict[str, float] | None = Field(
        default=None, description="models with any number of ports: port name -> tau_syn_ms, in order"
    )
    parameters: dict[str, Value] = {}
    initial: dict[str, Value] = {}


class FixedIndegree(Strict):
    """Every target neuron draws `indegree` sources; with `scope: connectome` see `Projection`."""

    kind: Literal["fixed_indegree"]
    indegree: int = Field(ge=0)
    autapses: bool = True
    multapses: bool = True


class FixedTotalNumber(Strict):
    """`total` synapses per (source, target) population pair, both ends drawn uniformly; multapses occur."""

    kind: Literal["fixed_total_number"]
    total: int = Field(ge=0)
    autapses: bool = True
    multapses: Literal[True] = True


class PairwiseBernoulli(Strict):
    """Every (source, target) pair is connected with probability `probability`, once."""

    kind: Literal["pairwise_bernoulli"]
    probability: float = Field(ge=0, le=1)
    autapses: bool = True


class AllToAll(Strict):
    """Every source to every target."""

    kind: Literal["all_to_all"]
    autapses: bool = True


class OneToOne(Strict):
    """Source i to target i; both populations must have the same size."""

    kind: Literal["one_to_one"]


Rule = Annotated[
    FixedIndegree | FixedTotalNumber | PairwiseBernoulli | AllToAll | OneToOne, Field(discriminator="kind")
]


class TractDelay(Strict):
    """Delay from the atlas's tract lengths: length / velocity, at least `minimum_ms` (default: one step)."""

    tract_velocity_m_per_s: float = Field(gt=0)
    minimum_ms: float | None = Field(default=None, gt=0)


def _delay_kind(value: Any) -> str:
    if isinstance(value, TractDelay) or (isinstance(value, dict) and "tract_velocity_m_per_s" in value):
        return "tract"
    return "drawn"


Delay = Annotated[
    Annotated[DrawnValue, Tag("drawn")] | Annotated[TractDelay, Tag("tract")], Discriminator(_delay_kind)
]


class Projection(Strict):
    """Synapses from one population to another.

    `scope` says how regions pair up when both populations live in regions: `same_region` (region r to region r),
    `connectome` (between different regions, by the atlas's weights) or `all` (every region to every region, the
    region itself included). Exactly one of `weight_pA`, `weight_mV`, `weight_nS`, `weight` (dimensionless) is given:
    the one that the target's receptor port takes. `receptor` names a port, or maps ports to fractions of the weight.

    With `scope: connectome`, the rule's number applies to the target region with the largest total weight;
    region i's is scaled by sum_j w_ij / max_i sum_j w_ij and its sources are drawn from the regions j in proportion
    to w_ij (`connectome_scales: indegree`), or every region keeps the number, sources are drawn uniformly over the
    connected regions, and the synaptic weight is scaled by w_ij / max w (`connectome_scales: weight`).
    """

    source: str
    target: str
    rule: Rule
    scope: Literal["same_region", "connectome", "all"] | None = None
    connectome_scales: Literal["indegree", "weight"] = "indegree"
    receptor: str | dict[str, float] | None = None
    weight_pA: DrawnValue | None = None
    weight_mV: DrawnValue | None = None
    weight_nS: DrawnValue | None = None
    weight: DrawnValue | None = None
    delay_ms: Delay

    @model_validator(mode="after")
    def _one_weight(self) -> Projection:
        given = [key for key in ("weight_pA", "weight_mV", "weight_nS", "weight") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of weight_pA, weight_mV, weight_nS, weight; got {', '.join(given) or 'none'}"
            )
        return self


class Windowed(Strict):
    """Common to drives: targets and the window in which the drive is on."""

    target: str | list[str]
    start_ms: float = Field(default=0.0, ge=0)
    stop_ms: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Windowed:
        if self.stop_ms is not None and not self.start_ms < self.stop_ms:
            raise ValueError(f"start_ms ({self.start_ms:g}) must be before stop_ms ({self.stop_ms:g})")
        return self


class PoissonDrive(Windowed):
    """An independent Poisson spike train into every target neuron; `rate_hz` may follow an atlas map."""

    kind: Literal["poisson"]
    receptor: str | None = None
    rate_hz: Value
    weight_pA: float | None = None
    weight_mV: float | None = None
    weight_nS: float | None = None
    weight: float | None = None

    @model_validator(mode="after")
    def _one_weight(self) -> PoissonDrive:
        given = [key for key in ("weight_pA", "weight_mV", "weight_nS", "weight") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of weight_pA, weight_mV, weight_nS, weight; got {', '.join(given) or 'none'}"
            )
        return self


class DCDrive(Windowed):
    """A constant current (the unit of the model's current input: pA, or mV for charge-based models)."""

    kind: Literal["dc"]
    amplitude: float


class SinusoidalDrive(Windowed):
    """offset + amplitude * sin(2 pi f t + phase) as an input current."""

    kind: Literal["sinusoidal"]
    amplitude: float
    frequency_hz: float = Field(gt=0)
    phase_deg: float = 0.0
    offset: float = 0.0


class SpikeTrainDrive(Windowed):
    """Spike trains from a file into the target neurons through a receptor port.

    The file (.npz with arrays `neuron`, `time_ms`; or .csv with these columns) numbers the target's neurons from 0.
    A spike at time t reaches its neuron at the step that ends at t + one step, as from a device connected with
    a delay of one step.
    """

    kind: Literal["spike_trains"]
    file: str
    receptor: str | None = None
    weight_pA: float | None = None
    weight_mV: float | None = None
    weight_nS: float | None = None
    weight: float | None = None


Drive = Annotated[PoissonDrive | DCDrive | SinusoidalDrive | SpikeTrainDrive, Field(discriminator="kind")]


class HomeostaticStage(Strict):
    """One stage of the schedule: learning rate `eta` from `start_ms` on."""

    start_ms: float = Field(ge=0)
    eta: float = Field(ge=0)


class HomeostaticTonic(Strict):
    """A slow tonic drive per region that holds the population's mean rate at a target.

    Every `interval_ms`: b_i -= gain * eta * clip((r_i - target) / target, -clip, clip), with r_i the rate of region
    i over the interval, in the unit of the model's `parameter`. With `average_from_ms` and `average_until_ms`, b is
    set to its mean over that time when it ends. `start` is the initial b, or `start_per_indegree` multiplies the
    region's connectome in-degree of projection `projection` (start = start_per_indegree * K_i).
    """

    kind: Literal["homeostatic_tonic"]
    population: str
    parameter: str = "I_e_pA"
    target_rate_hz: float = Field(gt=0)
    interval_ms: float = Field(gt=0)
    gain: float = 2.0
    clip: float = Field(default=2.0, gt=0)
    stages: list[HomeostaticStage] = Field(min_length=1)
    average_from_ms: float | None = None
    average_until_ms: float | None = None
    start: float = 0.0
    start_per_indegree: float = 0.0
    projection: str | None = None


class BalancedEI(Strict):
    """Balanced excitatory/inhibitory circuit: populations `NAME.E` and `NAME.I`, local in-degrees, Poisson drive."""

    kind: Literal["balanced_ei"]
    size_E: int = Field(default=200, ge=1)
    size_I: int = Field(default=50, ge=1)
    regions: Regions | None = None
    indegree_E: int = Field(default=80, ge=0)
    indegree_I: int = Field(default=20, ge=0)
    weight_EE_mV: float = Field(default=0.34, ge=0)
    weight_IE_mV: float = Field(default=0.45, ge=0, description="onto I from E")
    weight_EI_mV: float = Field(default=3.3, ge=0, description="onto E from I")
    weight_II_mV: float = Field(default=1.65, ge=0)
    nmda_fraction: float = Field(default=0.5, ge=0, le=1)
    drive_weight_mV: float = 0.6
    drive_rate_E_hz: float = Field(default=1700.0, ge=0)
    drive_rate_I_hz: float = Field(default=2800.0, ge=0)
    delay_ms: float | None = Field(default=None, gt=0, description="default: one step")
    parameters_E: dict[str, Value] = {}
    parameters_I: dict[str, Value] = {}


class PotjansDiesmann(Strict):
    """The Potjans-Diesmann (2014) microcircuit: populations `NAME.L23E` ... `NAME.L6I`.

    `scale` multiplies neuron numbers; `indegree_scale` the in-degrees, with weights / sqrt(indegree_scale) and a DC
    correction that keeps the mean input (van Albada 2015).
    """

    kind: Literal["potjans_diesmann"]
    scale: float = Field(default=1.0, gt=0)
    indegree_scale: float = Field(default=1.0, gt=0)
    regions: Regions | None = None
    drive: Literal["poisson", "dc"] = "poisson"


Circuit = Annotated[BalancedEI | PotjansDiesmann, Field(discriminator="kind")]
