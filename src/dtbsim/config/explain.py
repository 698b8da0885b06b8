"""Pydantic's validation errors -> problems: key path, what was given, what is allowed, in the configuration's words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from dtbsim.config.by_name import NamedAlone
from dtbsim.config.describe import NAME_RULE, describe, describe_leaves, show, source_kind
from dtbsim.config.fields import Leaf, enter_union, field_annotation, leaves, of_kind
from dtbsim.config.locate import KeyPath, Problem
from dtbsim.errors import did_you_mean
from dtbsim.units import key_advice

MOST_EXPLAINED = 500
"""Mistakes that are put into words at most; nobody reads more, and each takes its time."""


@dataclass
class _Spot:
    """Where an error location leads: the key path, what is allowed there, and the object around it."""

    path: KeyPath
    annotation: Any
    owner: type[BaseModel] | None
    union: KeyPath | None = None  # a plain union (such as text or list) passed on the way ...
    fits: bool = True  # ... and whether the value there has the shape of the member that complains


def explain(error: ValidationError, model: type[BaseModel], data: Any) -> list[Problem]:
    """Return one problem per mistake in `data`, which `model` rejected; MOST_EXPLAINED of them at most."""
    entries = [
        (entry, _follow(model, entry["loc"], data)) for entry in error.errors(include_url=False)[:MOST_EXPLAINED]
    ]
    fitting = [spot.path for _, spot in entries if spot.fits]
    misspelt = {spot.path[:-1] for entry, spot in entries if entry["type"] == "extra_forbidden"}
    problems: dict[KeyPath, Problem] = {}
    for entry, spot in entries:
        if entry["type"] == "missing" and spot.path[:-1] in misspelt:
            continue  # most likely the key that was written wrongly; that one is explained
        if not spot.fits:
            assert spot.union is not None
            if any(path[: len(spot.union)] == spot.union for path in fitting):
                continue  # the member of the union that the value looks like has said what is wrong
        for problem in _problem(entry, spot):
            problems.setdefault(problem.path, problem)
    return list(problems.values())


def _follow(model: type[BaseModel], location: Sequence[Any], data: Any) -> _Spot:
    """Walk pydantic's location (keys, list indices and labels of unions) through the vocabulary and the data."""
    spot = _Spot((), model, None)
    labels = tuple(location)
    while True:
        spot.annotation = of_kind(spot.annotation, data)
        leaf, used = enter_union(spot.annotation, labels)
        if used and spot.fits and leaf is not None:
            spot.union, spot.fits = spot.path, leaf.takes(data)
        labels = labels[used:]
        if leaf is None or not labels or labels[0] == "[key]":
            if leaf is not None and leaf.model is not None:
                spot.owner = leaf.model
            return spot
        spot.annotation, spot.owner, data = _child(leaf, labels[0], data)
        spot.path, labels = (*spot.path, str(labels[0])), labels[1:]
        if spot.annotation is Any:  # an unknown key
            return spot


def _child(leaf: Leaf, key: Any, data: Any) -> tuple[Any, type[BaseModel] | None, Any]:
    if isinstance(data, BaseModel):
        value = getattr(data, str(key), None)
    elif isinstance(data, dict):
        value = data.get(key)
    elif isinstance(data, list | tuple) and isinstance(key, int) and key < len(data):
        value = data[key]
    else:
        value = None
    if leaf.model is not None:
        field = leaf.model.model_fields.get(str(key))
        return (field_annotation(field) if field else Any), leaf.model, value
    return leaf.item, None, value


def _problem(entry: Any, spot: _Spot) -> Iterator[Problem]:
    kind, given = entry["type"], entry["input"]
    if kind == "missing":
        yield Problem(spot.path, "missing", f"give {describe(spot.annotation)}")
    elif kind == "extra_forbidden":
        assert spot.owner is not None
        yield unknown_key(spot.path, spot.owner, given)
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        yield _unknown_variant(spot, given)
    elif kind == "value_error":
        yield Problem(spot.path, str(entry["ctx"]["error"]))
    elif entry["loc"][-1:] == ("[key]",):
        yield Problem(spot.path, f"bad name {show(given)}", NAME_RULE)
    else:
        yield Problem(spot.path, f"got {show(given)}", f"allowed: {_allowed(spot.annotation, given)}")


def _allowed(annotation: Any, given: Any) -> str:
    """Return what is allowed at a place; of what can be a number or a source of numbers, for a number that is one."""
    found = list(leaves(annotation))
    number = [leaf for leaf in found if leaf.tag == "number"]
    if number and isinstance(given, int | float) and not isinstance(given, bool) and abs(given) < math.inf:
        return describe_leaves(number)
    varies = isinstance(given, dict) and source_kind(given) is not None
    numeric = any(leaf.kind in ("number", "whole") for leaf in found) and not any(leaf.takes(given) for leaf in found)
    return describe_leaves(found) + ("; it is one number here" if varies and numeric else "")


def unknown_key(path: KeyPath, owner: type[BaseModel], value: Any = None) -> Problem:
    """Return the problem of a key that `owner` does not have, with the key that was probably meant."""
    given = path[-1]
    fields = owner.model_fields
    variant = Leaf("object", model=owner).discriminator
    message = f"unknown key '{given}'" + (f" with {variant[0]}: {variant[1]}" if variant else "")
    for name, field in fields.items():
        inside = [leaf.model for leaf in leaves(field_annotation(field)) if leaf.model is not None]
        if len(inside) == 1 and given in inside[0].model_fields and not isinstance(value, dict):
            return Problem(path, message, f"it belongs under `{'.'.join((*path[:-1], name))}`")
    return Problem(path, message, key_advice(given, fields, value))


_SOURCES = {
    "map": "a map of the atlas",
    "regions": "a number by region",
    "matrix": "a matrix",
    "file": "a number for each neuron",
}


def _unknown_variant(spot: _Spot, given: Any) -> Problem:
    """Return the problem of an object whose `kind` or `distribution` is missing or not known."""
    alternatives = list(leaves(spot.annotation))
    variants = [leaf.discriminator for leaf in alternatives if leaf.discriminator]
    allowed = describe_leaves(alternatives)
    source = _SOURCES.get(source_kind(given) or "")
    if source is not None and "kind" not in dict(variants):
        return Problem(spot.path, f"{source} is not possible here", f"allowed: {allowed}")
    if not variants:
        return Problem(spot.path, f"got {show(given)}", f"allowed: {allowed}")
    key = variants[0][0]
    if isinstance(given, dict) and key in given:
        advice = did_you_mean(show(given[key]).strip("'"), [value for _, value in variants])
        path = spot.path if isinstance(given, NamedAlone) else (*spot.path, key)
        return Problem(path, f"unknown {key} {show(given[key])}", advice)
    known = {name for leaf in alternatives if leaf.model for name in leaf.model.model_fields}
    unknown = [name for name in given if name not in known] if isinstance(given, dict) else []
    if unknown:
        message = f"unknown key '{unknown[0]}'"
        return Problem((*spot.path, unknown[0]), message, key_advice(unknown[0], known, given[unknown[0]]))
    missing = f"; `{key}` is missing" if isinstance(given, dict) else ""
    return Problem(spot.path, f"got {show(given)}{missing}", f"allowed: {allowed}")
