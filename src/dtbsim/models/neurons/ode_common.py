"""Checks that models with a fixed integration scheme share."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.errors import InputError
from dtbsim.models.base import Values


def refuse_order(p: Values, low: str, relation: str, high: str) -> None:
    """Raise InputError where parameter `low` is not below (relation '<', or '<=') parameter `high`."""
    below, above = np.broadcast_arrays(np.atleast_1d(p[low]), np.atleast_1d(p[high]))
    bad = below >= above if relation == "<" else below > above
    if bad.any():
        unit = low.rsplit("_", 1)[1]
        raise InputError(
            f"{low} is {below[bad][0]:g} {unit} with {high} {above[bad][0]:g} {unit}; allowed: {low} {relation} {high}"
        )


def refuse_time_step(model: str, dt_ms: float, bound_ms: Any, rule: str) -> None:
    """Raise InputError where dt exceeds the bound (number or array); `rule` is the bound in terms of parameters."""
    bound = float(np.min(bound_ms))
    if dt_ms > bound * (1.0 + 1e-9):
        raise InputError(
            f"dt_ms is {dt_ms:g}; model '{model}' needs dt_ms <= {bound:.4g} ({rule})",
            remedy=f"set simulation.dt_ms to {bound:.4g} or less",
        )
