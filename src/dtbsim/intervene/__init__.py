"""What changes a network while it runs: controllers that follow its activity, and changes at given times.

`INTERVENTIONS` knows the kinds of controllers. Those of a network are compiled before anything is built
(`intervention_plans`), opened on every rank (`open_interventions`) and fed with every chunk.

A package adds a kind by naming an object of a class derived from `Kind` as an entry point of the group
"dtbsim.interventions"; in one process `INTERVENTIONS.add(NAME, object)` does.
"""

from __future__ import annotations

from collections.abc import Sequence

from dtbsim.backends.backend import Backend
from dtbsim.config.controllers import INTERVENTIONS, ControllerOptions
from dtbsim.intervene.feedback_inhibition import Feedback
from dtbsim.intervene.homeostatic import Controller
from dtbsim.intervene.intervention import Intervention, Kind, Plan, State
from dtbsim.intervene.scaling import Scaling
from dtbsim.intervene.schedule import NoiseSeeds, Schedule, WeightSchedule, make_change
from dtbsim.spec.network import Network

__all__ = [
    "INTERVENTIONS",
    "Controller",
    "ControllerOptions",
    "Feedback",
    "Intervention",
    "Kind",
    "NoiseSeeds",
    "Plan",
    "Scaling",
    "Schedule",
    "State",
    "WeightSchedule",
    "change_steps",
    "intervention_plans",
    "make_change",
    "open_interventions",
]


def intervention_plans(network: Network) -> list[Plan]:
    """Compile the controllers of a network, in its order. InputError where one does not fit it."""
    return [
        INTERVENTIONS.find(asked.kind, f"controllers.{asked.name}.kind").plan(network, asked.name, asked.options)
        for asked in network.controllers
    ]


def change_steps(network: Network) -> list[int]:
    """Return the steps before which something changes, ascending: a chunk ends there."""
    steps = {*Schedule(network, network.changes).steps, *(change.step for change in network.weight_changes)}
    return sorted(steps | {step for step, _ in network.noise_seeds})


def open_interventions(network: Network, plans: Sequence[Plan], backend: Backend, unit: int) -> list[Intervention]:
    """Return all of this rank; `unit` is the number of steps of a unit of counting (0: no counts).

    At one moment weights are scaled first, then controllers act, then come the changes of the configuration.
    """
    ordered = sorted(plans, key=lambda plan: plan.counts)
    controllers = [plan.open(backend, unit or 1) for plan in ordered]
    return [*controllers, NoiseSeeds(network), WeightSchedule(network), Schedule(network, network.changes)]
