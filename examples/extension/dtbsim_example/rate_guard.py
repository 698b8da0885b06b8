"""An intervention: while a population fires faster than a limit, its threshold is raised."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dtbsim.clock import steps_of
from dtbsim.errors import InputError
from dtbsim.intervene import ControllerOptions, Kind, Plan
from dtbsim.record.counts import Bins


class RateGuardOptions(ControllerOptions):
    """A parameter that is raised as long as the rate of the last interval was above a limit, region by region."""

    population_key: ClassVar = "population"
    parameter_key: ClassVar = "parameter"

    kind: Literal["rate_guard"] = Field(default="rate_guard", description="names the kind")
    population: str = Field(description="population that is watched")
    parameter: str = Field(default="V_th_mV", description="parameter that is raised")
    limit_hz: float = Field(gt=0, description="mean rate above which it is raised")
    step: float = Field(default=2.0, gt=0, description="by how much, in the unit of the parameter")
    interval_ms: float = Field(default=10.0, gt=0, description="time between two decisions")


class RateGuardPlan(Plan):
    """One entry of `controllers`, in steps and indices."""

    counts = True

    def __init__(self, network, name, item):
        self.item, self.family = item, network.family_index(item.population)
        family = network.families[self.family]
        own = family.parameters.get(item.parameter, family.model.parameter(item.parameter).default)
        if not isinstance(own, int | float):
            raise InputError("the parameter must be one number", where=f"controllers.{name}.parameter")
        self.own, self.members = float(own), family.populations.astype(np.int64)
        self.interval = steps_of(item.interval_ms, network.dt_ms)
        sizes = np.array([network.populations[k].size for k in self.members])
        self.limits = item.limit_hz * 1e-3 * item.interval_ms * sizes

    def open(self, backend, unit):
        """Return it for one rank."""
        return RateGuard(self, unit)


class RateGuard:
    """It on one rank. Every rank decides by the same counts of all ranks, so all of them do the same."""

    def __init__(self, plan, unit):
        self.plan = plan
        self.bins = Bins(plan.interval // unit, plan.members.size)

    def begin(self, backend):
        """Nothing is raised before the first interval has ended."""
        backend.set_parameter(
            self.plan.family, self.plan.item.parameter, np.full(self.plan.members.size, self.plan.own)
        )

    def take(self, chunk, backend):
        """Decide after every interval that ends in the chunk."""
        for spikes in self.bins.add(chunk.counts[:, self.plan.members]):
            values = np.where(spikes > self.plan.limits, self.plan.own + self.plan.item.step, self.plan.own)
            backend.set_parameter(self.plan.family, self.plan.item.parameter, values)

    def state(self):
        """Return the interval that has begun; what was set is part of the neurons."""
        return {"started": self.bins.started}

    def restore(self, state):
        """Go on from there."""
        self.bins.started = np.array(state["started"], np.int64)


class RateGuardKind(Kind):
    """`controllers: {NAME: {kind: rate_guard, population: E, limit_hz: 20}}`."""

    config = RateGuardOptions

    def plan(self, network, name, item):
        """Compile it. InputError where the parameter is no single number."""
        return RateGuardPlan(network, name, item)


RATE_GUARD = RateGuardKind()
