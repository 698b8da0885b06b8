"""A small brain of planted parameters, its BOLD, and assimilations of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dtbsim
from dtbsim.assimilation import AssimilationResult

REGIONS = ("Precentral_L", "Precentral_R", "Frontal_Sup_2_L", "Frontal_Sup_2_R")
PLANTED = {"Precentral_L": 1.18, "Precentral_R": 1.4, "Frontal_Sup_2_L": 1.3, "Frontal_Sup_2_R": 1.22}
KEY = "populations.cortex.parameters.w_plus"
FREE = [f"{KEY}=1:1.6"]
TR_S = 0.8
QUICK: dict[str, Any] = {
    "members": 16,
    "settle_s": 8.0,
    "match_s": 8.0,
    "units": "model",
    "scheme": "own",
    "noise": 0.3,
}


def brain(**parameters: Any) -> dict[str, Any]:
    """The configuration."""
    noise = {"S_E": {"sigma": 0.01}, "S_I": {"sigma": 0.01}}
    cortex = {"model": "deco_2014", "regions": list(REGIONS), "parameters": parameters, "noise": noise}
    return {
        "name": "followed",
        "atlas": "aal2",
        "seed": 11,
        "simulation": {"dt_ms": 1, "duration_ms": 800, "threads": 1},
        "populations": {"cortex": cortex},
        "couplings": {"long": {"source": "cortex", "target": "cortex", "strength": 0.2}},
        "bold": {"population": "cortex", "variable": "r_E_Hz", "gain": 0.02, "tr_ms": 800},
        "record": {"spikes": None},
    }


@cache
def planted_bold(volumes: int = 80) -> NDArray[np.float64]:
    """BOLD of the brain with the planted parameters, float64[volumes, regions], after half a minute."""
    config = brain(w_plus={"regions": PLANTED})
    config["seed"] = 77
    config["simulation"]["duration_ms"] = 800 * (volumes + 38)
    bold = np.asarray(dtbsim.run(config, temporary=True).open().bold(), np.float64)
    return bold[-volumes:]


def follow(out: Path, **given: Any) -> AssimilationResult:
    """A quick assimilation of it; `given` in place of what else is given."""
    options = {"tr_s": TR_S, "free": FREE, "report": False, **QUICK, **given}
    bold = options.pop("to", None)
    config = options.pop("config", None)
    config = brain() if config is None else config
    return dtbsim.assimilate(config, planted_bold() if bold is None else bold, out=out, **options)


def estimate(found: AssimilationResult, key: str = KEY) -> NDArray[np.float64]:
    """A regional parameter in the order of REGIONS."""
    values = found.parameters[key]
    assert isinstance(values, dict)
    return np.array([values[name] for name in REGIONS])


def same(first: AssimilationResult, second: AssimilationResult) -> bool:
    """Whether all that was estimated is the same, bit for bit."""
    return first.arrays.keys() == second.arrays.keys() and all(
        np.array_equal(first.arrays[name], second.arrays[name]) for name in first.arrays
    )
