"""What models with a fixed integration scheme share: functions of the subset, checks."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.errors import InputError
from dtbsim.models.base import Values

PADE = "in the Pade form x / (1 - exp(-x)) = 1 + x/2 + x^2/12, stable for any x > 0"


def relaxed(y: float, rate: float, drive: float) -> float:
    """y after dy/ds = drive - rate y from s = 0 to 1, with 1 - exp(-rate) in Pade form."""
    return y + (drive - rate * y) / (1.0 + rate * (0.5 + rate * 0.083333333))


def bernoulli(x: float, decay: float) -> float:
    """x / (1 - exp(-x)), decay = exp(-x) given; near the removable singularity at 0 the series up to x^4."""
    near = abs(x) < 0.2
    series = 1.0 + x * (0.5 + x * (0.083333333 - x * x * 0.0013888889))
    return series if near else x / (0.5 if near else 1.0 - decay)


def bernoulli_float64(x: Any) -> Any:
    """`bernoulli` on the host: float64, number or array."""
    small = np.abs(x) < 1e-9
    safe = np.where(small, 1.0, x)
    return np.where(small, 1.0 + 0.5 * np.asarray(x), safe / -np.expm1(-safe))


def mean_decay(tau_ms: Any, dt_ms: float) -> Any:
    """Mean of exp(-t / tau) over one step."""
    return -np.expm1(-dt_ms / tau_ms) * tau_ms / dt_ms


def refuse_order(p: Values, low: str, relation: str, high: str) -> None:
    """Raise InputError where parameter `low` is not below (relation '<', or '<=') parameter `high`."""
    below, above = np.broadcast_arrays(np.atleast_1d(p[low]), np.atleast_1d(p[high]))
    bad = below >= above if relation == "<" else below > above
    if bad.any():
        unit = " mV" if low.endswith("_mV") else ""
        raise InputError(
            f"{low} is {below[bad][0]:g}{unit} with {high} {above[bad][0]:g}{unit}; allowed: {low} {relation} {high}"
        )
