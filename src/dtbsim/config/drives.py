"""Configuration of the drives: input to a population that does not come from synapses."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from dtbsim.config.bounds import Number, Whole
from dtbsim.config.distributions import Distributions
from dtbsim.config.parts import (
    CONDUCTANCE,
    KIND,
    OFF_GRID,
    RECEPTOR,
    Names,
    OffGrid,
    Regions,
    SpikeArrays,
    exactly_one_weight,
)
from dtbsim.config.values import Flag, PerNeuron, PerRegion, RegionValue, Strict, kind_of_value

Index = Annotated[Whole, Field(ge=0)]
Window = Annotated[list[Number], Field(min_length=2, max_length=2)]


class NeuronRange(Strict):
    """Every `step`-th neuron from `start` to before `stop`, counted within the population from 0."""

    start: Whole = Field(default=0, ge=0, description="first neuron")
    stop: Whole = Field(ge=1, description="end, itself not included")
    step: Whole = Field(default=1, ge=1, description="distance from one to the next")

    @model_validator(mode="after")
    def _ordered(self) -> NeuronRange:
        if not self.start < self.stop:
            raise ValueError(f"start ({self.start}) must be below stop ({self.stop})")
        return self


_SHARED = "all targets get the same train; otherwise each its own"


def _neurons_kind(value: Any) -> str:
    return "range" if isinstance(value, dict | NeuronRange) else "list"


Neurons = Annotated[
    Annotated[list[Index], Field(min_length=1, fail_fast=True), Tag("list")] | Annotated[NeuronRange, Tag("range")],
    Discriminator(_neurons_kind),
]


class Windowed(Strict):
    """Common to drives: which neurons receive it, and when it is on.

    It is on from `start_ms` to `stop_ms`, with `windows_ms` in the parts of that time which they name.
    """

    changeable: ClassVar[tuple[str, ...]] = ()
    """Fields that `changes` can give new values, besides the weight."""

    target: str | Names = Field(description="population(s) that receive it (NAME, or CIRCUIT.POP)")
    regions: Regions | None = Field(
        default=None, description="only in these regions: all, left, right, or a list of names; default: all"
    )
    fraction: Number | None = Field(
        default=None,
        gt=0,
        le=1,
        description="only so large a part of the neurons of each population (in each region), drawn by seed and drive",
    )
    neurons: Neurons | None = Field(
        default=None, description="only these: indices from 0 within the population (in each region), or a range"
    )
    start_ms: Number = Field(default=0.0, ge=0, description="on from here")
    stop_ms: Number | None = Field(default=None, gt=0, description="off from here; default: end of the run")
    windows_ms: Annotated[list[Window], Field(min_length=1, fail_fast=True)] | None = Field(
        default=None, description="pairs [on, off], ascending, of the time from start_ms to stop_ms; default: all of it"
    )

    @model_validator(mode="after")
    def _targets(self) -> Windowed:
        if self.fraction is not None and self.neurons is not None:
            raise ValueError("give fraction or neurons, not both")
        if isinstance(self.neurons, list) and len(set(self.neurons)) < len(self.neurons):
            twice = Counter(self.neurons).most_common(1)[0][0]
            raise ValueError(f"neurons names {twice} twice")
        return self

    @model_validator(mode="after")
    def _ordered(self) -> Windowed:
        if self.stop_ms is not None and not self.start_ms < self.stop_ms:
            raise ValueError(f"start_ms ({self.start_ms:g}) must be before stop_ms ({self.stop_ms:g})")
        before = 0.0
        for on, off in self.windows_ms or []:
            if not before <= on < off:
                raise ValueError(f"windows_ms: [{on:g}, {off:g}] must begin at {before:g} or later, and end after that")
            before = off
        return self


class Spiking(Windowed):
    """Common to drives that give spikes: the port they arrive at, and their weight."""

    receptor: str | None = Field(default=None, description=RECEPTOR)
    weight_pA: ByRegion | None = Field(default=None, description="weight of a current-based synapse")
    weight_mV: ByRegion | None = Field(default=None, description="weight of a charge-based synapse")
    weight_nS: ByRegion | None = Field(default=None, description=CONDUCTANCE)
    weight: ByRegion | None = Field(default=None, description="weight of a dimensionless synapse")

    @model_validator(mode="after")
    def _one_weight(self) -> Spiking:
        exactly_one_weight(self)
        return self


Rates = Annotated[
    Annotated[Number, Tag("number")]
    | Distributions
    | PerNeuron
    | Annotated[list[Annotated[Number, Field(ge=0)]], Field(min_length=1, fail_fast=True), Tag("list")],
    kind_of_value,
]
if TYPE_CHECKING:  # what compiles drives finds plain numbers in their place (`dtbsim.spec.region_items`)
    ByRegion = Any
    NotNegative = Any
    Positive = Any
else:
    ByRegion = RegionValue
    NotNegative = Annotated[Annotated[Number, Field(ge=0), Tag("number")] | PerRegion, kind_of_value]
    Positive = Annotated[Annotated[Number, Field(gt=0), Tag("number")] | PerRegion, kind_of_value]


class PoissonDrive(Spiking):
    """A Poisson spike train into every target neuron.

    One rate for all, one per region, or one for each neuron: drawn from a distribution by seed, drive and neuron, or
    listed.
    """

    changeable: ClassVar = ("rate_hz",)
    kind: Literal["poisson"] = Field(default="poisson", description=KIND)
    rate_hz: Rates = Field(description="rate of each train, not below 0; listed, for each neuron of the population")
    shared: Flag = Field(default=False, description=_SHARED)

    @model_validator(mode="after")
    def _one_rate_if_shared(self) -> PoissonDrive:
        if self.shared and isinstance(self.rate_hz, list):
            raise ValueError("shared: true gives all targets one train; rate_hz lists a rate for each")
        return self


class InhomogeneousPoissonDrive(Spiking):
    """Poisson spike trains whose rate changes in steps: rates_hz[k] from times_ms[k] until the next time.

    As NEST's inhomogeneous_poisson_generator; 0 before the first time. The number of spikes in a time step is a Poisson
    number whose mean is the integral of the rate over the step, also where the rate changes within one.
    """

    kind: Literal["inhomogeneous_poisson"] = Field(default="inhomogeneous_poisson", description=KIND)
    times_ms: Annotated[list[Annotated[Number, Field(ge=0)]], Field(min_length=1, fail_fast=True)] = Field(
        description="when the rate changes, ascending; also within a step"
    )
    rates_hz: Annotated[list[Annotated[Number, Field(ge=0)]], Field(min_length=1, fail_fast=True)] = Field(
        description="what it changes to, as many"
    )
    shared: Flag = Field(default=False, description=_SHARED)

    @model_validator(mode="after")
    def _as_many(self) -> InhomogeneousPoissonDrive:
        series("times_ms", self.times_ms, "rates_hz", self.rates_hz)
        return self


class SinusoidalPoissonDrive(Spiking):
    """Poisson spike trains of the rate max(0, rate + amplitude * sin(2 pi f t + phase)).

    As NEST's sinusoidal_poisson_generator; t is the time of the run. The number of spikes in a time step is a Poisson
    number whose mean is the integral of the rate over the step.
    """

    changeable: ClassVar = ("rate_hz", "amplitude_hz", "frequency_hz", "phase_deg")
    kind: Literal["sinusoidal_poisson"] = Field(default="sinusoidal_poisson", description=KIND)
    rate_hz: NotNegative = Field(description="mean rate of each train, where amplitude_hz is not above it")
    amplitude_hz: NotNegative = Field(description="how far the rate goes up and down")
    frequency_hz: Positive = Field(description="frequency f")
    phase_deg: ByRegion = Field(
        default=0.0, description="phase at time 0 of the run, wherever the drive is switched on"
    )
    shared: Flag = Field(default=False, description=_SHARED)


class SpikeTrainDrive(Spiking):
    """Listed spike trains into the target neurons through a receptor port, from a file or written out.

    The file (.npz with arrays `neuron`, `time_ms`; or .csv with these columns) numbers the neurons of the population
    from 0; with `fraction` or `neurons` the trains of the others are left out. A spike at time t reaches its neuron at
    the step that ends at t + one step, as from a device connected with a delay of one step.
    """

    kind: Literal["spike_trains"] = Field(default="spike_trains", description=KIND)
    file: str | None = Field(default=None, description="path of the file, relative to the configuration file")
    spikes: SpikeArrays | None = Field(
        default=None, description="the same written out; in Python `neuron` and `time_ms` may be numpy arrays"
    )
    off_grid_spikes: OffGrid = Field(default="error", description=OFF_GRID)

    @model_validator(mode="after")
    def _spikes_once(self) -> SpikeTrainDrive:
        if (self.spikes is None) == (self.file is None):
            raise ValueError("give file or spikes" + ("" if self.file is None else ", not both"))
        return self


class DCDrive(Windowed):
    """A constant current (the unit of the model's current input: pA, or mV for charge-based models)."""

    changeable: ClassVar = ("amplitude",)
    kind: Literal["dc"] = Field(default="dc", description=KIND)
    amplitude: ByRegion = Field(description="the current")


class StepCurrentDrive(Windowed):
    """A current that changes in steps: amplitudes[k] from times_ms[k] until the next time, 0 before the first.

    As NEST's step_current_generator, whose current reaches its targets one step later (its delay).
    """

    kind: Literal["step_current"] = Field(default="step_current", description=KIND)
    times_ms: Annotated[list[Annotated[Number, Field(ge=0)]], Field(min_length=1, fail_fast=True)] = Field(
        description="when it changes, ascending"
    )
    amplitudes: Annotated[list[Number], Field(min_length=1, fail_fast=True)] = Field(
        description="what it changes to, as many, in the unit of the model's current input"
    )

    @model_validator(mode="after")
    def _as_many(self) -> StepCurrentDrive:
        series("times_ms", self.times_ms, "amplitudes", self.amplitudes)
        return self


class RampDrive(Windowed):
    """A current that goes in a straight line from one amplitude at `start_ms` to another, and then stays there."""

    kind: Literal["ramp"] = Field(default="ramp", description=KIND)
    from_amplitude: ByRegion = Field(description="at start_ms, in the unit of the model's current input")
    to_amplitude: ByRegion = Field(description="from start_ms + duration_ms on")
    duration_ms: Number = Field(gt=0, description="time from one to the other, used as it is")


class Sinusoidal(Windowed):
    """Common to the two names of a sinusoidal current."""

    changeable: ClassVar = ("amplitude", "frequency_hz", "phase_deg", "offset")
    amplitude: ByRegion = Field(description="amplitude, in the unit of the model's current input")
    frequency_hz: Positive = Field(description="frequency f")
    phase_deg: ByRegion = Field(
        default=0.0, description="phase at time 0 of the run, wherever the drive is switched on"
    )
    offset: ByRegion = Field(default=0.0, description="mean, in the unit of the model's current input")


class SinusoidalDrive(Sinusoidal):
    """offset + amplitude * sin(2 pi f t + phase) as an input current; the same as `ac`."""

    kind: Literal["sinusoidal"] = Field(default="sinusoidal", description=KIND)


class ACDrive(Sinusoidal):
    """offset + amplitude * sin(2 pi f t + phase) as an input current, as of NEST's ac_generator.

    t is the time of the run. A current flows from t to t + one step; NEST's arrives one step later (its delay).
    """

    kind: Literal["ac"] = Field(default="ac", description=KIND)


class NoiseCurrentDrive(Windowed):
    """White noise: a normally distributed current, drawn anew every `dt_ms`, as of NEST's noise_generator.

    Intervals are counted from the moment at which the drive is first switched on.
    """

    changeable: ClassVar = ("mean", "std")
    kind: Literal["noise_current"] = Field(default="noise_current", description=KIND)
    mean: ByRegion = Field(default=0.0, description="mean, in the unit of the model's current input")
    std: NotNegative = Field(description="standard deviation")
    dt_ms: Number | None = Field(default=None, gt=0, description="time for which a value is held; default: one step")
    shared: Flag = Field(default=False, description="all targets get the same current; otherwise each its own")


class OUCurrentDrive(Windowed):
    """An Ornstein-Uhlenbeck process as an input current: dI = (mean - I) dt / tau + sigma sqrt(2 / tau) dW.

    Normally distributed at every moment, with the correlation exp(-s / tau) between moments s apart. It starts from
    this distribution when the drive is first switched on and goes on while `windows_ms` switch it off; a step is exact.
    """

    changeable: ClassVar = ("mean", "sigma")
    kind: Literal["ou_current"] = Field(default="ou_current", description=KIND)
    mean: ByRegion = Field(default=0.0, description="mean, in the unit of the model's current input")
    sigma: NotNegative = Field(description="standard deviation of the current")
    tau_ms: Number = Field(gt=0, description="correlation time")
    shared: Flag = Field(default=False, description="all targets get the same current; otherwise each its own")


def series(times: str, times_ms: Sequence[float], values: str, given: Sequence[float]) -> None:
    """Raise ValueError unless there are as many values as times, and the times ascend."""
    if len(times_ms) != len(given):
        raise ValueError(f"{times} has {len(times_ms)} entries, {values} {len(given)}")
    for earlier, later in itertools.pairwise(times_ms):
        if not earlier < later:
            raise ValueError(f"{times} must ascend; got {later:g} after {earlier:g}")


Current = DCDrive | SinusoidalDrive | ACDrive | StepCurrentDrive | RampDrive | NoiseCurrentDrive | OUCurrentDrive
VaryingPoisson = InhomogeneousPoissonDrive | SinusoidalPoissonDrive
Drive = Annotated[PoissonDrive | VaryingPoisson | Current | SpikeTrainDrive, Field(discriminator="kind")]
