"""Pieces of the vocabulary that several parts of the network share: names, regions, weights, listed spikes."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from dtbsim.config.bounds import Number, Whole
from dtbsim.config.values import Strict

# fail_fast: of lists that may have millions of entries only the first wrong one is reported
Names = Annotated[list[str], Field(min_length=1, fail_fast=True)]


class AllBut(Strict):
    """All regions of the atlas except some."""

    all_but: Names = Field(description="names of regions that are left out")


Regions = Literal["all", "left", "right"] | Names | AllBut

KIND = "names the kind"
RECEPTOR = "port of the target's model; default: its only port, or `ex` / `in` by the sign of the weight"
OffGrid = Literal["error", "nearest"]
OFF_GRID = "listed times that are no whole number of steps: an error, or the nearest step (halves up)"
CONDUCTANCE = "weight of a conductance-based synapse; into an inhibitory port its size counts, as in NEST"
WEIGHT_KEYS = ("weight_pA", "weight_mV", "weight_nS", "weight")


def exactly_one_weight(given: Strict) -> None:
    """Raise ValueError unless one of the weights is given."""
    keys = [key for key in WEIGHT_KEYS if getattr(given, key) is not None]
    if len(keys) != 1:
        raise ValueError(f"give exactly one of {', '.join(WEIGHT_KEYS)}; got {', '.join(keys) or 'none'}")


class SpikeArrays(Strict):
    """Spikes written out, or given from Python as arrays: spike k is one of neuron `neuron[k]` at `time_ms[k]`."""

    neuron: Annotated[list[Whole], Field(fail_fast=True)] = Field(
        description="index of the neuron within its population, from 0"
    )
    time_ms: Annotated[list[Number], Field(fail_fast=True)] = Field(description="times, as many; in any order")

    @model_validator(mode="after")
    def _as_many(self) -> SpikeArrays:
        if len(self.neuron) != len(self.time_ms):
            raise ValueError(f"neuron has {len(self.neuron)} entries, time_ms {len(self.time_ms)}")
        return self


class RuleConfig(Strict):
    """Base of what configures a connection rule; a class of it has `kind`, a Literal that is its default, too."""

    lists_values: ClassVar[bool] = False
    """Whether the rule may give weights and delays itself, so that the projection may leave them out."""

    kind: Any = Field(description=KIND)

    def files(self) -> dict[str, str]:
        """Return the files that the rule reads, by the key that names them: a run folder keeps copies of them."""
        return {}

    def arrays(self) -> tuple[str, str, dict[str, Any]] | None:
        """Return (key, key of a file instead, columns) of long lists that the configuration holds; None: none."""
        return None
