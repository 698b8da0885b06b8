"""Configuration: the vocabulary of a run, loading it from YAML, checking, writing.

Nothing is imported until it is used: `dtbsim.config.load_config` needs pydantic and ruamel.yaml, `import
dtbsim.config` does not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dtbsim.config.check import check_references, population_names
    from dtbsim.config.dump import dump_config
    from dtbsim.config.load import (
        LocatedConfig,
        load_config,
        load_config_data,
        load_config_text,
        load_located,
        load_located_text,
    )
    from dtbsim.config.locate import Locator
    from dtbsim.config.overrides import Overrides
    from dtbsim.config.run import RunConfig
    from dtbsim.config.schema import json_schema

__all__ = [
    "LocatedConfig",
    "Locator",
    "Overrides",
    "RunConfig",
    "check_references",
    "dump_config",
    "json_schema",
    "load_config",
    "load_config_data",
    "load_config_text",
    "load_located",
    "load_located_text",
    "population_names",
]

_MODULES = {
    "LocatedConfig": "load",
    "Locator": "locate",
    "Overrides": "overrides",
    "RunConfig": "run",
    "check_references": "check",
    "dump_config": "dump",
    "json_schema": "schema",
    "load_config": "load",
    "load_config_data": "load",
    "load_config_text": "load",
    "load_located": "load",
    "load_located_text": "load",
    "population_names": "check",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
