"""Words for values and for what is allowed, in errors and in the reference."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import annotated_types
from pydantic import BaseModel

from dtbsim.arguments import show
from dtbsim.config.fields import Leaf, leaves

__all__ = ["NAME_RULE", "describe", "describe_leaves", "show"]

NAME_RULE = "names start with a letter and have letters, digits, _ and - only"

_LONGEST = 60
_WORDS = {
    "number": "a number",
    "whole": "a whole number",
    "text": "a text",
    "flag": "true or false",
    "null": "null",
    "any": "any value",
}
_PATTERNS = {
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": "a text of letters, digits and _ . - that starts with a letter or digit",
}


def describe(annotation: Any) -> str:
    """Return what an annotation allows, e.g. `a number above 0, or null`."""
    return describe_leaves(leaves(annotation))


def describe_leaves(alternatives: Iterable[Leaf]) -> str:
    """Return what the alternatives allow; objects that name their `kind` or `distribution` are listed together."""
    words: list[str] = []
    named: dict[str, list[str]] = {}
    for leaf in alternatives:
        if leaf.discriminator:
            key, value = leaf.discriminator
            if key not in named:
                words.append(key)  # placeholder, in the order of the alternatives
            named.setdefault(key, []).append(value)
        else:
            words.append(_leaf_words(leaf))
    words = [f"a mapping with {word}: {' | '.join(named[word])}" if word in named else word for word in words]
    return words[0] if len(words) == 1 else ", or ".join(words)


def _leaf_words(leaf: Leaf) -> str:
    if leaf.kind == "literal":
        return " | ".join(show(value).strip("'") for value in leaf.values)
    if leaf.kind == "list":
        filled = any(isinstance(limit, annotated_types.MinLen) for limit in leaf.limits)
        item = describe(leaf.item)
        return f"a {'non-empty ' if filled else ''}list" + (" of texts" if item == "a text" else f" (each: {item})")
    if leaf.kind == "mapping":
        item = describe(leaf.item)
        return f"a mapping of names to {item}" if len(item) < _LONGEST else "a mapping of names"
    if leaf.model is not None:
        required = [name for name, field in leaf.model.model_fields.items() if field.is_required()]
        return f"a mapping with {', '.join(required)}" if required else "a mapping"
    return (_PATTERNS.get(leaf.pattern) if leaf.pattern else None) or _WORDS[leaf.kind] + _limit_words(leaf)


def _limit_words(leaf: Leaf) -> str:
    words = []
    for limit in leaf.limits:
        if isinstance(limit, annotated_types.Gt):
            words.append(f"above {limit.gt}")
        elif isinstance(limit, annotated_types.Ge):
            words.append(f"at least {limit.ge}")
        elif isinstance(limit, annotated_types.Lt):
            words.append(f"below {limit.lt}")
        elif isinstance(limit, annotated_types.Le):
            words.append(f"at most {limit.le}")
    return " " + " and ".join(words) if words else ""


def source_kind(value: Any) -> str | None:
    """Return the tag of a source of numbers among the alternatives of a value; None: it is another kind of value."""
    if isinstance(value, list | tuple):
        return "list"
    keys = type(value).model_fields if isinstance(value, BaseModel) else value if isinstance(value, dict) else ()
    return next((key for key in ("map", "regions", "matrix", "file") if key in keys), None)
