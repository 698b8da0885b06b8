"""`--set key.path=value`: put values into configuration data before it is validated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from pydantic import BaseModel

from dtbsim.arguments import show, texts
from dtbsim.config.describe import describe_leaves
from dtbsim.config.explain import unknown_key
from dtbsim.config.fields import Leaf, field_annotation, leaves
from dtbsim.config.locate import KeyPath, Locator, Problem, raise_all
from dtbsim.config.python_values import plain_data
from dtbsim.errors import InputError, did_you_mean, raise_mistakes

Overrides: TypeAlias = Sequence[str] | Mapping[str, Any] | str
"""Texts `key.path=value`, whose values are YAML, or from Python a mapping of key paths to values."""


def apply_overrides(
    data: dict[str, Any], overrides: Overrides, locator: Locator, model: type[BaseModel]
) -> dict[str, Any]:
    """Return `data` (changed in place) with every override applied in order, and note them in `locator`.

    List items are named by their index; the index after the last one, or a new name, adds a whole item. Objects that
    the vocabulary has but the data lacks are made on the way. Raises InputError, for all overrides together.
    """
    mistakes: list[InputError] = []
    for text, given in _each(overrides):
        try:
            path, value = _parse(text) if given is _IN_TEXT else _python(text, given)
            created = _Setter(path, value, model).put(data)
            locator.override(path, created)
        except InputError as error:
            mistakes.append(error)
    raise_mistakes(mistakes)
    return data


def as_mapping(overrides: Overrides) -> dict[str, Any]:
    """Return overrides as {"key.path": value}, with plain values; of two of the same key the last one counts.

    Raises InputError, for all that cannot be read together; whether there is such a key is not looked at.
    """
    found: dict[str, Any] = {}
    mistakes: list[InputError] = []
    for text, given in _each(overrides):
        try:
            path, value = _parse(text) if given is _IN_TEXT else _python(text, given)
            found[".".join(path)] = value
        except InputError as error:
            mistakes.append(error)
    raise_mistakes(mistakes)
    return found


_IN_TEXT = object()


def _each(overrides: Overrides) -> Iterator[tuple[str, Any]]:
    """Yield (text, _IN_TEXT) or (key path, value)."""
    if isinstance(overrides, Mapping):
        yield from overrides.items()
        return
    for text in texts(overrides, "set", "texts KEY.PATH=VALUE, or a mapping {'key.path': value}"):
        yield text, _IN_TEXT


def _parse(text: str) -> tuple[KeyPath, Any]:
    keys, equals, value = text.partition("=")
    path = tuple(keys.strip().split("."))
    if not equals or not all(path):
        raise InputError(
            f"got {show(text)}", where="--set", remedy="give KEY.PATH=VALUE, such as simulation.duration_ms=1000"
        )
    from dtbsim.config.yaml_text import parse_yaml

    data, _ = parse_yaml(value, f"--set {'.'.join(path)}", numbered=False)
    return path, data


def _python(key: Any, value: Any) -> tuple[KeyPath, Any]:
    path = tuple(key.strip().split(".")) if isinstance(key, str) else ()
    if not path or not all(path):
        raise InputError(f"got {show(key)}", where="set", remedy="keys are paths, such as 'simulation.duration_ms'")
    data, problems = plain_data(value)
    raise_all([Problem((*path, *problem.path), problem.message, problem.remedy) for problem in problems], Locator())
    return path, data


class _Setter:
    """Walks one key path through the data and the vocabulary side by side."""

    def __init__(self, path: KeyPath, value: Any, model: type[BaseModel]) -> None:
        self.path = path
        self.value = value
        self.annotation: Any = model
        self.where = f"--set {'.'.join(path)}"

    def put(self, data: dict[str, Any]) -> KeyPath:
        """Set the value and return the shortest prefix of the path that did not exist before."""
        created: KeyPath | None = None
        container: Any = data
        for depth, key in enumerate(self.path):
            last = depth == len(self.path) - 1
            slot, exists = self._step(container, depth, key, last)
            if not exists and created is None:
                created = self.path[: depth + 1]
            if last:
                _assign(container, slot, self.value)
                break
            following = container[slot] if exists else None
            if following is None:
                following = self._new_container()
                _assign(container, slot, following)
            container = following
        return created or self.path

    def _step(self, container: Any, depth: int, key: str, last: bool) -> tuple[str | int, bool]:
        """Check `key` inside `container`, move to its annotation, return (key or index, whether it exists)."""
        here = self.path[:depth]
        fitting = [leaf for leaf in leaves(self.annotation) if leaf.takes(container) and leaf.kind != "null"]
        if not isinstance(container, dict | list) or not fitting:
            allowed = describe_leaves(leaves(self.annotation))
            raise InputError(
                f"`{'.'.join(here)}` is {show(container)} here, so it has no key '{key}'",
                where=self.where,
                remedy=f"set the whole of it: {allowed}",
            )
        if isinstance(container, list):
            return self._index(container, fitting[0], here, key, last)
        objects = _variants(fitting, container)
        if objects:
            self.annotation = self._field(objects, depth, key)
            return key, container.get(key) is not None
        self.annotation = fitting[0].item
        if key not in container and not last:
            raise self._no_such(here, key, container)
        return key, key in container

    def _field(self, objects: list[Leaf], depth: int, key: str) -> Any:
        for leaf in objects:
            assert leaf.model is not None
            if key in leaf.model.model_fields:
                return field_annotation(leaf.model.model_fields[key])
        model = objects[0].model
        assert model is not None
        problem = unknown_key(self.path[: depth + 1], model, self.value if depth == len(self.path) - 1 else {})
        raise InputError(problem.message, where=self.where, remedy=problem.remedy)

    def _index(self, items: list[Any], leaf: Leaf, here: KeyPath, key: str, last: bool) -> tuple[int, bool]:
        index = int(key) if key.isascii() and key.isdigit() else -1
        if not 0 <= index < len(items) + last:
            have = f"0 to {len(items) - 1}" if items else "none yet"
            raise InputError(
                f"`{'.'.join(here)}` has no item '{key}'",
                where=self.where,
                remedy=f"items: {have}; to add one: --set {'.'.join(here)}.{len(items)}={{...}}",
            )
        self.annotation = leaf.item
        return index, index < len(items)

    def _no_such(self, here: KeyPath, key: str, container: dict[str, Any]) -> InputError:
        place = ".".join(here)
        add = f"to add one: --set {place}.{key}={{...}}"
        remedy = f"{did_you_mean(key, container)}; {add}" if container else add
        return InputError(f"`{place}` has no '{key}'", where=self.where, remedy=remedy)

    def _new_container(self) -> dict[str, Any] | list[Any]:
        kinds = {leaf.kind for leaf in leaves(self.annotation)}
        if "list" in kinds and not kinds & {"object", "mapping"}:
            return []
        return {}


def _variants(fitting: list[Leaf], container: dict[str, Any]) -> list[Leaf]:
    """Return the object alternatives that `container` can be, going by its `kind` or `distribution`."""
    objects = [leaf for leaf in fitting if leaf.model is not None]
    named = [leaf for leaf in objects if leaf.discriminator and container.get(leaf.discriminator[0]) == leaf.tag]
    return named or objects


def _assign(container: Any, slot: str | int, value: Any) -> None:
    if isinstance(container, list) and slot == len(container):
        container.append(value)
    else:
        container[slot] = value
