"""What else is wrong with a configuration that cannot be read as a whole: it is checked without its broken parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from dtbsim.config.check import find_problems
from dtbsim.config.kinds import needs_nothing
from dtbsim.config.locate import KeyPath, Problem
from dtbsim.config.network import CIRCUIT_KINDS
from dtbsim.config.run import RunConfig
from dtbsim.config.strict import checked
from dtbsim.errors import InputError

_BY_NAME = ("populations", "circuits", "projections", "drives", "controllers", "changes")
_TIMES = ("dt_ms", "duration_ms", "max_delay_ms")


def later_problems(data: dict[str, Any], problems: Sequence[Problem]) -> list[Problem]:
    """Return what the checks of the whole configuration find in `data` besides the `problems` that are known.

    Broken parts are left out or, where others refer to them, put in by name; what concerns them is not told. Nothing is
    found where too little is left to go by: a problem of the whole, or an unknown time step.
    """
    paths = [problem.path for problem in problems]
    if any(_is_everything(path) for path in paths):
        return []
    broken = {_part(path) for path in paths}
    rest = _without(data, broken)
    try:
        config = checked(RunConfig, rest)
    except ValidationError:
        return []
    names = {part[1] for part in broken if len(part) == 2 and part[0] in _BY_NAME}
    return [
        problem
        for problem in find_problems(config)
        if _part(problem.path) not in broken and not _refers(data, problem.path, names)
    ]


def _is_everything(path: KeyPath) -> bool:
    """Whether nothing can be said about the rest where this is broken."""
    whole_section = len(path) == 1 and path[0] in ("simulation", *_BY_NAME)
    return not path or whole_section or (path[0] == "simulation" and path[1] in _TIMES)


def _part(path: KeyPath) -> KeyPath:
    """The part of a configuration that is left out because of a problem at `path`."""
    return path[:2] if path[0] in (*_BY_NAME, "record", "simulation") else path[:1]


def _without(data: dict[str, Any], broken: set[KeyPath]) -> dict[str, Any]:
    rest: dict[str, Any] = {}
    for key, value in data.items():
        if (key,) in broken:
            if key == "atlas":
                rest[key] = "broken"  # parts that need an atlas are right to be there
        elif isinstance(value, dict):
            kept = {
                name: item if (key, name) not in broken else _in_place_of(key, item) for name, item in value.items()
            }
            rest[key] = {name: item for name, item in kept.items() if item is not None or (key, name) not in broken}
        else:
            rest[key] = value
    return rest


def _in_place_of(section: str, item: Any) -> Any:
    """Something valid under the name of a broken part that others refer to; None: it is left out."""
    if section == "populations":
        return {"model": "broken", "size": 1}
    if section == "circuits" and isinstance(item, dict) and _alone(item):
        return {"kind": item["kind"]}
    return None


def _alone(item: dict[str, Any]) -> bool:
    """Whether the kind of a circuit is known, and its name enough."""
    try:
        model = CIRCUIT_KINDS.model_of(item)
    except InputError:
        return False
    return model is not None and needs_nothing(model)


def _refers(data: Any, path: KeyPath, names: set[str]) -> bool:
    """Whether the value at `path` is the name of a broken part, or of a part of it."""
    value = data
    for key in path:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
    return isinstance(value, str) and (value in names or value.partition(".")[0] in names)
