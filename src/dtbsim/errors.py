"""Every error a user can meet: one line that says what was given, where and what to do, with a documented exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

EXIT_OK = 0
EXIT_INTERNAL = 1
EXIT_INPUT = 2
EXIT_ENVIRONMENT = 3
EXIT_MEMORY = 4
EXIT_STORAGE = 5
EXIT_FAULT = 6
EXIT_NUMERICS = 7
EXIT_INTERRUPTED = 130

EXIT_CODES: dict[int, str] = {
    EXIT_OK: "done",
    EXIT_INTERNAL: "internal error (a bug: please report it with the traceback)",
    EXIT_INPUT: "bad input: configuration, atlas, command line, or an existing run folder",
    EXIT_ENVIRONMENT: "something needed is missing on this machine (MPI, CUDA, a package)",
    EXIT_MEMORY: "the network does not fit the memory of this machine; nothing was allocated",
    EXIT_STORAGE: "the output could not be written (disk full, folder not writable)",
    EXIT_FAULT: "another rank failed or did not answer in time",
    EXIT_NUMERICS: "the simulation became invalid (non-finite state)",
    EXIT_INTERRUPTED: "interrupted by Ctrl-C, SIGTERM or SIGHUP; what was recorded is kept",
}


class DtbsimError(Exception):
    """Base of all errors meant for the user.

    `message` says what was given and what is allowed, `where` where it stands (file:line, key path, population),
    `remedy` what to do. `str()` is one line.
    """

    exit_code = EXIT_INTERNAL

    def __init__(self, message: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = " ".join(message.split())
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        cure = f" ({self.remedy})" if self.remedy else ""
        return f"{place}{self.message}{cure}"


class InputError(DtbsimError):
    """Something the user gave is wrong: configuration, atlas, arguments."""

    exit_code = EXIT_INPUT


class MissingDependencyError(DtbsimError):
    """A library, MPI or a device is missing; the remedy says how to get it."""

    exit_code = EXIT_ENVIRONMENT


class DeviceError(DtbsimError):
    """A GPU, its driver or its compiler cannot do what is asked of it."""

    exit_code = EXIT_ENVIRONMENT


class MemoryPlanError(DtbsimError):
    """The planned memory exceeds what the machine has."""

    exit_code = EXIT_MEMORY


class StorageError(DtbsimError):
    """The run folder or a store cannot be written."""

    exit_code = EXIT_STORAGE


class FaultError(DtbsimError):
    """Another rank failed or is stuck."""

    exit_code = EXIT_FAULT


class NumericsError(DtbsimError):
    """A state became NaN or infinite; names population, neuron, step and state."""

    exit_code = EXIT_NUMERICS


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """Return `did you mean 'x'? ` style advice followed by the allowed names (all of them when few)."""
    names = sorted(allowed)
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    if not close:
        lowered = {name.lower(): name for name in names}
        close = [lowered[match] for match in difflib.get_close_matches(given.lower(), list(lowered), n=1, cutoff=0.6)]
    hint = f"did you mean '{close[0]}'? " if close else ""
    shown = ", ".join(names) if len(names) <= 24 else ", ".join(names[:24]) + f", ... ({len(names)} in all)"
    return f"{hint}allowed: {shown}"
