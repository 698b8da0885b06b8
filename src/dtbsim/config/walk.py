"""Find the sources of numbers in a configuration, whatever key they stand at, and put others in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from dtbsim.config.fields import field_annotation, leaves
from dtbsim.config.locate import KeyPath
from dtbsim.config.sources import FromFile, Matrix, RegionMap, RegionValues

Source = RegionMap | RegionValues | Matrix | FromFile
FILE_KEYS: dict[type[BaseModel], str] = {FromFile: "file", RegionValues: "regions", Matrix: "matrix"}
"""Keys that may name a file."""

_M = TypeVar("_M", bound=BaseModel)


def sources_of(config: BaseModel) -> Iterator[tuple[KeyPath, Source]]:
    """Yield key path and object of every source of numbers, in the order of the keys."""
    for path, value in _objects(config, ()):
        if isinstance(value, Source):
            yield path, value


def files_of_numbers(config: BaseModel) -> Iterator[tuple[KeyPath, str]]:
    """Yield key path and text of every file that numbers come from."""
    for path, source in sources_of(config):
        key = FILE_KEYS.get(type(source))
        text = None if key is None else getattr(source, key)
        if key is not None and isinstance(text, str):
            yield (*path, key), text


def files_of_members(config: Any) -> Iterator[tuple[KeyPath, str]]:
    """Yield key path and text of every atlas and file of numbers among the values of an ensemble."""
    ensemble = getattr(config, "ensemble", None)
    if ensemble is None:
        return
    grid = ensemble.grid or {}
    for key, values in grid.items():
        for index, value in enumerate(values):
            yield from _files_of_value(key, value, ("ensemble", "grid", key, str(index)))
    for index, member in enumerate(ensemble.members or []):
        for key, value in member.items():
            yield from _files_of_value(key, value, ("ensemble", "members", str(index), key))


def _files_of_value(key: str, value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Yield what one value of a member names: `key` is that of --set."""
    if isinstance(value, str):
        if key == "atlas" or key.rpartition(".")[2] in FILE_KEYS.values():
            yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _files_of_value(f"{key}.{name}", item, (*path, str(name)))


def lists_of_numbers(config: BaseModel) -> Iterator[tuple[KeyPath, list[Any]]]:
    """Yield key path and numbers of every list or matrix in whose place a file could be named."""
    for kind in ("populations", "circuits", "projections", "drives"):
        for name, item in getattr(config, kind).items():
            for path, value in _objects(item, (kind, name)):
                if isinstance(value, Matrix) and isinstance(value.matrix, list):
                    yield (*path, "matrix"), value.matrix
                for key in _may_list(type(value)):
                    given = getattr(value, key)
                    found = given.items() if isinstance(given, dict) else [("", given)]
                    yield from (((*path, key, *filter(None, [inner])), n) for inner, n in found if isinstance(n, list))


_LISTING: dict[type[BaseModel], tuple[str, ...]] = {}


def _may_list(model: type[BaseModel]) -> tuple[str, ...]:
    """Fields of a model whose numbers may be listed or come from a file, alone or by name."""
    if model in _LISTING:
        return _LISTING[model]
    found = []
    for name, field in model.model_fields.items():
        inside = list(leaves(field_annotation(field)))
        inside += [leaf for outer in inside if outer.kind == "mapping" for leaf in leaves(outer.item)]
        if any(leaf.model is FromFile for leaf in inside):
            found.append(name)
    _LISTING[model] = tuple(found)
    return _LISTING[model]


def _objects(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Yield every object within a value, the outer ones first; lists of numbers are not gone through."""
    if isinstance(value, BaseModel):
        yield path, value
        for name in type(value).model_fields:
            yield from _objects(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _objects(item, (*path, str(name)))
    elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
        for index, item in enumerate(value):
            yield from _objects(item, (*path, str(index)))


def value_at(item: Any, path: Sequence[str]) -> Any:
    """Return what is at a key path."""
    for key in path:
        if isinstance(item, BaseModel):
            item = getattr(item, key)
        else:
            item = item[key] if isinstance(item, dict) else item[int(key)]
    return item


def replaced(item: _M, path: Sequence[str], value: Any) -> _M:
    """Return a copy of an object with another value at a key path in it, unchecked."""
    found: _M = _replaced(item, tuple(path), value)
    return found


def _replaced(item: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(item, BaseModel):
        return item.model_copy(update={key: _replaced(getattr(item, key), rest, value)})
    if isinstance(item, dict):
        return {**item, key: _replaced(item[key], rest, value)}
    return [_replaced(old, rest, value) if str(index) == key else old for index, old in enumerate(item)]
