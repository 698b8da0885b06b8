"""Parameters that a synapse model allows, to compute its constants once before anybody has configured it."""

from __future__ import annotations

import math
from contextlib import suppress

import numpy as np

from dtbsim.models.synapses.base import SynapseModel
from dtbsim.models.synapses.tables import POPULATION, SynapseParameter

UNIT = 0.001
"""The weight, in its own unit, of w = 1 in the trial."""


def trial_values(model: SynapseModel) -> dict[str, float]:
    """Return the defaults of a model, and something that is allowed for parameters without."""
    return {row.name: _value(row) for row in model.parameters if row.unit != POPULATION}


def trial_constants(model: SynapseModel) -> dict[str, float] | None:
    """Return the constants of a model for `trial_values`, as float32 holds them; None where these do not suit it.

    Raises whatever is a fault of the code, whichever values it gets.
    """
    with suppress(ArithmeticError, ValueError):
        values = {name: float(np.float32(x)) for name, x in zip(model.constant_names, _constants(model), strict=True)}
        return values if all(map(math.isfinite, values.values())) else None
    return None


def _constants(model: SynapseModel) -> list[float]:
    return model.constants(trial_values(model), UNIT)


def _value(row: SynapseParameter) -> float:
    if row.default is not None:
        return float(row.default)
    for value in (1.0, -1.0, row.high, row.low):
        if math.isfinite(value) and row.low <= value <= row.high and not (row.open_low and value == row.low):
            return value
    return (row.low + row.high) / 2
