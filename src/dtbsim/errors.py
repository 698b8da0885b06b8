"""Every error a user can meet: one line that says what was given, where and what to do, with a documented exit code."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from dtbsim.aliases import meant_by

EXIT_OK = 0
EXIT_INTERNAL = 1
EXIT_INPUT = 2
EXIT_ENVIRONMENT = 3
EXIT_MEMORY = 4
EXIT_STORAGE = 5
EXIT_FAULT = 6
EXIT_NUMERICS = 7
EXIT_RESUMABLE = 75
EXIT_INTERRUPTED = 130

_LONGEST_COMPARED = 200
"""Letters of a name that are compared with the allowed ones: a text of a million letters is no misspelling."""

EXIT_CODES: dict[int, str] = {
    EXIT_OK: "done",
    EXIT_INTERNAL: "internal error (a bug: please report it with the traceback)",
    EXIT_INPUT: "bad input: configuration, atlas, command line, or an existing run folder",
    EXIT_ENVIRONMENT: "something needed is missing on this machine (MPI, CUDA, a package)",
    EXIT_MEMORY: "the network does not fit the memory of this machine; nothing was allocated",
    EXIT_STORAGE: "the output could not be written (disk full, folder not writable)",
    EXIT_FAULT: "another rank failed or did not answer in time",
    EXIT_NUMERICS: "the simulation became invalid (non-finite state)",
    EXIT_RESUMABLE: "left after a checkpoint, because of SIGTERM or --max-hours; `dtbsim resume RUN` goes on",
    EXIT_INTERRUPTED: "interrupted by Ctrl-C, SIGTERM or SIGHUP; what was recorded is kept",
}


_NOT_PRINTED = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LONGEST_PART = 2000


def _readable(text: str) -> str:
    """Return a part of a message as one line of bounded length that every terminal and file takes."""
    if len(text) > _LONGEST_PART:
        text = f"{text[: _LONGEST_PART // 2]} ... {text[-_LONGEST_PART // 2 :]}"
    return _NOT_PRINTED.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


class DtbsimError(Exception):
    """Base of all errors meant for the user.

    `message` says what was given and what is allowed, `where` where it stands (file:line, key path, population),
    `remedy` what to do. `str()` is one line.
    """

    exit_code = EXIT_INTERNAL

    def __init__(self, message: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = _readable(" ".join(message.split()))
        self.where = None if where is None else _readable(where)
        self.remedy = None if remedy is None else _readable(" ".join(remedy.split()))

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        cure = f" ({self.remedy})" if self.remedy else ""
        return f"{place}{self.message}{cure}"

    @property
    def lines(self) -> list[str]:
        """What the user reads: one line, or one for each mistake."""
        return [str(self)]

    def _render_traceback_(self) -> list[str]:
        """Return what IPython and Jupyter show instead of a traceback."""
        return [f"{type(self).__name__}: {line}" for line in self.lines]


class InputError(DtbsimError):
    """Something the user gave is wrong: configuration, atlas, arguments."""

    exit_code = EXIT_INPUT

    @property
    def mistakes(self) -> tuple[InputError, ...]:
        """Every mistake that was found: this one alone, or several (`MultipleInputError`)."""
        return (self,)


class MultipleInputError(InputError):
    """Several mistakes in one input, `mistakes`; `str()` gives each a line. Place and message are those of the first.

    Beyond MOST_SHOWN they are counted only.
    """

    MOST_SHOWN = 50
    MOST_COUNTED = 400

    def __init__(self, mistakes: Sequence[InputError]) -> None:
        first = mistakes[0]
        super().__init__(first.message, where=first.where, remedy=first.remedy)
        self._mistakes = tuple(mistakes)

    @property
    def mistakes(self) -> tuple[InputError, ...]:
        """The mistakes in the order in which they stand in the input."""
        return self._mistakes

    @property
    def lines(self) -> list[str]:
        """One line for each mistake, and how many more there are."""
        shown = [str(mistake) for mistake in self._mistakes[: self.MOST_SHOWN]]
        more = len(self._mistakes) - len(shown)
        at_least = "" if more < self.MOST_COUNTED else "at least "
        return [*shown, f"and {at_least}{more} more mistake{'s' if more > 1 else ''}"] if more else shown

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def __reduce__(self) -> tuple[type[MultipleInputError], tuple[tuple[InputError, ...]]]:
        return MultipleInputError, (self._mistakes,)


def raise_mistakes(mistakes: Iterable[InputError]) -> None:
    """Raise the mistakes, if there are any: a single one as it is, several as one MultipleInputError."""
    found = [single for mistake in mistakes for single in mistake.mistakes]
    if found:
        raise found[0] if len(found) == 1 else MultipleInputError(found)


class MissingDependencyError(DtbsimError):
    """A library, MPI or a device is missing; the remedy says how to get it."""

    exit_code = EXIT_ENVIRONMENT


class DeviceError(DtbsimError):
    """A GPU, its driver or its compiler cannot do what is asked of it."""

    exit_code = EXIT_ENVIRONMENT


class MemoryPlanError(DtbsimError):
    """The planned memory exceeds what the machine has, by `excess_bytes` where that is known."""

    exit_code = EXIT_MEMORY
    excess_bytes: int = 0


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
    """Return `did you mean 'x'? ` style advice followed by the allowed names (all of them when few).

    What is meant is, in this order: the same name in other letters (`size_e`), the name here of what other programs
    call `given` (`lif`, `IF_cond_exp`, `t_ref`), a name that is spelt nearly so.
    """
    names = sorted(allowed)
    meant = _meant(given, names)
    hint = f"did you mean '{meant}'? " if meant is not None else ""
    shown = ", ".join(names) if len(names) <= 24 else ", ".join(names[:24]) + f", ... ({len(names)} in all)"
    return f"{hint}allowed: {shown}"


def _meant(given: str, names: Sequence[str]) -> str | None:
    lowered = {name.lower(): name for name in names}
    if given.lower() in lowered:
        return lowered[given.lower()]
    for alias in meant_by(given):
        if alias in names:
            return alias
    given = given[:_LONGEST_COMPARED]
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    close = close or [lowered[m] for m in difflib.get_close_matches(given.lower(), list(lowered), n=1, cutoff=0.6)]
    return close[0] if close else None
