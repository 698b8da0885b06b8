"""The checked subset: what is allowed, what is refused with which words, and the types."""

from __future__ import annotations

from pathlib import Path

import pytest

from dtbsim.errors import InputError
from dtbsim.models.language import ir
from dtbsim.models.language.subset import Source, parse

TYPES: dict[str, ir.Type] = {"v": "f32", "n": "i32", "tau": "f32"}


def check(*lines: str, arguments: str = "v, n, tau", bits: bool = False) -> ir.Function:
    text = f"def update({arguments}):\n" + "".join(f"    {line}\n" for line in lines)
    return parse(Source(text, "/somewhere/model.py", 10), TYPES, bit_operations=bits)


@pytest.mark.parametrize(
    ("line", "said", "instead"),
    [
        ("if v > 0: v = 1.0", "`if` statement", "write `x = a if condition else b`"),
        ("for k in range(3): v = v + 1.0", "loop", "one neuron and one step"),
        ("while v > 0: v = v - 1.0", "loop", "one neuron and one step"),
        ("return v", "early return", "at the end"),
        ("a = b = v", "chained assignment", "one `name = expression` per line"),
        ("a, b = v, v", "only names can be assigned to", "one `name = expression` per line"),
        ("v[0] = 1.0", "only names", "name = expression"),
        ("x: float = v", "annotated assignment", "write `name = expression`"),
        ("print(v)", "expression without effect", "remove it"),
        ("x = v ** 2", "power operator", "x * x"),
        ("x = n % 2", "operator %", "compare and subtract"),
        ("x = n // 2", "operator //", "/"),
        ("x = n & 1", "operator &", "`and`"),
        ("x = n << 1", "operator <<", "power of two"),
        ("x = ~n", "operator ~", "`not`"),
        ("x = +v", "unary +", "leave it out"),
        ("x = v.real", "attribute", "parameter"),
        ("x = math.exp(v)", "only the functions of the subset", "bare name"),
        ("x = sinh(v)", "'sinh' is not in the subset", "did you mean 'sin'?"),
        ("x = exp(v, v)", "exp takes 1 argument", ""),
        ("x = max(v, v, v)", "max takes 2 argument", ""),
        ("x = exp(x=v)", "exp takes 1 argument", ""),
        ("x = [v]", "list", "one number per neuron"),
        ("x = (lambda: v)()", "only the functions", "bare name"),
        ("x = lambda: v", "lambda", "write the expression out"),
        ("x = [a for a in (v,)]", "comprehension", "write the terms out"),
        ("x = (y := v)", "operator :=", "per line"),
        ("import math", "import", "by name"),
        ("global v", "`global`", "state"),
        ("assert v > 0", "`assert`", "check_together"),
        ("x = v is v", "`is`", "=="),
        ("x = n in (1, 2)", "`in`", "`or`"),
        ("x = 0 < v < 1", "chained comparisons", "a < b and b < c"),
        ("x = 'text'", "literal 'text'", "numbers"),
        ("x = 1e39", "does not fit float32", ""),
        ("x = 3000000000", "does not fit 32 bits", "float"),
        ("x = y + v", "unknown name 'y'; constants must be arguments", "allowed: a0, n, tau, v"),
        ("x = taus + v", "unknown name 'taus'", "did you mean 'tau'"),
        ("x = (v > 0) + 1.0", "truth value cannot be used as a number", "1.0 if condition else 0.0"),
        ("x = -(v > 0)", "truth value cannot be negated", "not condition"),
        ("x = exp(v > 0)", "needs a number", ""),
        ("x = v and v", "where a condition is needed", "compare it"),
        ("x = 1.0 if v else 0.0", "where a condition is needed", "compare it"),
        ("x = not n", "where a condition is needed", "compare it"),
        ("n = v", "'n' is an integer (int32) and cannot become a number (float32)", "another name"),
        ("v = v > 0", "cannot become a truth value", "another name"),
        ("_x = v", "name '_x' cannot be used", "do not begin with _"),
        ("double = v", "name 'double' cannot be used", "keyword of C++"),
        ("exp = v", "name 'exp' cannot be used", "no function"),
        ("\N{GREEK SMALL LETTER TAU} = v", "cannot be used", "ASCII"),
        ("x = float_bits(v)", "'float_bits' is not in the subset", "allowed"),
        ("def f(): pass", "nested function", "write its expression out"),
        ("v @= v", "operator @", ""),
    ],
)
def test_what_is_outside_the_subset_is_refused_with_line_and_remedy(line: str, said: str, instead: str) -> None:
    with pytest.raises(InputError) as caught:
        check("a0 = v", line, "return v, v > 1.0")
    assert caught.value.where == "model.py:12"
    assert said in caught.value.message
    assert instead in (caught.value.remedy or "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def update(v, *more):\n    return v\n", "*args"),
        ("def update(v, **more):\n    return v\n", "*args"),
        ("def update(v=1.0):\n    return v\n", "default values"),
        ("def update(v):\n    x = v\n", "does not end with a return"),
        ("def update(v):\n    return\n", "nothing is returned"),
        ('def update(v):\n    "only words"\n', "does not end with a return"),
        ("update = lambda v: v\n", "one function written with `def`"),
        ("def update(v):\n    return v +\n", "not valid Python"),
        ("def update(unknown):\n    return unknown\n", "'unknown' is no state, input, parameter"),
        ("async def update(v):\n    return v\n", "one function written with `def`"),
    ],
)
def test_the_shape_of_the_function(text: str, said: str) -> None:
    with pytest.raises(InputError, match=r"model\.py:\d+: ") as caught:
        parse(Source(text, "model.py", 1), TYPES)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("v + 1", "f32"),
        ("n + 1", "i32"),
        ("n + 1.0", "f32"),
        ("n / 2", "f32"),
        ("n * v", "f32"),
        ("-n", "i32"),
        ("n if v > 0 else 1", "i32"),
        ("n if v > 0 else 1.0", "f32"),
        ("v > n", "bool"),
        ("not (v > 0 or n == 2)", "bool"),
        ("True if n < 2 else v > 0", "bool"),
        ("exp(n)", "f32"),
        ("abs(n)", "i32"),
        ("max(n, 2)", "i32"),
        ("min(n, v)", "f32"),
        ("sqrt(v)", "f32"),
    ],
)
def test_types(expression: str, kind: ir.Type) -> None:
    assert check(f"x = {expression}", "return x").results[0].type == kind


