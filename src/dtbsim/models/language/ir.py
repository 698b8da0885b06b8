"""Typed expressions and statements of an update function, between the checked Python text and the emitters.

Every expression has one of three types: 'f32', 'i32', 'bool'. Conversions are explicit (`Cast`), so an emitter never
relies on the promotion rules of its language.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["f32", "i32", "bool"]


@dataclass(frozen=True)
class Name:
    """A variable: argument or local."""

    name: str
    type: Type


@dataclass(frozen=True)
class Constant:
    """A literal; for 'f32' the value is exactly representable in float32."""

    value: float | int | bool
    type: Type


@dataclass(frozen=True)
class Unary:
    """`-x` (f32, i32) or `not x` (bool)."""

    op: Literal["-", "not"]
    x: Expr
    type: Type


@dataclass(frozen=True)
class Binary:
    """Arithmetic + - * / and, in the elementary functions, & << >> on i32; both sides have the type of the result."""

    op: str
    a: Expr
    b: Expr
    type: Type


@dataclass(frozen=True)
class Compare:
    """Comparison of two values of the same type."""

    op: Literal["<", "<=", ">", ">=", "==", "!="]
    a: Expr
    b: Expr
    type: Type = "bool"


@dataclass(frozen=True)
class Logic:
    """`a and b`, `a or b` on bools; both sides are always evaluated."""

    op: Literal["and", "or"]
    a: Expr
    b: Expr
    type: Type = "bool"


@dataclass(frozen=True)
class Select:
    """`a if condition else b`; both sides are always evaluated."""

    condition: Expr
    a: Expr
    b: Expr
    type: Type


@dataclass(frozen=True)
class Cast:
    """Conversion i32 -> f32, rounding to nearest."""

    x: Expr
    type: Type


@dataclass(frozen=True)
class Call:
    """Call of an elementary function, an intrinsic, or one of the model's own functions."""

    function: str
    arguments: tuple[Expr, ...]
    type: Type


Expr = Name | Constant | Unary | Binary | Compare | Logic | Select | Cast | Call


@dataclass(frozen=True)
class Assign:
    """`name = value`."""

    name: str
    value: Expr


@dataclass(frozen=True)
class Function:
    """A checked function: arguments with types, assignments, results."""

    name: str
    arguments: tuple[tuple[str, Type], ...]
    body: tuple[Assign, ...]
    results: tuple[Expr, ...]
    calls: frozenset[str]

    def argument_type(self, name: str) -> Type:
        """Return the type of an argument."""
        return dict(self.arguments)[name]

    @property
    def locals(self) -> dict[str, Type]:
        """Return assigned names that are not arguments, in order of first assignment."""
        names = {name for name, _ in self.arguments}
        return {s.name: s.value.type for s in self.body if s.name not in names}
