"""Neuromorphic chips: what they can hold and how they compute, each number with its source."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dtbsim.chips.chip import Chip, Quantity
    from dtbsim.chips.read import parse_chip, read_chip
    from dtbsim.chips.registry import CHIPS, list_chips, load_chip

__all__ = ["CHIPS", "Chip", "Quantity", "list_chips", "load_chip", "parse_chip", "read_chip"]

_MODULES = {
    "CHIPS": "registry",
    "Chip": "chip",
    "Quantity": "chip",
    "list_chips": "registry",
    "load_chip": "registry",
    "parse_chip": "read",
    "read_chip": "read",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
