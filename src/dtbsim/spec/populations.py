"""Families and populations: regions, models, parameters, initial states."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.config import network as cfg
from dtbsim.config.parts import Regions
from dtbsim.config.run import RunConfig
from dtbsim.config.values import RegionMap
from dtbsim.errors import InputError, did_you_mean
from dtbsim.models import NeuronModel
from dtbsim.models.own import code_of, find_model, may_simplify
from dtbsim.spec.changes import Event, check_state, is_whole, kind_of, occurring
from dtbsim.spec.circuits import Parts
from dtbsim.spec.distributions import Table, table_at
from dtbsim.spec.network import MAX_NEURONS, Population
from dtbsim.spec.places import Places
from dtbsim.spec.samples import signal_states

Quantity = float | Table | NDArray[np.float64]
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
    size: int
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
    def in_regions(self) -> bool:
        """Whether the family lives in regions of the atlas."""
        return bool(self.regions[0] >= 0)


def compile_families(
    config: RunConfig, parts: Parts, events: Mapping[str, list[Event]], atlas: Any, base: Path, places: Places
) -> dict[str, Draft]:
    """Resolve models (files relative to `base`), regions and parameter values of every family.

    `events` are the changes of each population in the order of their steps.
    """
    recorded: dict[str, set[str]] = {}
    for record in config.record.states:
        recorded.setdefault(record.population, set()).update(record.variables)
    tonic: dict[str, dict[str, str]] = {}
    for key, controller in config.controllers.items():
        if isinstance(controller, cfg.HomeostaticTonic):
            tonic.setdefault(controller.population, {})[controller.parameter] = f"controllers.{key}.parameter"
    drafts = {}
    needed: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, population in parts.populations.items():
        path = parts.path("populations", name)
        controlled = tonic.get(name, {})
        so_far = len(places.mistakes)
        with places.collecting(name):
            model = _model(population, base, path, places)
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
                atlas,
                places,
            )
        if len(places.mistakes) > so_far:
            places.broken.add(name)
            drafts.pop(name, None)
        else:
            drafts[name].signal_states = needed[name]
    return drafts


def _model(population: cfg.Population, base: Path, path: str, places: Places) -> NeuronModel:
    try:
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
    atlas: Any,
    places: Places,
) -> Draft:
    """`controlled` maps parameters that a controller changes to the key path that names them."""
    regions = regions_of(population.regions, atlas, f"{path}.regions", places)
    parameters = _quantities(population.parameters, model, "parameter", regions, atlas, f"{path}.parameters", places)
    for parameter, named in controlled.items():
        _known(model, "parameter", parameter, named, places)
        if model.is_source:
            raise places.error(named, f"a controller cannot change parameters of '{model.name}', which has no input")
    initial = _quantities(population.initial, model, "state", regions, atlas, f"{path}.initial", places)
    _check(model, parameters, dt_ms, f"{path}.parameters" if parameters else path, places)
    changed = list(changed_values(model, events, controlled, regions, atlas, places))
    check_changes(model, parameters, changed, dt_ms, places)
    form = form_of(model, parameters, initial, frozenset(controlled), changed, recorded)
    for item in changed:
        if item.is_state:
            check_state(item.event, model, form, places)
    moving = frozenset(controlled) | {item.event.name for item in changed if not item.is_state}
    return Draft(name, path, model, form, regions, population.size, parameters, initial, moving, changed)


def changed_values(
    model: NeuronModel,
    events: list[Event],
    controlled: Mapping[str, str],
    regions: NDArray[np.int32],
    atlas: Any,
    places: Places,
) -> Iterator[Changed]:
    """The events of a population with their values; notes mistakes."""
    for event in events:
        with places.collecting():
            is_state = kind_of(event, model, places)
            if event.name in controlled:
                holder = controlled[event.name].removesuffix(".parameter")
                message = f"{event.name} is what {holder} controls"
                raise places.error(event.path, message, "change another parameter, or leave the controller out")
            if isinstance(event.value, list):
                yield Changed(event, is_state, np.array(event.value, dtype=np.float64))
            elif isinstance(event.value, int | float):
                yield Changed(event, is_state, float(event.value))
            else:
                what, path = ("state" if is_state else "parameter"), event.path.rpartition(".")[0]
                found = _quantities({event.name: event.value}, model, what, regions, atlas, path, places)
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
            for extreme in (min(items, key=lambda i: _extremes(i.value)), max(items, key=lambda i: _extremes(i.value)))
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
    given = {name: math.nan if isinstance(value, Table) else value for name, value in parameters.items()}
    given |= dict.fromkeys(controlled, math.nan)
    for name in dict.fromkeys(item.event.name for item in changed if not item.is_state):
        events = [(item.event, item.value) for item in changed if item.event.name == name]
        given[name] = occurring(parameters.get(name, model.parameter(name).default), events)
    start = {name: math.nan if isinstance(value, Table) else value for name, value in initial.items()}
    start |= {item.event.name: math.nan for item in changed if item.is_state}
    with code_of(model, "its simpler form cannot be had"):
        form = model.simplify(given, start)
        known = {row.name for row in model.states}
        return form.with_states(recorded & known)


def regions_of(given: Regions | None, atlas: Any, path: str, places: Places) -> NDArray[np.int32]:
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
        for name in given:
            if name not in index:
                raise places.error(
                    path, f"atlas '{atlas.name}' has no region '{name}'", did_you_mean(name, atlas.region_names)
                )
        found = sorted({index[name] for name in given})
    if not found:
        raise places.error(path, f"no region of atlas '{atlas.name}' matches {given!r}")
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
    atlas: Any,
    path: str,
    places: Places,
) -> dict[str, Quantity]:
    quantities: dict[str, Quantity] = {}
    for name, value in given.items():
        with places.collecting():
            _known(model, what, name, f"{path}.{name}", places, value)
            if isinstance(value, RegionMap):
                values = region_values(value, regions, atlas, f"{path}.{name}", places)
                quantities[name] = float(values[0]) if (values == values[0]).all() else values
            else:
                table = table_at(value, f"{path}.{name}", places)
                quantities[name] = table.low if table.constant else table
    return quantities


def region_values(
    value: RegionMap, regions: NDArray[np.int32], atlas: Any, path: str, places: Places
) -> NDArray[np.float64]:
    """Values of a region map for the given regions: low + (high - low) * (m - min m) / (max m - min m)."""
    if regions[0] < 0:
        raise places.error(path, f"map '{value.map}' needs a population in regions", "add `regions: all`")
    if value.map not in atlas.maps:
        raise places.error(
            path, f"atlas '{atlas.name}' has no map '{value.map}'", did_you_mean(value.map, list(atlas.maps))
        )
    full = np.asarray(atlas.maps[value.map], dtype=np.float64)
    low, high = float(np.nanmin(full)), float(np.nanmax(full))
    chosen = full[regions]
    if not np.isfinite(chosen).all():
        bad = atlas.region_names[int(regions[int(np.argmin(np.isfinite(chosen)))])]
        raise places.error(path, f"map '{value.map}' has no value in region {bad}", "use a map that covers the regions")
    if high == low:
        raise places.error(path, f"map '{value.map}' is the same everywhere", "give a number instead")
    return value.low + (value.high - value.low) * (chosen - low) / (high - low)


def _check(model: NeuronModel, parameters: dict[str, Quantity], dt_ms: float, path: str, places: Places) -> None:
    """Bounds at the extremes of every parameter (one at a time for the spread ones)."""
    base = {key: _first(value) for key, value in parameters.items()}
    spread = {key: _extremes(value) for key, value in parameters.items() if not isinstance(value, float)}
    trials = [base] + [{**base, key: extreme} for key, extremes in spread.items() for extreme in extremes]
    for trial in trials:
        try:
            with code_of(model, "the parameters cannot be checked"):
                model.check(trial, dt_ms)
        except InputError as error:
            raise places.at(path, error) from None


def _first(value: Quantity) -> float:
    if isinstance(value, Table):
        return value.mean
    return float(np.atleast_1d(np.asarray(value))[0])


def _extremes(value: Quantity) -> tuple[float, float]:
    if isinstance(value, Table):
        return value.low, value.high
    return float(np.min(value)), float(np.max(value))


def number_populations(drafts: dict[str, Draft], atlas: Any, places: Places) -> tuple[Population, ...]:
    """Give out gids: families in order, regions in atlas order."""
    populations: list[Population] = []
    gid = 0
    for family, draft in enumerate(drafts.values()):
        for region in draft.regions:
            name = draft.name if region < 0 else f"{draft.name}@{atlas.region_names[region]}"
            draft.populations.append(len(populations))
            populations.append(Population(name, family, int(region), gid, draft.size))
            gid += draft.size
            if gid > MAX_NEURONS:
                raise places.error(f"{draft.path}.size", f"more than {MAX_NEURONS} neurons", "reduce sizes")
    return tuple(populations)
