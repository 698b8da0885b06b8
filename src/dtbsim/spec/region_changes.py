"""Changes of mean-field regions at given times: parameters, states and strengths of couplings, as lists to work off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dtbsim.config.distributions import distribution_kind
from dtbsim.config.run import RunConfig
from dtbsim.config.sources import FromFile, RegionMap, RegionValues, spreads
from dtbsim.errors import InputError, did_you_mean
from dtbsim.models.own import code_of_class
from dtbsim.numerics.philox import PURPOSE_INITIAL, PURPOSE_PARAMETER, PURPOSE_SHIFT
from dtbsim.spec.changes import Event
from dtbsim.spec.numbers import Numbers
from dtbsim.spec.region_compile import node_values
from dtbsim.spec.region_drives import chosen_nodes, draft_of
from dtbsim.spec.region_network import F64, RegionChange, RegionCoupling, RegionNetwork, RegionPopulation

MOST_CHECKED = 1000
"""Changes of a population of which each is checked with all that has been changed by then; of more the extremes."""
_STRENGTH = "strength"


@dataclass(frozen=True, eq=False)
class MemberChange:
    """A change in one member: values float64[nodes or 1] of the nodes in `chosen`."""

    event: Event
    what: Literal["parameter", "state", "strength"]
    target: int | str
    values: F64
    chosen: NDArray[np.bool_]

    @property
    def key(self) -> tuple[Any, ...]:
        """What is the same where several members change the same thing at once."""
        return self.event.step, self.event.order, self.what, self.target, self.event.name


class RegionChanges:
    """Compiles the changes of one member; `controlled`: who holds a parameter, by population and name."""

    def __init__(
        self, config: RunConfig, regions: RegionNetwork, member: int, numbers: Numbers,
        controlled: Mapping[tuple[str, str], str],
    ) -> None:  # fmt: skip
        self._config, self._regions, self._member, self._numbers = config, regions, member, numbers
        self._controlled = controlled
        self._dt_ms = config.simulation.dt_ms

    def of_population(self, name: str, events: Sequence[Event], earlier: Sequence[MemberChange]) -> list[MemberChange]:
        """What events change in a population, after `earlier`; notes mistakes."""
        index = self._regions.index(name)
        assert index is not None
        population = self._regions.populations[index]
        found: list[MemberChange] = []
        nodes: dict[int, list[int]] = {}
        draft = draft_of(population, self._member)
        for event in events:
            with self._numbers.places.collecting():
                if event.order not in nodes:
                    path = f"changes.{event.key}"
                    nodes[event.order] = chosen_nodes(event.change, draft, path, self._numbers)
                found.append(self._change(event, population, nodes[event.order]))
        self._check(population, [*earlier, *found], len(earlier))
        return found

    def of_coupling(self, key: str, events: Sequence[Event]) -> Iterator[MemberChange]:
        """What events change in the strength of a coupling; notes mistakes."""
        path = f"couplings.{key}"
        parts = [coupling for coupling in self._regions.every_coupling if coupling.key_path == path]
        for event in events:
            with self._numbers.places.collecting():
                if event.name != _STRENGTH:
                    message = f"{event.name} of a coupling cannot change during a run"
                    raise self._numbers.places.error(event.path, message, f"its {_STRENGTH} can")
                if isinstance(event.value, list | FromFile) or distribution_kind(event.value):
                    raise self._numbers.places.error(
                        event.path, "a strength is one number, or one for each region", "give a number or a map"
                    )
                for coupling in parts:
                    yield MemberChange(
                        event,
                        "strength",
                        coupling.name,
                        self._by_region(event, self._target(coupling)),
                        np.ones(1, bool),
                    )

    def _target(self, coupling: RegionCoupling) -> NDArray[np.int32]:
        """Regions of its targets."""
        if coupling.target >= 0:
            return self._regions.populations[coupling.target].regions
        return next(one for one in self._regions.to_spikes if one.coupling is coupling).regions

    def _by_region(self, event: Event, regions: NDArray[np.int32]) -> F64:
        if spreads(event.value):
            raise self._numbers.places.error(
                event.path, "a strength is one number for a region", "leave its spread out"
            )
        if isinstance(event.value, RegionMap | RegionValues):
            return self._numbers.by_region(event.value, regions, event.path)
        return np.array([float(event.value)])

    def _change(self, event: Event, population: RegionPopulation, nodes: list[int]) -> MemberChange:
        what = self._kind(event, population)
        n = population.n_nodes
        chosen = np.zeros(n, bool)
        chosen[nodes] = True
        if isinstance(event.value, list):
            if len(event.value) != len(nodes):
                message = f"{len(event.value)} values for {len(nodes)} regions of '{population.name}'"
                raise self._numbers.places.error(event.path, message)
            values = np.zeros(n)
            values[nodes] = event.value
        elif isinstance(event.value, int | float):
            values = np.array([float(event.value)])
        else:
            rows = population.model.parameters if what == "parameter" else population.model.states
            purpose = PURPOSE_PARAMETER if what == "parameter" else PURPOSE_INITIAL
            place = [row.name for row in rows].index(event.name)
            word = (purpose << PURPOSE_SHIFT) | place
            values = node_values(event.value, population, word, self._config.seed, event.path, self._numbers)
        if what == "state":
            self._check_state(event, population, values[chosen] if values.size > 1 else values)
        return MemberChange(event, what, population.index, values, np.ones(1, bool) if chosen.all() else chosen)

    def _kind(self, event: Event, population: RegionPopulation) -> Literal["parameter", "state"]:
        model, places = population.model, self._numbers.places
        parameters, states = [row.name for row in model.parameters], [row.name for row in model.states]
        if event.name in states and event.name not in parameters:
            return "state"
        if event.name not in parameters:
            message = f"model '{model.name}' has neither a parameter nor a state variable '{event.name}'"
            raise places.error(event.path, message, did_you_mean(event.name, [*parameters, *states]))
        fixed = model.fixed_parameters | {row.parameter for row in model.delays}
        if event.name in fixed:
            allowed = ", ".join(name for name in parameters if name not in fixed) or "none"
            message = f"{event.name} of model '{model.name}' cannot change during a run"
            raise places.error(event.path, message, f"these can: {allowed}")
        if (population.name, event.name) in self._controlled:
            message = f"{event.name} is what {self._controlled[population.name, event.name]} controls"
            raise places.error(event.path, message, "change another parameter, or leave the controller out")
        return "parameter"

    def _check_state(self, event: Event, population: RegionPopulation, values: F64) -> None:
        row = next(row for row in population.model.states if row.name == event.name)
        wrong = values[~((values >= row.low) & (values <= row.high))]
        if wrong.size:
            message = f"{row.name} is {wrong[0]:g}"
            raise self._numbers.places.error(event.path, message, f"allowed: {row.low:g} to {row.high:g}")

    def _check(self, population: RegionPopulation, changes: Sequence[MemberChange], first: int) -> None:
        """Bounds of the changes from the `first` on, each with all that has been changed by then."""
        model, places = population.model, self._numbers.places
        complete = model.complete(draft_of(population, self._member).parameters)  # type: ignore[arg-type]
        now: dict[str, F64] = {
            name: np.broadcast_to(np.asarray(value), population.n_nodes).copy() for name, value in complete.items()
        }
        moving = [change for change in changes if change.what == "parameter"]
        new = {id(change) for change in changes[first:]}
        if len(moving) > MOST_CHECKED:
            by_name: dict[str, list[MemberChange]] = {}
            for change in moving:
                by_name.setdefault(change.event.name, []).append(change)
            moving = [
                extreme
                for some in by_name.values()
                for extreme in (min(some, key=lambda c: c.values.min()), max(some, key=lambda c: c.values.max()))
            ]
            new = {id(change) for change in moving}
        for change in moving:
            np.copyto(now[change.event.name], change.values, where=change.chosen)
            if id(change) in new:
                with places.collecting():
                    try:
                        with code_of_class(type(model), "the parameters cannot be checked"):
                            model.check(now, self._dt_ms)
                    except InputError as error:
                        raise places.at(change.event.path, error) from None


def stacked(by_member: Sequence[Sequence[MemberChange]]) -> tuple[RegionChange, ...]:
    """Changes of all members, in the order in which they are made; `by_member` has one, where all have the same."""
    found: dict[tuple[Any, ...], dict[int, MemberChange]] = {}
    for member, changes in enumerate(by_member):
        for change in changes:
            found.setdefault(change.key, {})[member] = change
    result = []
    for members in found.values():
        first = next(iter(members.values()))
        every = len(members) == len(by_member)
        values = [change.values for change in members.values()]
        chosen = [change.chosen for change in members.values()]
        result.append(
            RegionChange(
                first.event.step,
                first.what,
                first.target,
                first.event.name,
                _rows(values),
                _rows(chosen),
                None if every else tuple(members),
                first.event.path,
            )
        )
    orders = [min(change.event.order for change in members.values()) for members in found.values()]
    ranked = sorted(range(len(result)), key=lambda k: (result[k].step, orders[k]))
    return tuple(result[k] for k in ranked)


def _rows(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """One row where all are the same, else a row for each, as long as the longest."""
    if all(array is arrays[0] or np.array_equal(array, arrays[0]) for array in arrays):
        return arrays[0][None, :]
    width = max(array.size for array in arrays)
    return np.array([np.broadcast_to(array, width) for array in arrays])


def changed_parameters(changes: Sequence[RegionChange], population: int) -> frozenset[str]:
    """Names of the parameters of a population that are changed."""
    return frozenset(change.name for change in changes if change.what == "parameter" and change.target == population)
