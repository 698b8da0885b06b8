"""Sweeps and fits: many evaluations of a configuration in one folder that goes on after a kill.

`space` has free parameters and points, `target` the measured data, `objectives` what is made small, `evaluate` what a
worker does, `journal` what is kept of it, `workers` where it is done, `methods` who asks for points, `study` brings
them together; `fit` and `sweep` are what users call.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dtbsim.fitting.fitted import fit
    from dtbsim.fitting.objectives import OBJECTIVES, Objective
    from dtbsim.fitting.result import Fit
    from dtbsim.fitting.simulated import Simulated
    from dtbsim.fitting.target import Target, target_of
    from dtbsim.fitting.varied import sweep

__all__ = ["OBJECTIVES", "Fit", "Objective", "Simulated", "Target", "fit", "sweep", "target_of"]

_MODULES = {
    "fit": "fitted",
    "OBJECTIVES": "objectives",
    "Objective": "objectives",
    "Fit": "result",
    "Simulated": "simulated",
    "sweep": "varied",
    "Target": "target",
    "target_of": "target",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
