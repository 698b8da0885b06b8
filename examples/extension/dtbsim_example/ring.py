"""A connection rule: every neuron hears its nearest neighbours on a ring, each with a probability."""

from typing import Literal

import numpy as np
from pydantic import Field

from dtbsim.config.parts import RuleConfig
from dtbsim.models.connections import ConnectionRule, Listed


class Ring(RuleConfig):
    """The `reach` neurons on either side, each with `probability`; populations of unequal size are stretched."""

    kind: Literal["ring"] = Field(default="ring", description="names the kind")
    reach: int = Field(ge=1, description="neighbours on either side")
    probability: float = Field(default=1.0, gt=0, le=1, description="of each of them")


class RingSynapses:
    """Lists the synapses of any targets; weights and delays are those of the projection."""

    weight = delay = None

    def __init__(self, item, ends):
        self.item, self.n_targets, self.n_sources = item, ends.target.n_neurons, ends.source.n_neurons
        if ends.allowed.size != 1:
            raise ValueError("a ring needs populations that live in one region, or in none")
        self.expected = np.full((1, 1), 2.0 * item.reach * item.probability * self.n_targets)

    def onto(self, targets, words):
        """Return the synapses onto `targets`; random words depend on target and number alone."""
        steps = np.setdiff1d(np.arange(-self.item.reach, self.item.reach + 1), [0])
        target, number = np.repeat(targets, steps.size), np.tile(np.arange(steps.size), targets.size)
        drawn = words(target, number, 1)[0] < self.item.probability * 2.0**32
        centre = target * self.n_sources // self.n_targets
        return Listed(((centre + steps[number]) % self.n_sources)[drawn], target[drawn])


class RingRule(ConnectionRule):
    """`rule: {kind: ring, reach: 3}`."""

    config = Ring

    def compile(self, item, ends):
        """Return the listing of one projection."""
        return RingSynapses(item, ends)


RING = RingRule()
