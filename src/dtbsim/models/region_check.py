"""Whether a region model is complete: its tables, its functions, and what it derives from its defaults."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from dtbsim.errors import InputError
from dtbsim.models.language.checked_region import checked_derivatives, checked_output
from dtbsim.models.own_check import TRIAL_DT_MS, check_name, check_row, place_of
from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import (
    INTEGRATORS,
    NOISE_KINDS,
    SIGNALS,
    Lookup,
    Noise,
    Output,
    OwnDelay,
    Read,
    RegionInput,
    RegionState,
)
from dtbsim.models.tables import Derived, Parameter

COUPLINGS = ("linear", "scaling", "difference", "sigmoidal", "hyperbolic_tangent", "jansen_rit", "kuramoto")
"""Functions of couplings that a model can name as its own."""
_TABLES: dict[str, type] = {
    "parameters": Parameter, "states": RegionState, "derived": Derived, "inputs": RegionInput, "outputs": Output,
    "reads": Read, "noise": Noise, "delays": OwnDelay, "lookups": Lookup,
}  # fmt: skip
_REGIONS = 2


def check_region_model(model: RegionModel) -> None:
    """Raise InputError, with file:line and what to write instead, for the first thing that does not fit."""
    place = place_of(type(model))
    for label in ("name", "summary", "citation", "integration", "equations", "stimulus_unit", "coupling"):
        if not isinstance(getattr(model, label, None), str):
            raise InputError(f"the model has no {label}", where=place, remedy=f'write {label} = "..." in the class')
    check_name(model.name, "model", place)
    if not getattr(model, "states", ()):
        raise InputError(
            f"model '{model.name}' has no states", where=place, remedy="write states = (RegionState(...),)"
        )
    for table, kind in _TABLES.items():
        _check_table(model, table, kind, place)
    _check_words(model, place)
    _check_functions(model, place)
    checked_derivatives(model)
    checked_output(model)
    _check_constants(model, place)


def _check_table(model: RegionModel, table: str, kind: type, place: str | None) -> None:
    rows = getattr(model, table)
    if not isinstance(rows, tuple) or not all(isinstance(row, kind) for row in rows):
        raise InputError(
            f"`{table}` of model '{model.name}' is no tuple of {kind.__name__}",
            where=place,
            remedy=f"write ({kind.__name__}(...),); with one row the comma is needed",
        )
    for row in rows:
        if not isinstance(row, Read | Noise):
            check_name(row.name, table.rstrip("s"), place)
            check_row(row, place)
        if isinstance(row, RegionState) and not row.low < row.high:
            raise InputError(f"state '{row.name}' has low {row.low:g} and high {row.high:g}", where=place)


def _check_words(model: RegionModel, place: str | None) -> None:
    """Words of the tables that mean something."""
    words: list[tuple[str, str, tuple[str, ...]]] = [
        ("integrator", model.integrator, model.integrators),
        ("coupling", model.coupling, COUPLINGS),
        *(("noise", row.kind, NOISE_KINDS) for row in model.noise),
        *(("reads", row.signal, SIGNALS) for row in model.reads),
    ]
    for table, word, allowed in words:
        if word not in allowed:
            said = f"; {word} is none of {', '.join(INTEGRATORS)}" if table == "integrator" else ""
            raise InputError(
                f"`{table}` of model '{model.name}' has '{word}'; allowed: {', '.join(allowed)}{said}", where=place
            )
    pairs = model.couples
    if not isinstance(pairs, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise InputError(
            f"`couples` of model '{model.name}' is no tuple of pairs",
            where=place,
            remedy='write (("STATE", "INPUT"),); with one pair the comma is needed',
        )


def _check_functions(model: RegionModel, place: str | None) -> None:
    if inspect.getattr_static(model, "derivatives") is RegionModel.__dict__["derivatives"]:
        raise InputError(f"model '{model.name}' has no derivatives", where=place, remedy="write `def derivatives(...)`")
    if model.outputs and inspect.getattr_static(model, "output") is RegionModel.__dict__["output"]:
        raise InputError(
            f"model '{model.name}' has outputs and no `output`", where=place, remedy="write `def output(...)`"
        )
    if not isinstance(model.functions, tuple):
        raise InputError(
            f"`functions` of model '{model.name}' is no tuple",
            where=place,
            remedy="write (f,); with one the comma is needed",
        )
    for name in ("derivatives", "output"):
        if inspect.ismethod(getattr(model, name)):
            raise InputError(
                f"{name} of model '{model.name}' takes the model as its first argument",
                where=place,
                remedy="put @staticmethod before it and remove `self`",
            )


def _check_constants(model: RegionModel, place: str | None) -> None:
    """Derived constants are there under their names, and per region as well: parameters may be arrays."""
    values = model.complete({})
    derived = model.derive(values, TRIAL_DT_MS)
    missing = [row.name for row in model.derived if row.name not in derived]
    if missing:
        raise InputError(f"derive of model '{model.name}' does not return '{missing[0]}'", where=place)
    spread = {name: np.full(_REGIONS, value) for name, value in values.items()}
    try:
        found: dict[str, Any] = {**model.constants(spread, TRIAL_DT_MS), **model.initial_states(spread)}
        found |= model.decays(spread)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"model '{model.name}' cannot be derived for parameters that differ between regions: {error}",
            where=place,
            remedy="parameters may be arrays: use numpy (np.exp, np.where), not math or `if`",
        ) from error
    for name, value in found.items():
        if np.shape(value) not in ((), (_REGIONS,)):
            raise InputError(f"'{name}' has the shape {np.shape(value)} for {_REGIONS} regions", where=place)
    states = {row.name for row in model.states}
    strange = [name for name in model.decays(values) if name not in states]
    if strange:
        raise InputError(f"decays of model '{model.name}' names '{strange[0]}', which is no state", where=place)
