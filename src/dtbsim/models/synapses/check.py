"""Whether a synapse model is complete: its tables, its functions, and what machinery has room for."""

from __future__ import annotations

import inspect
import math
from collections import Counter
from contextlib import suppress
from typing import Any

from dtbsim.errors import InputError, did_you_mean
from dtbsim.models.language.subset import FUNCTIONS
from dtbsim.models.language.subset_rules import RESERVED
from dtbsim.models.own_check import place_of
from dtbsim.models.synapses.base import (
    ModulatedSynapse,
    PlasticSynapse,
    SourceSynapse,
    StatefulSynapse,
    SynapseModel,
)
from dtbsim.models.synapses.checked import STATES, checked_rule
from dtbsim.models.synapses.tables import POPULATION, WEIGHT, Decay, SourceState, SynapseParameter, SynapseState, Trace
from dtbsim.models.synapses.trial import UNIT, trial_values

_PLACEHOLDERS = [
    function for base in (SourceSynapse, PlasticSynapse, StatefulSynapse) for function in vars(base).values()
    if isinstance(function, staticmethod)
]  # fmt: skip
"""What raises NotImplementedError in place of functions that a model defines."""
MOST_STATES = 2
"""States, and decays, of a source for which there is room."""


def check_synapse(model: SynapseModel) -> None:
    """Raise InputError, with file:line and what to write instead, for the first thing that does not fit."""
    place = place_of(type(model))
    if not isinstance(model, SourceSynapse | PlasticSynapse):
        raise InputError(
            f"'{type(model).__name__}' is no kind of synapse that dtbsim knows",
            where=place,
            remedy="derive it from SourceSynapse, PlasticSynapse, StatefulSynapse or ModulatedSynapse",
        )
    if not isinstance(getattr(model, "name", None), str) or not model.name.isidentifier():
        raise InputError("the synapse model has no name", where=place, remedy='write name = "..." in the class')
    if not (type(model).__doc__ or "").strip():
        raise InputError(
            f"synapse '{model.name}' has no docstring", where=place, remedy="say in it what the synapse does, for users"
        )
    _check_table(model, "parameters", SynapseParameter, place)
    _check_rows(model, place)
    if isinstance(model, SourceSynapse):
        _check_table(model, "states", SourceState, place)
        _check_table(model, "decays", Decay, place)
        for table in (model.states, model.decays):
            if len(table) > MOST_STATES:
                raise InputError(
                    f"synapse '{model.name}' has {len(table)} states or decays; there is room for {MOST_STATES}",
                    where=place,
                )
    else:
        _check_table(model, "traces", Trace, place)
        _check_plastic(model, place)
    if isinstance(model, StatefulSynapse):
        _check_table(model, "states", SynapseState, place)
        _check_states(model, place)
    if not isinstance(model.derived, tuple) or not all(isinstance(name, str) for name in model.derived):
        raise InputError(
            f"`derived` of synapse '{model.name}' is no tuple of names",
            where=place,
            remedy='write ("NAME",); with one name the comma is needed',
        )
    _check_names(model, place)
    _check_taus(model, place)
    _check_functions(model, place)
    checked_rule(model)
    _check_constants(model, place)


def _check_functions(model: SynapseModel, place: str | None) -> None:
    if not isinstance(model.functions, tuple):
        raise InputError(
            f"`functions` of synapse '{model.name}' is no tuple",
            where=place,
            remedy="write (f,); with one the comma is needed",
        )
    for name in model.entry_points:
        function = inspect.getattr_static(model, name)
        if function in _PLACEHOLDERS:
            raise InputError(
                f"synapse '{model.name}' has no function {name}", where=place, remedy=f"write `def {name}(...)`"
            )
        if not isinstance(function, staticmethod):
            raise InputError(
                f"{name} of synapse '{model.name}' takes the model as its first argument",
                where=place,
                remedy="put @staticmethod before it and remove `self`",
            )


def _check_constants(model: SynapseModel, place: str | None) -> None:
    """What `derive` is to give is there; faults of its code show where they stand."""
    with suppress(ArithmeticError, ValueError):
        found = model.derive(trial_values(model), UNIT)
        if not isinstance(found, dict):
            raise InputError(f"derive of synapse '{model.name}' returns no dict", where=place)
        missing = [name for name in model.derived if name not in found]
        if missing:
            raise InputError(f"derive of synapse '{model.name}' does not return '{missing[0]}'", where=place)


