"""one_to_one: neuron i to neuron i."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dtbsim.config.parts import KIND, RuleConfig
from dtbsim.models.connections.base import F64, ConnectionRule, End, Expectation


class OneToOne(RuleConfig):
    """Source i to target i; both populations must have the same size."""

    kind: Literal["one_to_one"] = Field(default="one_to_one", description=KIND)


class OneToOneRule(ConnectionRule):
    """Nothing but weights and delays is drawn, keyed by the pair."""

    config = OneToOne
    loop = "one_to_one"
    procedural = True

    def misfit(self, source: End, target: End) -> str | None:
        """Both must have as many neurons."""
        if source.size == target.size:
            return None
        return f"one_to_one needs equal sizes; '{source.name}' has {source.size}, '{target.name}' {target.size}"

    def expected(self, of: Expectation) -> F64:
        """Return the targets."""
        return of.pairs * (1.0 / of.sources)
