"""Projections whose weights change: what their synapses weigh from which step on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dtbsim.config import network as cfg
from dtbsim.config.values import Constant, Distribution
from dtbsim.errors import did_you_mean
from dtbsim.models import NeuronModel
from dtbsim.spec.changes import Event
from dtbsim.spec.channels import Mix, input_mix, weight_key
from dtbsim.spec.distributions import Table, table_at
from dtbsim.spec.places import Places

FACTOR = "weight_factor"


@dataclass(frozen=True, eq=False)
class Weights:
    """`table` from `step` on; `path` is that of the change, '' for the first."""

    step: int
    table: Table
    path: str


def weights_of(
    item: cfg.Projection, first: Table, unit: float, mix: Mix, model: NeuronModel, events: Sequence[Event],
    places: Places,
) -> list[Weights]:  # fmt: skip
    """The weights of a projection, ascending in their steps; `unit` scales those of the configuration.

    Raises InputError for a projection whose weights cannot change, and for a weight that goes to other ports.
    """
    found = [Weights(0, first, "")]
    for event in events:
        obstacle = _obstacle(item)
        if obstacle is not None:
            raise places.error(f"changes.{event.key}.projection", *obstacle)
        table = _changed(item, found[-1].table, unit, event, places)
        if input_mix(model, item.receptor, table, event.path.rpartition(".")[0], places) != mix:
            message = "weights of this sign go to another port than those that the projection begins with"
            raise places.error(event.path, message, "keep the sign, or name the port: receptor")
        if found[-1].step == event.step:
            found.pop()
        found.append(Weights(event.step, table, event.path))
    return found


def _obstacle(item: cfg.Projection) -> tuple[str, str] | None:
    if item.procedural:
        message = "its synapses are drawn anew at every spike, and some that are under way have been drawn already"
        return message, "leave procedural out"
    if item.synapse is not None:
        return (
            f"its weights follow {item.synapse.kind}",
            "change its parameters with a controller, or leave synapse out",
        )
    return None


def _changed(item: cfg.Projection, before: Table, unit: float, event: Event, places: Places) -> Table:
    key = weight_key(item)
    if event.name not in (FACTOR, key):
        message = f"'{event.name}' of a projection cannot change"
        raise places.error(event.path, message, did_you_mean(event.name, [FACTOR, key]))
    if event.name == FACTOR:
        if not isinstance(event.value, int | float) or not event.value >= 0:
            raise places.error(event.path, "a factor is a number, not below 0")
        return before if event.value == 1 else before.map(float(event.value))
    if not _is_drawn(event.value):
        raise places.error(event.path, "not one number or distribution for all pairs", "give one, or weight_factor")
    if not _is_drawn(getattr(item, key)):
        message = "the weights differ between pairs of regions"
        raise places.error(event.path, message, "change all of them by weight_factor")
    table = table_at(event.value, event.path, places)
    return table if unit == 1.0 else table.map(unit)


def _is_drawn(value: object) -> bool:
    """Whether a weight is one number, or one distribution, for all pairs of populations."""
    return isinstance(value, int | float | Constant | Distribution)
