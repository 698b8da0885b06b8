"""all_to_all: every neuron to every other."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dtbsim.config.parts import KIND, RuleConfig
from dtbsim.config.values import Flag
from dtbsim.models.connections.base import F64, I64, ConnectionRule, Expectation, Pairs


class AllToAll(RuleConfig):
    """Every source to every target."""

    kind: Literal["all_to_all"] = Field(default="all_to_all", description=KIND)
    autapses: Flag = Field(default=True, description="a neuron is its own source, too")


class AllToAllRule(ConnectionRule):
    """Nothing but weights and delays is drawn, keyed by the pair."""

    config = AllToAll
    loop = "all_to_all"
    procedural = True

    def expected(self, of: Expectation) -> F64:
        """Return the pairs."""
        return of.pairs

    def items(self, targets: I64, number: I64, sources: I64, *, multapses: bool) -> tuple[I64, bool]:
        """Every pair stands alone."""
        return targets * sources, True

    def largest_indegree(self, of: Pairs) -> int:
        """Return the sources."""
        return int(of.n_sources.sum() - of.skip_self.sum())
