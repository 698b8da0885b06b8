"""Changes at given times, in steps: what a configuration calls `changes`, and what becomes of it for neurons.

An event is one value at one step. Events of a drive become part of its compiled form; those of neurons and weights
lists (`NeuronChange`, `WeightChange`) that are worked off while the run goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.config.changes import Change, SineCourse
from dtbsim.config.run import RunConfig
from dtbsim.errors import did_you_mean
from dtbsim.models import NeuronModel
from dtbsim.spec.distributions import Table
from dtbsim.spec.numbers import Quantity, varies_within
from dtbsim.spec.places import Places

MOST_EVENTS = 1_000_000
"""Values that one change sets at most: each of them interrupts the compiled loop."""
FIRST_DRAW = 1 << 20
"""Fractions of changes are drawn by numbers from here on, those of drives by lower ones."""


@dataclass(frozen=True)
class Event:
    """`value` (as the configuration has it) for `name` from `step` on; `on` switches a drive, and has no name.

    `order` counts the changes of the configuration; `path` is the key path of the value.
    """

    step: int
    order: int
    name: str
    value: Any
    path: str
    change: Change
    key: str
    """Name of the change."""


@dataclass
class Planned:
    """Events by what they change, each list in the order in which they are made."""

    populations: dict[str, list[Event]] = field(default_factory=dict)
    projections: dict[str, list[Event]] = field(default_factory=dict)
    drives: dict[str, list[Event]] = field(default_factory=dict)
    couplings: dict[str, list[Event]] = field(default_factory=dict)

    def check_names(
        self, projections: Mapping[str, Any], drives: Mapping[str, Any], couplings: Mapping[str, Any], places: Places
    ) -> None:
        """Note a mistake for every projection, drive or coupling that does not exist."""
        for what, known, found in (
            ("projection", projections, self.projections),
            ("drive", drives, self.drives),
            ("coupling", couplings, self.couplings),
        ):
            for name, events in found.items():
                if name not in known:
                    advice = did_you_mean(name, list(known)) if known else f"there are no {what}s"
                    with places.collecting():
                        raise places.error(f"changes.{events[0].key}.{what}", f"there is no {what} '{name}'", advice)


@dataclass(frozen=True, eq=False)
class NeuronChange:
    """From `step` on `name`, a parameter or (`is_state`) a state variable of a family, has `value`.

    `chosen` gives the neurons of each population (its index; indices within it, ascending; None: all of them). An array
    as `value` has one number per population of the family where it is a map, else (`listed`) one per chosen neuron.
    """

    step: int
    family: int
    name: str
    is_state: bool
    value: Quantity
    listed: bool
    chosen: dict[int, NDArray[np.int64] | None]
    key_path: str


@dataclass(frozen=True, eq=False)
class WeightChange:
    """From `step` on the synapses of a projection (its index) have weights that are drawn from `weight`.

    Of plastic ones only where `drawn`; what they are by then is multiplied by `factor`. Of others `weight` is what
    they were before times `factors`, where there are some and nobody else has changed them.
    """

    step: int
    projection: int
    weight: Table
    factor: float = 1.0
    drawn: bool = True
    factors: tuple[float, ...] = ()


def plan_changes(config: RunConfig, n_steps: int, places: Places) -> Planned:
    """All events of a configuration that are before the end of the run."""
    planned = Planned()
    for order, (key, change) in enumerate(config.changes.items()):
        events: list[Event] = []
        with places.collecting():
            events = list(events_of(key, change, order, config.simulation.dt_ms, n_steps, places))
        for group, names in (
            (planned.populations, change.population),
            (planned.projections, change.projection),
            (planned.drives, change.drive),
            (planned.couplings, change.coupling),
        ):
            for name in [names] if isinstance(names, str) else names or []:
                group.setdefault(name, []).extend(event for event in events if event.step < n_steps)
    for group in (planned.populations, planned.projections, planned.drives, planned.couplings):
        for found in group.values():
            found.sort(key=lambda event: (event.step, event.order))
    return planned


def noise_seeds(config: RunConfig, n_steps: int, places: Places) -> tuple[tuple[int, int], ...]:
    """(step, seed) of the changes of the seed of noise before the end of the run, ascending."""
    found = [
        (places.steps(change.t_ms, config.simulation.dt_ms, f"changes.{key}.t_ms"), change.noise_seed)
        for key, change in config.changes.items()
        if change.noise_seed is not None
    ]
    return tuple(sorted((pair for pair in found if pair[0] < n_steps), key=lambda pair: pair[0]))


def events_of(key: str, change: Change, order: int, dt_ms: float, n_steps: int, places: Places) -> Iterator[Event]:
    """The events of one change; InputError for a time off the grid, or more than MOST_EVENTS."""
    path = f"changes.{key}"
    start = places.steps(change.t_ms, dt_ms, f"{path}.t_ms")
    for name, value in change.set.items():
        yield Event(start, order, name, value, f"{path}.set.{name}", change, key)
    if change.on is not None:
        yield Event(start, order, "", change.on, f"{path}.on", change, key)
    for name, values in change.values.items():
        for k, (time_ms, value) in enumerate(zip(change.times_ms or [], values, strict=True)):
            step = places.steps(time_ms, dt_ms, f"{path}.times_ms.{k}")
            yield Event(step, order, name, value, f"{path}.values.{name}.{k}", change, key)
    for name, sine in change.sine.items():
        where = f"{path}.sine.{name}"
        for step, value in _samples(sine, start, dt_ms, n_steps, where, places):
            yield Event(step, order, name, value, where, change, key)


def _samples(
    sine: SineCourse, start: int, dt_ms: float, n_steps: int, path: str, places: Places
) -> Iterator[tuple[int, float]]:
    """(step, value) every interval from `start` to before the end of the course, or of the run."""
    interval = places.steps(sine.interval_ms, dt_ms, f"{path}.interval_ms")
    stop = n_steps if sine.stop_ms is None else min(n_steps, places.steps(sine.stop_ms, dt_ms, f"{path}.stop_ms"))
    if sine.stop_ms is not None and stop <= start:
        raise places.error(f"{path}.stop_ms", f"{sine.stop_ms:g} ms is not after t_ms ({start * dt_ms:g})")
    if (stop - start) // interval > MOST_EVENTS:
        most = (stop - start) * dt_ms / MOST_EVENTS
        raise places.error(
            f"{path}.interval_ms", f"more than {MOST_EVENTS:,} values", f"give an interval of {most:g} ms or more"
        )
    phase = math.radians(sine.phase_deg)
    for step in range(start, stop, interval):
        angle = 2e-3 * math.pi * sine.frequency_hz * step * dt_ms + phase
        yield step, sine.mean + sine.amplitude * math.sin(angle)


# -- neurons ------------------------------------------------------------------------------------------------------


def kind_of(event: Event, model: NeuronModel, places: Places) -> bool:
    """Whether an event changes a state variable (else a parameter); InputError where it can change neither."""
    if model.is_source:
        raise places.error(event.path, f"model '{model.name}' only emits spikes; nothing of it can change during a run")
    parameters, states = [row.name for row in model.parameters], [row.name for row in model.states]
    if event.name in states and event.name not in parameters:
        return True
    if event.name not in parameters:
        advice = did_you_mean(event.name, [*parameters, *states])
        message = f"model '{model.name}' has neither a parameter nor a state variable '{event.name}'"
        raise places.error(event.path, message, advice)
    if event.name in model.fixed_parameters:
        allowed = ", ".join(name for name in parameters if name not in model.fixed_parameters) or "none"
        message = f"{event.name} of model '{model.name}' cannot change during a run"
        raise places.error(event.path, message, f"these can: {allowed}")
    return False


def check_state(event: Event, declared: NeuronModel, form: NeuronModel, places: Places) -> None:
    """InputError where the form that steps a population does not keep a state variable."""
    kept = [row.name for row in form.states if row.name not in form.watched]
    if event.name not in kept:
        message = f"with these parameters model '{declared.name}' keeps no {event.name} of its own"
        raise places.error(event.path, message, f"these can be set: {', '.join(kept)}")


def occurring(base: Quantity, events: list[tuple[Event, Quantity]]) -> Any:
    """All values that a parameter has in the course of a run, as an array; NaN where some are drawn.

    A change of the whole population at step 0 leaves nothing of what was there before.
    """
    values: list[Quantity] = [base]
    for event, value in events:
        if event.step == 0 and is_whole(event.change):
            values.clear()
        values.append(value)
    if any(varies_within(value) for value in values):
        return math.nan
    return np.concatenate([np.atleast_1d(np.asarray(value, dtype=np.float64)) for value in values])


def is_whole(change: Change) -> bool:
    """Whether it concerns every neuron of its populations."""
    return change.regions is None and change.fraction is None and change.neurons is None
