"""`--array`: the runs of an array of jobs, one for each seed or value."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dtbsim.config.grid import Values, runs_of
from dtbsim.config.yaml_text import parse_yaml
from dtbsim.errors import InputError

_RANGE = re.compile(r"(\d+)-(\d+)(?::(\d+))?")
_AT_ONCE = re.compile(r"(.*)%(\d+)")
_ALLOWED = "seeds, such as 0-9 or 1,5,7, or KEY=VALUE,VALUE,...; %N after it: N at a time"
_MOST = 100_000


@dataclass(frozen=True)
class Array:
    """The runs, and how many of them may run at a time (None: any number)."""

    runs: list[Values]
    at_once: int | None = None

    @property
    def option(self) -> str:
        """The option of sbatch."""
        return f"--array=0-{len(self.runs) - 1}" + (f"%{self.at_once}" if self.at_once is not None else "")

    @property
    def sets(self) -> list[list[str]]:
        """For each run what is given to `--set`."""
        return [[f"{key}={json.dumps(value)}" for key, value in values.items()] for values in self.runs]

    def task_lines(self) -> str:
        """For each run a line with its options of `dtbsim run`, to be read by a shell."""
        return "".join(shlex.join(word for text in sets for word in ("--set", text)) + "\n" for sets in self.sets)


def read_array(texts: Sequence[str]) -> Array:
    """Return the runs that `--array` names; given several times, every combination is a run. Raises InputError."""
    grid: dict[str, list[Any]] = {}
    at_once: int | None = None
    for text in texts:
        if (limited := _AT_ONCE.fullmatch(text)) is not None:
            text, at_once = limited[1], int(limited[2])
        key, equals, values = text.partition("=")
        key, values = (key.strip(), values) if equals else ("seed", text)
        if key in grid:
            raise InputError(f"{key} is given twice", where="--array", remedy="give all of its values at once")
        grid[key] = _values(values, text)
    if at_once == 0:
        raise InputError("no run may run at a time", where="--array", remedy="allowed after %: a number from 1 on")
    runs = runs_of(grid)
    if len(runs) > _MOST:
        raise InputError(f"these are {len(runs):,} jobs", where="--array", remedy=f"allowed: up to {_MOST:,}")
    return Array(runs, at_once)


def _values(text: str, given: str) -> list[Any]:
    try:
        data, _ = parse_yaml(f"[{text}]", "--array", numbered=False)
    except InputError:
        data = None
    if not isinstance(data, list) or not data or any(value is None for value in data):
        raise InputError(f"got '{given}'", where="--array", remedy=f"allowed: {_ALLOWED}")
    found: list[Any] = []
    for value in data:
        span = _RANGE.fullmatch(value) if isinstance(value, str) else None
        if span is None:
            found.append(value)
            continue
        first, last, step = int(span[1]), int(span[2]), int(span[3] or 1)
        if last < first or step < 1 or (last - first) // step > _MOST:
            raise InputError(f"got '{value}'", where="--array", remedy=f"allowed: {_ALLOWED}")
        found += range(first, last + 1, step)
    return found
