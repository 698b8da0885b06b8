"""Rows of a model's tables: parameters, states, derived constants and receptor ports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

DType = Literal["f32", "i32"]
Takes = Literal["any", "positive", "size", "count", "whole", "unsigned"]


@dataclass(frozen=True)
class Parameter:
    """A quantity the user sets; the name carries the unit.

    Values v are allowed when low <= v <= high, or low < v where `open_low` (high may be infinite, v may not); with
    `whole` only whole numbers, as registers of chips hold them.
    """

    name: str
    unit: str
    default: float
    description: str
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    citation: str = ""
    whole: bool = False

    @property
    def range(self) -> str:
        """The allowed range in interval notation, or '' when every finite number is allowed."""
        if math.isinf(self.low) and math.isinf(self.high):
            return ""
        left = "(" if self.open_low or math.isinf(self.low) else "["
        right = ")" if math.isinf(self.high) else "]"
        return f"{left}{self.low:.7g}, {self.high:.7g}{right}" + (", whole" if self.whole else "")


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
    counts as one, whatever its weight is; or "whole", as of chips that compute with integers: whole numbers, which are
    kept exactly, and "unsigned": those that are not below 0.
    """

    name: str
    weight_unit: str
    description: str
    channel: int
    takes: Takes = "any"
    watched: int | None = None


MG_HALF_mM, MG_PER_mV = 3.57, 0.062
"""Magnesium block of NMDA receptors (Jahr and Stevens 1990, doi:10.1523/JNEUROSCI.10-09-03178.1990)."""


@dataclass(frozen=True)
class Current:
    """The current through the synapses of a port, from states that are recorded in the units that the user sees.

    It is the state `state`; or, with `reversal`, the name of a parameter, the conductance `state` times the distance of
    the state `potential` (mV) from that reversal potential. `per_unit` names the parameter by which the state is to be
    multiplied, `magnesium` that whose concentration (mM) blocks the conductance as it does NMDA receptors.
    """

    state: str
    reversal: str | None = None
    potential: str = "V_m_mV"
    per_unit: str | None = None
    magnesium: str | None = None
    unit: str = "pA"
    """Of the current: pA, or uA/cm2 of a model per area."""
    effect: Literal["excites", "inhibits", "as its sign"] = "as its sign"
    """What the current does; through a port of either sign, it excites where it depolarises."""

    @property
    def states(self) -> tuple[str, ...]:
        """The states that it needs."""
        return (self.state,) if self.reversal is None else (self.state, self.potential)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters that it needs."""
        return tuple(name for name in (self.reversal, self.per_unit, self.magnesium) if name is not None)

    @property
    def text(self) -> str:
        """The current in symbols."""
        factors = [*filter(None, (self.per_unit, self.state))]
        if self.reversal is not None:
            factors.append(f"({self.potential} - {self.reversal})")
        product = " ".join(factors)
        if self.magnesium is None:
            return product
        return f"{product} / (1 + {self.magnesium} / {MG_HALF_mM:g} exp(-{MG_PER_mV:g} {self.potential}))"

    def values(self, states: Mapping[str, Floats], parameters: Mapping[str, Floats]) -> Floats:
        """Return the current in `unit` of arrays of its states and parameters, whose shapes broadcast."""
        current = states[self.state]
        if self.per_unit is not None:
            current = current * parameters[self.per_unit]
        if self.reversal is not None:
            current = current * (states[self.potential] - parameters[self.reversal])
        if self.magnesium is not None:
            unblocking = np.exp(-MG_PER_mV * states[self.potential].astype(np.float64))
            current = current / (1.0 + parameters[self.magnesium] / MG_HALF_mM * unblocking)
        return current
