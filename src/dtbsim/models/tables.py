"""Rows of a model's tables: parameters, states, derived constants and receptor ports."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

DType = Literal["f32", "i32"]
Takes = Literal["any", "positive", "size", "count"]


@dataclass(frozen=True)
class Parameter:
    """A quantity the user sets; the name carries the unit.

    Values v are allowed when low <= v <= high, or low < v where `open_low` (high may be infinite, v may not).
    """

    name: str
    unit: str
    default: float
    description: str
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    citation: str = ""

    @property
    def range(self) -> str:
        """The allowed range in interval notation, or '' when every finite number is allowed."""
        if math.isinf(self.low) and math.isinf(self.high):
            return ""
        left = "(" if self.open_low or math.isinf(self.low) else "["
        right = ")" if math.isinf(self.high) else "]"
        return f"{left}{self.low:g}, {self.high:g}{right}"


@dataclass(frozen=True)
class State:
    """A state variable, one per neuron.

    `default` is a number or the name of a parameter (in the unit the user sees). `offset` names the parameter that is
    subtracted from what the user gives and added to what is recorded: membrane potentials are kept relative to the
    resting potential, as in NEST, because float32 resolves small numbers better. `starts_at` says in words what
    `NeuronModel.derive_initial` computes, where it does.
    """

    name: str
    unit: str
    description: str
    dtype: DType = "f32"
    default: float | str = 0.0
    offset: str | None = None
    starts_at: str = ""


@dataclass(frozen=True)
class Derived:
    """A constant computed from parameters and the time step on the host in float64 (see `NeuronModel.derive`)."""

    name: str
    unit: str
    description: str
    dtype: DType = "f32"


@dataclass(frozen=True)
class Receptor:
    """A port that synapses connect to; `channel` is the index of the input of `update` that it feeds.

    `watched` is that of an input that only feeds states which are recorded (`NeuronModel.with_states`).
    `takes` says which weights: "any"; "positive", as a conductance must not become negative; or "size", a conductance
    whose weights may also be given below 0, as NEST's inhibitory ones are: the size counts; or "count": every spike
    counts as one, whatever its weight is.
    """

    name: str
    weight_unit: str
    description: str
    channel: int
    takes: Takes = "any"
    watched: int | None = None


@dataclass(frozen=True)
class Current:
    """The current through the synapses of a port, from states that are recorded in the units that the user sees.

    It is the state `state` in pA; or, with `reversal`, the name of a parameter, the conductance `state` in nS times the
    distance of the state `potential` (mV) from that reversal potential.
    """

    state: str
    reversal: str | None = None
    potential: str = "V_m_mV"

    @property
    def states(self) -> tuple[str, ...]:
        """The states that it needs."""
        return (self.state,) if self.reversal is None else (self.state, self.potential)
