"""The list of what changes in neurons: which of them, in which step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.spec.changes import FIRST_DRAW, NeuronChange
from dtbsim.spec.network import Population
from dtbsim.spec.places import Places
from dtbsim.spec.populations import Changed, Draft
from dtbsim.spec.targets import chosen_neurons, chosen_positions

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas


def compile_neuron_changes(
    drafts: dict[str, Draft], populations: tuple[Population, ...], seed: int, atlas: Atlas | None, places: Places
) -> tuple[NeuronChange, ...]:
    """What changes in neurons, in the order in which it is made; notes mistakes."""
    found: list[tuple[tuple[int, int], NeuronChange]] = []
    chosen: dict[tuple[str, int], Any] = {}
    for family, draft in enumerate(drafts.values()):
        for item in draft.changed:
            event = item.event
            key = draft.name, event.order
            with places.collecting():
                if key not in chosen:
                    chosen[key] = _chosen(item, draft, populations, seed, atlas, places)
                if item.listed:
                    _check_length(item, chosen[key], populations, places)
                value = _ascending(item) if item.listed else item.value
                change = NeuronChange(
                    event.step, family, event.name, item.is_state, value, item.listed, chosen[key], event.path
                )
                found.append(((event.step, event.order), change))
    return tuple(change for _, change in sorted(found, key=lambda pair: pair[0]))


def _chosen(
    item: Changed, draft: Draft, populations: tuple[Population, ...], seed: int, atlas: Atlas | None, places: Places
) -> dict[int, Any]:
    change, path = item.event.change, f"changes.{item.event.key}"
    result = {}
    for position in chosen_positions(change, draft, atlas, path, places):
        index = draft.populations[position]
        draw = FIRST_DRAW + item.event.order
        result[index] = chosen_neurons(change, draw, populations[index], seed, path, places)
    return result


def _ascending(item: Changed) -> Any:
    """The values of listed neurons in the order of these, which ascend from here on."""
    neurons = item.event.change.neurons
    return np.asarray(item.value)[np.argsort(neurons)] if isinstance(neurons, list) else item.value


def _check_length(item: Changed, chosen: dict[int, Any], populations: tuple[Population, ...], places: Places) -> None:
    for index, neurons in chosen.items():
        n, given = populations[index].size if neurons is None else neurons.size, len(item.event.value)
        if n != given:
            raise places.error(item.event.path, f"{given} values for {n} neurons of '{populations[index].name}'")
