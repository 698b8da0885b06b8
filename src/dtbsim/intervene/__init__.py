"""What changes a network while it runs: controllers that follow its activity, and changes at given times.

`INTERVENTIONS` knows the kinds of controllers. A run asks for those of its network (`open_interventions`) and feeds
each with every chunk.

A package adds a kind by naming an object that has what `Kind` says as an entry point of the group
"dtbsim.interventions"; in one process `INTERVENTIONS.add(NAME, object)` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dtbsim.backends.backend import Backend
from dtbsim.config.controllers import INTERVENTIONS, ControllerOptions
from dtbsim.intervene.homeostatic import Controller
from dtbsim.intervene.intervention import Intervention, Kind, State
from dtbsim.intervene.scaling import Scaling
from dtbsim.intervene.schedule import Schedule, WeightSchedule, make_change
from dtbsim.spec.network import Network

__all__ = [
    "INTERVENTIONS",
    "Controller",
    "ControllerOptions",
    "Intervention",
    "Kind",
    "Scaling",
    "Schedule",
    "State",
    "act_intervals",
    "change_steps",
    "check_interventions",
    "count_units",
    "make_change",
    "open_interventions",
]


def _configured(network: Network) -> Iterator[tuple[str, Any, Kind]]:
    for asked in network.controllers:
        yield asked.name, asked.options, INTERVENTIONS.find(asked.kind, f"controllers.{asked.name}.kind")


def check_interventions(network: Network) -> None:
    """Raise InputError where a controller does not fit the network; needs nothing that is built."""
    for name, item, kind in _configured(network):
        kind.check(network, name, item)


def count_units(network: Network) -> list[int]:
    """Return numbers of steps that the unit of counting must divide."""
    return [kind.interval_steps(network, item) for _, item, kind in _configured(network) if kind.counts]


def act_intervals(network: Network) -> list[int]:
    """Return the steps after whose multiples something acts: no chunk goes beyond them."""
    return [kind.interval_steps(network, item) for _, item, kind in _configured(network)]


def change_steps(network: Network) -> list[int]:
    """Return the steps before which something changes, ascending: a chunk ends there."""
    return sorted({*Schedule(network, network.changes).steps, *(change.step for change in network.weight_changes)})


def open_interventions(network: Network, backend: Backend, unit: int) -> list[Intervention]:
    """Return all of this rank; `unit` is the number of steps of a unit of counting (0: no counts).

    At one moment weights are scaled first, then controllers act, then come the changes of the configuration.
    """
    found = [
        (kind.counts, kind.open(network, name, item, backend, unit or 1)) for name, item, kind in _configured(network)
    ]
    controllers = [intervention for _, intervention in sorted(found, key=lambda pair: pair[0])]
    return [*controllers, WeightSchedule(network), Schedule(network, network.changes)]
