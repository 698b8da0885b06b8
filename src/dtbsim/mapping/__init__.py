"""Networks on neuromorphic chips: does it fit, where does what go, what does it cost, and what does rounding do."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dtbsim.mapping.folder import open_mapping
    from dtbsim.mapping.make import map_network
    from dtbsim.mapping.mapping import Mapping

__all__ = ["Mapping", "map_network", "open_mapping"]

_MODULES = {"Mapping": "mapping", "map_network": "make", "open_mapping": "folder"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
