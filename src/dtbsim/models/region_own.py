"""A user's own region model: `FILE.py:CLASS` of a configuration, or a class or instance given from Python."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.errors import InputError, did_you_mean
from dtbsim.models.language.checked_region import checked_derivatives, checked_output, own_region_functions
from dtbsim.models.own import Kind, class_in, code_of_class, is_built_in, is_reference, load_file, split_reference
from dtbsim.models.own_check import TRIAL_DT_MS
from dtbsim.models.own_save import Saved, saved_class
from dtbsim.models.region_check import check_region_model
from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_registry import REGION_MODELS, get_region_model
from dtbsim.models.registry import MODELS

RegionObject = type[RegionModel] | RegionModel
REGION = Kind("region model", (RegionModel,), ("dtbsim.models.RegionModel",))


def find_region_model(given: str | RegionObject, base_dir: Path | None = None) -> RegionModel:
    """Return the model that a configuration means; the same object for the same file or class.

    `given` is a name of dtbsim's, `FILE.py:CLASS` (relative to `base_dir`, default the current folder), or a class or
    instance. Raises InputError, with file:line where it concerns a user's own model.
    """
    if isinstance(given, str) and not is_reference(given):
        return get_region_model(given)
    found: Any = class_in(*split_reference(given, base_dir), REGION) if isinstance(given, str) else given
    if found not in REGION:
        raise InputError(f"{found!r} is no region model", remedy="give a name, FILE.py:CLASS, or a RegionModel class")
    name = name_of_region_model(found)
    return _checked(found) if name is None else get_region_model(name)


def is_known(given: Any) -> bool:
    """Whether `given` can be a model: anything but a name that neither a neuron model nor a region model has."""
    return not isinstance(given, str) or is_reference(given) or given in (*MODELS.names(), *REGION_MODELS.names())


def unknown_model(given: str, more: Sequence[str] = ()) -> InputError:
    """What to say of a name that is not known (see `is_known`); `more` names are allowed, too."""
    names = (*MODELS.names(), *REGION_MODELS.names(), *more)
    return InputError(f"unknown model '{given}'", remedy=did_you_mean(given, names))


def name_of_region_model(given: RegionObject) -> str | None:
    """Return the name under which a class, or the model made of it, is registered, if it is."""
    for name, model in REGION_MODELS.usable().items():
        if given is model or given is get_region_model(name):
            return name
    return None


@lru_cache(maxsize=256)
def _checked(given: Any) -> RegionModel:
    kind = given if isinstance(given, type) else type(given)
    with code_of_class(kind, "the model cannot be made"):
        model: RegionModel = given() if isinstance(given, type) else given
        if not is_built_in(kind):
            check_region_model(model)
    return model


def save_region_model(given: str | RegionObject, base_dir: Path | None = None) -> Saved | str:
    """Return what to keep of a model in the folder of a run, or the name of a model of dtbsim."""
    if isinstance(given, str):
        if not is_reference(given):
            return given
        file, name = split_reference(given, base_dir)
        return Saved(file.path.stem, file.text, name)
    built_in = name_of_region_model(given)
    if built_in is not None:
        return built_in
    model = find_region_model(given)
    return saved_class(type(model), region_fingerprint(model), _fingerprint_in)


def _fingerprint_in(path: Path, name: str) -> str:
    return region_fingerprint(find_region_model(class_in(load_file(path), name, REGION)))


def region_fingerprint(model: RegionModel) -> str:
    """Return everything of a model that decides about its course, as far as defaults show it, as one text."""
    with code_of_class(type(model), "the constants cannot be computed"):
        values = model.complete({})
        constants = {name: np.float32(value) for name, value in model.constants(values, TRIAL_DT_MS).items()}
        states = model.initial_states(values)
        decays = model.decays(values)
    tables = (model.parameters, model.states, model.derived, model.inputs, model.outputs, model.couples, model.coupling,
              model.noise, model.delays, model.reads, model.integrator)  # fmt: skip
    lookups = [(row.name, row.x, row.y, row.values().tobytes()) for row in model.lookups]
    functions = (checked_derivatives(model), checked_output(model), own_region_functions(model))
    return "\n".join([model.name, *map(repr, (tables, constants, states, decays, lookups, functions))])


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
