"""Which neurons a drive reaches or a change concerns: regions, a fraction, or named neurons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dtbsim.config.changes import Change
from dtbsim.config.drives import NeuronRange, Windowed
from dtbsim.numerics.philox import PURPOSE_SHIFT, PURPOSE_SUBSET, philox_array
from dtbsim.spec.network import Population
from dtbsim.spec.places import Places
from dtbsim.spec.populations import Draft, regions_of
from dtbsim.spec.regions import atlas_of

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas

IntArray = NDArray[np.int64]
Choosing = Windowed | Change
"""What has `regions`, `fraction` and `neurons`."""


def chosen_positions(item: Choosing, family: Draft, atlas: Atlas | None, path: str, places: Places) -> list[int]:
    """Places within the family of the populations that are reached, ascending."""
    if item.regions is None:
        return list(range(len(family.populations)))
    where = f"{path}.regions"
    if not family.in_regions:
        raise places.error(where, f"population '{family.name}' lives in no regions", "leave `regions` out")
    wanted = regions_of(item.regions, atlas, where, places)
    found = np.flatnonzero(np.isin(family.regions, wanted))
    missing = wanted[~np.isin(wanted, family.regions)]
    if found.size == 0 or (isinstance(item.regions, list) and missing.size):
        lacking = ", ".join(atlas_of(atlas).region_names[region] for region in missing[:3])
        raise places.error(where, f"population '{family.name}' does not live in {lacking}", "name regions it lives in")
    return [int(position) for position in found]


def chosen_neurons(
    item: Choosing, number: int, population: Population, seed: int, path: str, places: Places
) -> IntArray | None:
    """Indices within the population of the neurons that are reached, ascending; None: all.

    `number` is the index of the drive, or of a change from `changes.FIRST_DRAW` on.
    """
    if item.fraction is not None:
        return _fraction(item.fraction, number, population, seed, f"{path}.fraction", places)
    if item.neurons is None:
        return None
    given = item.neurons
    chosen = range(given.start, given.stop, given.step) if isinstance(given, NeuronRange) else sorted(given)
    if chosen[-1] >= population.size:
        where = f"{path}.neurons.stop" if isinstance(given, NeuronRange) else f"{path}.neurons"
        has = f"'{population.name}' has 0 to {population.size - 1}"
        raise places.error(where, f"there is no neuron {chosen[-1]}; {has}")
    return np.array(chosen, np.int64)


def _fraction(
    fraction: float, number: int, population: Population, seed: int, path: str, places: Places
) -> IntArray | None:
    """The rounded number of neurons with the smallest of words drawn by (number, gid); of equal words the first."""
    n = round(fraction * population.size)
    if n == 0:
        raise places.error(path, f"{fraction:g} of the {population.size} neurons of '{population.name}' is none")
    if n == population.size:
        return None
    gids = np.arange(population.gid0, population.gid0 + population.size, dtype=np.int64)
    words = philox_array(gids, 0, 0, (PURPOSE_SUBSET << PURPOSE_SHIFT) | number, seed)[0]
    return np.sort(np.argsort(words, kind="stable")[:n]).astype(np.int64)
