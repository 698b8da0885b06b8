"""Is the microcircuit that was timed the right one? Its statistics against the published and stored ones.

Rates against the table of the INM-6 reference implementation, irregularity (CV of ISI) and pairwise correlations
against a stored simulation with NEST (data/pd14_reference.json says how it was made). All hold at full scale only.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import common

REFERENCE = common.HERE / "data" / "pd14_reference.json"
RATE_TOLERANCE = 0.04
WIDE_RATE_TOLERANCE = 0.08
WIDE = ("L23E", "L6E")
"""Slow populations: their rates differ by more between seeds."""
CV_TOLERANCE = 0.05
CORRELATION_FACTOR = 3.0
CORRELATION_FLOOR = 1e-3
"""What the mean correlation of 200 neurons over 2 s may differ by when its size is near zero."""
RATES_NEED_MS = (200.0, 800.0)
"""Transient, and time after it: with less, rates differ by more than the tolerance between seeds."""


def validate(spikes: Path, scale: float, dt_ms: float, biological_ms: list[float]) -> dict[str, Any]:
    """Return statistics of every population beside the reference, what each check says, and whether all passed.

    `passed` is None for what cannot be checked here, with the reason in `notes`.
    """
    reference = common.read_json(REFERENCE)
    measured = statistics(spikes, list(reference["populations"]), dt_ms, biological_ms, reference["duration_ms"])
    rates_hold, irregularity_holds, notes = what_can_be_checked(scale, biological_ms, reference)
    populations = {}
    for name, found in measured.items():
        checks = {
            "rate": check_rate(name, found, reference) if rates_hold else None,
            "cv": check_cv(found, reference["populations"][name]) if irregularity_holds else None,
            "correlation": check_correlation(found, reference["populations"][name]) if irregularity_holds else None,
        }
        populations[name] = {**found, "checks": checks}
    done = [
        check["passed"] for entry in populations.values() for check in entry["checks"].values() if check is not None
    ]
    return {
        "passed": all(done) if done else None,
        "notes": notes,
        "tolerances": {
            "rate": f"{RATE_TOLERANCE:.0%} of the INM-6 table; {WIDE_RATE_TOLERANCE:.0%} for {', '.join(WIDE)}",
            "cv": f"{CV_TOLERANCE} from NEST's",
            "correlation": f"within a factor {CORRELATION_FACTOR:g} of NEST's, or {CORRELATION_FLOOR} from it",
        },
        "populations": populations,
    }


def statistics(
    spikes: Path, names: list[str], dt_ms: float, biological_ms: list[float], window_ms: float
) -> dict[str, dict[str, Any]]:
    """Rates over all that was measured; CV and correlations over its first `window_ms`, as in the reference."""
    import numpy as np

    from dtbsim.analysis.spikes import population_statistics

    with np.load(spikes) as stored:
        steps, gids, starts = stored["steps"], stored["gids"], stored["gid_starts"]
    start, stop = (round(at_ms / dt_ms) for at_ms in biological_ms)
    short = min(stop, start + round(window_ms / dt_ms))
    result = {}
    for index, name in enumerate(names):
        gid0, size = int(starts[index]), int(starts[index + 1] - starts[index])
        known = {"gid0": gid0, "size": size, "dt_ms": dt_ms, "start_step": start}
        whole = population_statistics(steps, gids, **known, stop_step=stop)
        part = whole if short == stop else population_statistics(steps, gids, **known, stop_step=short)
        result[name] = {
            "neurons": size,
            "rate_hz": whole.rate_hz,
            "silent_fraction": part.silent_fraction,
            "cv_isi": part.cv_isi,
            "correlation": part.correlation,
        }
    return result


def what_can_be_checked(
    scale: float, biological_ms: list[float], reference: dict[str, Any]
) -> tuple[bool, bool, list[str]]:
    """Whether rates, and whether CV and correlations, can be held against the reference, and why not."""
    transient_ms, duration_ms = biological_ms[0], biological_ms[1] - biological_ms[0]
    if scale != 1:
        return False, False, [f"nothing checked: at scale {scale:g} rates are not those of full scale"]
    notes = []
    rates = transient_ms >= RATES_NEED_MS[0] and duration_ms >= RATES_NEED_MS[1] - 1e-6
    if not rates:
        notes.append("rates not checked: they need {1:g} ms after a transient of {0:g} ms".format(*RATES_NEED_MS))
    start_ms, window_ms = reference["start_ms"], reference["duration_ms"]
    irregularity = transient_ms >= start_ms and duration_ms >= window_ms - 1e-6
    if not irregularity:
        notes.append(f"CV and correlations not checked: they need {window_ms:g} ms after {start_ms:g} ms")
    return rates, irregularity, notes


def check_rate(name: str, found: dict[str, Any], reference: dict[str, Any]) -> dict[str, Any]:
    """Relative deviation from the table."""
    expected = reference["rates_INM6_hz"][name]
    tolerance = WIDE_RATE_TOLERANCE if name in WIDE else RATE_TOLERANCE
    deviation = found["rate_hz"] / expected - 1
    return _check(expected, deviation, tolerance)


def check_cv(found: dict[str, Any], nest: dict[str, Any]) -> dict[str, Any]:
    """Difference from NEST's."""
    deviation = math.inf if found["cv_isi"] is None else found["cv_isi"] - nest["cv_isi_mean"]
    return _check(nest["cv_isi_mean"], deviation, CV_TOLERANCE)


def check_correlation(found: dict[str, Any], nest: dict[str, Any]) -> dict[str, Any]:
    """Of the same order: close in ratio, or both near zero."""
    expected, value = nest["corr_2ms_mean"], found["correlation"]
    if value is None:
        return _check(expected, math.inf, CORRELATION_FLOOR)
    same = expected / CORRELATION_FACTOR <= value <= expected * CORRELATION_FACTOR
    close = abs(value - expected) <= CORRELATION_FLOOR
    return {"expected": expected, "deviation": value - expected, "passed": same or close}


def _check(expected: float, deviation: float, tolerance: float) -> dict[str, Any]:
    return {
        "expected": expected,
        "deviation": deviation if math.isfinite(deviation) else None,
        "tolerance": tolerance,
        "passed": abs(deviation) <= tolerance,
    }


def shown(validation: dict[str, Any]) -> str:
    """Return the validation as text."""
    reference = common.read_json(REFERENCE)
    headers = ("population", "rate (Hz)", "INM-6", "off by", "CV ISI", "NEST", "corr (1e-3)", "NEST", "passed")
    rows = []
    for name, entry in validation["populations"].items():
        table_hz, nest = reference["rates_INM6_hz"][name], reference["populations"][name]
        done = [check["passed"] for check in entry["checks"].values() if check is not None]
        correlation = entry["correlation"]
        rows.append(
            (
                name,
                entry["rate_hz"],
                table_hz,
                f"{entry['rate_hz'] / table_hz - 1:+.1%}",
                None if entry["cv_isi"] is None else round(entry["cv_isi"], 3),
                round(nest["cv_isi_mean"], 3),
                None if correlation is None else round(1e3 * correlation, 2),
                round(1e3 * nest["corr_2ms_mean"], 2),
                all(done) if done else None,
            )
        )
    return "\n".join([common.table(headers, rows), *validation["notes"]])
