"""Rows of a synapse model's tables: parameters, traces of spikes, states and decays of a source, the modulator."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

End = Literal["source", "target"]

WEIGHT = "weight"
"""Unit of a parameter that is given in the unit of the weight, whatever that is: functions get it in that of `w`."""
POPULATION = "population"
"""Unit of a parameter that is the name of a population."""


@dataclass(frozen=True)
class SynapseParameter:
    """A quantity that the user sets; the name carries the unit.

    Values v are allowed when low <= v <= high, or low < v where `open_low`. A `default` of None makes it required,
    unless it is `optional`; `on_grid` asks for a whole number of time steps.
    """

    name: str
    unit: str
    default: float | None
    description: str
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    optional: bool = False
    on_grid: bool = False


@dataclass(frozen=True)
class Trace:
    """A trace of the spikes of one end (`of`) of a synapse: each adds 1, and it decays with the parameter `tau`.

    A trace that spikes of the other end read has, in the function of that end, its value at the time of that spike. A
    trace that spikes of its own end read has, in the function of this end, its value just before the spike.
    """

    name: str
    of: End
    tau: str
    read_by: End


@dataclass(frozen=True)
class SourceState:
    """A number that all synapses of a source in a projection share; `default` is one or names a parameter."""

    name: str
    description: str
    default: float | str = 0.0


@dataclass(frozen=True)
class SynapseState:
    """A number that every synapse has beside its weight, float32; `default` is one or names a parameter."""

    name: str
    description: str
    default: float | str = 0.0


@dataclass(frozen=True)
class Decay:
    """exp(-h / tau) with h the time since the source's previous spike; 0 at its first one. `tau` names a parameter."""

    name: str
    tau: str


@dataclass(frozen=True)
class Modulator:
    """What turns eligibility c into weights: dc/dt = -c / eligibility_tau, dw/dt = c (n - baseline).

    n rises by 1 / tau at every spike of `population` and decays with tau. All names are of parameters; weights are
    rounded and bounded at the spikes of the source and at multiples of `interval`.
    """

    population: str
    tau: str
    baseline: str
    eligibility_tau: str
    interval: str
