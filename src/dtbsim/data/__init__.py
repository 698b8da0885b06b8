"""Measured data as laboratories have it: matrices between regions and series of regions, from the usual files.

Each reader says what it took a file for and why, in `notices` what it changed, and refuses with place and remedy what
it cannot use; see docs/own_data.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dtbsim.data.labels import match_labels
    from dtbsim.data.matrix import read_matrix
    from dtbsim.data.model import Matrix, Series
    from dtbsim.data.series import read_series

__all__ = ["Matrix", "Series", "match_labels", "read_matrix", "read_series"]

_MODULES = {
    "Matrix": "model",
    "Series": "model",
    "match_labels": "labels",
    "read_matrix": "matrix",
    "read_series": "series",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
