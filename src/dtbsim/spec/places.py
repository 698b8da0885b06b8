"""Where things stand: key paths and file positions for messages of the network compiler."""

from __future__ import annotations

from typing import Protocol

from dtbsim.clock import grid_problem
from dtbsim.errors import InputError


class Locator(Protocol):
    """Translates a key path (`projections.EE.delay_ms`) into `file:line: key path`."""

    def where(self, path: str) -> str:
        """Place of a key path."""
        ...


class Places:
    """Raises InputError at key paths; without a locator (objects built in Python) the key path alone is given."""

    def __init__(self, locator: Locator | None = None) -> None:
        self._locator = locator
        self.notes: list[str] = []
        """What the user should read once in the log: what was rounded, where."""
        self.rounded_delays: list[str] = []
        """Projections whose delays count as the nearest whole number of steps."""
        self.warnings: list[str] = []
        """What the user should read on the terminal, too."""

    def where(self, path: str) -> str:
        """`file:line: key path`, or the key path."""
        return self._locator.where(path) if self._locator is not None else path

    def error(self, path: str, message: str, remedy: str | None = None) -> InputError:
        """An InputError at `path`."""
        return InputError(message, where=self.where(path), remedy=remedy)

    def steps(self, time_ms: float, dt_ms: float, path: str) -> int:
        """The whole number of steps that a time is; InputError at `path` where it is none."""
        problem = grid_problem(time_ms, dt_ms)
        if problem is not None:
            raise self.error(path, *problem)
        return round(time_ms / dt_ms)

    def at(self, path: str, error: InputError) -> InputError:
        """An error of something that stands at `path`, with its own place (a file of models) after it."""
        where = ": ".join([self.where(path), *([error.where] if error.where else [])])
        return InputError(error.message, where=where, remedy=error.remedy)
