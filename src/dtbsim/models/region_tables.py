"""Rows of a region model's tables: states with bounds, inputs, outputs, sources of signals, noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

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
    instant: bool = False
    """Whether `derivatives` gives its value after the step instead of a derivative: a rate that follows the others."""


@dataclass(frozen=True)
class RegionInput:
    """A sum of what couplings, drives and spikes bring: argument `in_<name>` of the functions."""

    name: str
    unit: str
    description: str
    squared: bool = False
    """Whether couplings arrive with the squares of their weights and strength."""


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
class OwnDelay:
    """An argument `name` of the functions: a state of the region itself as it was `parameter` (ms) ago.

    The delay is rounded to steps, at least one; it is the same for all regions and members. Before the start the state
    is as at the start.
    """

    name: str
    state: str
    parameter: str
    description: str


@dataclass(frozen=True)
class Lookup:
    """A function name(x, y) of the functions `derivatives` and `output`: bilinear in a table, constant outside it.

    `x` and `y` are (first, step, number) of the grid; `file` names an array float32[ny, nx] of an .npz file beside the
    model as "FILE.npz:KEY", in `folder`.
    """

    name: str
    x: tuple[float, float, int]
    y: tuple[float, float, int]
    folder: Path
    file: str

    def values(self) -> NDArray[np.float32]:
        """Return the table, float32[ny, nx]."""
        return _read(self.folder, self.file, (self.y[2], self.x[2]))

    def __call__(self, x: Any, y: Any) -> Any:
        """Return what kernels compute, in float64."""
        table = self.values().astype(np.float64)
        u = np.clip((np.asarray(x, np.float64) - self.x[0]) / self.x[1], 0.0, self.x[2] - 1.0)
        v = np.clip((np.asarray(y, np.float64) - self.y[0]) / self.y[1], 0.0, self.y[2] - 1.0)
        i, j = (np.minimum(np.nan_to_num(w).astype(int), n - 2) for w, n in ((u, self.x[2]), (v, self.y[2])))
        f, g = u - i, v - j
        low = table[j, i] + (table[j, i + 1] - table[j, i]) * f
        return low + (table[j + 1, i] + (table[j + 1, i + 1] - table[j + 1, i]) * f - low) * g


@cache
def _read(folder: Path, file: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    name, _, key = file.partition(":")
    with np.load(folder / name) as found:
        table: NDArray[np.float32] = np.ascontiguousarray(found[key], np.float32)
    assert table.shape == shape
    return table


@dataclass(frozen=True)
class Noise:
    """Noise on a state, or on an input (`in_<name>`), whose size is `sigma` in the unit of its target.

    additive: dx = ... + sigma dW (sigma in unit / sqrt(ms)); multiplicative: dx = ... + sigma x dW, x before the step
    (Ito); ornstein_uhlenbeck: dx/dt = ... + e(t) for a process e of standard deviation sigma (unit / ms for a state,
    unit for an input) and correlation time tau_ms. On an input, additive noise is sigma dW/dt, constant over a step.
    """

    target: str
    kind: NoiseKind = "additive"
    sigma: float = 0.0
    tau_ms: float = 5.0
