"""Entries of `signals` of a run, read by their kinds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from dtbsim.config.signals import SIGNALS
from dtbsim.errors import InputError, did_you_mean
from dtbsim.store.run_state import FOLDER, entries_of_kind

if TYPE_CHECKING:
    from dtbsim.store.run import Run


def read_entry(run: Run, name: str) -> Any:
    """Return the signal `name` of a run, as its kind reads it; InputError where the run has none of that name.

    Where the kind is of a package that is not installed, what is stored is returned as every signal is stored.
    """
    entries = run.config.get("signals") or {}
    if name not in entries:
        raise InputError(
            f"this run has no signal '{name}'", where=str(run.path), remedy=did_you_mean(str(name), list(entries))
        )
    kind = entries[name].get("kind")
    if kind in SIGNALS.names():
        return SIGNALS.find(kind).read(run, name)
    from dtbsim.store.series_reader import read_signal

    return read_signal(run.stored(f"{FOLDER}/{name}.zarr", f"signals.{name}"))


def reader_named(run: Run, name: str) -> Callable[..., Any] | None:
    """Return what reads (`Run.signal`) the entry of `signals` of this name, or the only one of this kind.

    None where there is none, and where the configuration cannot be read: whoever asks for an attribute is to be told
    that it is not there.
    """
    try:
        entries = run.config.get("signals") or {}
    except InputError:
        return None
    of_kind = entries_of_kind(run.config, name)
    if name in entries:
        return partial(run.signal, name)
    return partial(run.signal, of_kind[0]) if len(of_kind) == 1 else None
