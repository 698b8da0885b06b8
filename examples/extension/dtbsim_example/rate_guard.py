"""An intervention: while a population fires faster than a limit, its threshold is raised."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dtbsim.clock import steps_of
from dtbsim.errors import InputError
from dtbsim.intervene import ControllerOptions, Kind
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


class RateGuard:
    """One entry of `controllers`. Every rank decides by the same counts of all ranks, so all of them do the same."""

    def __init__(self, network, name, item, unit):
        self.item, self.family = item, network.family_index(item.population)
        family = network.families[self.family]
        own = family.parameters.get(item.parameter, family.model.parameter(item.parameter).default)
        if not isinstance(own, int | float):
            raise InputError("the parameter must be one number", where=f"controllers.{name}.parameter")
        self.own, self.members = float(own), family.populations.astype(np.int64)
        steps = steps_of(item.interval_ms, network.dt_ms)
        sizes = np.array([network.populations[k].size for k in self.members])
        self.limits = item.limit_hz * 1e-3 * item.interval_ms * sizes
        self.bins = Bins(steps // unit, self.members.size)

    def begin(self, backend):
        """Nothing is raised before the first interval has ended."""
        backend.set_parameter(self.family, self.item.parameter, np.full(self.members.size, self.own))

    def take(self, chunk, backend):
        """Decide after every interval that ends in the chunk."""
        for spikes in self.bins.add(chunk.counts[:, self.members]):
            values = np.where(spikes > self.limits, self.own + self.item.step, self.own)
            backend.set_parameter(self.family, self.item.parameter, values)

    def state(self):
        """Return the interval that has begun; what was set is part of the neurons."""
        return {"started": self.bins.started}

    def restore(self, state):
        """Go on from there."""
        self.bins.started = np.array(state["started"], np.int64)


class RateGuardKind(Kind):
    """`controllers: {NAME: {kind: rate_guard, population: E, limit_hz: 20}}`."""

    options = RateGuardOptions
    counts = True

    def interval_steps(self, network, item):
        """Return the steps after whose multiples it decides."""
        return steps_of(item.interval_ms, network.dt_ms)

    def check(self, network, name, item):
        """Raise InputError where the parameter is no single number."""
        RateGuard(network, name, item, 1)

    def open(self, network, name, item, backend, unit):
        """Return it for one rank."""
        return RateGuard(network, name, item, unit)


RATE_GUARD = RateGuardKind()
