"""What an update function must not contain, in words, with what to write instead."""

from __future__ import annotations

import ast

CONSTRUCTS: dict[str, tuple[str, str | None]] = {
    "If": ("an `if` statement", "write `x = a if condition else b`"),
    "For": ("a loop", "write the terms out; the function is one neuron and one step"),
    "While": ("a loop", "write the terms out; the function is one neuron and one step"),
    "Return": ("an early return", "return once, at the end; choose with `x = a if condition else b`"),
    "Assign": ("a chained assignment", "write one `name = expression` per line"),
    "AnnAssign": ("an annotated assignment", "write `name = expression`"),
    "AugAssign": ("this assignment", "only names can be assigned to"),
    "Expr": ("an expression without effect", "assign it to a name or remove it"),
    "Pow": ("the power operator **", "write x * x, or exp(y * log(x))"),
    "Mod": ("the operator %", "compare and subtract"),
    "FloorDiv": ("the operator //", "use / or keep integers"),
    "MatMult": ("the operator @", None),
    "BitAnd": ("the operator &", "write `and`"),
    "BitOr": ("the operator |", "write `or`"),
    "BitXor": ("the operator ^", "compare with !="),
    "LShift": ("the operator <<", "multiply by a power of two"),
    "RShift": ("the operator >>", "multiply by a power of two"),
    "Invert": ("the operator ~", "write `not`"),
    "UAdd": ("a unary +", "leave it out"),
    "Attribute": ("an attribute (a.b)", "make it a parameter or a derived constant"),
    "Subscript": ("an index or slice", "a state is one number per neuron"),
    "Tuple": ("a tuple", "write one `name = expression` per line; only the final return takes several values"),
    "List": ("a list", "a state is one number per neuron"),
    "Dict": ("a dictionary", None),
    "Lambda": ("a lambda", "write the expression out"),
    "FunctionDef": ("a nested function", "write its expression out"),
    "ListComp": ("a comprehension", "write the terms out"),
    "GeneratorExp": ("a generator", "write the terms out"),
    "NamedExpr": ("the operator :=", "write one `name = expression` per line"),
    "Import": ("an import", "the functions exp, log, sin, cos, tanh, erfc, sqrt, abs, min, max are there by name"),
    "ImportFrom": ("an import", "the functions exp, log, sin, cos, tanh, erfc, sqrt, abs, min, max are there by name"),
    "Global": ("`global`", "keep what must last in a state"),
    "Nonlocal": ("`nonlocal`", "keep what must last in a state"),
    "Raise": ("`raise`", "check parameters in check_together"),
    "Assert": ("`assert`", "check parameters in check_together"),
    "Try": ("`try`", None),
    "With": ("`with`", None),
    "Pass": ("`pass`", "remove it"),
    "Is": ("`is`", "write =="),
    "IsNot": ("`is not`", "write !="),
    "In": ("`in`", "write comparisons with == and `or`"),
    "NotIn": ("`not in`", "write comparisons with != and `and`"),
    "JoinedStr": ("a string", None),
    "Starred": ("a starred expression", None),
    "Yield": ("`yield`", None),
    "Await": ("`await`", None),
}
"""AST class name -> (what it is called, what to write instead)."""

RESERVED = frozenset(
    """
    INFINITY NAN NULL alignas alignof and_eq asm asm_ auto bitand bitor blockDim blockIdx bool break carray case
    catch char class compl const const_cast constexpr continue decltype default delete do double dynamic_cast else
    enum explicit export extern false float float32 for friend goto gridDim if inf inline int int32 int32_t
    int64_t long mutable namespace nan new noexcept not_eq nullptr operator or_eq private protected public range
    register reinterpret_cast restrict return short signed sizeof static static_assert static_cast struct switch
    template this threadIdx thread_local throw true try typedef typeid typename uint8_t union unsigned using
    virtual void volatile warpSize wchar_t while xor xor_eq
    """.split()  # noqa: SIM905 - a list of one word per line is harder to read
)
"""Names that mean something in C++, CUDA or the generated Python text."""


def construct_of(node: ast.AST) -> str:
    """Return the key of a node in `CONSTRUCTS`."""
    return type(node).__name__