def test_literals_are_rounded_to_float32_once() -> None:
    (statement,) = check("x = 0.1 + v", "return x").body
    assert statement.value == ir.Binary("+", ir.Constant(0.10000000149011612, "f32"), ir.Name("v", "f32"), "f32")


def test_an_integer_assigned_to_a_number_is_converted() -> None:
    function = check("v = n", "return v")
    assert function.body[0].value == ir.Cast(ir.Name("n", "i32"), "f32")


def test_calls_are_listed_for_the_emitters() -> None:
    assert check("x = exp(v) + log(abs(v))", "return x").calls == {"exp", "log"}


def test_bit_operations_are_for_elementary_functions() -> None:
    assert check("x = bits_float((float_bits(v) >> 1) & 7)", "return x", bits=True).results[0].type == "f32"
    with pytest.raises(InputError, match="bit operations need integers"):
        check("x = v << 1", "return x", bits=True)
    with pytest.raises(InputError, match="float_bits takes one f32"):
        check("x = float_bits(n)", "return x", bits=True)


def test_source_of_a_function_in_a_file_names_its_line(tmp_path: Path) -> None:
    def update(v):  # type: ignore[no-untyped-def]
        """Words are allowed here."""
        return v if v > 0 else v**2

    with pytest.raises(InputError, match="power operator") as caught:
        parse(Source.of(update), TYPES)
    line = update.__code__.co_firstlineno + 2
    assert caught.value.where == f"test_subset_rules.py:{line}"


def test_a_function_without_source_is_an_error() -> None:
    scope: dict[str, object] = {}
    exec("def update(v):\n    return v\n", scope)
    with pytest.raises(InputError, match="cannot be read") as caught:
        Source.of(scope["update"])  # type: ignore[arg-type]
    assert "define it in a file" in (caught.value.remedy or "")
