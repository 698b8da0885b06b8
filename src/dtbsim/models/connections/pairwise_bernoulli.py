"""pairwise_bernoulli: every pair of neurons with the same probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, Tag

from dtbsim.config.bounds import Degree, Number
from dtbsim.config.parts import KIND, RuleConfig
from dtbsim.config.values import Flag, PerPair, kind_of_value
from dtbsim.models.connections.base import F64, I64, ConnectionRule, Expectation
from dtbsim.models.connections.capped_bernoulli import CappedBernoulliRule

if TYPE_CHECKING:
    Probabilities = Any
else:
    Probabilities = Annotated[Annotated[Number, Field(ge=0, le=1), Tag("number")] | PerPair, kind_of_value]


class PairwiseBernoulli(RuleConfig):
    """Every (source, target) pair is connected with probability `probability`, once.

    With `indegree_max`, a target neuron that would have more sources keeps so many of them, each as likely as any
    other: its in-degree is the smaller of that number and a binomial one, over its sources in all regions.
    """

    kind: Literal["pairwise_bernoulli"] = Field(default="pairwise_bernoulli", description=KIND)
    probability: Probabilities = Field(description="probability of a synapse, also by region of the target or by pair")
    indegree_max: Degree | None = Field(
        default=None,
        description="most synapses per target neuron; default: no limit; with one probability, and not with scope: "
        "connectome",
    )
    autapses: Flag = Field(default=True, description="a neuron may be its own source")


class PairwiseBernoulliRule(ConnectionRule):
    """The number of sources of a target is binomial; then so many distinct ones are drawn."""

    config = PairwiseBernoulli
    loop = "pairwise_bernoulli"
    number_of = "pair"
    most = 1
    number_name = "a probability"
    number_key = "probability"

    def form(self, item: PairwiseBernoulli) -> ConnectionRule:
        """Return another one where in-degrees have a limit."""
        return self if item.indegree_max is None else CAPPED

    def number(self, item: PairwiseBernoulli, scale: F64) -> F64:
        """Return probabilities."""
        return np.asarray(item.probability * scale, dtype=np.float64)

    def expected(self, of: Expectation) -> F64:
        """Return pairs times probability."""
        return of.pairs * of.number

    def items(self, targets: I64, number: I64, sources: I64, *, multapses: bool) -> tuple[I64, bool]:
        """Repeated sources are rejected target by target."""
        return targets, False


class Capped(CappedBernoulliRule):
    """The form with a limit."""

    config = PairwiseBernoulli


CAPPED = Capped()
