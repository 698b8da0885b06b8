"""Checked functions computed by numpy in float64, on arrays: for what is looked at and not simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from dtbsim.models.language import ir

Values = Mapping[str, Any]
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "<": np.less, "<=": np.less_equal,
    ">": np.greater, ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal, "and": np.logical_and,
    "or": np.logical_or,
}  # fmt: skip
_CALLS: dict[str, Callable[..., Any]] = {
    "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "erfc": special.erfc,
    "sqrt": np.sqrt, "abs": np.abs, "min": np.minimum, "max": np.maximum,
}  # fmt: skip


def evaluate(function: ir.Function, arguments: Values, known: Mapping[str, Any]) -> list[NDArray[np.float64]]:
    """Return the results for arrays that broadcast; `known` has functions of the model (ir or callable) by name."""
    space = dict(arguments)
    with np.errstate(all="ignore"):
        for statement in function.body:
            space[statement.name] = _value(statement.value, space, known)
        return [np.asarray(_value(result, space, known), np.float64) for result in function.results]


def _value(x: ir.Expr, space: dict[str, Any], known: Mapping[str, Any]) -> Any:
    match x:
        case ir.Name():
            return space[x.name]
        case ir.Constant():
            return x.value
        case ir.Cast():
            return _value(x.x, space, known)
        case ir.Unary():
            inner = _value(x.x, space, known)
            return np.logical_not(inner) if x.op == "not" else np.negative(inner)
        case ir.Binary() | ir.Compare() | ir.Logic():
            return _BINARY[x.op](_value(x.a, space, known), _value(x.b, space, known))
        case ir.Select():
            chosen = _value(x.condition, space, known)
            return np.where(chosen, _value(x.a, space, known), _value(x.b, space, known))
        case ir.Call():
            return _called(x, [_value(argument, space, known) for argument in x.arguments], known)


def _called(x: ir.Call, arguments: list[Any], known: Mapping[str, Any]) -> Any:
    if x.function in _CALLS:
        return _CALLS[x.function](*arguments)
    function = known[x.function]
    if isinstance(function, ir.Function):
        names = [name for name, _ in function.arguments]
        (result,) = evaluate(function, dict(zip(names, arguments, strict=True)), known)
        return result
    return function(*arguments)
