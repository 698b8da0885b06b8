"""The checked Python subset in which update functions are written.

Allowed: assignments to names, + - * / on numbers, comparisons, `a if c else b`, and/or/not, unary minus, number
literals, True/False, calls of `FUNCTIONS` and of the model's own functions, and one final
`return new_state, ..., spiked`. Everything else is an InputError with file and line, what is not allowed and what to
write instead. Nothing of the text is evaluated here.

Numbers are float32 or int32: float literals are rounded to float32, an int32 that meets a float32 is converted, and
integer division gives float32. So the same text means the same bits on every device.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from dtbsim.errors import InputError, did_you_mean
from dtbsim.models.language import ir
from dtbsim.models.language.subset_rules import CONSTRUCTS, RESERVED, construct_of

FUNCTIONS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("exp", "log", "sin", "cos", "tanh", "erfc", "sqrt", "abs"), (1,)),
    **dict.fromkeys(("min", "max"), (2,)),
}
"""Functions that an update function may call, with their numbers of arguments."""

INTRINSICS = {"float_bits": ("f32", "i32"), "bits_float": ("i32", "f32")}
"""Reinterpretation of bits; for the elementary functions, and models that ask for operations on bits."""

_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_BITS = {ast.BitAnd: "&", ast.LShift: "<<", ast.RShift: ">>"}
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_INT32_MAX = 2**31 - 1


@dataclass(frozen=True)
class Source:
    """Text of one function and where it stands."""

    text: str
    file: str
    first_line: int

    @staticmethod
    def of(function: Callable[..., Any]) -> Source:
        """Return the source of a function; generated functions carry theirs as `__dtbsim_source__`."""
        function = inspect.unwrap(function)  # a static method that is not reached through its class
        carried = getattr(function, "__dtbsim_source__", None)
        if isinstance(carried, Source):
            return carried
        try:
            lines, first = inspect.getsourcelines(function)
            file = inspect.getsourcefile(function) or "<unknown>"
        except (OSError, TypeError) as error:
            raise InputError(
                f"the source of '{getattr(function, '__qualname__', function)}' cannot be read ({error})",
                remedy="define it in a file; functions typed into a console have no source",
            ) from None
        return Source(textwrap.dedent("".join(lines)), file, first)

    def place(self, node: ast.AST) -> str:
        """Return file:line of a node."""
        return f"{Path(self.file).name}:{self.first_line + getattr(node, 'lineno', 1) - 1}"


def function_from_text(text: str, label: str) -> Callable[..., Any]:
    """Return the function that the project's own text defines; `label` stands for a file name in errors."""
    scope: dict[str, Any] = {}
    exec(compile(text, f"<{label}>", "exec"), {"max": max, "min": min, "abs": abs}, scope)
    (function,) = scope.values()
    function.__dtbsim_source__ = Source(text, f"<{label}>", 1)
    return function  # type: ignore[no-any-return]


def parse(
    source: Source,
    types: Mapping[str, ir.Type],
    *,
    bit_operations: bool = False,
    functions: Mapping[str, ir.Function] = MappingProxyType({}),
) -> ir.Function:
    """Check one function and infer the type of every expression.

    `types` gives the type of every argument that may occur, `functions` the model's own functions by name. With
    `bit_operations` (the elementary functions, models of chips), also & << >> and `INTRINSICS` are allowed. Raises
    InputError with file:line.
    """
    try:
        tree = ast.parse(source.text)
    except SyntaxError as error:
        where = f"{Path(source.file).name}:{source.first_line + (error.lineno or 1) - 1}"
        raise InputError(f"not valid Python: {error.msg}", where=where) from None
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if len(defined) != 1:
        raise InputError(
            "expected one function written with `def`",
            where=source.place(tree),
            remedy="a lambda or callable object cannot be translated; write `def update(...)`",
        )
    return _Parser(source, types, bit_operations, functions).function(defined[0])


