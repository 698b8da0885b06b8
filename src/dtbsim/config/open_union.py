"""Fields whose objects come from a registry: those that are built in, and those that other packages add.

Such a field is validated, described and written into the schema as the union of the objects' configuration classes by
`kind` would be. The registry is imported when the first value is validated, so a package may import the configuration
vocabulary that its own classes extend.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Union

from pydantic import BaseModel, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from dtbsim.config.by_name import ByName
from dtbsim.errors import InputError
from dtbsim.registry import Registry


class FromRegistry:
    """Marks a field that takes any object of the registry at `home` ("module:NAME"), by the name of its kind.

    Objects of the registry have their configuration class as `config`. The classes `also` are allowed beside them, and
    an object without `kind` that has one of the keys `told_by` is of the kind that is given for it there.
    """

    def __init__(
        self, home: str, also: tuple[type[BaseModel], ...] = (), told_by: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.home, self._also, self._told_by = home, also, told_by

    @property
    def registry(self) -> Registry[Any]:
        """The registry, imported."""
        module, _, name = self.home.partition(":")
        found: Registry[Any] = getattr(importlib.import_module(module), name)
        return found

    @property
    def annotation(self) -> Any:
        """The union of all configuration classes that can be used now."""
        return _union(self._models())

    def _models(self) -> tuple[type[BaseModel], ...]:
        return (*(item.config for item in self.registry.usable().values()), *self._also)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate by the union as it is then."""
        return core_schema.no_info_plain_validator_function(self._validated)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the union as it is now."""
        models = self._models()
        return {"anyOf": [{"enum": _named(models), "type": "string"}, handler(_adapter(models).core_schema)]}

    def _validated(self, value: Any) -> Any:
        if isinstance(value, dict) and "kind" not in value:
            told = [kind for key, kind in self._told_by.items() if key in value]
            value = {"kind": told[0], **value} if told else value
        kind = value.get("kind") if isinstance(value, dict) else value
        registry = self.registry
        if isinstance(kind, str) and kind in registry.names():
            try:
                registry.find(kind)
            except InputError as error:  # of another package, and broken
                raise ValueError("; ".join(filter(None, (error.message, error.remedy)))) from error
        return _adapter(self._models()).validate_python(value)


@lru_cache(maxsize=8)
def _adapter(models: tuple[type[BaseModel], ...]) -> TypeAdapter[Any]:
    return TypeAdapter(_union(models))


def _union(models: tuple[type[BaseModel], ...]) -> Any:
    return Annotated[
        Union[models],  # noqa: UP007 - of a tuple
        Field(discriminator="kind"),
        ByName(*_named(models)),
    ]


def _named(models: tuple[type[BaseModel], ...]) -> list[str]:
    """The kinds that are given by their name alone."""
    return [_kind(model) for model in models if _needs_nothing(model)]


def _kind(model: type[BaseModel]) -> str:
    return str(model.model_fields["kind"].default)


@lru_cache(maxsize=256)
def _needs_nothing(model: type[BaseModel]) -> bool:
    """Whether the name of its kind is enough."""
    try:
        model.model_validate({"kind": _kind(model)})
    except InputError:
        return False
    return True
