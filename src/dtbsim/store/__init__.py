"""Stores of a run and their reader; the only place that knows Zarr. Names load what they need when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dtbsim.store.folder_hash import hash_run
    from dtbsim.store.hashing import HashResult
    from dtbsim.store.run import Run, open_run
    from dtbsim.store.series_writers import (
        BoldWriter,
        CorrelationWriter,
        RateWriter,
        SignalWriter,
        StateWriter,
        WeightWriter,
    )
    from dtbsim.store.spike_writer import SpikeWriter

_MODULES = {
    "BoldWriter": "series_writers",
    "CorrelationWriter": "series_writers",
    "HashResult": "hashing",
    "RateWriter": "series_writers",
    "Run": "run",
    "SignalWriter": "series_writers",
    "SpikeWriter": "spike_writer",
    "StateWriter": "series_writers",
    "WeightWriter": "series_writers",
    "hash_run": "folder_hash",
    "open_run": "run",
}

__all__ = [
    "BoldWriter",
    "CorrelationWriter",
    "HashResult",
    "RateWriter",
    "Run",
    "SignalWriter",
    "SpikeWriter",
    "StateWriter",
    "WeightWriter",
    "hash_run",
    "open_run",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"dtbsim.store.{_MODULES[name]}"), name)
