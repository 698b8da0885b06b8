"""The decision circuit of Wang (2002): the psychometric curve, and the trials that data/nest_decision.json has.

Run by `python -m tests.validation.live decision`.
"""

from __future__ import annotations

from typing import Any

from tests.validation.decision import decided, run_dtbsim, spontaneous
from tests.validation.make_nest_decision import COHERENCE_PERCENT, SEEDS

COHERENCES_PERCENT = (0.0, 3.2, 6.4, 12.8, 25.6, 51.2)
TRIALS = 16


def measure() -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """How it was made, and the runs: rates of single trials, means of all trials."""
    trials = []
    for coherence in COHERENCES_PERCENT:
        print(coherence, flush=True)
        for seed in range(100, 100 + TRIALS):
            run = run_dtbsim(coherence, seed)
            late, early = decided(run), spontaneous(run)
            trials.append({"coherence_percent": coherence, "seed": seed,
                           "early_hz": _rounded(early), "late_hz": _rounded(late)})  # fmt: skip
    runs = {
        "trials": trials,
        "dtbsim": [run_dtbsim(COHERENCE_PERCENT, seed) for seed in SEEDS],
    }
    return {"coherence_percent": COHERENCE_PERCENT, "seeds": list(SEEDS)}, runs


def _rounded(rates: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in rates.items()}