def _check_rows(model: SynapseModel, place: str | None) -> None:
    for row in model.parameters:
        if not all(isinstance(text, str) for text in (row.name, row.unit, row.description)):
            raise InputError(
                f"name, unit and description of a parameter of '{model.name}' are not all texts", where=place
            )
        if row.default is None or row.unit == POPULATION:
            continue
        number = isinstance(row.default, int | float) and not isinstance(row.default, bool)
        if not number or not row.low <= row.default <= row.high or (row.open_low and row.default == row.low):
            raise InputError(f"the default of {row.name} is {row.default!r}, which is not allowed", where=place)


def _check_table(model: SynapseModel, table: str, kind: type, place: str | None) -> None:
    rows = getattr(model, table)
    if not isinstance(rows, tuple) or not all(isinstance(row, kind) for row in rows):
        raise InputError(
            f"`{table}` of synapse '{model.name}' is no tuple of {kind.__name__}",
            where=place,
            remedy=f"write ({kind.__name__}(...),); with one row the comma is needed",
        )


def _check_states(model: StatefulSynapse, place: str | None) -> None:
    if model.traces:
        raise InputError(
            f"synapse '{model.name}' has states and traces",
            where=place,
            remedy="keep what traces hold in states: add 1 at a spike, let it decay in `between`",
        )
    if not 1 <= len(model.states) <= STATES:
        raise InputError(
            f"synapse '{model.name}' has {len(model.states)} states; possible: 1 to {STATES}",
            where=place,
            remedy="derive it from PlasticSynapse if it needs none" if not model.states else None,
        )
    numbers = {row.name for row in model.parameters if row.unit != POPULATION}
    for row in model.states:
        given = row.default
        if given not in numbers if isinstance(given, str) else not math.isfinite(given):
            raise InputError(
                f"state '{row.name}' of synapse '{model.name}' starts at {given!r}; allowed: a number or the name of a "
                "parameter",
                where=place,
            )


def _check_plastic(model: PlasticSynapse, place: str | None) -> None:
    units = {row.name: row.unit for row in model.parameters}
    if units.get("weight_max") != WEIGHT:
        raise InputError(
            f"synapse '{model.name}' has no parameter weight_max", where=place, remedy="add WEIGHT_MAX to `parameters`"
        )
    roles = Counter((trace.of, trace.read_by) for trace in model.traces)
    for (end, reader), number in roles.items():
        if number > 1 or not {end, reader} <= {"source", "target"}:
            raise InputError(
                f"synapse '{model.name}' has {number} traces of the {end} that spikes of the {reader} read; "
                "there is room for one",
                where=place,
            )
    if isinstance(model, ModulatedSynapse) and units.get(model.modulator.population) != POPULATION:
        raise InputError(
            f"the modulator of synapse '{model.name}' names no parameter with the unit POPULATION", where=place
        )
    if not isinstance(model, ModulatedSynapse) and POPULATION in units.values():
        raise InputError(
            f"synapse '{model.name}' names a population", where=place, remedy="only a ModulatedSynapse has one"
        )


def _check_names(model: SynapseModel, place: str | None) -> None:
    tables: list[Any] = [model.parameters]
    tables += [getattr(model, table, ()) for table in ("states", "decays", "traces")]
    names = [row.name for table in tables for row in table] + list(model.derived)
    names += ["w"] if isinstance(model, PlasticSynapse) else []
    names += ["interval_ms"] if isinstance(model, StatefulSynapse) else []
    for name, number in Counter(names).items():
        if number > 1:
            raise InputError(f"synapse '{model.name}' uses the name '{name}' twice in its tables", where=place)
        if not name.isidentifier() or not name.isascii() or name.startswith("_") or name in RESERVED | set(FUNCTIONS):
            raise InputError(f"the name '{name}' of synapse '{model.name}' cannot be used", where=place)
    for name in ("kind", "frozen_ms"):
        if name in names:
            raise InputError(f"the key '{name}' of synapse '{model.name}' means something else", where=place)


def _check_taus(model: SynapseModel, place: str | None) -> None:
    rows: list[Any] = list(model.decays if isinstance(model, SourceSynapse) else getattr(model, "traces", ()))
    known = {row.name for row in model.parameters if row.unit == "ms" and row.low >= 0 and math.isfinite(row.low)}
    for row in rows:
        if row.tau not in known or not row.tau.startswith("tau_"):
            raise InputError(
                f"'{row.name}' of synapse '{model.name}' decays with '{row.tau}', which is no time constant",
                where=place,
                remedy=did_you_mean(row.tau, sorted(known))
                or "add a parameter tau_..., in ms, of at least 0, and name it there",
            )
