"""The tables that one rank writes: made to agree with a checkpoint, and opened again where a run goes on from one.

Those of a branch say in an attribute `branch` with what run, checkpoint and step they begin.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Kept(NamedTuple):
    """What of a table counts where a run goes on: its first `rows`, which have all keys before `complete_before`.

    `at_the_end` rows follow that hold for a run that ends there.
    """

    rows: int
    complete_before: int
    at_the_end: int = 0


class Table(Protocol):
    """A table that is being written."""

    @property
    def path(self) -> Path:
        """Where it is."""

    def keep(self) -> Kept:
        """Publish all rows, wait until they are on the disk, and return what counts. May raise StorageError."""


class Tables:
    """The tables below `folder` that this rank has opened; `kept` are those that it continues, by name.

    `branch`: of a branch `run`, `checkpoint`, `step` and `time_ms` (where it begins), None: the run begins at time 0.
    """

    def __init__(
        self, folder: Path, kept: Mapping[str, Kept] | None = None, branch: Mapping[str, Any] | None = None
    ) -> None:
        self._folder = folder
        self.branch = None if branch is None else {key: branch[key] for key in ("run", "checkpoint", "step", "time_ms")}
        self._kept = kept or {}
        self._opened: dict[str, Table] = {}

    @contextlib.contextmanager
    def opening(self) -> Iterator[None]:
        """Tables that are opened by this thread within the `with` block are among these."""
        token = _OPENING.set(self)
        try:
            yield
        finally:
            _OPENING.reset(token)

    def add(self, table: Table) -> Kept | None:
        """Note a table that is about to be opened; returns what counts of it where it is continued, None: it is new."""
        if table.path.is_relative_to(self._folder):
            self._opened[table.path.relative_to(self._folder).as_posix()] = table
        return self.kept(table.path)

    def kept(self, path: Path) -> Kept | None:
        """What counts of the table at `path`, None where it is not continued."""
        inside = path.is_relative_to(self._folder)
        return self._kept.get(path.relative_to(self._folder).as_posix()) if inside else None

    def keep(self) -> dict[str, Kept]:
        """Bring every table to the disk; returns what counts of each, by its name. May raise StorageError."""
        return {name: table.keep() for name, table in self._opened.items()}


_OPENING: ContextVar[Tables | None] = ContextVar("dtbsim_tables", default=None)


def opened(table: Table) -> Kept | None:
    """Called by a table before it makes its files: what counts of those that are there, None: there are none."""
    tables = _OPENING.get()
    return None if tables is None else tables.add(table)


def branch_attributes() -> dict[str, Any]:
    """Attributes of all tables that are being opened: `branch` in a branch, else none."""
    tables = _OPENING.get()
    return {} if tables is None or tables.branch is None else {"branch": tables.branch}


def bins_before_branch(first_ms: float, interval_ms: float) -> int:
    """How many intervals after `first_ms` end at or before the time at which the tables begin."""
    tables = _OPENING.get()
    if tables is None or tables.branch is None:
        return 0
    return max(0, math.floor((float(tables.branch["time_ms"]) - first_ms) / interval_ms + 1e-6))


def kept_of(path: Path) -> Kept | None:
    """What counts of the table at `path` where streams are being opened to go on, None where it is not continued."""
    tables = _OPENING.get()
    return None if tables is None else tables.kept(path)
