"""Kinds: families that one compiled update loop can step together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dtbsim.models import NeuronModel
from dtbsim.numerics.philox import PURPOSE_INITIAL, PURPOSE_PARAMETER, PURPOSE_SHIFT, philox_array
from dtbsim.spec.network import Channel, Family, Network
from dtbsim.spec.numbers import Quantity, typical, values_of

QUANTITIES_PER_FAMILY = 64


@dataclass(eq=False)
class Kind:
    """Families with the same model, channels and scalar constants; `arrays` names the per-neuron constants."""

    model: NeuronModel
    channels: tuple[Channel, ...]
    has_current: bool
    scalars: dict[str, float]
    arrays: tuple[str, ...]
    families: list[int] = field(default_factory=list)


def find_kinds(network: Network) -> list[Kind]:
    """Kinds in the order of their first family; source populations come as kinds without channels."""
    kinds: dict[object, Kind] = {}
    for index, family in enumerate(network.families):
        scalars, arrays = _constants_by_shape(family, network.dt_ms)
        model = family.model
        key = (model, family.channels, family.has_current, tuple(sorted(scalars.items())), arrays)
        if key not in kinds:
            kinds[key] = Kind(model, family.channels, family.has_current, scalars, arrays)
        kinds[key].families.append(index)
    return list(kinds.values())


def _constants_by_shape(family: Family, dt_ms: float) -> tuple[dict[str, float], tuple[str, ...]]:
    """Which constants are one number for the family, and which differ between neurons."""
    if family.model.is_source:
        return {}, ()
    trial: dict[str, float | NDArray[np.float64]] = {}
    for row in family.model.parameters:
        value = family.parameters.get(row.name, row.default)
        if isinstance(value, float | int) and row.name not in family.controlled:
            trial[row.name] = float(value)
        else:
            trial[row.name] = np.full(2, typical(value))
    constants = family.model.constants(trial, dt_ms)
    scalars = {name: float(value) for name, value in constants.items() if np.ndim(value) == 0}
    return scalars, tuple(name for name in constants if name not in scalars)


def neuron_values(
    network: Network,
    family_index: int,
    position: int,
    gids: NDArray[np.int64],
    what: str,
    given: Mapping[str, Quantity] | None = None,
) -> dict[str, float | NDArray[np.float64]]:
    """Parameters or initial states (`what`) of neurons `gids` of one population: numbers or float64[n].

    `position` is the population's place within its family. Draws are keyed by quantity and gid.
    `given` takes the place of what the network starts with.
    """
    family = network.families[family_index]
    if given is None:
        given = family.parameters if what == "parameters" else family.initial
    purpose = PURPOSE_PARAMETER if what == "parameters" else PURPOSE_INITIAL
    table = family.declared.parameters if what == "parameters" else family.declared.states
    rows = [row.name for row in table]
    first = network.populations[int(family.populations[position])].gid0
    values: dict[str, float | NDArray[np.float64]] = {}
    for name, value in given.items():
        key = (purpose << PURPOSE_SHIFT) | (family_index * QUANTITIES_PER_FAMILY + rows.index(name))
        words = partial(_words, gids, key, network.seed)
        values[name] = values_of(value, position, gids - first, words)
    return values


def _words(gids: NDArray[np.int64], key: int, seed: int) -> NDArray[np.uint32]:
    return philox_array(gids, 0, 0, key, seed)[0]
