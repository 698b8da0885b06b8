"""What all drives have in common: input to a population that does not come from synapses.

The kinds are in `dtbsim.models.drives`, one file each.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Discriminator, Field, Tag, model_validator

from dtbsim.config.bounds import Number, Whole
from dtbsim.config.distributions import Distributions
from dtbsim.config.kinds import Kinds
from dtbsim.config.locate import KeyPath
from dtbsim.config.parts import CONDUCTANCE, RECEPTOR, Names, Regions, exactly_one_weight
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


SHARED = "all targets get the same train; otherwise each its own"


def _neurons_kind(value: Any) -> str:
    return "range" if isinstance(value, dict | NeuronRange) else "list"


Neurons = Annotated[
    Annotated[list[Index], Field(min_length=1, fail_fast=True), Tag("list")] | Annotated[NeuronRange, Tag("range")],
    Discriminator(_neurons_kind),
]


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


class Windowed(Strict):
    """Common to drives: which neurons receive it, and when it is on.

    It is on from `start_ms` to `stop_ms`, with `windows_ms` in the parts of that time which they name.
    """

    if TYPE_CHECKING:
        kind: Any

    changeable: ClassVar[tuple[str, ...]] = ()
    """Fields that `changes` can give new values, besides the weight."""
    per_neuron: ClassVar[tuple[str, ...]] = ()
    """Rates that may differ between the neurons of a region; not below 0."""

    target: str | Names = Field(description="population(s) that receive it (NAME, or CIRCUIT.POP)")
    regions: Regions | None = Field(
        default=None,
        description="only in these regions: all, left, right, a list of names, or {all_but: [names]}; default: all",
    )
    fraction: Number | None = Field(
        default=None,
        gt=0,
        le=1,
        description="only so large a part of the neurons of each population (in each region), drawn by seed and drive",
    )
    neurons: Neurons | None = Field(
        default=None,
        description="only these: indices from 0 within the population (in each region), or a range; of mean-field "
        "regions: indices among those of the population",
    )
    start_ms: Number = Field(default=0.0, ge=0, description="on from here")
    stop_ms: Number | None = Field(default=None, gt=0, description="off from here; default: end of the run")
    windows_ms: Annotated[list[Window], Field(min_length=1, fail_fast=True)] | None = Field(
        default=None, description="pairs [on, off], ascending, of the time from start_ms to stop_ms; default: all of it"
    )

    def files(self) -> dict[str, str]:
        """Return the files that the drive reads, by the key that names them: a run folder keeps copies of them."""
        return {}

    def sources(self, name: str) -> dict[str, str]:
        """Return names of the populations that the drive called `name` makes, by target; {}: it is no source."""
        return {}

    def grid_times(self) -> Iterator[tuple[KeyPath, float | None]]:
        """Yield key path and value of the times that must be whole numbers of steps, besides those of all drives."""
        yield from ()

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


class Current(Windowed):
    """Common to drives that inject a current, or act on an input of mean-field regions."""

    of_membrane: ClassVar[bool] = False
    """Whether it needs the membrane of a neuron, so that regions cannot have it."""

    input: str | None = Field(
        default=None,
        description="of mean-field regions: what it acts on, an input of their model or `I_stim`, in its unit; "
        "default: `I_stim`",
    )


class Spiking(Windowed):
    """Common to drives that give spikes: the port they arrive at, and their weight."""

    receptor: str | None = Field(default=None, description=RECEPTOR)
    as_source: Flag = Field(
        default=False,
        description="a source of its own: a population NAME.source of parrot neurons, one for each neuron of the "
        "target, whose spikes are recorded as those of others and reach the target after delay_ms; with several "
        "targets NAME.source.TARGET",
    )
    delay_ms: Number | None = Field(
        default=None, gt=0, description="of a source: from its spikes to their effect; default: one step"
    )
    weight_pA: ByRegion | None = Field(default=None, description="weight of a current-based synapse")
    weight_mV: ByRegion | None = Field(default=None, description="weight of a charge-based synapse")
    weight_nS: ByRegion | None = Field(default=None, description=CONDUCTANCE)
    weight: ByRegion | None = Field(default=None, description="weight of a dimensionless synapse")

    def sources(self, name: str) -> dict[str, str]:
        """Return NAME.source, or one for each of several targets."""
        if not self.as_source:
            return {}
        if isinstance(self.target, str):
            return {self.target: f"{name}.source"}
        return {target: f"{name}.source.{target}" for target in self.target}

    @model_validator(mode="after")
    def _delay_of_a_source(self) -> Spiking:
        if self.delay_ms is not None and not self.as_source:
            raise ValueError("delay_ms is that of a source; add as_source: true")
        return self

    @model_validator(mode="after")
    def _one_weight(self) -> Spiking:
        exactly_one_weight(self)
        return self


def series(times: str, times_ms: Sequence[float], values: str, given: Sequence[float]) -> None:
    """Raise ValueError unless there are as many values as times, and the times ascend."""
    if len(times_ms) != len(given):
        raise ValueError(f"{times} has {len(times_ms)} entries, {values} {len(given)}")
    ascending(times, times_ms)


def ascending(times: str, times_ms: Sequence[float]) -> None:
    """Raise ValueError unless times ascend; `times` is their key."""
    for earlier, later in itertools.pairwise(times_ms):
        if not earlier < later:
            raise ValueError(f"{times} must ascend; got {later:g} after {earlier:g}")


if TYPE_CHECKING:
    Drive = Windowed
else:
    Drive = Annotated[Any, Kinds("dtbsim.models.drives:DRIVES")]
