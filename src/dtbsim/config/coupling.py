"""Configuration of mean-field regions: couplings between populations, their functions, noise, ensembles."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from dtbsim.config.bounds import Number
from dtbsim.config.by_name import ByName
from dtbsim.config.controllers import ControllerOptions
from dtbsim.config.network import TractDelay
from dtbsim.config.parts import CONDUCTANCE, KIND, RECEPTOR, WEIGHT_KEYS, Names, exactly_one_weight
from dtbsim.config.plain import as_read
from dtbsim.config.values import AnyNumber, Matrix, RegionValue, Strict


class CouplingFunction(Strict):
    """What a coupling makes of its sources; g is the sum over sources j of w_ij times `pre` of j's delayed value."""

    kind: Any = Field(description=KIND)


class Linear(CouplingFunction):
    """strength * g + offset."""

    kind: Literal["linear"] = Field(default="linear", description=KIND)
    offset: Number = Field(default=0.0, description="added to the sum")


class Scaling(CouplingFunction):
    """strength * g."""

    kind: Literal["scaling"] = Field(default="scaling", description=KIND)


class Difference(CouplingFunction):
    """strength * sum_j w_ij (x_j - x_i); x_i is the same variable of the target, without delay."""

    kind: Literal["difference"] = Field(default="difference", description=KIND)


class Sigmoidal(CouplingFunction):
    """strength * (low + (high - low) / (1 + exp(-slope (g - midpoint) / sigma)))."""

    kind: Literal["sigmoidal"] = Field(default="sigmoidal", description=KIND)
    low: Number = Field(default=-1.0, description="value for a very small sum (`cmin` in TVB)")
    high: Number = Field(default=1.0, description="value for a very large sum (`cmax` in TVB)")
    midpoint: Number = Field(default=0.0, description="sum at which it is half-way")
    slope: Number = Field(default=1.0, description="steepness (`a` in TVB)")
    sigma: Number = Field(default=230.0, gt=0, description="width, in the unit of the sum")


class HyperbolicTangent(CouplingFunction):
    """strength * g with pre(x) = 1 + tanh((scale x - midpoint) / sigma)."""

    kind: Literal["hyperbolic_tangent"] = Field(default="hyperbolic_tangent", description=KIND)
    scale: Number = Field(default=1.0, description="factor of the variable (`b` in TVB)")
    midpoint: Number = Field(default=0.0, description="scaled value at which pre is 1")
    sigma: Number = Field(default=1.0, gt=0, description="width, in the unit of the scaled variable")


class JansenRitSigmoid(CouplingFunction):
    """strength * g with pre(x) = low + (high - low) / (1 + exp(slope (midpoint - x))); x is a potential in mV."""

    kind: Literal["jansen_rit"] = Field(default="jansen_rit", description=KIND)
    low: Number = Field(default=0.0, description="rate far below the midpoint (`cmin` in TVB)")
    high: Number = Field(default=0.005, description="rate far above it (`cmax` in TVB)")
    midpoint: Number = Field(default=6.0, description="potential of half the rate (mV)")
    slope: Number = Field(default=0.56, description="steepness (1/mV; `r` in TVB)")


class KuramotoSine(CouplingFunction):
    """strength * sum_j w_ij sin(x_j - x_i), computed as two sums; x_i is the target's phase, without delay."""

    kind: Literal["kuramoto"] = Field(default="kuramoto", description=KIND)


FUNCTIONS = (Linear, Scaling, Difference, Sigmoidal, HyperbolicTangent, JansenRitSigmoid, KuramotoSine)
_NAMES = tuple(str(model.model_fields["kind"].default) for model in FUNCTIONS)
Function = Annotated[
    Annotated[
        Linear | Scaling | Difference | Sigmoidal | HyperbolicTangent | JansenRitSigmoid | KuramotoSine,
        Field(discriminator="kind"),
    ],
    ByName(*_NAMES),
]


def _delay_kind(value: Any) -> str:
    if isinstance(value, Strict):
        return "tract" if isinstance(value, TractDelay) else "matrix"
    if isinstance(value, dict):
        return "matrix" if "matrix" in value else "tract"
    return "number"


CouplingDelay = Annotated[
    AnyNumber | Annotated[TractDelay, Tag("tract")] | Annotated[Matrix, Tag("matrix")], Discriminator(_delay_kind)
]


def _weights_kind(value: Any) -> str:
    return "matrix" if isinstance(value, dict | Matrix) else "named"


CouplingWeights = Annotated[
    Annotated[Literal["connectome", "same_region", "all"], Tag("named")] | Annotated[Matrix, Tag("matrix")],
    Discriminator(_weights_kind),
]


