"""Objects of a configuration whose kinds are registered, also by other packages; the kind's class checks each."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from dtbsim.errors import InputError
from dtbsim.registry import Registry


class Kinds:
    """Marks a place that takes an object with `kind: NAME`, NAME being one of a registry.

    A registered object that can be configured has `options`, a class derived from `Strict` with the field
    `kind: Literal[NAME] = NAME`. It is looked up when a configuration names it, so that kinds may be added at any time.
    """

    def __init__(self, registry: Registry[Any]) -> None:
        self._registry = registry

    def models(self) -> list[type[BaseModel]]:
        """The classes of all kinds that can be used."""
        found = (getattr(value, "options", None) for value in self._registry.usable().values())
        return [model for model in found if model is not None]

    def model_of(self, value: Any) -> type[BaseModel] | None:
        """The class for a given object, None where it names no kind that can be configured."""
        if isinstance(value, BaseModel):
            return type(value) if type(value) in self.models() else None
        kind = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in self._registry.names():
            return None
        return getattr(self._registry.find(kind), "options", None)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check by the class of the kind; its errors keep their places."""
        return core_schema.no_info_plain_validator_function(self._made)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """One of the objects."""
        return {"oneOf": [handler(model.__pydantic_core_schema__) for model in self.models()]}

    def _made(self, value: Any) -> Any:
        try:
            model = self.model_of(value)
        except InputError as error:
            raise ValueError(str(error)) from error
        if model is None:
            raise PydanticCustomError("union_tag_invalid", "no kind that can be configured")
        return model.__pydantic_validator__.validate_python(value)
