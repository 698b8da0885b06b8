"""The configuration vocabulary as JSON Schema, for editors and other programs."""

from __future__ import annotations

from typing import Any

from dtbsim.config.bounds import limit
from dtbsim.config.run import SCHEMA_VERSION, RunConfig
from dtbsim.config.strict import without_fields


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a configuration file.

    It describes keys, types, ranges and choices; what relates several keys (exactly one weight, names that exist,
    delays within bounds) is checked on loading only.
    """
    body = RunConfig.model_json_schema()
    _tidy(body)
    _bound_numbers(body, "")
    body["title"] = "dtbsim configuration"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:dtbsim:config:{SCHEMA_VERSION}",
        **body,
    }


def _tidy(node: Any) -> None:
    """Refuse names that do not match the pattern of an object's names; cut descriptions to what fields do not say."""
    if isinstance(node, dict):
        if "patternProperties" in node:
            node["additionalProperties"] = False
        _require_names(node)
        if isinstance(node.get("description"), str):
            node["description"] = without_fields(node["description"])
        for item in node.values():
            _tidy(item)
    elif isinstance(node, list):
        for item in node:
            _tidy(item)


def _require_names(node: dict[str, Any]) -> None:
    """Require `kind` or `distribution` of an object: only in Python the class says it."""
    for key in ("kind", "distribution"):
        named = node["properties"].get(key, {}) if isinstance(node.get("properties"), dict) else {}
        if "const" in named:
            named.pop("default", None)
            node["required"] = [key, *(other for other in node.get("required", []) if other != key)]


def _bound_numbers(node: Any, key: str) -> None:
    """Give every number the bounds of its kind where its key has none of its own (`dtbsim.config.bounds`)."""
    if isinstance(node, list):
        for item in node:
            _bound_numbers(item, key)
    if not isinstance(node, dict):
        return
    if node.get("type") in ("number", "integer") and "const" not in node:
        largest = limit(key, whole=node["type"] == "integer")
        if not {"maximum", "exclusiveMaximum"} & node.keys():
            node["maximum"] = largest
        if not {"minimum", "exclusiveMinimum"} & node.keys():
            node["minimum"] = -largest
    for name, item in node.items():
        if name in ("properties", "$defs"):
            for inner, what in item.items():
                _bound_numbers(what, inner)
        elif name not in ("default", "const", "enum"):
            _bound_numbers(item, key)
