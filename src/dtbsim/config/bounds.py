"""The largest numbers that a configuration can hold: what the engine's integers and float32 can, in one place.

Bounds of single keys stand at the key (`le=...`); every other number is bounded by `limits`, by the unit that its key
ends in.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field

from dtbsim.arguments import show
from dtbsim.clock import MAX_STEPS

MAX_NUMBER = 3.4028234663852886e38
"""The largest float32: parameters, weights and states are float32 in the engine."""
MAX_WHOLE = 2**63 - 1
MIN_DT_MS, MAX_DT_MS = 1e-6, 10
MAX_TIME_MS = float(MAX_STEPS * MAX_DT_MS)
MAX_SECONDS = 1e7
MAX_BLOCKS = 2**22
"""Blocks of neurons: every rank has a table of all of them."""
MAX_BLOCK = 2**16
"""Neurons of a block."""
MAX_NEURONS = MAX_BLOCKS * MAX_BLOCK
"""Of a network."""
MAX_DELAY_STEPS = 65_535
MAX_DEGREE = 2**31 - 1
MAX_OUTDEGREE = 2**32 - 1
MAX_SYNAPSES = 2**53
"""Of a pair of populations: expected numbers are float64."""
MAX_THREADS = 4096
MAX_SEED = 2**64 - 1

# Strict: texts and booleans are not numbers, and numbers are not booleans (`dt_ms: "0.1"`, `autapses: 1`).
Number = Annotated[float, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Size = Annotated[int, Field(strict=True, ge=1, le=MAX_NEURONS)]
Degree = Annotated[int, Field(strict=True, ge=0, le=MAX_DEGREE)]
Seed = Annotated[int, Field(strict=True, ge=0, le=MAX_SEED)]


def limit(key: str, *, whole: bool) -> float | int:
    """Return the largest size of the number at a key (the last name of its path)."""
    if whole:
        return MAX_SEED if key == "seed" else MAX_WHOLE
    if key.endswith("_ms") and not key.endswith("per_ms"):
        return MAX_TIME_MS
    if key.endswith("_s") and not key.endswith("per_s"):
        return MAX_SECONDS
    return MAX_NUMBER


def _shown(value: float) -> str:
    return f"{value:.6g}" if abs(value) <= MAX_NUMBER or isinstance(value, float) else show(value)


def beyond(key: str, value: Any) -> str | None:
    """Return what is wrong with the size of a number, or of one in a list or mapping of numbers; None: nothing."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        most = limit(key, whole=isinstance(value, int))
        if abs(value) <= most:
            return None
        what = "is not a number" if math.isnan(value) else "is too large"
        return f"{_shown(value)} {what}; allowed: up to {most:.10g} in size"
    if isinstance(value, list):
        return next((problem for item in value if (problem := beyond(key, item))), None)
    if isinstance(value, dict):
        found = ((name, beyond(str(name), item)) for name, item in value.items())
        return next((f"{name}: {problem}" for name, problem in found if problem), None)
    return None
