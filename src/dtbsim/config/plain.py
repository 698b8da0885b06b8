"""Configuration objects -> dicts, lists and scalars."""

from __future__ import annotations

import math
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


def as_read(value: Any) -> Any:
    """Return lists and mappings with the numbers that a file would give: 2.0 is 2 there, as 1e6 counts neurons, too.

    Where nothing says what a value is, so that 2.0 could stay so, it must not matter whether a file was in between.
    """
    if isinstance(value, Mapping):
        return {key: as_read(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_read(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2.0**53:
        minus_zero = value == 0.0 and math.copysign(1.0, value) < 0.0
        return value if minus_zero else int(value)
    return value
