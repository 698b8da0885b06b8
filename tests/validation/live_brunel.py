"""The network of Brunel (2000) at the size of the paper, in both simulators: what the page of the documentation shows.

Run by `python -m tests.validation.live brunel`.
"""

from __future__ import annotations

from typing import Any

from tests.validation.brunel import REGIMES, TRANSIENT_MS, run_dtbsim, run_nest

SEEDS = {"SR": 3, "AI": 3, "SI fast": 3, "SI slow": 8}
"""Numbers of seeds, from 1 on. The slow oscillation differs so much from seed to seed that three were too few."""
DURATION_MS = {"SR": TRANSIENT_MS + 300.0, "AI": 1200.0, "SI fast": 1000.0, "SI slow": 1700.0}
"""Synchronous regular neurons fire 300 times a second: a short time is enough, and NEST's time is dear."""


def measure() -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """How it was made, and the runs, named by regime and simulator."""
    runs: dict[str, list[Any]] = {}
    for regime in REGIMES:
        print(regime, flush=True)
        arguments = (regime, 1.0, DURATION_MS[regime])
        runs[f"{regime}, dtbsim"] = [run_dtbsim(*arguments, seed) for seed in range(1, SEEDS[regime] + 1)]
        runs[f"{regime}, NEST"] = [run_nest(*arguments, seed) for seed in range(1, SEEDS[regime] + 1)]
    return {"nest": "3.10.0", "seeds": SEEDS, "duration_ms": DURATION_MS}, runs
