"""Families and populations: regions, models, parameters, initial states."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.config import network as cfg
from dtbsim.config.parts import AllBut, Regions
from dtbsim.config.run import RunConfig
from dtbsim.config.sources import spreads
from dtbsim.errors import InputError, did_you_mean
from dtbsim.models import NeuronModel
from dtbsim.models.circuits import Parts
from dtbsim.models.own import code_of, find_model, may_simplify
from dtbsim.models.region_own import is_known, unknown_model
from dtbsim.spec.changes import Event, check_state, is_whole, kind_of, occurring
from dtbsim.spec.network import MAX_NEURONS, Population
from dtbsim.spec.numbers import Numbers, Quantity, extremes, typical
from dtbsim.spec.places import Places
from dtbsim.spec.regions import atlas_of
from dtbsim.spec.samples import signal_states

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas

MOST_CHECKED = 1000
"""Of more changes of a population only the largest and smallest values are checked together with the parameters."""


@dataclass(frozen=True, eq=False)
class Changed:
    """An event of a population with the value that it means."""

    event: Event
    is_state: bool
    value: Quantity

    @property
    def listed(self) -> bool:
        """Whether there is one value for each chosen neuron."""
        return isinstance(self.event.value, list)


@dataclass(eq=False)
class Draft:
    """A family being compiled."""

    name: str
    path: str
    declared: NeuronModel
    """The model that the configuration names: its tables are what the user sees."""
    model: NeuronModel
    """The form of it that steps the neurons."""
    regions: NDArray[np.int32]
    sizes: NDArray[np.int64]
    """Neurons in each of the regions."""
    parameters: dict[str, Quantity]
    initial: dict[str, Quantity]
    controlled: frozenset[str]
    """Parameters that change during the run."""
    changed: list[Changed] = field(default_factory=list)
    populations: list[int] = field(default_factory=list)
    has_current: bool = False
    signal_states: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """States that signals sample of all of its neurons, by signal."""

    @property
    def size(self) -> int:
        """Neurons in each of the regions, where these are as many in all."""
        assert not np.ptp(self.sizes)
        return int(self.sizes[0])

    @property
    def in_regions(self) -> bool:
        """Whether the family lives in regions of the atlas."""
        return bool(self.regions[0] >= 0)


def compile_families(
    config: RunConfig, parts: Parts, events: Mapping[str, list[Event]], numbers: Numbers
) -> dict[str, Draft]:
    """Resolve models (files relative to the configuration), regions, sizes and parameter values of every family.

    `events` are the changes of each population in the order of their steps.
    """
    places = numbers.places
    recorded: dict[str, set[str]] = {}
    for record in config.record.states:
        recorded.setdefault(record.population, set()).update(record.variables)
    tonic: dict[str, dict[str, str]] = {}
    for key, controller in config.controllers.items():
        if (found := controller.parameter_set()) is not None:
            population_name, parameter, named = found
            tonic.setdefault(population_name, {})[parameter] = f"controllers.{key}.{named}"
    drafts = {}
    needed: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, population in parts.populations.items():
        path = parts.path("populations", name)
        controlled = tonic.get(name, {})
        so_far = len(places.mistakes)
        with places.collecting(name):
            model = _model(population, numbers.base, path, places)
            needed[name] = signal_states(config, name, model, places)
            watched = recorded.get(name, set()).union(*needed[name].values())
            drafts[name] = _family(
                name,
                path,
                population,
                model,
                controlled,
                events.get(name, []),
                watched,
                config.simulation.dt_ms,
                numbers,
            )
        if len(places.mistakes) > so_far:
            places.broken.add(name)
            drafts.pop(name, None)
        else:
            drafts[name].signal_states = needed[name]
    return drafts


def _model(population: cfg.Population, base: Path, path: str, places: Places) -> NeuronModel:
    try:
        if not is_known(population.model):
            raise unknown_model(population.model)
        return find_model(population.model, population.receptors, base)
    except InputError as error:
        raise places.at(f"{path}.model", error) from None


def _family(
    name: str,
    path: str,
    population: cfg.Population,
    model: NeuronModel,
    controlled: Mapping[str, str],
    events: list[Event],
    recorded: set[str],
    dt_ms: float,
    numbers: Numbers,
) -> Draft:
    """`controlled` maps parameters that a controller changes to the key path that names them."""
    places = numbers.places
    regions = regions_of(population.regions, numbers.atlas, f"{path}.regions", places)
    sizes = _sizes(population, regions, path, numbers)
    parameters = _quantities(population.parameters, model, "parameter", regions, sizes, f"{path}.parameters", numbers)
    for parameter, named in controlled.items():
        _known(model, "parameter", parameter, named, places)
        if model.is_source:
            raise places.error(named, f"a controller cannot change parameters of '{model.name}', which has no input")
    initial = _quantities(population.initial, model, "state", regions, sizes, f"{path}.initial", numbers)
    _check(model, parameters, dt_ms, f"{path}.parameters" if parameters else path, places)
    changed = list(changed_values(model, events, controlled, regions, sizes, numbers))
    check_changes(model, parameters, changed, dt_ms, places)
    form = form_of(model, parameters, initial, frozenset(controlled), changed, recorded)
    for item in changed:
        if item.is_state:
            check_state(item.event, model, form, places)
    moving = frozenset(controlled) | {item.event.name for item in changed if not item.is_state}
    return Draft(name, path, model, form, regions, sizes, parameters, initial, moving, changed)


def _sizes(population: cfg.Population, regions: NDArray[np.int32], path: str, numbers: Numbers) -> NDArray[np.int64]:
    """Neurons in each region: the nearest whole numbers, halves up."""
    where = f"{path}.size"
    given = np.floor(numbers.by_region(population.size, regions, where) + 0.5)
    if spreads(population.size):
        raise numbers.places.error(where, "a size is one number in each region", "leave its spread out")
    for wrong in (given.min(), given.max()):
        if not 1 <= wrong <= MAX_NEURONS:
            region = atlas_of(numbers.atlas).region_names[regions[int(np.flatnonzero(given == wrong)[0])]]
            raise numbers.places.error(where, f"{wrong:g} neurons in region {region}", f"allowed: 1 to {MAX_NEURONS:,}")
    return given.astype(np.int64)


def changed_values(
    model: NeuronModel,
    events: list[Event],
    controlled: Mapping[str, str],
    regions: NDArray[np.int32],
    sizes: NDArray[np.int64],
    numbers: Numbers,
) -> Iterator[Changed]:
    """The events of a population with their values; notes mistakes."""
    places = numbers.places
    for event in events:
        with places.collecting():
            is_state = kind_of(event, model, places)
            if event.name in controlled:
                holder = controlled[event.name].rpartition(".")[0]
                message = f"{event.name} is what {holder} controls"
                raise places.error(event.path, message, "change another parameter, or leave the controller out")
            if isinstance(event.value, list):
                yield Changed(event, is_state, np.array(event.value, dtype=np.float64))
            elif isinstance(event.value, int | float):
                yield Changed(event, is_state, float(event.value))
            else:
                what, path = ("state" if is_state else "parameter"), event.path.rpartition(".")[0]
                found = _quantities({event.name: event.value}, model, what, regions, sizes, path, numbers)
                if event.name in found:
                    yield Changed(event, is_state, found[event.name])


def check_changes(
    model: NeuronModel, parameters: dict[str, Quantity], changed: list[Changed], dt_ms: float, places: Places
) -> None:
    """Bounds of everything that parameters change to: alone, and with what the whole population has by then."""
    moving = [item for item in changed if not item.is_state]
    if len(moving) > MOST_CHECKED:
        by_name: dict[str, list[Changed]] = {}
        for item in moving:
            by_name.setdefault(item.event.name, []).append(item)
        moving = [
            extreme
            for items in by_name.values()
            for extreme in (min(items, key=lambda i: extremes(i.value)), max(items, key=lambda i: extremes(i.value)))
        ]
    now = dict(parameters)
    for item in moving:
        with places.collecting():
            _check(model, {**now, item.event.name: item.value}, dt_ms, item.event.path, places)
        if is_whole(item.event.change):
            now[item.event.name] = item.value


def form_of(
    model: NeuronModel,
    parameters: Mapping[str, Quantity],
    initial: Mapping[str, Quantity],
    controlled: frozenset[str],
    changed: list[Changed],
    recorded: set[str],
) -> NeuronModel:
    """The form of a model that steps a population: chosen by values alone, then with the states that are recorded."""
    if model.is_source or not may_simplify(model):
        return model
    given = _of_all(parameters) | dict.fromkeys(controlled, math.nan)
    for name in dict.fromkeys(item.event.name for item in changed if not item.is_state):
        events = [(item.event, item.value) for item in changed if item.event.name == name]
        given[name] = occurring(parameters.get(name, model.parameter(name).default), events)
    start = _of_all(initial) | {item.event.name: math.nan for item in changed if item.is_state}
    with code_of(model, "its simpler form cannot be had"):
        form = model.simplify(given, start)
        known = {row.name for row in model.states}
        return form.with_states(recorded & known)


def _of_all(quantities: Mapping[str, Quantity]) -> dict[str, float | NDArray[np.float64]]:
    """Quantities that all neurons of a region share; NaN for others."""
    return {name: value if isinstance(value, float | np.ndarray) else math.nan for name, value in quantities.items()}


def regions_of(given: Regions | None, atlas: Atlas | None, path: str, places: Places) -> NDArray[np.int32]:
    """Indices of the named regions of the atlas, ascending; [-1] where none are named."""
    if given is None:
        return np.array([-1], dtype=np.int32)
    if atlas is None:
        raise places.error(path, "regions are given, but the run has no atlas", "add `atlas: NAME`")
    if given == "all":
        return np.arange(len(atlas.region_names), dtype=np.int32)
    if given in ("left", "right"):
        side = "L" if given == "left" else "R"
        found = [i for i, hemisphere in enumerate(atlas.hemisphere) if hemisphere == side]
    else:
        index = {name: i for i, name in enumerate(atlas.region_names)}
        names = given.all_but if isinstance(given, AllBut) else given
        for name in names:
            if name not in index:
                raise places.error(
                    path, f"atlas '{atlas.name}' has no region '{name}'", did_you_mean(name, atlas.region_names)
                )
        named = {index[name] for name in names}
        found = sorted(set(index.values()) - named if isinstance(given, AllBut) else named)
    if not found:
        what = "is left" if isinstance(given, AllBut) else f"matches {given!r}"
        raise places.error(path, f"no region of atlas '{atlas.name}' {what}")
    return np.array(found, dtype=np.int32)


def _known(model: NeuronModel, what: str, name: str, path: str, places: Places, value: object = None) -> None:
    try:
        model.parameter(name, value) if what == "parameter" else model.state(name, value)
    except InputError as error:
        raise places.error(path, error.message, error.remedy) from None


def _quantities(
    given: Mapping[str, Any],
    model: NeuronModel,
    what: str,
    regions: NDArray[np.int32],
    sizes: NDArray[np.int64],
    path: str,
    numbers: Numbers,
) -> dict[str, Quantity]:
    quantities: dict[str, Quantity] = {}
    for name, value in given.items():
        with numbers.places.collecting():
            _known(model, what, name, f"{path}.{name}", numbers.places, value)
            quantities[name] = numbers.quantity(value, regions, sizes, f"{path}.{name}")
    return quantities


def _check(model: NeuronModel, parameters: dict[str, Quantity], dt_ms: float, path: str, places: Places) -> None:
    """Bounds at the extremes of every parameter (one at a time for the spread ones)."""
    base = {key: typical(value) for key, value in parameters.items()}
    spread = {key: extremes(value) for key, value in parameters.items() if not isinstance(value, float)}
    trials = [base] + [{**base, key: extreme} for key, extremes in spread.items() for extreme in extremes]
    for trial in trials:
        try:
            with code_of(model, "the parameters cannot be checked"):
                model.check(trial, dt_ms)
        except InputError as error:
            raise places.at(path, error) from None


def number_populations(drafts: dict[str, Draft], atlas: Atlas | None, places: Places) -> tuple[Population, ...]:
    """Give out gids: families in order, regions in atlas order."""
    populations: list[Population] = []
    gid = 0
    for family, draft in enumerate(drafts.values()):
        for region, size in zip(draft.regions.tolist(), draft.sizes.tolist(), strict=True):
            name = draft.name if region < 0 else f"{draft.name}@{atlas_of(atlas).region_names[region]}"
            draft.populations.append(len(populations))
            populations.append(Population(name, family, region, gid, size))
            gid += size
            if gid > MAX_NEURONS:
                raise places.error(f"{draft.path}.size", f"more than {MAX_NEURONS} neurons", "reduce sizes")
    return tuple(populations)
