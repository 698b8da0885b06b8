"""Rows of a region model's tables: states with bounds, inputs, outputs, sources of signals, noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from dtbsim.models.tables import State

Integrator = Literal["euler", "heun", "rk4", "exponential"]
NoiseKind = Literal["additive", "multiplicative", "ornstein_uhlenbeck"]
Signal = Literal["bold", "eeg", "meg", "lfp", "rate"]
INTEGRATORS: tuple[Integrator, ...] = ("euler", "heun", "rk4", "exponential")
NOISE_KINDS: tuple[NoiseKind, ...] = ("additive", "multiplicative", "ornstein_uhlenbeck")
SIGNALS: tuple[Signal, ...] = ("bold", "eeg", "meg", "lfp", "rate")


@dataclass(frozen=True)
class RegionState(State):
    """A state variable, one per region.

    After each stage of the integrator the value is brought to [low, high]. A phase has a `period`: after each step
    it is brought to [-period / 2, period / 2), which float32 resolves.
    """

    low: float = -math.inf
    high: float = math.inf
    period: float = 0.0


@dataclass(frozen=True)
class RegionInput:
    """A sum of what couplings, drives and spikes bring: argument `in_<name>` of the functions."""

    name: str
    unit: str
    description: str


@dataclass(frozen=True)
class Output:
    """A value that `output` computes from the states, and the inputs, a firing rate say."""

    name: str
    unit: str
    description: str


@dataclass(frozen=True)
class Read:
    """The state or output that a signal is made of, and why."""

    signal: Signal
    variable: str
    reason: str


@dataclass(frozen=True)
class Noise:
    """Noise on a state, or on an input, whose size is `sigma` in the unit of its target.

    additive: dx = ... + sigma dW (sigma in unit / sqrt(ms)); multiplicative: dx = ... + sigma x dW, x before the step
    (Ito); ornstein_uhlenbeck: dx/dt = ... + e(t) for a process e of standard deviation sigma (unit / ms for a state,
    unit for an input) and correlation time tau_ms. On an input, additive noise is sigma dW/dt, constant over a step.
    """

    target: str
    kind: NoiseKind = "additive"
    sigma: float = 0.0
    tau_ms: float = 5.0
