"""Objects of a configuration whose kinds are registered, also by other packages; the kind's class checks each."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Union, get_args

from pydantic import BaseModel, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from dtbsim.config.by_name import by_name
from dtbsim.errors import InputError
from dtbsim.registry import Registry


class Kinds:
    """Marks a place that takes an object with `kind: NAME`, NAME being one of a registry, or that name alone.

    A registered object that can be configured has `config`, a class with the field `kind: Literal[NAME] = NAME`. It is
    looked up when a configuration names it: kinds may be added at any time, a package may import the vocabulary that
    its own classes extend, and of other packages only those that are named are imported.

    The registry is given itself, or by its place ("module:NAME"), which is imported when it is needed. The classes
    `also` are allowed beside its objects; an object without `kind` that has one of the keys `told_by` is of the kind
    given for it there.
    """

    def __init__(
        self,
        registry: Registry[Any] | str,
        also: tuple[type[BaseModel], ...] = (),
        told_by: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._given, self._told_by = registry, told_by
        self._also = {str(model.model_fields["kind"].default): model for model in also}

    @property
    def registry(self) -> Registry[Any]:
        """The registry, imported."""
        if isinstance(self._given, str):
            module, _, name = self._given.partition(":")
            self._given = getattr(importlib.import_module(module), name)
        assert isinstance(self._given, Registry)
        return self._given

    def models(self) -> list[type[BaseModel]]:
        """The classes of all kinds that can be used; every package that adds some is imported for it."""
        found = (getattr(value, "config", None) for value in self.registry.usable().values())
        return [*(model for model in found if model is not None), *self._also.values()]

    def named_alone(self) -> list[str]:
        """The kinds that need nothing but their name."""
        return [str(model.model_fields["kind"].default) for model in self.models() if needs_nothing(model)]

    def model_of(self, value: Any) -> type[BaseModel] | None:
        """The class for what is given (an object, or the name of a kind), None where that is no kind with one.

        InputError for a kind of another package that cannot be used.
        """
        kind = self._kind_of(value)
        if not isinstance(kind, str):
            return None
        if kind in self._also:
            return self._also[kind]
        if kind not in self.registry.names():
            return None
        return getattr(self.registry.find(kind), "config", None)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check by the class of the kind; its errors keep their places."""
        checked = core_schema.no_info_plain_validator_function(self._made)
        return core_schema.no_info_before_validator_function(by_name, checked)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """One of the objects, or one of the names that are enough."""
        union: Any = Annotated[Union[tuple(self.models())], Field(discriminator="kind")]  # noqa: UP007 - of a tuple
        objects = handler(TypeAdapter(union).core_schema)
        named = self.named_alone()
        return {"anyOf": [{"enum": named, "type": "string"}, objects]} if named else objects

    def _kind_of(self, value: Any) -> Any:
        if isinstance(value, BaseModel):
            return getattr(value, "kind", None)
        if not isinstance(value, Mapping):
            return value
        told = [kind for key, kind in self._told_by.items() if key in value]
        return value.get("kind", told[0] if told else None)

    def _written_elsewhere(self, value: Any) -> str:
        """Of a registered kind that has a key of its own: how it is written; "" of others."""
        kind = self._kind_of(value)
        if not isinstance(kind, str) or kind not in self.registry.names():
            return ""
        written = getattr(self.registry.find(kind), "written", "")
        return f"'{kind}' has a key of its own; write {written}, at the top of the configuration" if written else ""

    def _made(self, value: Any) -> Any:
        try:
            model = self.model_of(value)
        except InputError as error:
            raise ValueError("; ".join(filter(None, (error.message, error.remedy)))) from error
        if model is None and (written := self._written_elsewhere(value)):
            raise ValueError(written)
        if model is None or (isinstance(value, BaseModel) and not isinstance(value, model)):
            raise PydanticCustomError("union_tag_invalid", "no kind that can be configured")
        if isinstance(value, dict) and "kind" not in value:
            value = {"kind": self._kind_of(value), **value}
        return model.__pydantic_validator__.validate_python(value)


def check_config(config: object, bases: type | tuple[type, ...], name: str) -> None:
    """Raise TypeError unless `config` can be the configuration class of an object called `name` of another package."""
    allowed = bases if isinstance(bases, tuple) else (bases,)
    names = " or ".join(f"{base.__module__}.{base.__name__}" for base in allowed)
    if not (isinstance(config, type) and issubclass(config, BaseModel) and issubclass(config, allowed)):
        raise TypeError(f"it needs `config`, a subclass of {names}")
    kind = config.model_fields.get("kind")
    if kind is None or get_args(kind.annotation) != (kind.default,):
        raise TypeError(f"its configuration class needs `kind: Literal[{name!r}] = {name!r}`")
    if kind.default != name:
        raise TypeError(f"its configuration has kind '{kind.default}'; that and the entry point must be one name")
    config.model_rebuild()


@lru_cache(maxsize=256)
def needs_nothing(model: type[BaseModel]) -> bool:
    """Whether the name of its kind is enough for an object."""
    try:
        model.model_validate({"kind": model.model_fields["kind"].default})
    except InputError:
        return False
    return True
