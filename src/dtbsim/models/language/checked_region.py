"""From a region model to its checked, typed functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from dtbsim.errors import InputError, did_you_mean
from dtbsim.models.base import DT
from dtbsim.models.language import ir
from dtbsim.models.language.checked import needed_by, own_functions
from dtbsim.models.language.subset import Source, parse
from dtbsim.models.region_model import RegionModel


@lru_cache(maxsize=256)
def checked_derivatives(model: RegionModel) -> ir.Function:
    """Return the typed drift; one float32 result for each state.

    Raises InputError (file:line where it concerns the text) when tables or function are inconsistent.
    """
    place = _place(model.derivatives)
    _check_tables(model, place)
    types = _types(model)
    function = _checked(model, model.derivatives, types, [row.name for row in model.states], "derivatives")
    taken = {name for name, _ in function.arguments}
    for row in model.inputs:
        if f"in_{row.name}" not in taken:
            raise InputError(
                f"derivatives of model '{model.name}' lacks 'in_{row.name}', so couplings there would do nothing",
                where=place,
                remedy=f"add the argument in_{row.name} or remove the input",
            )
    return function


@lru_cache(maxsize=256)
def checked_output(model: RegionModel) -> ir.Function | None:
    """Return the typed function of the outputs, None where the model has none."""
    if not model.outputs:
        return None
    return _checked(model, model.output, _types(model), [row.name for row in model.outputs], "output")


@lru_cache(maxsize=256)
def own_region_functions(model: RegionModel) -> dict[str, ir.Function]:
    """Return the model's own functions by name, each after those it calls."""
    return own_functions(model.functions)


def needed_region_functions(model: RegionModel, *more: str) -> tuple[list[str], list[ir.Function]]:
    """Return the elementary functions that the model, and what else calls `more`, needs, and the model's own ones."""
    calls = set(more) | checked_derivatives(model).calls
    output = checked_output(model)
    if output is not None:
        calls |= output.calls
    return needed_by(calls, own_region_functions(model))


def _lookup(name: str) -> ir.Function:
    """A table as a function of two numbers, whose text the emitters write."""
    return ir.Function(name, (("x", "f32"), ("y", "f32")), (), (ir.Constant(0.0, "f32"),), frozenset())


def names_used(function: ir.Function, result: int) -> frozenset[str]:
    """Return the arguments that one result of a function depends on."""
    needs: dict[str, frozenset[str]] = {name: frozenset({name}) for name, _ in function.arguments}
    for statement in function.body:
        needs[statement.name] = _names(statement.value, needs)
    return _names(function.results[result], needs)


def _names(x: ir.Expr, needs: dict[str, frozenset[str]]) -> frozenset[str]:
    if isinstance(x, ir.Name):
        return needs[x.name]
    parts: tuple[ir.Expr, ...] = ()
    match x:
        case ir.Unary() | ir.Cast():
            parts = (x.x,)
        case ir.Binary() | ir.Compare() | ir.Logic():
            parts = (x.a, x.b)
        case ir.Select():
            parts = (x.condition, x.a, x.b)
        case ir.Call():
            parts = x.arguments
    return frozenset().union(*(_names(part, needs) for part in parts))


def _checked(
    model: RegionModel, function: Callable[..., Any], types: dict[str, ir.Type], rows: list[str], label: str
) -> ir.Function:
    known = {**own_region_functions(model), **{row.name: _lookup(row.name) for row in model.lookups}}
    checked = parse(Source.of(function), types, functions=known)
    if len(checked.results) != len(rows):
        raise InputError(
            f"{label} of model '{model.name}' returns {len(checked.results)} values; expected {len(rows)}",
            where=_place(function),
            remedy=f"return values for {', '.join(rows)}",
        )
    results: list[ir.Expr] = []
    for name, value in zip(rows, checked.results, strict=True):
        if value.type == "bool":
            raise InputError(
                f"{label} of model '{model.name}' returns a truth value for '{name}'", where=_place(function)
            )
        results.append(value if value.type == "f32" else ir.Cast(value, "f32"))
    return ir.Function(checked.name, checked.arguments, checked.body, tuple(results), checked.calls)


def _types(model: RegionModel) -> dict[str, ir.Type]:
    return dict.fromkeys([*(row.name for row in model.states), *_other_names(model)], "f32")


def _other_names(model: RegionModel) -> list[str]:
    """Arguments that are no states."""
    constants = [*(row.name for row in model.parameters), *(row.name for row in (*model.derived, DT))]
    return [*constants, *(row.name for row in model.delays), *(f"in_{row.name}" for row in model.inputs), "I_stim"]


def _place(function: Callable[..., Any]) -> str:
    source = Source.of(function)
    return f"{Path(source.file).name}:{source.first_line}"


def _check_tables(model: RegionModel, place: str) -> None:
    names = [*model.variables, *_other_names(model)]
    double = [name for name, count in Counter(names).items() if count > 1]
    if double:
        raise InputError(f"model '{model.name}' uses the name '{double[0]}' twice in its tables", where=place)
    inputs = [row.name for row in model.inputs]
    states = [row.name for row in model.states]
    parameters = [row.name for row in model.parameters]
    references = [("couples", name, model.variables) for name, _ in model.couples]
    references += [("couples", name, tuple(inputs)) for _, name in model.couples]
    references += [("delays", row.state, tuple(states)) for row in model.delays]
    references += [("delays", row.parameter, tuple(parameters)) for row in model.delays]
    references += [("reads", row.variable, model.variables) for row in model.reads]
    references += [("noise", row.target, model.targets) for row in model.noise]
    references += [("states", row.default, tuple(parameters)) for row in model.states if isinstance(row.default, str)]
    for table, name, known in references:
        if name not in known:
            raise InputError(
                f"`{table}` of model '{model.name}' names '{name}', which is not among {', '.join(known)}",
                where=place,
                remedy=did_you_mean(name, known),
            )


def check_own_value(model: RegionModel, name: str) -> None:
    """InputError unless a difference can be made of a region's own value: it is known before inputs are."""
    model.variable(name)
    outputs = [row.name for row in model.outputs]
    if name in outputs:
        function = checked_output(model)
        assert function is not None
        used = names_used(function, outputs.index(name))
        if "I_stim" in used or any(f"in_{row.name}" in used for row in model.inputs):
            raise InputError(
                f"'{name}' of model '{model.name}' depends on the inputs, so a difference cannot be made of it",
                remedy="couple a state, or an output of states alone",
            )