class Coupling(Strict):
    """Input of region populations from others: c_i = strength * post(sum_j w_ij pre(x_j(t - d_ij))).

    Rows of weights are regions of the target, columns those of the source. Lists as `source` or `target` mean a
    coupling of its own for every pair. Sums of several couplings onto the same input add up.

    Either side may be a spiking population in regions. As a source its `variable` is the mean rate per neuron
    (`rate_hz`), low-pass filtered by `filter_tau_ms`. As a target it gets, with `effect: poisson`, Poisson events at
    c_i Hz for each neuron, of the weight given, into `receptor`, and with `effect: current` the current c_i in the
    unit of its model. Delays from or to spiking populations are at least one step.
    """

    source: str | Names = Field(description="population(s) the values come from")
    target: str | Names = Field(description="population(s) they go to")
    variable: str | None = Field(
        default=None,
        description="state or output of the source's model; default: what the model couples "
        "(`dtbsim models show MODEL`)",
    )
    input: str | None = Field(default=None, description="input of the target's model; default: its first")
    strength: RegionValue = Field(default=1.0, description="factor of everything, a number or one for each region")
    function: Function | None = Field(
        default=None, description="what is made of the sources; default: what the target's model says, mostly `linear`"
    )
    weights: CouplingWeights = Field(
        default="connectome",
        description="`connectome`: those of the atlas; `same_region`: 1 within a region; `all`: 1 between all; or a "
        "matrix",
    )
    normalise: Literal["none", "largest", "total", "sources", "mean_total", "spectral_radius"] = Field(
        default="none",
        description="weights are divided by nothing, the largest, the target's total, the number of sources, the mean "
        "total of a target, or the largest absolute eigenvalue, with which the same strength means the same on every "
        "atlas; the last two are those of the whole atlas where the weights are its",
    )
    delay_ms: CouplingDelay = Field(
        default=0.0,
        description="0, a time, a matrix of times, or from tract lengths: {tract_velocity_m_per_s: ...}, at least "
        "`minimum_ms` (default: 0); the nearest whole number of steps",
    )
    filter_tau_ms: Number | None = Field(
        default=None, gt=0, description="of a spiking source: time constant of the filter of its rate"
    )
    effect: Literal["poisson", "current"] | None = Field(
        default=None, description="of a spiking target: Poisson events or a current"
    )
    receptor: str | None = Field(default=None, description=f"of Poisson events: {RECEPTOR}")
    weight_pA: Number | None = Field(default=None, description="weight of a current-based synapse")
    weight_mV: Number | None = Field(default=None, description="weight of a charge-based synapse")
    weight_nS: Number | None = Field(default=None, description=CONDUCTANCE)
    weight: Number | None = Field(default=None, description="weight of a dimensionless synapse")

    @property
    def given_weight(self) -> dict[str, float]:
        """The weight of events, by its key; {} where there is none."""
        return {key: getattr(self, key) for key in WEIGHT_KEYS if getattr(self, key) is not None}

    def pairs(self, name: str) -> Iterator[tuple[str, str, str]]:
        """Yield name, source and target of each coupling that this one, called `name`, means."""
        sources = [self.source] if isinstance(self.source, str) else self.source
        targets = [self.target] if isinstance(self.target, str) else self.target
        for source, target in itertools.product(sources, targets):
            ends = [end for end, given in ((source, self.source), (target, self.target)) if not isinstance(given, str)]
            yield ".".join([name, *ends]), source, target

    @model_validator(mode="after")
    def _events(self) -> Coupling:
        if self.effect == "poisson":
            exactly_one_weight(self)
        elif self.given_weight or self.receptor is not None:
            key = next(iter(self.given_weight), "receptor")
            raise ValueError(f"{key} belongs to Poisson events; add effect: poisson")
        return self


class Ensemble(Strict):
    """Runs that differ in some values, simulated side by side; results have the dimension `member`.

    `grid` gives a list of values for each key, and every combination is a member, the last key changing fastest;
    `members` lists what each member has, by key. Keys are those of --set: `couplings.NAME.strength`, `seed`, `atlas`.

    A member is the run of the configuration with its values and its seed, to the last bit.
    """

    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] | None = Field(
        default=None, description="key: values, of which every combination is a member"
    )
    members: Annotated[list[dict[str, Any]], Field(min_length=1)] | None = Field(
        default=None, description="key: value, for each member"
    )
    seeds: Literal["shared", "own"] = Field(
        default="shared",
        description="`shared`: all members draw the same random numbers; `own`: member k, from 0, has `seed` + k",
    )

    @field_validator("grid", "members")
    @classmethod
    def _as_read(cls, value: Any) -> Any:
        return as_read(value)

    @model_validator(mode="after")
    def _one(self) -> Ensemble:
        if (self.grid is None) == (self.members is None):
            raise ValueError("give grid or members, one of them")
        varied = self.grid if self.grid is not None else dict.fromkeys(k for one in self.members or [] for k in one)
        if self.seeds == "own" and "seed" in varied:
            raise ValueError("seeds: own gives members their seeds; leave it out, or leave `seed` out of what varies")
        return self


class FeedbackInhibition(ControllerOptions):
    """Feedback inhibition of the dynamic mean field (deco_2014): J_i that holds the excitatory rate at a target.

    With `start: analytic` J_i begins at the value that balances every region at the target, in closed form; with
    `start: given` at the population's own. With an `interval_ms` it is corrected from the mean rate r_i of every
    interval: J_i += gain * (r_i - target) / target, at most `largest_change` at once; without, it stays.
    """

    population_key: ClassVar = "population"
    of_regions: ClassVar = True
    on_grid: ClassVar = ("interval_ms", "stop_ms")
    intervals: ClassVar = ("interval_ms",)

    kind: Literal["feedback_inhibition"] = Field(default="feedback_inhibition", description=KIND)
    population: str = Field(description="population of regions, of the model deco_2014")
    target_rate_hz: Number = Field(default=3.0, gt=0, description="excitatory rate that is aimed at")
    start: Literal["analytic", "given"] = Field(default="analytic", description="J_i at the beginning")
    interval_ms: Number | None = Field(default=None, gt=0, description="time between two corrections; default: none")
    gain: Number = Field(default=0.02, gt=0, description="size of a correction (nA), for a rate of twice the target")
    largest_change: Number = Field(default=0.1, gt=0, description="largest change of J_i at once (nA)")
    stop_ms: Number | None = Field(default=None, gt=0, description="no correction after this; default: end of the run")
