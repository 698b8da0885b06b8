"""Which region models exist, by name, and those of a user's file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from dtbsim.errors import InputError
from dtbsim.models.own import Kind, class_in, code_of_class, is_reference, split_reference
from dtbsim.models.region_model import RegionModel
from dtbsim.registry import Later, Registry

REGION = Kind("region model", (RegionModel,), ("dtbsim.models.RegionModel",))


def _checked(name: str, value: object) -> Any:
    if value not in REGION:
        raise TypeError("a region model is a subclass of dtbsim.models.RegionModel")
    return value


REGION_MODELS: Registry[Any] = Registry(
    "dtbsim.region_models",
    "region model",
    {
        "deco_2014": Later("dtbsim.models.regions.deco_2014:Deco2014"),
        "hopf": Later("dtbsim.models.regions.hopf:Hopf"),
        "jansen_rit": Later("dtbsim.models.regions.jansen_rit:JansenRit"),
    },
    _checked,
)


@lru_cache(maxsize=256)
def _made(given: Any) -> RegionModel:
    kind = given if isinstance(given, type) else type(given)
    with code_of_class(kind, "the model cannot be made"):
        model: RegionModel = given() if isinstance(given, type) else given
    return model


def find_region_model(given: Any, base_dir: Path | None = None) -> RegionModel:
    """The region model that a configuration means: a name, `FILE.py:CLASS`, a class or an instance.

    The same object for the same argument and the same file. Raises InputError.
    """
    found = class_in(*split_reference(given, base_dir), REGION) if isinstance(given, str) and is_reference(given) else given
    if isinstance(found, str):
        found = REGION_MODELS.find(found)
    if found not in REGION:
        raise InputError(f"{given!r} is no region model", remedy="give a name, FILE.py:CLASS, or a RegionModel class")
    return _made(found)


def is_region_model(given: Any, base_dir: Path | None = None) -> bool:
    """Whether a configuration means a region model by `given`; False for what cannot be had."""
    if not isinstance(given, str):
        return given in REGION
    if not is_reference(given):
        return given in REGION_MODELS.names()
    try:
        file, name = split_reference(given, base_dir)
    except InputError:
        return False
    return getattr(file.module, name, None) in REGION
