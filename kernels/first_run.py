"""Compiling everything takes up to half a minute: said once, and only where it is really about to happen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from numba.core import event

from dtbsim.errors import InputError
from dtbsim.kernels.kernel_cache import configured_dir

LONG = ("dtbsim.kernels.tasks", "dtbsim.kernels.window")
"""Modules of the kernels that take nearly all of the time; those of single models take seconds."""
EVENT = "numba:compile"
"""Of numba, when a function was in no cache and its compilation begins."""


class _Told:
    told = False


@contextlib.contextmanager
def first_run_announced(tell: Callable[[str], None]) -> Iterator[None]:
    """Within the `with` block, call `tell(line)` when a long compilation begins; once in the life of a process."""
    listener = _Listener(tell)
    event.register(EVENT, listener)
    try:
        yield
    finally:
        event.unregister(EVENT, listener)


def announce(tell: Callable[[str], None], kept: Path) -> None:
    """Tell that a long compilation begins, whose result is kept in a folder; once in the life of a process."""
    if not _Told.told:
        _Told.told = True
        tell(_line(kept))


class _Listener(event.Listener):  # type: ignore[misc]
    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def on_start(self, event: Any) -> None:
        """A function begins to be compiled."""
        dispatcher = event.data["dispatcher"]
        if not _Told.told and dispatcher.py_func.__module__ in LONG:
            announce(self._tell, Path(dispatcher._cache.cache_path))

    def on_end(self, event: Any) -> None:
        """It has been."""


def _line(kept: Path) -> str:
    with contextlib.suppress(InputError):
        folder = configured_dir()
        if folder in kept.parents:
            return f"first run on this machine: compiling takes up to half a minute; kept in {folder}"
    return "compiling takes up to half a minute; it is not kept for the next run, see `dtbsim doctor`"
