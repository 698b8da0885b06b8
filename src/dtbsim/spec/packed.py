"""Compiled objects as one array of bytes, for the state of a run: drives, tables of distributions, nothing that runs.

First comes the length of a JSON text (8 bytes, little endian), then this text, then the values of all arrays. In the
JSON numbers and texts stand for themselves, everything else is [kind, ...], and what occurs several times is written
once. Only data classes that are known to hold compiled values are made again. Equal objects give equal bytes.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache, partial
from typing import Any, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.spec.distributions import TABLE_SIZE, Table
from dtbsim.spec.network import Drive

Bytes = NDArray[np.uint8]
_LENGTH = 8
_KINDS = "biuf"
"""Kinds of dtypes of arrays."""


def pack(value: Any) -> Bytes:
    """Return compiled objects, in any tuples, lists and dictionaries, as uint8[n]. TypeError for anything else."""
    packer = _Packer()
    objects = packer.plain(value)
    shapes = [[array.dtype.str, list(array.shape)] for array in packer.arrays]
    text = json.dumps({"objects": objects, "arrays": shapes}).encode()
    parts = [len(text).to_bytes(_LENGTH, "little"), text, *(array.tobytes() for array in packer.arrays)]
    return np.frombuffer(b"".join(parts), np.uint8)


def unpack(packed: Bytes, also: Iterable[Any] = ()) -> Any:
    """Return what was packed.

    Known are `Drive`, the data classes of the modules that its fields' types come from, and those of the objects in
    `also` and of what these hold. Raises InputError where it cannot be read.
    """
    known = {_name(kind): kind for kind in (*_of_drives(), *_classes(also))}
    try:
        content = packed.tobytes()
        end = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
        header = json.loads(content[_LENGTH:end])
        arrays = list(_arrays(header["arrays"], content[end:]))
        return _Unpacker(arrays, known).made(header["objects"])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise InputError(
            f"the state holds objects that cannot be read: {error}", remedy="use a state that this version has written"
        ) from error


def _arrays(shapes: list[Any], content: bytes) -> Iterator[NDArray[Any]]:
    at = 0
    for name, shape in shapes:
        dtype, count = np.dtype(name), math.prod(shape)
        if dtype.kind not in _KINDS or count < 0:
            raise ValueError(f"an array of {name}")
        yield np.frombuffer(content, dtype, count, at).reshape(shape).copy()
        at += count * dtype.itemsize


class _Packer:
    """Gives every object a number when it is met for the first time."""

    def __init__(self) -> None:
        self.arrays: list[NDArray[Any]] = []
        self._numbers: dict[int, int] = {}
        self._met: list[Any] = []
        """Keeps the objects alive, as their addresses are their names."""

    def plain(self, value: Any) -> Any:
        """What stands for a value in JSON."""
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, np.generic):
            return value.item()
        if id(value) in self._numbers:
            return ["again", self._numbers[id(value)]]
        made = self._made(value)
        self._numbers[id(value)] = len(self._met)
        self._met.append(value)
        return made

    def _made(self, value: Any) -> list[Any]:
        if isinstance(value, tuple | list):
            return ["tuple" if isinstance(value, tuple) else "list", [self.plain(item) for item in value]]
        if isinstance(value, dict):
            return ["dict", [[self.plain(key), self.plain(item)] for key, item in value.items()]]
        if isinstance(value, np.ndarray):
            if value.dtype.kind not in _KINDS:
                raise TypeError(f"an array of {value.dtype} is no compiled value")
            self.arrays.append(value)
            return ["array", len(self.arrays) - 1]
        if isinstance(value, Table):
            numbers_of = [value.low, value.high, value.mean, value.size]
            return ["table", None if value.constant else self._made(value.quantiles), numbers_of]
        if is_dataclass(value) and not isinstance(value, type):
            members = {field.name: self.plain(getattr(value, field.name)) for field in fields(value)}
            return ["object", _name(type(value)), members]
        raise TypeError(f"{type(value).__name__} is no compiled value")


class _Unpacker:
    """Makes the objects in the order in which they were completed."""

    def __init__(self, arrays: list[NDArray[Any]], known: dict[str, type]) -> None:
        self._arrays, self._known = arrays, known
        self._met: list[Any] = []

    def made(self, plain: Any) -> Any:
        """The value that JSON stands for."""
        if not isinstance(plain, list):
            return plain
        kind, *rest = plain
        if kind == "again":
            return self._met[rest[0]]
        value = self._of(kind, rest)
        self._met.append(value)
        return value

    def _of(self, kind: str, rest: list[Any]) -> Any:
        if kind in ("tuple", "list"):
            items = [self.made(item) for item in rest[0]]
            return tuple(items) if kind == "tuple" else items
        if kind == "dict":
            return {self.made(key): self.made(item) for key, item in rest[0]}
        if kind == "array":
            return self._arrays[rest[0]]
        if kind == "table":
            return self._table(*rest)
        if kind == "object":
            made = self._known[rest[0]]
            return made(**{name: self.made(item) for name, item in rest[1].items()})
        raise ValueError(f"no kind {kind!r}")

    def _table(self, quantiles: list[Any] | None, numbers_of: list[float]) -> Table:
        if quantiles is None:
            return Table(partial(_same, numbers_of[0]), *numbers_of)
        return Table(self._arrays[quantiles[1]].copy, *numbers_of)


def _same(value: float) -> NDArray[np.float64]:
    return np.full(TABLE_SIZE + 1, value)


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


@cache
def _of_drives() -> list[type]:
    """Data classes that a drive can be made of."""
    modules, waiting = {Drive.__module__}, list(get_type_hints(Drive).values())
    while waiting:
        hint = waiting.pop()
        waiting += get_args(hint)
        modules |= {hint.__module__} if isinstance(hint, type) and hint.__module__.startswith("dtbsim.") else set()
    every = (value for module in modules for value in vars(sys.modules[module]).values())
    return [value for value in every if isinstance(value, type) and is_dataclass(value)]


def _classes(objects: Iterable[Any]) -> set[type]:
    """Data classes of the objects and of what they hold."""
    found: set[type] = set()
    waiting = list(objects)
    while waiting:
        value = waiting.pop()
        if isinstance(value, tuple | list):
            waiting += value
        elif is_dataclass(value) and not isinstance(value, type):
            found.add(type(value))
            waiting += [getattr(value, field.name) for field in fields(value)]
    return found
