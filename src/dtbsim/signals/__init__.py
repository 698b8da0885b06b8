"""Recorders and signals: what follows a run and stores something of it. `dtbsim.signals.stream` is the interface.

A package adds one by naming an object of a class derived from `Signal` as an entry point of the group "dtbsim.signals";
in one process `SIGNALS.add(NAME, object)` does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dtbsim.config.signals import SIGNALS, SignalOptions
    from dtbsim.record.chunk import Chunk
    from dtbsim.signals.bold import BalloonWindkessel
    from dtbsim.signals.panel import BrainFrames, Curves, Matrix, Panel, Topography, Traces
    from dtbsim.signals.source import Grid
    from dtbsim.signals.stream import Plan, Signal, Site, Stream
    from dtbsim.store import SignalWriter

_MODULES = {
    "SIGNALS": "dtbsim.config.signals",
    "BalloonWindkessel": "dtbsim.signals.bold",
    "BrainFrames": "dtbsim.signals.panel",
    "Chunk": "dtbsim.record.chunk",
    "Curves": "dtbsim.signals.panel",
    "Grid": "dtbsim.signals.source",
    "Matrix": "dtbsim.signals.panel",
    "Panel": "dtbsim.signals.panel",
    "Plan": "dtbsim.signals.stream",
    "Signal": "dtbsim.signals.stream",
    "SignalOptions": "dtbsim.config.signals",
    "SignalWriter": "dtbsim.store",
    "Site": "dtbsim.signals.stream",
    "Stream": "dtbsim.signals.stream",
    "Topography": "dtbsim.signals.panel",
    "Traces": "dtbsim.signals.panel",
}

__all__ = [
    "SIGNALS",
    "BalloonWindkessel",
    "BrainFrames",
    "Chunk",
    "Curves",
    "Grid",
    "Matrix",
    "Panel",
    "Plan",
    "Signal",
    "SignalOptions",
    "SignalWriter",
    "Site",
    "Stream",
    "Topography",
    "Traces",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
