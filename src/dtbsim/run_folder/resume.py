"""A run folder that a run has left, and in which it goes on: of several that want to, one has it."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from dtbsim.errors import InputError
from dtbsim.run_folder.claim import RunFolder
from dtbsim.run_folder.layout import LOG
from dtbsim.store.files import RESTORE
from dtbsim.store.run import Run

_HELD: dict[Path, int] = {}
"""The lock on the log of every folder in which this process has gone on with a run."""


def take_over_run_folder(folder: Path, written: Mapping[str, str], *, force: bool = False) -> RunFolder:
    """Claim the folder of a run that has ended; `written` are the digests of its files. Called on rank 0 only.

    Raises InputError where the run goes on; with `force` only where it does so on this machine.
    """
    try:
        log = os.open(folder / LOG, os.O_RDONLY | os.O_CLOEXEC)
        with (folder / LOG).open(encoding="utf-8", errors="replace") as text:
            mark = text.readline()
    except OSError as error:
        message = f"the log of the run cannot be read: {error.strerror}"
        raise InputError(message, where=str(folder / LOG), remedy=RESTORE) from error
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(log)
        raise _goes_on(folder) from None
    run = Run(folder)
    if run.state == "running" and not (force and run.status.get("host") != socket.gethostname()):
        os.close(log)
        raise _goes_on(folder)
    _HELD[folder] = log
    return RunFolder(folder, mark, (), dict(written))


def give_back_run_folder(folder: Path) -> None:
    """Let others go on with the run."""
    if (log := _HELD.pop(folder, None)) is not None:
        os.close(log)


def _goes_on(folder: Path) -> InputError:
    return InputError("the run in this folder goes on", where=str(folder), remedy="stop it first, or wait for its end")
