"""Milliseconds and time steps: the one place where a time becomes a number of steps.

A time is a whole number of steps when it is within 1e-9 of one, in steps (1e-12 of it for long times): as near as a
decimal number and its binary form can be apart, and the results of a few operations on them. Where a key takes other
times, too, the nearest step counts and halves go up; 0.35 ms are 3.5 steps of 0.1 ms, whatever 0.35 / 0.1 is in binary.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dtbsim.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

MAX_STEPS = 2**31 - 2**17
"""Longest run: the engine counts steps in 31 bits and needs room for delays beyond the last one."""

_ABSOLUTE, _RELATIVE, _COMPUTED = 1e-9, 1e-12, 1e-6


def whole_steps(time_ms: float, dt_ms: float) -> int | None:
    """Return how many steps `time_ms` is, None where that is no whole number; for any number of steps."""
    steps = time_ms / dt_ms
    if not math.isfinite(steps):
        return None
    nearest = round(steps)
    return nearest if bool(abs(steps - nearest) <= _slack(steps)) else None


def steps_of(time_ms: float, dt_ms: float, where: str | None = None) -> int:
    """Return how many steps `time_ms` is; InputError at `where` for a time off the grid or beyond MAX_STEPS."""
    problem = grid_problem(time_ms, dt_ms)
    if problem is not None:
        raise InputError(problem[0], where=where, remedy=problem[1])
    return round(time_ms / dt_ms)


def nearest_step(time_ms: float, dt_ms: float) -> int:
    """Return the nearest step of a time, halves up, as `nearest_steps` does."""
    steps = time_ms / dt_ms
    nearest: int = math.floor(steps + 0.5 + _slack(steps))
    return nearest


def step_at_or_after(time_ms: float, dt_ms: float) -> int:
    """Return the first step that begins at or after a time that results from a computation (within 1e-6 steps)."""
    return math.ceil(time_ms / dt_ms - _COMPUTED)


def time_of(steps: int, dt_ms: float) -> float:
    """Return the time (ms) of a number of steps: the decimal number (15 digits) of which `steps_of` makes them."""
    return float(f"{steps * dt_ms:.15g}")


def grid_problem(time_ms: float, dt_ms: float) -> tuple[str, str] | None:
    """Return what is wrong with a time that must be a whole number of steps, and what to do; None where it is one."""
    steps = time_ms / dt_ms
    if not abs(steps) < MAX_STEPS + 0.5:
        many = f"{time_ms:.12g} ms are {count_words(steps)} steps of {dt_ms:.12g} ms"
        remedy = f"allowed with this dt_ms: up to {MAX_STEPS * dt_ms:.10g} ms"
        return f"{many}; at most {MAX_STEPS:,} can be counted", remedy
    if whole_steps(time_ms, dt_ms) is not None:
        return None
    below, above = (f"{edge * dt_ms:.12g}" for edge in (math.floor(steps), math.ceil(steps)))
    return f"{time_ms:.12g} ms is not a whole number of steps of {dt_ms:.12g} ms", f"nearest: {below} and {above} ms"


def count_words(number: float) -> str:
    """Return a number of things for a message: 2,147,490,000 or 1e+300."""
    return f"{round(number):,}" if abs(number) < 1e15 else f"{number:.3g}"


def nearest_steps(times_ms: ArrayLike, dt_ms: float, precision: float = 0.0) -> NDArray[np.int64]:
    """Return the nearest step of each time (any shape), halves up. Times are finite and within 2**53 steps.

    `precision` is that of the numbers where it is less than float64's: the eps of float32, for instance.
    """
    import numpy as np

    steps = np.asarray(times_ms, np.float64) / dt_ms
    return np.asarray(np.floor(steps + 0.5 + _slack(steps, precision)), dtype=np.int64)


def off_grid(times_ms: ArrayLike, dt_ms: float, precision: float = 0.0) -> NDArray[np.bool_]:
    """Return which of the times (any shape) are no whole number of steps; `precision` as for `nearest_steps`."""
    import numpy as np

    steps = np.asarray(times_ms, np.float64) / dt_ms
    return np.asarray(np.abs(steps - np.rint(steps)) > _slack(steps, precision))


def _slack(steps: Any, precision: float = 0.0) -> Any:
    """How far a number of steps may be from a whole one, or from a half, by the rounding of binary numbers."""
    return _ABSOLUTE + max(_RELATIVE, precision) * abs(steps)
