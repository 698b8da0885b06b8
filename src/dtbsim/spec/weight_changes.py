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
from dtbsim.spec.synapses import Dynamics

FACTOR = "weight_factor"


@dataclass(frozen=True, eq=False)
class Weights:
    """`table` from `step` on; `path` is that of the change, '' for the first.

    Plastic weights, which are not what they were drawn as, are drawn anew where `drawn`, and multiplied by `factor`.
    Others follow from those before by `factors`, one after the other, where there are some.
    """

    step: int
    table: Table
    path: str
    factor: float = 1.0
    drawn: bool = True
    factors: tuple[float, ...] = ()


def weights_of(
    item: cfg.Projection, first: Table, unit: float, mix: Mix, model: NeuronModel, events: Sequence[Event],
    changing: tuple[Dynamics | None, tuple[float, float]], places: Places,
) -> list[Weights]:  # fmt: skip
    """The weights of a projection, ascending in their steps; `unit` scales those of the configuration.

    `changing`: the dynamics of its synapses, and the smallest and largest factor of weights between its pairs of
    populations. A factor of plastic weights multiplies what they are by then; others are multiples of what was drawn.

    Raises InputError for a projection whose weights cannot change, for a weight that goes to other ports, and for one
    that is beyond the bounds of plastic ones.
    """
    found, dynamics = [Weights(0, first, "")], changing[0]
    plastic = dynamics is not None and dynamics.plastic
    for event in events:
        if item.procedural:
            message = "its synapses are drawn anew at every spike, and some that are under way have been drawn already"
            raise places.error(f"changes.{event.key}.projection", message, "leave procedural out")
        table = _changed(item, found[-1].table, unit, event, places)
        last = found[-1]
        if plastic and event.name == FACTOR and event.step > 0:
            found.append(Weights(event.step, last.table, event.path, float(event.value), drawn=False))
            continue  # each rounds, so that it cannot matter whether they are asked for together
        if input_mix(model, item.receptor, table, event.path.rpartition(".")[0], places) != mix:
            message = "weights of this sign go to another port than those that the projection begins with"
            raise places.error(event.path, message, "keep the sign, or name the port: receptor")
        if dynamics is not None:
            dynamics.check_weights(table, changing[1], event.path, places)
        factors: tuple[float, ...] = ()
        if event.name == FACTOR and (last.step < event.step or last.factors):
            factors = (*(last.factors if last.step == event.step else ()), float(event.value))
        while found and found[-1].step == event.step:
            found.pop()
        found.append(Weights(event.step, table, event.path, factors=factors))
    return found


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
