"""Functions of the checked subset as expressions of LEMS.

An expression is written with its quantities as they are where its dimensions fit together, else with each quantity
divided by its unit, as a formula of numbers, which the equations of Hodgkin and Huxley or Izhikevich are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dtbsim.interchange.neuroml.units import NONE, Exponents, unit_with
from dtbsim.models.language import ir
from dtbsim.models.language.checked import own_functions
from dtbsim.models.language.subset import Source, parse

_COMPARE = {"<": ".lt.", "<=": ".leq.", ">": ".gt.", ">=": ".geq.", "==": ".eq.", "!=": ".neq."}
_FUNCTIONS = {"exp": "exp", "log": "ln", "sin": "sin", "cos": "cos", "tanh": "tanh", "sqrt": "sqrt", "abs": "abs"}


class MixedError(Exception):
    """Dimensions that do not fit together: the formula is one of numbers."""


@dataclass(frozen=True)
class Choice:
    """A value that a condition chooses: a ConditionalDerivedVariable."""

    name: str
    dimension: str
    condition: str
    then: str
    opposite: str
    otherwise: str


@dataclass
class Writer:
    """Writes expressions over `quantities`: name to (name in LEMS, exponents of its unit). Choices are collected."""

    quantities: Mapping[str, tuple[str, Exponents]]
    choices: list[Choice] = field(default_factory=list)
    units: set[Exponents] = field(default_factory=set)
    prefix: str = "choice"

    def value(self, x: ir.Expr, exponents: Exponents) -> str:
        """Return an expression with these dimensions."""
        n = len(self.choices)
        try:
            text, found = self._of(x, exponents)
        except MixedError:
            del self.choices[n:]
            text, _ = self._text(x, numbers=True)
            return text if exponents == NONE else f"({text}) * {self._unit(exponents)}"
        if found is None and exponents != NONE:  # 0 of any dimension
            return f"{text} * {self._unit(exponents)}"
        return text

    def condition(self, x: ir.Expr) -> str:
        """Return a truth value."""
        match x:
            case ir.Compare():
                try:
                    a, b = self._alike(x)
                except MixedError:
                    a, b = (self._text(side, numbers=True)[0] for side in (x.a, x.b))
                return f"({a} {_COMPARE[x.op]} {b})"
            case ir.Logic():
                return f"({self.condition(x.a)} .{x.op}. {self.condition(x.b)})"
        raise TypeError(f"{x} is no condition of LEMS")

    def _of(self, x: ir.Expr, exponents: Exponents) -> tuple[str, Exponents | None]:
        """Text of an expression whose dimensions are these."""
        text, found = self._text(x, numbers=False)
        if found not in (None, exponents):
            raise MixedError
        return text, found

    def _alike(self, x: ir.Compare) -> tuple[str, str]:
        """Texts of two sides of the same dimensions."""
        (a, of_a), (b, of_b) = self._text(x.a, numbers=False), self._text(x.b, numbers=False)
        if of_a != of_b:
            raise MixedError
        return a, b

    def _unit(self, exponents: Exponents) -> str:
        self.units.add(exponents)
        return f"ONE_{unit_with(exponents).symbol}"

    def _text(self, x: ir.Expr, *, numbers: bool) -> tuple[str, Exponents | None]:
        """Text and exponents; None: a zero, which has any."""
        match x:
            case ir.Name():
                name, own = self.quantities[x.name]
                if numbers and own != NONE:
                    return f"({name} / {self._unit(own)})", NONE
                return name, own
            case ir.Constant():
                return _number(x.value), None if x.value == 0 and not numbers else NONE
            case ir.Unary():
                text, exponents = self._text(x.x, numbers=numbers)
                return f"(0 - {text})" if numbers or exponents in (None, NONE) else f"(-1 * {text})", exponents
            case ir.Binary():
                return self._binary(x, numbers)
            case ir.Select():
                return self._choice(x.condition, x.a, x.b, numbers)
            case ir.Call(function="min" | "max"):
                a, b = x.arguments
                return self._choice(ir.Compare("<" if x.function == "min" else ">", a, b), a, b, numbers)
            case ir.Call() if x.function in _FUNCTIONS:
                text, exponents = self._text(x.arguments[0], numbers=numbers)
                if exponents not in (None, NONE) and x.function != "abs":
                    raise MixedError
                return f"{_FUNCTIONS[x.function]}({text})", exponents
            case ir.Cast():
                return self._text(x.x, numbers=numbers)
        raise TypeError(f"{x} has no form in LEMS")

    def _binary(self, x: ir.Binary, numbers: bool) -> tuple[str, Exponents | None]:
        (a, of_a), (b, of_b) = self._text(x.a, numbers=numbers), self._text(x.b, numbers=numbers)
        text = f"({a} {x.op} {b})"
        if x.op in "+-":
            if of_a is None or of_b is None:
                known = of_b if of_a is None else of_a
                if known not in (None, NONE):
                    raise MixedError
                return text, known
            if of_a != of_b:
                raise MixedError
            return text, of_a
        if of_a is None:
            return text, None
        sign = 1 if x.op == "*" else -1
        one, other = of_a, of_b or NONE
        return text, (
            one[0] + sign * other[0], one[1] + sign * other[1], one[2] + sign * other[2], one[3] + sign * other[3]
        )  # fmt: skip

    def _choice(self, condition: ir.Expr, a: ir.Expr, b: ir.Expr, numbers: bool) -> tuple[str, Exponents | None]:
        (then, of_a), (other, of_b) = self._text(a, numbers=numbers), self._text(b, numbers=numbers)
        exponents = of_a if of_a is not None else of_b if of_b is not None else NONE
        if (None in (of_a, of_b) and exponents != NONE) or (of_a is not None and of_b is not None and of_a != of_b):
            raise MixedError
        test, opposite = self.condition(condition), self.condition(_negated(condition))
        name = f"{self.prefix}_{len(self.choices) + 1}"
        self.choices.append(Choice(name, unit_with(exponents).dimension, test, then, opposite, other))
        return name, exponents


_OPPOSITE: dict[str, Any] = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


def _negated(x: ir.Expr) -> ir.Expr:
    """The opposite: PyLEMS takes no case without a condition."""
    match x:
        case ir.Compare():
            return ir.Compare(_OPPOSITE[x.op], x.a, x.b)
        case ir.Logic():
            return ir.Logic("or" if x.op == "and" else "and", _negated(x.a), _negated(x.b))
    raise TypeError(f"{x} is no condition of LEMS")


def _number(value: Any) -> str:
    """The shortest text of a float32; LEMS takes no 1e-05."""
    text = np.format_float_positional(np.float32(value), trim="0")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text


def results_of(
    function: Callable[..., Any], types: Mapping[str, ir.Type], helpers: tuple[Callable[..., Any], ...] = ()
) -> tuple[ir.Expr, ...]:
    """Return what a function of the subset returns, as expressions over its arguments alone."""
    known = own_functions(helpers)
    checked = parse(Source.of(function), types, functions=known)
    return _closed(checked, known, {})


def _closed(
    function: ir.Function, known: Mapping[str, ir.Function], given: Mapping[str, ir.Expr]
) -> tuple[ir.Expr, ...]:
    """Results with locals, and calls of own functions, replaced by what they are."""
    scope = dict(given)
    for statement in function.body:
        scope[statement.name] = _put_in(statement.value, scope, known)
    return tuple(_put_in(x, scope, known) for x in function.results)


def _put_in(x: ir.Expr, scope: Mapping[str, ir.Expr], known: Mapping[str, ir.Function]) -> ir.Expr:
    def into(y: ir.Expr) -> ir.Expr:
        return _put_in(y, scope, known)

    match x:
        case ir.Name():
            return scope.get(x.name, x)
        case ir.Constant():
            return x
        case ir.Unary():
            return ir.Unary(x.op, into(x.x), x.type)
        case ir.Binary():
            return ir.Binary(x.op, into(x.a), into(x.b), x.type)
        case ir.Compare():
            return ir.Compare(x.op, into(x.a), into(x.b))
        case ir.Logic():
            return ir.Logic(x.op, into(x.a), into(x.b))
        case ir.Select():
            return ir.Select(into(x.condition), into(x.a), into(x.b), x.type)
        case ir.Cast():
            return ir.Cast(into(x.x), x.type)
        case ir.Call():
            arguments = tuple(into(y) for y in x.arguments)
            if x.function not in known:
                return ir.Call(x.function, arguments, x.type)
            own = known[x.function]
            names = [name for name, _ in own.arguments]
            return _closed(own, known, dict(zip(names, arguments, strict=True)))[0]
