"""Which states of which neurons are sampled during a run: for record.states, and for signals that need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dtbsim.clock import steps_of
from dtbsim.config.run import RunConfig
from dtbsim.config.signals import SIGNALS
from dtbsim.errors import InputError
from dtbsim.models import NeuronModel

if TYPE_CHECKING:
    from dtbsim.spec.places import Places

ALL = 2**32
"""More neurons than a population can have: all of them."""


NEVER = 2**40
"""A step that no run reaches."""


@dataclass(frozen=True)
class StateRequest:
    """States of a population that are sampled every `interval` steps, at the end of a step.

    `neurons`: so many of every region, or these indices. `owner` is who asks: the index in record.states, or the name
    of a signal.
    """

    owner: int | str
    family: int
    neurons: int | list[int]
    variables: tuple[str, ...]
    interval: int
    start: int = 0
    stop: int = NEVER
    """Chunks that lie wholly outside these steps bring no samples."""


def signal_states(config: RunConfig, population: str, model: NeuronModel, places: Places) -> dict[str, tuple[str, ...]]:
    """Return the states of `model` that signals need of a population, by signal; InputError where it has none such."""
    found: dict[str, tuple[str, ...]] = {}
    for name, item in config.signals.items():
        key = item.populations().get(population)
        if key is None:
            continue
        try:
            variables = SIGNALS.find(item.kind).states(item, model)
        except InputError as error:
            raise places.at(f"signals.{name}.{key}", error) from None
        if variables:
            found[name] = variables
    return found


def state_requests(
    config: RunConfig,
    families: Mapping[str, int],
    signals: Mapping[str, Mapping[str, tuple[str, ...]]],
    dt_ms: float,
    entries: Sequence[int],
) -> tuple[StateRequest, ...]:
    """Return all requests, those of record.states first, in their order.

    `families` are the indices by name, `signals` what signals need of each of them (`signal_states`), `entries` the
    numbers in record.states of those of `config`.
    """

    def steps(item: Any) -> int:
        return 1 if item.interval_ms is None else steps_of(item.interval_ms, dt_ms)

    found = [
        StateRequest(entries[k], families[item.population], item.neurons, tuple(item.variables), steps(item))
        for k, item in enumerate(config.record.states)
    ]
    for family, needed in signals.items():
        for name, variables in needed.items():
            item = config.signals[name]
            bounds = getattr(item, "start_ms", None), getattr(item, "stop_ms", None)
            start, stop = (None if ms is None else steps_of(ms, dt_ms) for ms in bounds)
            window = start or 0, NEVER if stop is None else stop
            found.append(StateRequest(name, families[family], ALL, variables, steps(item), *window))
    return tuple(found)
