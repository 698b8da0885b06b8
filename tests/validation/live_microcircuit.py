"""The microcircuit of Potjans and Diesmann (2014) at full scale (2 GB) and at a tenth, for the page.

    python -m tests.validation.live microcircuit

At full scale it is held against a stored simulation with NEST (benchmarks/data/pd14_reference.json says which): NEST
takes 15 GB for it. At a tenth NEST's runs are those of data/nest_microcircuit.json.
"""

from __future__ import annotations

from typing import Any

from tests.validation.make_nest_microcircuit import DURATION_MS, SCALE, SEEDS
from tests.validation.microcircuit import run_dtbsim, run_full_scale

FULL_MS, FULL_SEED = 2500.0, 55
"""2 s after half a second, as in the reference."""


def measure() -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """How it was made, and the runs at both scales."""
    small = [run_dtbsim(SCALE, DURATION_MS, 100 + seed) for seed in SEEDS]
    return {"scale": SCALE, "duration_ms": DURATION_MS}, {
        "dtbsim": small,
        "full": [run_full_scale(FULL_MS, FULL_SEED)],
    }
