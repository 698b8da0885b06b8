"""What both emitters share: walking typed expressions, hoisting operands of choices into temporaries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from dtbsim.models.language import ir
from dtbsim.models.language.subset import FUNCTIONS, INTRINSICS

BUILT_IN = frozenset({*FUNCTIONS, *INTRINSICS})
"""Functions that are not the model's own."""


class Emitter(ABC):
    """Turns expressions into text of one language; statements collect in `lines`.

    Both operands of a choice (`a if c else b`, min, max) are computed before it, in temporaries, so that compilers see
    a select and not a branch.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._temporaries = 0

    def statements(self, body: Iterable[ir.Assign]) -> None:
        """Emit assignments."""
        for statement in body:
            self.assign(statement.name, self.text(statement.value))

    def text(self, x: ir.Expr) -> str:
        """Return the text of an expression; may add temporaries to `lines`."""
        match x:
            case ir.Name():
                return x.name
            case ir.Constant():
                return self.literal(x)
            case ir.Cast():
                return self.cast(self.text(x.x))
            case ir.Unary():
                return self.unary(x, self.text(x.x))
            case ir.Binary():
                return self.binary(x, self.text(x.a), self.text(x.b))
            case ir.Compare():
                return f"({self.text(x.a)} {x.op} {self.text(x.b)})"
            case ir.Logic():
                return self.logic(x.op, self.text(x.a), self.text(x.b))
            case ir.Select():
                a, b = self.atom(x.a), self.atom(x.b)
                return self.choose(self.text(x.condition), a, b)
            case ir.Call(function="min" | "max"):
                a, b = (self.atom(argument) for argument in x.arguments)
                return self.choose(f"({a} {'<' if x.function == 'min' else '>'} {b})", a, b)
            case ir.Call():
                return self.call(x, [self.text(argument) for argument in x.arguments])

    def atom(self, x: ir.Expr) -> str:
        """Return a name or literal that holds the value of `x`."""
        text = self.text(x)
        if isinstance(x, ir.Name | ir.Constant):
            return text
        name = f"_t{self._temporaries}"
        self._temporaries += 1
        self.declare(name, x.type, text)
        return name

    @abstractmethod
    def assign(self, name: str, value: str) -> None:
        """Emit an assignment to a declared variable."""

    @abstractmethod
    def declare(self, name: str, kind: ir.Type, value: str) -> None:
        """Emit a new variable."""

    @abstractmethod
    def literal(self, x: ir.Constant) -> str:
        """Return a typed literal."""

    @abstractmethod
    def cast(self, x: str) -> str:
        """Return int32 -> float32."""

    @abstractmethod
    def unary(self, node: ir.Unary, x: str) -> str:
        """Return -x or not x."""

    @abstractmethod
    def binary(self, node: ir.Binary, a: str, b: str) -> str:
        """Return a op b; int32 results wrap."""

    @abstractmethod
    def logic(self, op: str, a: str, b: str) -> str:
        """Return a and b, a or b."""

    @abstractmethod
    def choose(self, condition: str, a: str, b: str) -> str:
        """Return a if condition else b."""

    @abstractmethod
    def call(self, node: ir.Call, arguments: list[str]) -> str:
        """Return a call of an elementary function, sqrt, abs, an intrinsic or one of the model's own functions."""
