"""Write a configuration as YAML that loads to an equal one."""

from __future__ import annotations

import io
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML

from dtbsim.config.run import RunConfig


def dump_config(config: RunConfig) -> str:
    """Return the resolved configuration as YAML 1.2: every default written out, keys that are off by default left out.

    `load_config_text(dump_config(config))` equals `config`.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # keep the order of the vocabulary
    yaml.width = 120
    stream = io.StringIO()
    yaml.dump(plain(config), stream)
    return stream.getvalue()


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
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
