"""Where a value of a configuration came from: key path -> file and line, or the command-line override."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from dtbsim.errors import InputError, raise_mistakes

KeyPath: TypeAlias = tuple[str, ...]

_AFTER_EVERY_LINE = 10**9


class Place(NamedTuple):
    """A source position: its text (`net.yaml:12` or `--set bold.tr_ms`) and its order among the others."""

    text: str
    order: int


def key_path(path: str | Sequence[str | int]) -> KeyPath:
    """Return `record.states.0` or ("record", "states", 0) as a tuple of texts."""
    if isinstance(path, str):
        return tuple(path.split(".")) if path else ()
    return tuple(str(part) for part in path)


class Locator:
    """Key path -> place. Without places (a configuration built in Python) a place is the key path alone."""

    def __init__(self, places: Mapping[KeyPath, Place] | None = None) -> None:
        self._places = dict(places or {})
        self._overrides = 0
        self._overridden: set[KeyPath] = set()
        self.notices: list[str] = []
        """What was changed because of an override, for people to read."""

    def place(self, path: str | Sequence[str | int]) -> Place | None:
        """Return the place of `path`, or of the closest object around it that has one."""
        keys = key_path(path)
        for length in range(len(keys), -1, -1):
            found = self._places.get(keys[:length])
            if found is not None:
                return found
        return None

    def where(self, path: str | Sequence[str | int]) -> str:
        """Return `net.yaml:12: projections.EE.delay_ms`, the text for the `where` of an error about `path`."""
        keys = ".".join(key_path(path))
        place = self.place(path)
        if place is None or place.text == f"--set {keys}":
            return place.text if place else keys
        return f"{place.text}: {keys}" if keys else place.text

    def overridden(self, path: str | Sequence[str | int]) -> bool:
        """Tell whether `--set` gave `path`, or an object that it is in."""
        keys = key_path(path)
        return any(keys[: len(given)] == given for given in self._overridden)

    def override(self, path: Sequence[str | int], created: Sequence[str | int]) -> None:
        """Note that `--set` gave `path`, and that everything from `created` (a prefix of it) on is new."""
        keys, first_new = key_path(path), key_path(created)
        self._places = {known: place for known, place in self._places.items() if known[: len(keys)] != keys}
        self._overrides += 1
        self._overridden.add(keys)
        place = Place(f"--set {'.'.join(keys)}", _AFTER_EVERY_LINE + self._overrides)
        for length in range(len(first_new), len(keys) + 1):
            self._places[keys[:length]] = place


@dataclass(frozen=True)
class Problem:
    """Something wrong at a key path: what was given, and what is allowed or to be done."""

    path: KeyPath
    message: str
    remedy: str | None = None


MOST_TOLD = 500
"""Mistakes that are looked for at most."""


def raise_all(problems: Iterable[Problem], locator: Locator) -> None:
    """Raise all problems together, in the order of the source, as an InputError; nothing if there is none.

    Of several at one key path the first is reported.
    """
    first_of: dict[KeyPath, Problem] = {}
    for problem in itertools.islice(problems, MOST_TOLD):
        first_of.setdefault(problem.path, problem)
    found = sorted(first_of.values(), key=lambda problem: _order(locator, problem))
    raise_mistakes(
        InputError(problem.message, where=locator.where(problem.path) or None, remedy=problem.remedy)
        for problem in found
    )


def _order(locator: Locator, problem: Problem) -> int:
    place = locator.place(problem.path)
    return place.order if place else 0
