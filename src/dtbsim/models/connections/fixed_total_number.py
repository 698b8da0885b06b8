"""fixed_total_number: so many synapses between two populations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, Tag

from dtbsim.config.bounds import MAX_SYNAPSES, Whole
from dtbsim.config.parts import KIND, RuleConfig
from dtbsim.config.values import Flag, PerPair, kind_of_value
from dtbsim.models.connections.base import F64, I64, ConnectionRule

if TYPE_CHECKING:
    Totals = Any
else:
    Totals = Annotated[Annotated[Whole, Field(ge=0, le=MAX_SYNAPSES), Tag("number")] | PerPair, kind_of_value]


class FixedTotalNumber(RuleConfig):
    """`total` synapses per (source, target) population pair, both ends drawn uniformly; multapses occur.

    It may differ between pairs of regions (a matrix) or between regions of the targets, and is rounded.
    """

    kind: Literal["fixed_total_number"] = Field(default="fixed_total_number", description=KIND)
    total: Totals = Field(description="synapses per pair of populations")
    autapses: Flag = Field(default=True, description="a neuron may be its own source")
    multapses: Literal[True] = Field(default=True, description="always true with this rule")


class FixedTotalNumberRule(ConnectionRule):
    """The total is split over blocks of targets; within a block both ends are drawn."""

    config = FixedTotalNumber
    loop = "fixed_total_number"
    tasks = "split"
    number_of = "pair"
    most = MAX_SYNAPSES
    number_name = "a total"
    number_key = "total"

    def number(self, item: FixedTotalNumber, scale: F64) -> F64:
        """Return whole totals."""
        return np.asarray(np.rint(item.total * scale), dtype=np.float64)

    def items(self, targets: I64, number: I64, sources: I64, *, multapses: bool) -> tuple[I64, bool]:
        """Every synapse stands alone."""
        return number, True
