"""Configuration of changes: what gets another value at given times of a run."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, model_validator

from dtbsim.config.bounds import Number, Seed
from dtbsim.config.drives import Neurons
from dtbsim.config.parts import Names, Regions
from dtbsim.config.values import Flag, Strict, Value

_WAYS = ("set", "values", "sine", "on")
_OBJECTS = ("population", "projection", "drive", "coupling", "noise_seed")


def _settable_kind(value: Any) -> str:
    return "list" if isinstance(value, list | tuple) else "value"


Settable = Annotated[
    Annotated[Value, Tag("value")] | Annotated[list[Number], Field(min_length=1, fail_fast=True), Tag("list")],
    Discriminator(_settable_kind),
]


class SineCourse(Strict):
    """mean + amplitude * sin(2 pi f t + phase), taken anew every `interval_ms`; t is the time of the run."""

    mean: Number = Field(description="mean, in the unit of what changes")
    amplitude: Number = Field(description="amplitude, in the same unit")
    frequency_hz: Number = Field(gt=0, description="frequency f")
    phase_deg: Number = Field(default=0.0, description="phase at time 0 of the run")
    interval_ms: Number = Field(gt=0, description="time for which a value is held, from `t_ms` on")
    stop_ms: Number | None = Field(
        default=None, gt=0, description="no further value from here on, the last one stays; default: end of the run"
    )


class Change(Strict):
    """New values from a time on: of neurons or regions, of weights, a drive, a coupling, or of the seed of noise.

    What is set at time t holds from the step that begins at t; changes of the same time are made in the order of the
    file. Give `set` with `t_ms`; or `values` with `times_ms`, one for each time; or `sine`. Nothing else changes:
    neurons keep their states (membrane potentials stay where they are when E_L_mV changes).
    """

    population: str | Names | None = Field(
        default=None, description="population(s) whose parameters or state variables change (NAME, or CIRCUIT.POP)"
    )
    projection: str | None = Field(
        default=None,
        description="projection of stored synapses whose weights change: `weight_factor` (times what they "
        "are), or the weight, under its key",
    )
    drive: str | None = Field(default=None, description="drive whose rate, current, noise or weight changes")
    coupling: str | None = Field(
        default=None, description="coupling whose `strength` changes, a number or one for each region of its targets"
    )
    noise_seed: Seed | None = Field(
        default=None,
        description="from `t_ms` on, seed of all that is drawn while the network runs, spikes and currents of drives, "
        "random sources and mean-field regions; the network stays that of `seed`",
    )
    regions: Regions | None = Field(
        default=None,
        description="only in these regions: all, left, right, a list of names, or {all_but: [names]}; default: all",
    )
    fraction: Number | None = Field(
        default=None,
        gt=0,
        le=1,
        description="only so large a part of the neurons of each population (in each region), drawn by seed and change",
    )
    neurons: Neurons | None = Field(
        default=None,
        description="only these: indices from 0 within the population (in each region), or a range; of mean-field "
        "regions: indices among those of the population",
    )
    t_ms: Number = Field(default=0.0, ge=0, description="when the values of `set`, `on` or `sine` begin to hold")
    set: dict[str, Settable] = Field(
        default={},
        description="new values by the names of what changes; a list gives one to each of the chosen neurons",
    )
    times_ms: Annotated[list[Annotated[Number, Field(ge=0)]], Field(min_length=1, fail_fast=True)] | None = Field(
        default=None, description="when `values` begin to hold, ascending"
    )
    values: dict[str, Annotated[list[Number], Field(min_length=1, fail_fast=True)]] = Field(
        default={}, description="lists of new values by the names of what changes, one value for each of `times_ms`"
    )
    sine: dict[str, SineCourse] = Field(default={}, description="sinusoidal courses by the names of what changes")
    on: Flag | None = Field(default=None, description="of a drive: switch it on (in its own windows) or off at `t_ms`")

    @model_validator(mode="after")
    def _one_object(self) -> Change:
        given = [key for key in _OBJECTS if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of {', '.join(_OBJECTS)}; got {' and '.join(given) or 'none'}")
        chosen = [key for key in ("regions", "fraction", "neurons") if getattr(self, key) is not None]
        if chosen and self.population is None:
            raise ValueError(f"{chosen[0]} chooses neurons of a population; a {given[0]} changes as a whole")
        if self.fraction is not None and self.neurons is not None:
            raise ValueError("give fraction or neurons, not both")
        if isinstance(self.neurons, list) and len(set_of := frozenset(self.neurons)) < len(self.neurons):
            twice = next(index for index in sorted(set_of) if self.neurons.count(index) > 1)
            raise ValueError(f"neurons names {twice} twice")
        return self

    @model_validator(mode="after")
    def _one_course(self) -> Change:
        if self.on is not None and self.drive is None:
            raise ValueError("on switches a drive; name it with drive: NAME")
        if self.noise_seed is not None:
            if any(getattr(self, key) not in (None, {}) for key in (*_WAYS, "times_ms")):
                raise ValueError("noise_seed changes nothing else: give it and t_ms alone")
            return self
        given = [key for key in _WAYS if getattr(self, key) not in (None, {})]
        if not given:
            raise ValueError("nothing changes: give set, or values with times_ms, or sine")
        if len(given) > 1 and given != ["set", "on"]:
            raise ValueError(f"give one of {' and '.join(given)}; two changes can do both")
        if bool(self.values) != (self.times_ms is not None):
            raise ValueError("values and times_ms belong together: give both")
        if self.times_ms is not None:
            self._check_times(self.times_ms)
        return self

    def _check_times(self, times_ms: list[float]) -> None:
        if "t_ms" in self.model_fields_set and self.t_ms != 0.0:
            raise ValueError("give t_ms (with set) or times_ms (with values), not both")
        for earlier, later in itertools.pairwise(times_ms):
            if not earlier < later:
                raise ValueError(f"times_ms must ascend; got {later:g} after {earlier:g}")
        for name, values in self.values.items():
            if len(values) != len(times_ms):
                raise ValueError(f"times_ms has {len(times_ms)} entries, values.{name} {len(values)}")

    @property
    def begins_ms(self) -> float:
        """When the first of its values begins to hold."""
        return self.t_ms if self.times_ms is None else self.times_ms[0]

    @property
    def names(self) -> list[str]:
        """Names of what changes."""
        return [*self.set, *self.values, *self.sine]
