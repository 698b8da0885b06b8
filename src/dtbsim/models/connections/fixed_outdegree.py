"""fixed_outdegree: every source neuron draws a number of targets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, Tag

from dtbsim.config.bounds import MAX_OUTDEGREE, Whole
from dtbsim.config.parts import KIND, RuleConfig
from dtbsim.config.values import Flag, PerPair, kind_of_value
from dtbsim.models.connections.base import F64, ConnectionRule, Expectation, Pairs

LOG_RARE = 64 * math.log(2.0)
"""A bound on an in-degree that is not known may be exceeded with probability 2**-64."""


if TYPE_CHECKING:
    Outdegrees = Any
else:
    Outdegrees = Annotated[Annotated[Whole, Field(ge=0, le=MAX_OUTDEGREE), Tag("number")] | PerPair, kind_of_value]


class FixedOutdegree(RuleConfig):
    """Every source neuron makes `outdegree` synapses onto targets drawn uniformly, per population pair.

    It may differ between pairs of regions (a matrix) or between regions of the sources, and is rounded.
    """

    kind: Literal["fixed_outdegree"] = Field(default="fixed_outdegree", description=KIND)
    outdegree: Outdegrees = Field(description="synapses per source neuron and pair of populations")
    autapses: Flag = Field(default=True, description="a neuron may be its own target")
    multapses: Literal[True] = Field(default=True, description="always true with this rule")


class FixedOutdegreeRule(ConnectionRule):
    """Targets are drawn source by source, in parts of the target population."""

    config = FixedOutdegree
    loop = "fixed_outdegree"
    by_source = True
    procedural = True
    number_of = "pair"
    most = MAX_OUTDEGREE
    number_name = "an out-degree"
    number_key = "outdegree"
    number_of_source = True

    def number(self, item: FixedOutdegree, scale: F64) -> F64:
        """Return whole out-degrees."""
        return np.asarray(np.rint(item.outdegree * scale), dtype=np.float64)

    def expected(self, of: Expectation) -> F64:
        """Return sources times out-degree."""
        return of.number * of.sources

    def largest_indegree(self, of: Pairs) -> int:
        """Return what an in-degree exceeds with a probability below 2**-64, in any target of the population."""
        part = of.size >> of.splits  # of the smallest part
        probability = (1.0 + 2.0**-40) / ((part - int(of.skip_self.max())) << of.splits)
        return drawn_indegree(sum(n * k for n, k in zip(of.n_sources.tolist(), of.number.tolist(), strict=True)),
                              probability, of.size)  # fmt: skip


def drawn_indegree(n_synapses: int, probability: float, n_targets: int) -> int:
    """The smallest k for which Chernoff's bound shows n_targets * P(Binomial(n_synapses, probability) > k) < 2**-64.

    P(X >= a) <= exp(a - m - a log(a / m)) for a above the mean m = n_synapses * probability.
    """
    mean = n_synapses * probability
    enough = LOG_RARE + math.log(n_targets)

    def shown(k: int) -> bool:
        a = float(k + 1)
        return a > mean and a * math.log(a / mean) - a + mean > enough

    if mean == 0.0:
        return 0
    low, high = -1, n_synapses
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return high
