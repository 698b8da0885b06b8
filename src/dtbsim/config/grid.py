"""Which values the runs of a sweep have: a grid of values, or a list of overrides."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from dtbsim.arguments import refuse, show
from dtbsim.config.overrides import Overrides, as_mapping
from dtbsim.errors import InputError, raise_mistakes

Grid: TypeAlias = Mapping[str, Sequence[Any]] | Sequence[Overrides]
"""{"key.path": values}, of which every combination is a run, or the overrides of each run."""
Values: TypeAlias = dict[str, Any]
"""What is set for one run: {"key.path": plain value}."""

MOST_RUNS = 1_000_000
_ALLOWED = 'a mapping {"key.path": list of values}, or a list with the overrides of each run'


def runs_of(grid: Any, *, repeated: bool = False) -> list[Values]:
    """Return what is set for each run; of a grid the last key changes fastest.

    Raises InputError for anything else than a grid, and where two runs are the same, which `repeated` allows.
    """
    if isinstance(grid, Mapping):
        runs = _combined({key: _values(key, given) for key, given in grid.items()})
    elif isinstance(grid, Sequence) and not isinstance(grid, str | bytes):
        runs = _listed(grid)
    else:
        raise refuse(grid, "grid", _ALLOWED)
    if not runs:
        raise InputError("there is no run in it", where="grid", remedy=f"allowed: {_ALLOWED}")
    if not repeated:
        _refuse_repeated(runs)
    return runs


def _combined(values: Mapping[str, list[Any]]) -> list[Values]:
    n_runs = 1
    for given in values.values():
        n_runs *= len(given)
    if n_runs > MOST_RUNS:
        raise InputError(f"these are {n_runs:,} runs", where="grid", remedy=f"allowed: up to {MOST_RUNS:,}")
    if not values:
        return []
    return [as_mapping(dict(zip(values, each, strict=True))) for each in itertools.product(*values.values())]


def _values(key: Any, given: Any) -> list[Any]:
    if hasattr(given, "tolist") and getattr(given, "ndim", 0) == 1:
        given = given.tolist()
    if not isinstance(given, Sequence) or isinstance(given, str | bytes) or not len(given):
        raise refuse(given, f"grid {show(key)}", "a list of values, of which each is tried")
    return list(given)


def _listed(grid: Sequence[Any]) -> list[Values]:
    runs: list[Values] = []
    mistakes: list[InputError] = []
    for number, overrides in enumerate(grid):
        try:
            if not isinstance(overrides, Mapping | list | tuple | str):
                raise refuse(overrides, "overrides", "a mapping {'key.path': value}, or texts KEY.PATH=VALUE")
            runs.append(as_mapping(overrides))
        except InputError as error:
            error.where = f"grid[{number}]: {error.where}"
            mistakes.append(error)
    raise_mistakes(mistakes)
    return runs


def _refuse_repeated(runs: Sequence[Values]) -> None:
    seen: dict[str, int] = {}
    for number, values in enumerate(runs):
        text = repr(sorted(values.items(), key=lambda item: item[0]))
        if text in seen:
            what = ", ".join(f"{key}={show(value)}" for key, value in values.items()) or "nothing set"
            raise InputError(
                f"runs {seen[text]} and {number} are the same ({what})", where="grid", remedy="leave one of them out"
            )
        seen[text] = number
