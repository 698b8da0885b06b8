"""Update functions as Python text for numba.

numba promotes int32 arithmetic to int64 and float32 with a Python float to float64: every literal and every integer
result is therefore converted explicitly. Names used by the text: `_f32`, `_i32` (numba types), `_sqrt`, `_exp` and
the other elementary functions, `_float_bits`, `_bits_float`.
"""

from __future__ import annotations

from dtbsim.models.language import elementary, ir
from dtbsim.models.language.emit import BUILT_IN, Emitter


class NumbaEmitter(Emitter):
    """Python text in which every operation has the type of the checked function."""

    def assign(self, name: str, value: str) -> None:
        """Emit `name = value`."""
        self.lines.append(f"{name} = {value}")

    def declare(self, name: str, kind: ir.Type, value: str) -> None:
        """Emit `name = value`."""
        self.assign(name, value)

    def literal(self, x: ir.Constant) -> str:
        """Return a typed literal."""
        return {"f32": f"_f32({x.value!r})", "i32": f"_i32({x.value})", "bool": repr(x.value)}[x.type]

    def cast(self, x: str) -> str:
        """Return int32 -> float32."""
        return f"_f32({x})"

    def unary(self, node: ir.Unary, x: str) -> str:
        """Return -x or not x."""
        if node.op == "not":
            return f"(not {x})"
        return f"_i32(-{x})" if node.type == "i32" else f"(-{x})"

    def binary(self, node: ir.Binary, a: str, b: str) -> str:
        """Return a op b; int32 results wrap."""
        return f"_i32({a} {node.op} {b})" if node.type == "i32" else f"({a} {node.op} {b})"

    def logic(self, op: str, a: str, b: str) -> str:
        """Return the bitwise form, which needs no branch."""
        return f"({a} {'&' if op == 'and' else '|'} {b})"

    def choose(self, condition: str, a: str, b: str) -> str:
        """Return a conditional expression."""
        return f"({a} if {condition} else {b})"

    def call(self, node: ir.Call, arguments: list[str]) -> str:
        """Return a call."""
        if node.function not in BUILT_IN:
            return f"_own_{node.function}({', '.join(arguments)})"
        (x,) = arguments
        if node.function == "abs":
            return f"_i32(abs({x}))" if node.type == "i32" else f"abs({x})"
        return f"_{node.function}({x})"


def elementary_text(name: str) -> str:
    """Return the definition of an elementary function, `_exp` say; the caller puts its decorator before it."""
    return _function_text(f"_{name}", elementary.definition(name))


def own_function_text(function: ir.Function) -> str:
    """Return the definition of one of the model's own functions; the caller puts its decorator before it."""
    return _function_text(f"_own_{function.name}", function)


def _function_text(name: str, function: ir.Function) -> str:
    emitter = NumbaEmitter()
    emitter.statements(function.body)
    result = emitter.text(function.results[0])
    body = "\n".join(f"    {line}" for line in [*emitter.lines, f"return {result}"])
    return f"def {name}({', '.join(argument for argument, _ in function.arguments)}):\n{body}\n"
