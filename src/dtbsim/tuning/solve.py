"""Turn several numbers until several rates are at their targets: Broyden's method with short steps.

Rates answer to drives steeply, not quite independently of each other, and with noise: the slopes are measured once, in
one batch, and corrected by every further run (Broyden 1965, Math Comp 19:577).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Ask = Callable[[Sequence[F64]], list[F64 | None]]
"""Of numbers float64[k], the logarithms of rate over target, float64[k]; None where a run fails."""

PROBE = 0.05
"""Relative change of a number by which slopes are measured."""
LONGEST_STEP = 0.3
MOST_RUNS = 14
FLATTEST = 0.3
"""No slope counts as flatter: a silent population has none."""


@dataclass
class Solved:
    """Where it ended: `x` with the answer `y`, the slopes there, and everything that was tried."""

    x: F64
    y: F64
    slopes: F64
    reached: bool
    tried: list[tuple[F64, F64 | None]] = field(default_factory=list)


def solve(ask: Ask, start: F64, slopes: F64 | None, tolerance: float) -> Solved | None:
    """Find x where all |y| are at most `tolerance`, from `start`; None where the run of `start` fails.

    Args:
        ask: runs settings.
        start: float64[k], logarithms of numbers, or numbers over their size.
        slopes: float64[k, k] of an earlier solution nearby; None: measured.
        tolerance: of y.
    """
    k = start.size
    asked = [start, *(start + PROBE * unit for unit in np.eye(k))] if slopes is None else [start]
    answers = ask(asked)
    tried: list[tuple[F64, F64 | None]] = list(zip(asked, answers, strict=True))
    x, y = start, answers[0]
    if y is None:
        return None
    if slopes is None:
        columns = [(probed - y) / PROBE if probed is not None else FLATTEST * unit
                   for probed, unit in zip(answers[1:], np.eye(k), strict=True)]  # fmt: skip
        slopes = np.stack(columns, axis=1)
    slopes = slopes.copy()
    best = Solved(x, y, slopes, bool(np.abs(y).max() <= tolerance), tried)
    since = 0
    while not best.reached and len(tried) < MOST_RUNS and since < 5:
        step = _step(slopes, y)
        after = ask([x + step])[0]
        tried.append((x + step, after))
        while after is None and np.abs(step).max() > PROBE / 4 and len(tried) < MOST_RUNS:
            step = step / 2
            after = ask([x + step])[0]
            tried.append((x + step, after))
        if after is None:
            break
        change = after - y
        slopes += np.outer(change - slopes @ step, step) / float(step @ step)
        x, y = x + step, after
        since += 1
        if np.abs(y).max() < np.abs(best.y).max():
            best = Solved(x, y, slopes, bool(np.abs(y).max() <= tolerance), tried)
            since = 0
    return best


def _step(slopes: F64, y: F64) -> F64:
    """The step that takes y to 0 where slopes are right, cut to LONGEST_STEP."""
    steep = slopes.copy()
    for k in range(y.size):
        if abs(steep[k, k]) < FLATTEST and np.abs(steep[k]).max() < FLATTEST:
            steep[k, k] = FLATTEST if steep[k, k] >= 0 else -FLATTEST
    damped = steep.T @ steep + 1e-3 * np.eye(y.size)
    step = -np.linalg.solve(damped, steep.T @ y)
    longest = float(np.abs(step).max())
    return np.asarray(step * min(1.0, LONGEST_STEP / longest) if longest > 0 else step)
