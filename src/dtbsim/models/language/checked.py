"""From a model to its checked, typed update function."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from dtbsim.errors import InputError, did_you_mean
from dtbsim.models.base import DT, NeuronModel
from dtbsim.models.language import elementary, ir
from dtbsim.models.language.subset import FUNCTIONS, Source, parse


@lru_cache(maxsize=256)
def checked_update(model: NeuronModel) -> ir.Function:
    """Return the typed update function of a model; its results have the types of the states, then 'bool'.

    Raises InputError (file:line where it concerns the text) when tables or function are inconsistent.
    """
    if model.is_source:
        raise InputError(f"model '{model.name}' emits spikes without an update function")
    source = Source.of(model.update)
    place = f"{Path(source.file).name}:{source.first_line}"
    _check_tables(model, place)
    types, own = argument_types(model), checked_functions(model)
    function = parse(source, types, bit_operations=model.bit_operations, functions=own)
    _check_inputs(model, function, place)
    return ir.Function(
        function.name, function.arguments, function.body, _results(model, function, place), function.calls
    )


@lru_cache(maxsize=256)
def checked_functions(model: NeuronModel) -> dict[str, ir.Function]:
    """Return the model's own functions by name, in their order: each may call those before it.

    They take and return float32. Raises InputError with file:line.
    """
    return own_functions(model.functions)


def own_functions(functions: Sequence[Callable[..., object]]) -> dict[str, ir.Function]:
    """Return functions of a model by name; see `checked_functions`."""
    found: dict[str, ir.Function] = {}
    for function in functions:
        checked = _checked_function(function, found)
        found[checked.name] = checked
    return found


def _checked_function(function: Callable[..., object], known: dict[str, ir.Function]) -> ir.Function:
    source = Source.of(function)
    place = f"{Path(source.file).name}:{source.first_line}"
    checked = parse(source, dict.fromkeys(inspect.signature(function).parameters, "f32"), functions=known)
    name = checked.name
    if name in FUNCTIONS or name in known or not name.isascii() or name.startswith("_"):
        raise InputError(f"a function of a model cannot be called '{name}'", where=place, remedy="give it another name")
    if len(checked.results) != 1 or checked.results[0].type == "bool":
        raise InputError(f"'{name}' does not return one number", where=place, remedy="return one number")
    (result,) = checked.results
    if result.type == "i32":
        result = ir.Cast(result, "f32")
    return ir.Function(name, checked.arguments, checked.body, (result,), checked.calls)


def needed_functions(model: NeuronModel) -> tuple[list[str], list[ir.Function]]:
    """Return the elementary functions that the model needs, and its own ones, each after those it calls."""
    return needed_by(checked_update(model).calls, checked_functions(model))


def needed_by(calls: Iterable[str], own: Mapping[str, ir.Function]) -> tuple[list[str], list[ir.Function]]:
    """Return the elementary functions and those of `own` that these calls need, each after those it calls."""
    calls = set(calls)
    for function in reversed(list(own.values())):
        if function.name in calls:
            calls |= function.calls
    return elementary.needed(calls), [function for function in own.values() if function.name in calls]


def argument_types(model: NeuronModel) -> dict[str, ir.Type]:
    """Return the type of every argument that the model's update function may take."""
    types: dict[str, ir.Type] = {row.name: row.dtype for row in model.states}
    types |= {f"in_{name}": "f32" for name in model.inputs}
    types |= {"I_stim": "f32"}
    types |= {row.name: "f32" for row in model.parameters}
    types |= {row.name: row.dtype for row in (*model.derived, DT)}
    return types


def _check_tables(model: NeuronModel, place: str) -> None:
    names = [row.name for row in model.states] + [row.name for row in model.parameters]
    names += [row.name for row in (*model.derived, DT)]
    names += [*(f"in_{name}" for name in model.inputs), "I_stim"]
    double = [name for name, count in Counter(names).items() if count > 1]
    if double:
        raise InputError(f"model '{model.name}' uses the name '{double[0]}' twice in its tables", where=place)
    parameters = {row.name for row in model.parameters}
    for state in model.states:
        for reference in (state.default, state.offset):
            if isinstance(reference, str) and reference not in parameters:
                raise InputError(
                    f"state '{state.name}' of model '{model.name}' refers to '{reference}', which is no parameter",
                    where=place,
                    remedy=did_you_mean(reference, parameters),
                )
    for receptor in model.receptors:
        if not 0 <= receptor.channel < len(model.inputs):
            raise InputError(
                f"receptor '{receptor.name}' of model '{model.name}' feeds channel {receptor.channel}, "
                f"but the model has {len(model.inputs)}",
                where=place,
            )


def _check_inputs(model: NeuronModel, function: ir.Function, place: str) -> None:
    arguments = {name for name, _ in function.arguments}
    for name in model.inputs:
        if f"in_{name}" not in arguments:
            raise InputError(
                f"update of model '{model.name}' does not take 'in_{name}', so synapses there would do nothing",
                where=place,
                remedy=f"add the argument in_{name} or remove the receptor",
            )


def _results(model: NeuronModel, function: ir.Function, place: str) -> tuple[ir.Expr, ...]:
    expected = [(row.name, row.dtype) for row in model.states]
    if len(function.results) != len(expected) + 1:
        names = ", ".join([name for name, _ in expected] + ["spiked"])
        raise InputError(
            f"update of model '{model.name}' returns {len(function.results)} values; expected {len(expected) + 1}",
            where=place,
            remedy=f"return {names}",
        )
    results: list[ir.Expr] = []
    for (name, dtype), value in zip(expected, function.results, strict=False):
        if dtype == "f32" and value.type == "i32":
            value = ir.Cast(value, "f32")
        if value.type != dtype:
            raise InputError(
                f"update of model '{model.name}' returns {value.type} for state '{name}', which is {dtype}", where=place
            )
        results.append(value)
    spiked = function.results[-1]
    if model.counts_spikes:
        return (*results, spiked if spiked.type == "f32" else ir.Cast(spiked, "f32"))
    if spiked.type != "bool":
        raise InputError(
            f"the last value that update of model '{model.name}' returns is {spiked.type}; it must say whether the "
            "neuron spiked (a truth value)",
            where=place,
            remedy="return ..., V >= V_th",
        )
    return (*results, spiked)