class _Parser:
    """Walks one function; `self.env` maps the names assigned so far to their types."""

    def __init__(
        self,
        source: Source,
        types: Mapping[str, ir.Type],
        bit_operations: bool,
        functions: Mapping[str, ir.Function],
    ) -> None:
        self.source = source
        self.types = types
        self.bits = bit_operations
        self.functions = functions
        self.env: dict[str, ir.Type] = {}
        self.fixed: set[str] = set()
        self.calls: set[str] = set()

    def fail(self, node: ast.AST, message: str, remedy: str | None = None) -> InputError:
        return InputError(message, where=self.source.place(node), remedy=remedy)

    # -- statements ------------------------------------------------------------------------------------------------

    def function(self, node: ast.FunctionDef) -> ir.Function:
        arguments = self.arguments(node)
        statements = node.body
        if isinstance(statements[0], ast.Expr) and isinstance(statements[0].value, ast.Constant):
            statements = statements[1:]
        if not statements or not isinstance(statements[-1], ast.Return):
            raise self.fail(node, f"'{node.name}' does not end with a return", "return new_state, ..., spiked")
        body = tuple(self.assignment(statement) for statement in statements[:-1])
        results = self.results(statements[-1])
        return ir.Function(node.name, arguments, body, results, frozenset(self.calls))

    def arguments(self, node: ast.FunctionDef) -> tuple[tuple[str, ir.Type], ...]:
        spec = node.args
        if spec.vararg or spec.kwarg or spec.defaults or any(spec.kw_defaults):
            raise self.fail(node, "*args, **kwargs and default values are not allowed", "list the arguments by name")
        found: list[tuple[str, ir.Type]] = []
        for argument in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs):
            self.check_name(argument, argument.arg)
            if argument.arg not in self.types:
                raise self.fail(
                    argument,
                    f"argument '{argument.arg}' is no state, input, parameter or derived constant of the model",
                    did_you_mean(argument.arg, self.types),
                )
            found.append((argument.arg, self.types[argument.arg]))
        self.env.update(found)
        return tuple(found)

    def check_name(self, node: ast.AST, name: str) -> None:
        taken = name in RESERVED or name in FUNCTIONS or name in INTRINSICS or name in self.functions
        if not name.isascii() or name.startswith("_") or taken:
            raise self.fail(
                node,
                f"the name '{name}' cannot be used",
                "names are ASCII, do not begin with _, and are no keyword of C++ and no function",
            )

    def assignment(self, node: ast.stmt) -> ir.Assign:
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            read = ast.copy_location(ast.Name(node.target.id, ast.Load()), node)
            value: ast.expr = ast.copy_location(ast.BinOp(read, node.op, node.value), node)
            target: ast.expr = node.target
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
        else:
            raise self.unsupported(node)
        if not isinstance(target, ast.Name):
            raise self.fail(node, "only names can be assigned to", "write one `name = expression` per line")
        self.check_name(node, target.id)
        expression = self.expression(value)
        known = self.env.get(target.id)
        if known == "f32" and expression.type == "i32":
            expression = self.as_f32(expression)
        if known not in (None, expression.type):
            raise self.fail(
                node,
                f"'{target.id}' is {_words(known)} and cannot become {_words(expression.type)}",
                "use another name",
            )
        self.env[target.id] = expression.type
        return ir.Assign(target.id, expression)

    def results(self, node: ast.Return) -> tuple[ir.Expr, ...]:
        if node.value is None:
            raise self.fail(node, "nothing is returned", "return new_state, ..., spiked")
        values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        return tuple(self.expression(value) for value in values)

    # -- expressions -----------------------------------------------------------------------------------------------

    def expression(self, node: ast.expr) -> ir.Expr:
        handler = {
            ast.Name: self.name,
            ast.Constant: self.constant,
            ast.BinOp: self.binary,
            ast.UnaryOp: self.unary,
            ast.Compare: self.compare,
            ast.BoolOp: self.logic,
            ast.IfExp: self.select,
            ast.Call: self.call,
        }.get(type(node))
        if handler is None:
            raise self.unsupported(node)
        result: ir.Expr = handler(node)  # type: ignore[operator]
        return result

    def unsupported(self, node: ast.AST, at: ast.AST | None = None) -> InputError:
        """Operators have no place of their own: `at` is the expression they stand in."""
        what, instead = CONSTRUCTS.get(construct_of(node), (f"'{construct_of(node)}'", None))
        return self.fail(at or node, f"{what} is not allowed in an update function", instead)

    def name(self, node: ast.Name) -> ir.Expr:
        if node.id not in self.env:
            remedy = did_you_mean(node.id, self.env)
            raise self.fail(node, f"unknown name '{node.id}'; constants must be arguments of the function", remedy)
        return ir.Name(node.id, self.env[node.id])

    def constant(self, node: ast.Constant) -> ir.Expr:
        value = node.value
        if isinstance(value, bool):
            return ir.Constant(value, "bool")
        if isinstance(value, int):
            if abs(value) > _INT32_MAX:
                raise self.fail(node, f"the integer {value} does not fit 32 bits", "write it as a float")
            return ir.Constant(value, "i32")
        if isinstance(value, float):
            with np.errstate(over="ignore"):
                rounded = float(np.float32(value))
            if not np.isfinite(rounded):
                raise self.fail(node, f"the number {value:g} does not fit float32")
            return ir.Constant(rounded, "f32")
        raise self.fail(node, f"the literal {value!r} is not allowed", "use numbers, True and False")

    def binary(self, node: ast.BinOp) -> ir.Expr:
        a, b = self.expression(node.left), self.expression(node.right)
        if self.bits and type(node.op) in _BITS:
            if (a.type, b.type) != ("i32", "i32"):
                raise self.fail(node, "bit operations need integers")
            return ir.Binary(_BITS[type(node.op)], a, b, "i32")
        if type(node.op) not in _ARITHMETIC:
            raise self.unsupported(node.op, node)
        op = _ARITHMETIC[type(node.op)]
        a, b = self.numbers(node, a, b, always_float=op == "/")
        return ir.Binary(op, a, b, a.type)

    def numbers(self, node: ast.AST, a: ir.Expr, b: ir.Expr, always_float: bool = False) -> tuple[ir.Expr, ir.Expr]:
        """Give two numbers the same type."""
        if "bool" in (a.type, b.type):
            raise self.fail(node, "a truth value cannot be used as a number", "write `1.0 if condition else 0.0`")
        if always_float or a.type != b.type:
            return self.as_f32(a), self.as_f32(b)
        return a, b

    def as_f32(self, x: ir.Expr) -> ir.Expr:
        if x.type == "f32":
            return x
        if isinstance(x, ir.Constant):
            return ir.Constant(float(np.float32(x.value)), "f32")
        return ir.Cast(x, "f32")

    def boolean(self, node: ast.expr) -> ir.Expr:
        x = self.expression(node)
        if x.type != "bool":
            raise self.fail(node, f"{_words(x.type)} where a condition is needed", "compare it: `x > 0.0`, `n == 0`")
        return x

    def unary(self, node: ast.UnaryOp) -> ir.Expr:
        if isinstance(node.op, ast.Not):
            return ir.Unary("not", self.boolean(node.operand), "bool")
        if not isinstance(node.op, ast.USub):
            raise self.unsupported(node.op, node)
        x = self.expression(node.operand)
        if x.type == "bool":
            raise self.fail(node, "a truth value cannot be negated with -", "write `not condition`")
        if isinstance(x, ir.Constant):
            return ir.Constant(-x.value, x.type)
        return ir.Unary("-", x, x.type)

    def compare(self, node: ast.Compare) -> ir.Expr:
        if len(node.ops) != 1:
            raise self.fail(node, "chained comparisons are not allowed", "write `a < b and b < c`")
        op = _COMPARISONS.get(type(node.ops[0]))
        if op is None:
            raise self.unsupported(node.ops[0], node)
        a, b = self.numbers(node, self.expression(node.left), self.expression(node.comparators[0]))
        return ir.Compare(op, a, b)  # type: ignore[arg-type]

    def logic(self, node: ast.BoolOp) -> ir.Expr:
        op = "and" if isinstance(node.op, ast.And) else "or"
        result = self.boolean(node.values[0])
        for value in node.values[1:]:
            result = ir.Logic(op, result, self.boolean(value))  # type: ignore[arg-type]
        return result

    def select(self, node: ast.IfExp) -> ir.Expr:
        condition = self.boolean(node.test)
        a, b = self.expression(node.body), self.expression(node.orelse)
        if (a.type, b.type) != ("bool", "bool"):
            a, b = self.numbers(node, a, b)
        return ir.Select(condition, a, b, a.type)

    def call(self, node: ast.Call) -> ir.Expr:
        if not isinstance(node.func, ast.Name):
            raise self.fail(
                node, "only the functions of the subset can be called", "call them by their bare name: exp(x)"
            )
        name = node.func.id
        arguments = [self.expression(argument) for argument in node.args]
        if self.bits and name in INTRINSICS:
            taken, given = INTRINSICS[name]
            if [x.type for x in arguments] != [taken]:
                raise self.fail(node, f"{name} takes one {taken}")
            return ir.Call(name, tuple(arguments), given)  # type: ignore[arg-type]
        if name in self.functions:
            return self.own_call(node, self.functions[name], arguments)
        if name not in FUNCTIONS:
            known = [*FUNCTIONS, *self.functions]
            raise self.fail(node, f"the function '{name}' is not in the subset", did_you_mean(name, known))
        if node.keywords or len(arguments) not in FUNCTIONS[name]:
            raise self.fail(node, f"{name} takes {FUNCTIONS[name][0]} argument(s) by position")
        return self.known_call(node, name, arguments)

    def own_call(self, node: ast.Call, function: ir.Function, arguments: list[ir.Expr]) -> ir.Expr:
        if node.keywords or len(arguments) != len(function.arguments):
            raise self.fail(node, f"{function.name} takes {len(function.arguments)} argument(s) by position")
        if any(x.type == "bool" for x in arguments):
            raise self.fail(node, f"{function.name} needs numbers, not truth values")
        self.calls.add(function.name)
        return ir.Call(function.name, tuple(self.as_f32(x) for x in arguments), "f32")

    def known_call(self, node: ast.Call, name: str, arguments: list[ir.Expr]) -> ir.Expr:
        if name in ("min", "max"):
            a, b = self.numbers(node, arguments[0], arguments[1])
            return ir.Call(name, (a, b), a.type)
        (x,) = arguments
        if x.type == "bool":
            raise self.fail(node, f"{name} needs a number, not a truth value")
        if name == "abs":
            return ir.Call(name, (x,), x.type)
        self.calls.add(name)
        return ir.Call(name, (self.as_f32(x),), "f32")


def _words(kind: ir.Type) -> str:
    return {"f32": "a number (float32)", "i32": "an integer (int32)", "bool": "a truth value"}[kind]
