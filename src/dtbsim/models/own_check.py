"""Whether a model class is complete: its tables, its update function, and what it derives from its defaults.

The models of dtbsim pass the same checks (in the tests); those of a user when they are loaded.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.errors import InputError
from dtbsim.models.base import NeuronModel
from dtbsim.models.language.checked import checked_functions, checked_update
from dtbsim.models.language.subset import FUNCTIONS
from dtbsim.models.language.subset_rules import RESERVED
from dtbsim.models.tables import Derived, Parameter, Receptor, State

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TABLES: dict[str, type] = {"parameters": Parameter, "states": State, "derived": Derived, "receptors": Receptor}
WEIGHT_UNITS = ("pA", "mV", "nS", "1", "")
_NEURONS = 2
TRIAL_DT_MS = 0.1
"""The time step with which the constants are computed once, to see that the code for them works."""


def instance_of(given: type[NeuronModel] | NeuronModel, ports: tuple[tuple[str, float], ...] | None) -> NeuronModel:
    """Return the instance of a class; `ports` (name, tau_syn_ms) go to a constructor that takes them."""
    if isinstance(given, NeuronModel):
        if ports is not None:
            raise InputError(f"model '{given.name}' is there with its receptor ports", remedy="remove `receptors`")
        return given
    arguments = list(inspect.signature(given).parameters.values())
    needed = [argument.name for argument in arguments if argument.default is inspect.Parameter.empty]
    if ports is not None and not arguments:
        raise InputError(f"model '{given.__name__}' has fixed receptor ports", remedy="remove `receptors`")
    if ports is None and needed:
        raise InputError(
            f"model '{given.__name__}' cannot be made without {', '.join(needed)}",
            where=place_of(given),
            remedy="a model takes no arguments, or the receptor ports alone: receptors: {NAME: tau_syn_ms}",
        )
    make: Callable[..., NeuronModel] = given
    return make() if ports is None else make(dict(ports))


def place_of(model: type) -> str | None:
    """Return file:line of a class, None where its source is not there."""
    try:
        _, line = inspect.getsourcelines(model)
        return f"{Path(inspect.getsourcefile(model) or '').name}:{line}"
    except (OSError, TypeError):
        return None


def check_model(model: NeuronModel) -> None:
    """Raise InputError, with file:line and what to write instead, for the first thing that does not fit."""
    place = place_of(type(model))
    for label in ("name", "summary", "citation", "integration", "equations", "current_unit"):
        if not isinstance(getattr(model, label, None), str):
            raise InputError(f"the model has no {label}", where=place, remedy=f'write {label} = "..." in the class')
    check_name(model.name, "model", place)
    if model.is_source:
        raise InputError("a model of your own cannot be a source", where=place, remedy="use spike_source")
    for table, kind in _TABLES.items():
        _check_table(model, table, kind, place)
    _check_update(model, place)
    checked_functions(model)
    checked_update(model)
    _check_constants(model, place)


def check_name(name: object, what: str, place: str | None) -> None:
    """Raise InputError for what cannot be the name of a model or of a row."""
    if isinstance(name, str) and (name in RESERVED or name in FUNCTIONS):
        raise InputError(
            f"the name '{name}' cannot be used", where=place, remedy="it means something in C++ or in `update`"
        )
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise InputError(
            f"{name!r} cannot be the name of a {what}",
            where=place,
            remedy="names begin with a letter, then letters, digits and _",
        )


def _check_table(model: NeuronModel, table: str, kind: type, place: str | None) -> None:
    rows = getattr(model, table)
    if not isinstance(rows, tuple) or not all(isinstance(row, kind) for row in rows):
        raise InputError(
            f"`{table}` of model '{model.name}' is no tuple of {kind.__name__}",
            where=place,
            remedy=f"write ({kind.__name__}(...),); with one row the comma is needed",
        )
    for row in rows:
        check_name(row.name, table.rstrip("s"), place)
        texts = [row.description, row.weight_unit if isinstance(row, Receptor) else row.unit]
        if not all(isinstance(text, str) for text in texts):
            raise InputError(f"unit and description of '{row.name}' are not both texts", where=place)
        check_row(row, place)


def check_row(row: Any, place: str | None) -> None:
    """Raise InputError for values of a row that are not allowed."""
    if isinstance(row, Parameter):
        if not (_is_number(row.default) and _within(row)):
            raise InputError(
                f"the default of {row.name} is {row.default!r}; allowed: {row.range or 'any finite number'}",
                where=place,
            )
    elif isinstance(row, State) and not (isinstance(row.default, str) or _is_number(row.default)):
        raise InputError(
            f"state '{row.name}' starts at {row.default!r}; allowed: a number or the name of a parameter", where=place
        )
    elif isinstance(row, Receptor) and not isinstance(row.channel, int):
        raise InputError(f"the channel of receptor '{row.name}' is {row.channel!r}; allowed: 0, 1, ...", where=place)
    elif isinstance(row, Receptor) and row.weight_unit not in WEIGHT_UNITS:
        raise InputError(
            f"weights of receptor '{row.name}' are in {row.weight_unit!r}; allowed: pA, mV, nS, 1",
            where=place,
            remedy="a configuration has weight_pA, weight_mV, weight_nS and weight",
        )
    if isinstance(row, State | Derived) and row.dtype not in ("f32", "i32"):
        raise InputError(f"'{row.name}' has the dtype {row.dtype!r}; allowed: 'f32', 'i32'", where=place)


def _within(row: Parameter) -> bool:
    above = row.default > row.low if row.open_low else row.default >= row.low
    return above and row.default <= row.high


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_update(model: NeuronModel, place: str | None) -> None:
    update = inspect.getattr_static(model, "update")
    if update is NeuronModel.__dict__["update"]:
        raise InputError(f"model '{model.name}' has no update function", where=place, remedy="write `def update(...)`")
    if not isinstance(model.functions, tuple):
        raise InputError(
            f"`functions` of model '{model.name}' is no tuple",
            where=place,
            remedy="write (f,); with one the comma is needed",
        )
    if inspect.ismethod(model.update):
        raise InputError(
            f"update of model '{model.name}' takes the model as its first argument",
            where=place,
            remedy="put @staticmethod before it and remove `self`",
        )


def _check_constants(model: NeuronModel, place: str | None) -> None:
    """Derived constants are there under their names, and per neuron as well: parameters may be arrays."""
    values = model.complete({})
    derived = model.derive(values, TRIAL_DT_MS)
    missing = [row.name for row in model.derived if row.name not in derived]
    if missing:
        raise InputError(f"derive of model '{model.name}' does not return '{missing[0]}'", where=place)
    spread = {name: np.full(_NEURONS, value) for name, value in values.items()}
    try:
        constants = model.constants(spread, TRIAL_DT_MS)
        states = model.initial_states(spread)
        bound_ms = model.largest_dt_ms(spread)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"model '{model.name}' cannot be derived for parameters that differ between neurons: {error}",
            where=place,
            remedy="parameters may be arrays: use numpy (np.exp, np.where), not math or `if`",
        ) from error
    others = {} if bound_ms is None else {"largest_dt_ms": bound_ms}
    for name, value in {**constants, **states, **others}.items():
        if np.shape(value) not in ((), (_NEURONS,)):
            raise InputError(f"'{name}' has the shape {np.shape(value)} for {_NEURONS} neurons", where=place)
