"""Assimilation: states and parameters that follow measured data, by ensemble Kalman methods (docs/assimilation.md)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dtbsim.assimilation.conduct import assimilate
    from dtbsim.assimilation.inversion import EnsembleKalmanInversion
    from dtbsim.assimilation.parameters import Free
    from dtbsim.assimilation.result import AssimilationResult
    from dtbsim.assimilation.settings import Settings

__all__ = ["AssimilationResult", "EnsembleKalmanInversion", "Free", "Settings", "assimilate"]

_MODULES = {
    "AssimilationResult": "result",
    "EnsembleKalmanInversion": "inversion",
    "Free": "parameters",
    "Settings": "settings",
    "assimilate": "conduct",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
