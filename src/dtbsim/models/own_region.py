"""The region model that a configuration means: by name, `FILE.py:CLASS`, a class or an instance."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from dtbsim.errors import InputError
from dtbsim.models.own import Kind, class_in, code_of_class, is_reference, split_reference
from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_registry import REGION_MODELS, get_region_model

REGION = Kind("region model", (RegionModel,), ("dtbsim.models.RegionModel",))


@lru_cache(maxsize=256)
def _made(given: Any) -> RegionModel:
    kind = given if isinstance(given, type) else type(given)
    with code_of_class(kind, "the model cannot be made"):
        model: RegionModel = given() if isinstance(given, type) else given
    return model


def find_region_model(given: Any, base_dir: Path | None = None) -> RegionModel:
    """Return the region model that a configuration means; the same object for the same argument and the same file.

    Raises InputError, with file:line where it concerns a user's own model.
    """
    if isinstance(given, str) and not is_reference(given):
        return get_region_model(given)
    found = class_in(*split_reference(given, base_dir), REGION) if isinstance(given, str) else given
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
