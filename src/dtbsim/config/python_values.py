"""What people hand over from Python -> plain data: numpy, paths and tuples are taken, what cannot be meant is kept out.

pydantic would take bytes for texts, and sets and generators for lists, whose order is not theirs or which can be read
only once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from dtbsim.arguments import show, unusable_character
from dtbsim.config.locate import KeyPath, Problem
from dtbsim.config.plain import plain

_PLAIN = {int, float, bool, type(None)}
_DEEPEST = 50
_LONGEST_RANGE = 10_000_000


class Unusable:
    """A value that is nothing a configuration can hold; the check of its field says what is allowed there."""

    def __init__(self, value: Any) -> None:
        self._words = show(value)

    def __repr__(self) -> str:
        return self._words


def plain_data(given: Any) -> tuple[Any, list[Problem]]:
    """Return what `plain_values` does, with configuration objects taken apart, too."""
    values, problems = plain_values(given)
    return plain(values, followed=False), problems


def plain_values(given: Any) -> tuple[Any, list[Problem]]:
    """Return a copy of `given` made of dicts, lists, numbers and texts, and what is wrong with its keys and texts.

    numpy scalars and arrays, tuples and ranges, and paths become numbers, lists and texts. Configuration objects, model
    classes and everything that a field may judge itself stay as they are; bytes, sets and iterators become `Unusable`.
    """
    problems: list[Problem] = []
    return _plain(given, (), problems), problems


def _plain(value: Any, path: KeyPath, problems: list[Problem]) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, str):
        return _text(value, path, problems)
    if len(path) > _DEEPEST:
        return Unusable("nested too deeply")
    if isinstance(value, list | tuple):
        return _list(value, path, problems)
    if isinstance(value, Mapping):
        return dict(_items(value, path, problems))
    if isinstance(value, os.PathLike) and isinstance(os.fspath(value), str):
        return _text(str(os.fspath(value)), path, problems)
    if isinstance(value, range) and len(value) <= _LONGEST_RANGE:
        return list(value)
    return _other(value, path, problems)


def _other(value: Any, path: KeyPath, problems: list[Problem]) -> Any:
    shape = None if isinstance(value, type) else getattr(value, "shape", None)
    if shape == () and hasattr(value, "item"):
        return value.item()
    if isinstance(shape, tuple) and shape and hasattr(value, "tolist"):
        return _plain(value.tolist(), path, problems)
    loose = isinstance(value, bytes | bytearray | memoryview | set | frozenset | range)
    if isinstance(value, BaseModel | type) or hasattr(value, "receptors"):  # configuration objects, models of neurons
        return value
    return Unusable(value) if loose or hasattr(value, "__iter__") else value


def _list(value: list[Any] | tuple[Any, ...], path: KeyPath, problems: list[Problem]) -> list[Any]:
    if all(type(item) in _PLAIN for item in value):
        return list(value)
    return [_plain(item, (*path, str(index)), problems) for index, item in enumerate(value)]


def _items(value: Mapping[Any, Any], path: KeyPath, problems: list[Problem]) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(key, str):
            inside = (*path, key)
            yield _text(key, inside, problems), _plain(item, inside, problems)
        else:
            problems.append(Problem((*path, show(key)), f"the key {show(key)} is not a text", "keys are names"))


def _text(value: str, path: KeyPath, problems: list[Problem]) -> str:
    bad = unusable_character(value)
    if bad is None:
        return value
    problems.append(Problem(path, f"{bad} in the text {show(value)} cannot be written to a file", "remove it"))
    return "text"  # something that is valid wherever a text is
