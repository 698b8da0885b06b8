"""Functional connectivity of mean-field regions on AAL2: numbers for the page of the documentation.

Run by `python -m tests.validation.live regions`.
"""

from __future__ import annotations

from typing import Any

from tests.validation.regions import COUPLINGS, DURATION_MS, SEEDS, baselines, best, dmf_fits, hopf_fits


def measure() -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """How it was made, and the results by name."""
    dmf = dmf_fits(COUPLINGS["dmf"])
    _, at = best(dmf)
    return {"duration_ms": DURATION_MS, "seeds": list(SEEDS)}, {
        "dmf": dmf,
        "dmf_gating": dmf_fits([at["coupling"]], bold="S_E"),
        "hopf": hopf_fits(COUPLINGS["hopf"]),
        "baselines": [baselines()],
    }
