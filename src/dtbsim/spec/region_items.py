"""Objects of a configuration whose numbers differ between regions: one copy with plain numbers for each region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from dtbsim.config.describe import describe_leaves
from dtbsim.config.fields import field_annotation, leaves, out_of_limits
from dtbsim.config.sources import PER_REGION, spreads
from dtbsim.spec.distributions import Table, as_table
from dtbsim.spec.numbers import Numbers
from dtbsim.spec.populations import Draft
from dtbsim.spec.regions import atlas_of

F64 = NDArray[np.float64]
_M = TypeVar("_M", bound=BaseModel)


def by_position(
    item: _M, family: Draft, positions: Sequence[int], path: str, numbers: Numbers, left_out: Sequence[str] = ()
) -> list[_M]:
    """The object for each of some regions of a population, with numbers where it has some by region.

    It is the same one where nothing differs. InputError where a number is out of the limits of its key.
    """
    differing = {
        name: region_numbers(item, name, family, f"{path}.{name}", numbers)
        for name in type(item).model_fields
        if isinstance(getattr(item, name), PER_REGION) and name not in left_out and not name.startswith("weight")
    }
    if not differing:
        return [item] * len(positions)
    return [
        item.model_copy(update={name: float(values[position]) for name, values in differing.items()})
        for position in positions
    ]


def region_numbers(item: BaseModel, name: str, family: Draft, path: str, numbers: Numbers) -> F64:
    """A number of an object for every region of a population; InputError where one is out of the limits of its key."""
    value = getattr(item, name)
    if spreads(value):
        raise numbers.places.error(path, "this is one number for all neurons of a region", "leave its spread out")
    values = numbers.by_region(value, family.regions, path)
    number = [leaf for leaf in leaves(field_annotation(type(item).model_fields[name])) if leaf.kind == "number"]
    for wrong in (values.min(), values.max()):
        if out_of_limits(number[0], float(wrong)):
            region = atlas_of(numbers.atlas).region_names[family.regions[int(np.flatnonzero(values == wrong)[0])]]
            message = f"it is {wrong:g} in region {region}"
            raise numbers.places.error(path, message, f"allowed: {describe_leaves(number)}")
    return values


def region_weights(value: Any, family: Draft, path: str, numbers: Numbers) -> tuple[Table | None, F64 | None, F64]:
    """Weights of a drive: table of the largest, share of it that every region has (None: all the same), all of them."""
    if not isinstance(value, PER_REGION):
        return None, None, np.full(family.regions.size, float(value))
    if spreads(value):
        raise numbers.places.error(path, "a drive has one weight for all neurons of a region", "leave its spread out")
    weights = numbers.by_region(value, family.regions, path)
    if weights.min() < 0 < weights.max():
        message = f"weights from {weights.min():g} to {weights.max():g} have both signs"
        raise numbers.places.error(path, message, "use two drives")
    largest = float(weights[int(np.argmax(np.abs(weights)))])
    same = bool((weights == largest).all())
    return as_table(largest), None if same else weights / largest, weights
