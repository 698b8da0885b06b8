"""`rule: all_to_all` for `rule: {kind: all_to_all}`: an object given by the name of its kind alone."""

from __future__ import annotations

from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class NamedAlone(dict[str, Any]):
    """The object that a name alone stands for; errors of its kind belong to the name."""


class ByName:
    """Marks a union of objects by `kind`: a text means the object of that kind with all of its defaults.

    `names` are the kinds that need nothing else; others, given by name, are told what is missing.
    """

    def __init__(self, *names: str) -> None:
        self.names = names

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Put the object in place of its name."""
        return core_schema.no_info_before_validator_function(by_name, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Allow the names beside the objects."""
        return {"anyOf": [{"enum": list(self.names), "type": "string"}, handler(schema)]}


def by_name(value: Any) -> Any:
    """The object that a text stands for; anything else as it is."""
    return NamedAlone(kind=value) if isinstance(value, str) else value
