"""Where things stand: key paths and file positions for messages of the network compiler."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

from dtbsim.clock import steps_of
from dtbsim.errors import InputError, raise_mistakes


class Locator(Protocol):
    """Translates a key path (`projections.EE.delay_ms`) into `file:line: key path`."""

    def where(self, path: str) -> str:
        """Place of a key path."""
        ...

    def place(self, path: str) -> Any:
        """Where it stands, with its `order` among the others; None: nowhere."""
        ...


class Places:
    """Raises InputError at key paths; without a locator (objects built in Python) the key path alone is given."""

    def __init__(self, locator: Locator | None = None) -> None:
        self._locator = locator
        self._orders: dict[str, int] = {}
        self.mistakes: list[InputError] = []
        self.broken: set[str] = set()
        """Populations that could not be compiled: what refers to them is not."""
        self.notes: list[str] = []
        """What the user should read once in the log: what was rounded, where."""
        self.rounded_delays: list[str] = []
        """Projections whose delays count as the nearest whole number of steps."""
        self.warnings: list[str] = []
        """What the user should read on the terminal, too."""

    @contextlib.contextmanager
    def collecting(self, broken: str | None = None) -> Iterator[None]:
        """Keep an InputError for `raise_collected` instead of raising it; `broken` names the population it concerns."""
        try:
            yield
        except InputError as error:
            self.mistakes.append(error)
            if broken is not None:
                self.broken.add(broken)

    def raise_collected(self) -> None:
        """Raise all mistakes that were collected, if there are any, in the order of the file.

        Those of a circuit are told once, and not for each of its parts.
        """
        told = {str(mistake): mistake for mistake in self.mistakes}
        raise_mistakes(sorted(told.values(), key=lambda mistake: self._orders.get(mistake.where or "", 0)))

    def where(self, path: str) -> str:
        """`file:line: key path`, or the key path."""
        if self._locator is None:
            return path
        where, place = self._locator.where(path), self._locator.place(path)
        self._orders[where] = 0 if place is None else place.order
        return where

    def error(self, path: str, message: str, remedy: str | None = None) -> InputError:
        """An InputError at `path`."""
        return InputError(message, where=self.where(path), remedy=remedy)

    def steps(self, time_ms: float, dt_ms: float, path: str) -> int:
        """The whole number of steps that a time is; InputError at `path` where it is none."""
        try:
            return steps_of(time_ms, dt_ms)
        except InputError as error:
            raise self.error(path, error.message, error.remedy) from None

    def at(self, path: str, error: InputError) -> InputError:
        """An error of something that stands at `path`, with its own place (a file of models) after it."""
        where = ": ".join([self.where(path), *([error.where] if error.where else [])])
        return InputError(error.message, where=where, remedy=error.remedy)
