"""Configuration objects -> dicts, lists and scalars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def plain(value: Any, *, followed: bool = True) -> Any:
    """Return configuration objects as dicts, lists and scalars, without the fields that are None, as by default.

    Without `followed` also without fields that follow other values and were not given, so that they still do.
    """
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        left_out = () if followed else set(getattr(value, "follows", ())) - value.model_fields_set
        given = {name: getattr(value, name) for name in fields if name not in left_out}
        return {
            name: plain(item, followed=followed)
            for name, item in given.items()
            if item is not None or fields[name].default is not None  # null switches off what is on by default
        }
    if isinstance(value, Mapping):
        return {key: plain(item, followed=followed) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, followed=followed) for item in value]
    return value
