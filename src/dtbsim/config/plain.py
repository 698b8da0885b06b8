"""Configuration objects -> dicts, lists and scalars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def plain(value: Any) -> Any:
    """Return configuration objects as dicts, lists and scalars, without the fields that are None, as by default."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        given = {name: getattr(value, name) for name in fields}
        return {
            name: plain(item)
            for name, item in given.items()
            if item is not None or fields[name].default is not None  # null switches off what is on by default
        }
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
