"""Synapses that change, against papers: numbers for the page of the documentation.

Run by `python -m tests.validation.live facts`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.validation.facts import (
    RULES,
    SHORT_TERM,
    pairing_protocol,
    stationary_weights,
    stdp_window,
    steady_shares,
)

BINS = 40
DURATION_MS = {"additive": 500_000.0, "van Rossum": 200_000.0}


def measure() -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """How it was made, and the results by name."""
    pairing = pairing_protocol()
    weights = {rule: stationary_weights(rule, DURATION_MS[rule]) for rule in RULES}
    weights["independent"] = stationary_weights("van Rossum", DURATION_MS["van Rossum"], independent=True)
    return {"duration_ms": DURATION_MS}, {
        "pairing": [{"shift_ms": shift, "change": _rounded(values)} for shift, values in pairing.items()],
        "window": [_rounded(stdp_window(), 8)],
        "steady": [{"kind": kind, "shares": _rounded(steady_shares(kind))} for kind in SHORT_TERM],
        "weights": [
            {"rule": rule, "counts": np.histogram(values, BINS, (0.0, 1.0))[0].tolist(),
             "mean": round(float(values.mean()), 5), "sd": round(float(values.std()), 5)}
            for rule, values in weights.items()
        ],
    }  # fmt: skip


def _rounded(values: Any, digits: int = 6) -> list[float]:
    return [round(float(value), digits) for value in values]
