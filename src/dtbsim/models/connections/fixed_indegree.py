"""fixed_indegree: every target neuron draws a number of sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, Tag

from dtbsim.config.bounds import MAX_DEGREE, Degree
from dtbsim.config.distributions import Distributions
from dtbsim.config.parts import KIND, RuleConfig
from dtbsim.config.sources import Matrix
from dtbsim.config.values import Flag, PerNeuron, kind_of_value
from dtbsim.models.connections.base import F64, I64, ConnectionRule, Expectation

MAX_ATTEMPTS_PER_SYNAPSE = 100
"""How often sources are drawn, at most, where each may be taken once (a whole population of 80,000 takes 12)."""
_REMEDY = "lower indegree, allow multapses, or enlarge the source population"


if TYPE_CHECKING:
    Degrees = Any
else:
    Degrees = Annotated[
        Annotated[Degree, Tag("number")]
        | Distributions
        | PerNeuron
        | Annotated[Matrix, Tag("matrix")]
        | Annotated[list[Degree], Field(min_length=1, fail_fast=True), Tag("list")],
        kind_of_value,
    ]


class FixedIndegree(RuleConfig):
    """Every target neuron draws `indegree` sources; with `scope: connectome` see `Projection`.

    In-degrees may be drawn for every target neuron, listed for each, or differ between the regions of the targets: the
    nearest whole number counts. With a matrix a neuron of region i has the nearest whole number to sum_j K_ij sources,
    and draws them from regions j in proportion to K_ij.
    """

    kind: Literal["fixed_indegree"] = Field(default="fixed_indegree", description=KIND)
    indegree: Degrees = Field(description="synapses per target neuron")
    autapses: Flag = Field(default=True, description="a neuron may be its own source")
    multapses: Flag = Field(default=True, description="a source may be drawn more than once by one target")


class FixedIndegreeRule(ConnectionRule):
    """Sources are drawn from all source populations of a target, by their shares."""

    config = FixedIndegree
    loop = "fixed_indegree"
    tasks = "pool"
    number_of = "target"
    most = MAX_DEGREE
    number_name = "an in-degree"
    number_key = "indegree"

    def number(self, item: FixedIndegree, scale: F64) -> F64:
        """Return whole in-degrees."""
        return np.asarray(np.rint(item.indegree * scale), dtype=np.float64)

    def expected(self, of: Expectation) -> F64:
        """Return in-degrees times targets, by the share of each source population."""
        return of.indegree * of.share * of.targets

    def too_few(self, item: Any, number: int, sizes: I64, shares: F64) -> tuple[str, str] | None:
        """Without multapses there must be as many sources, and they must be within reach of the draws."""
        if item.multapses:
            return None
        if number > sizes.sum():
            return f"in-degree {number} without multapses, but only {sizes.sum()} sources", _REMEDY
        within_reach = _distinct(shares, sizes, MAX_ATTEMPTS_PER_SYNAPSE * number)
        if number > within_reach:
            return (
                f"in-degree {number} without multapses: regions with weak connections would have to give nearly "
                f"all of their neurons, about {within_reach:.0f} sources are within reach",
                _REMEDY,
            )
        return None

    def items(self, targets: I64, number: I64, sources: I64, *, multapses: bool) -> tuple[I64, bool]:
        """Synapses stand alone unless repeated sources are rejected."""
        return (targets * number, True) if multapses else (targets, False)


def _distinct(share: F64, sizes: I64, attempts: float) -> float:
    """Expected number of different sources in so many draws: entry by probability `share`, then one of `sizes`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        missed = np.exp(attempts * np.log1p(-share / np.maximum(sizes, 1)))
    return float((sizes * (1.0 - missed)).sum())
