"""What a score has to be read beside: baselines, ceilings, seeds, and parameters that the data do not tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.analysis.baselines import best_linear_network, structural_correlation
from dtbsim.analysis.fc import fc_correlation
from dtbsim.errors import InputError
from dtbsim.fitting.space import Space
from dtbsim.fitting.target import Target

F64 = NDArray[np.float64]
AT_A_BOUND = 0.01
"""Share of a range that counts as its end."""
LEAST_TOLERANCE = 0.005
FEW_FAIL = 0.2
UNLIKE_STRUCTURE = 0.1
"""Correlation of a connectome with an FC, of which those of one order have 0.2 and more."""


def baselines(target: Target, weights: Any) -> dict[str, Any]:
    """FC correlations that need no model: the best linear network on the connectome, the connectome alone, the ceiling.

    Each {"fitted": r, "held_out": r or None}; {} where the data or the model have no FC or connectome.
    """
    found: dict[str, Any] = {}
    held = None if target.held_out is None else target.held_out.fc
    if target.fc is not None and weights is not None:
        try:
            linear = best_linear_network(weights, target.fc)
            found["linear_network"] = _pair(
                linear.correlation, None if held is None else fc_correlation(linear.fc, held)
            )
            alone = structural_correlation(weights, target.fc)
            found["structure_alone"] = _pair(alone, None if held is None else structural_correlation(weights, held))
        except InputError:  # a connectome without cycles, or the same everywhere
            pass
    ceiling = target.ceiling
    if ceiling is not None:
        found["ceiling"] = {"r": ceiling[0], "of": ceiling[1]}
    return found


def notes_on_data(known: Mapping[str, Any]) -> list[str]:
    """What baselines say of the data themselves."""
    alone = (known.get("structure_alone") or {}).get("fitted")
    if alone is None or alone >= UNLIKE_STRUCTURE:
        return []
    text = "FC and connectome are hardly alike: are their regions in the same order? data with labels are matched by name"
    return [f"{text} (r = {alone:.2f})"]


def _pair(fitted: float, held_out: float | None) -> dict[str, float | None]:
    return {"fitted": fitted, "held_out": held_out}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean, standard deviation, extrema and number of what seeds gave."""
    found = np.asarray(values, np.float64)
    deviation = float(found.std(ddof=1)) if found.size > 1 else math.nan
    return {
        "mean": float(found.mean()),
        "sd": deviation,
        "least": float(found.min()),
        "most": float(found.max()),
        "n": int(found.size),
    }


def warnings_of(space: Space, units: F64, losses: F64, best: F64, seed_sd: float) -> list[str]:
    """Parameters at a bound, flat landscapes, and directions along which nothing changes.

    Args:
        space: the parameters.
        units: float64[n, p] points of the unit cube.
        losses: float64[n], NaN where an evaluation failed.
        best: float64[p] the best of them.
        seed_sd: standard deviation of the loss between seeds; differences below it tell nothing.
    """
    notes = [note for k, one in enumerate(space.free) if (note := _bound(one.key, one.low, one.high, float(best[k])))]
    good = np.isfinite(losses)
    lost = int((~good).sum())
    if lost > FEW_FAIL * losses.size:
        notes.append(f"{lost} of {losses.size} points failed: the bounds reach where the model does not work")
    units, losses = units[good], losses[good]
    if losses.size < 3:
        return notes
    tolerance = max(LEAST_TOLERANCE, seed_sd if math.isfinite(seed_sd) else 0.0)
    if float(np.ptp(losses)) <= 2 * tolerance:
        notes.append(f"flat: all points are within {np.ptp(losses):.3g} of each other, as much as seeds are")
        return notes
    near = units[losses <= losses.min() + tolerance]
    wide = [k for k in range(len(space)) if len(near) >= 3 and float(np.ptp(near[:, k])) > 0.5]
    curved = _flat_directions(units, losses, tolerance)
    for k in wide:
        one, low, high = space.free[k], float(near[:, k].min()), float(near[:, k].max())
        text = f"{one.key} is hardly told by the data: from {one.value(low):.4g} to {one.value(high):.4g} the loss"
        notes.append(f"{text} is within {tolerance:.3g} of the best")
    for direction in curved:
        large = [k for k in np.argsort(-np.abs(direction)) if abs(direction[k]) > 0.35]
        if len(large) >= 2:
            names = " and ".join(space.free[k].key for k in large[:3])
            way = "the other way" if direction[large[0]] * direction[large[1]] < 0 else "the same way"
            notes.append(f"{names} are not told apart: moved together ({way}) they leave the loss as it is")
    return notes


def _bound(key: str, low: float, high: float, unit: float) -> str:
    if unit <= AT_A_BOUND:
        return f"{key} is best at its lower bound, {low:g}: what is beyond was not looked at"
    if unit >= 1.0 - AT_A_BOUND:
        return f"{key} is best at its upper bound, {high:g}: what is beyond was not looked at"
    return ""


def _flat_directions(units: F64, losses: F64, tolerance: float) -> list[F64]:
    """Unit vectors along which a paraboloid through the better half of the points changes by less than the tolerance
    over half the range."""
    n, p = units.shape
    if p < 2:
        return []
    chosen = np.argsort(losses, kind="stable")[: max(n // 2, min(n, 3 * (p + 1) * (p + 2) // 2))]
    x, y = units[chosen] - units[chosen].mean(axis=0), losses[chosen]
    rows, columns = np.triu_indices(p)
    design = np.column_stack([np.ones(len(x)), x, x[:, rows] * x[:, columns]])
    if len(x) < 1.5 * design.shape[1]:
        return []
    solution, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    if rank < design.shape[1]:
        return []
    quadratic = np.zeros((p, p))
    quadratic[rows, columns] = solution[1 + p :]
    hessian = quadratic + quadratic.T
    values, vectors = np.linalg.eigh(hessian)
    steep = float(values[-1])
    if steep <= 0:
        return []
    return [
        vectors[:, k] for k in range(p) if 0.5 * abs(values[k]) * 0.25**2 < tolerance and abs(values[k]) < 0.05 * steep
    ]


def rates_text(rates: Mapping[str, float], deviations: Mapping[str, float]) -> str:
    """Rates in words."""
    parts = []
    for name, rate in rates.items():
        sd = deviations.get(name)
        parts.append(f"{name} {rate:.2f} Hz" + (f" (s.d. of regions {sd:.2f})" if sd else ""))
    return ", ".join(parts)
