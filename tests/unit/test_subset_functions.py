"""A model's own functions: called, nested, left out where nothing calls them, and refused with the place."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.elementary_model import Everything

from dtbsim.errors import InputError
from dtbsim.kernels.update_kernel import get_update_kernel, identity_mix
from dtbsim.kernels.update_source import Variant, kernel_text
from dtbsim.models import NeuronModel, Receptor, State
from dtbsim.models.language.checked import checked_functions, checked_update, needed_functions
from dtbsim.models.language.emit_c import update_text
from dtbsim.models.language.subset import function_from_text

CALLS = "def update(v, in_syn):\n    return helper(v) + in_syn, v > 1.0\n"


def model_with(*functions: str, update: str = CALLS) -> Any:
    class Small(NeuronModel):
        name = "small"
        summary = "calls a function"
        states = (State("v", "1", "state"),)
        receptors = (Receptor("syn", "1", "input", 0),)

    Small.functions = tuple(function_from_text(text, f"helper_{k}") for k, text in enumerate(functions))
    Small.update = staticmethod(function_from_text(update, "update"))  # type: ignore[method-assign, assignment]
    return Small()


def test_only_what_is_called_is_in_the_text_and_in_the_order_of_the_calls() -> None:
    model = Everything()
    assert list(checked_functions(model)) == ["bounded", "gate", "never_called"]
    elementary, own = needed_functions(model)
    assert elementary == ["exp", "log"]
    assert [function.name for function in own] == ["bounded", "gate"]
    for text in (update_text(model), kernel_text(Variant(model, (), identity_mix(model), False, 32))):
        assert text.index("own_bounded(") < text.index("own_gate(")
        assert "never_called" not in text


def test_an_integer_becomes_a_number_on_the_way_in_and_out() -> None:
    model = model_with("def helper(x):\n    return 2 if x > 1.0 else 1\n", update=CALLS.replace("(v) ", "(3) "))
    assert checked_update(model).results[0].type == "f32"
    assert get_update_kernel(model).address


@pytest.mark.parametrize(
    ("functions", "update", "message"),
    [
        (["def helper(x):\n    return x, x\n"], None, "<helper_0>:1: 'helper' does not return one number"),
        (["def helper(x):\n    return x > 1.0\n"], None, "<helper_0>:1: 'helper' does not return one number"),
        (["def helper(x):\n    for k in x:\n        x = k\n    return x\n"], None, "<helper_0>:2: a loop"),
        (["def helper(x):\n    return helper(x)\n"], None, "<helper_0>:2: the function 'helper' is not in the subset"),
        (["def exp(x):\n    return x\n"], None, "<helper_0>:1: a function of a model cannot be called 'exp'"),
        (["def helper(x):\n    return x\n"] * 2, None, "<helper_1>:1: the name|<helper_1>:1: a function of a model"),
        (["def other(x):\n    return x\n"], None, "<update>:2: the function 'helper' is not in the subset"),
        (["def helper(x, y):\n    return x\n"], None, "<update>:2: helper takes 2 argument"),
        (
            ["def helper(x):\n    return x\n"],
            "def update(v, in_syn):\n    return helper(v > 1.0) + in_syn, v > 1.0\n",
            "<update>:2: helper needs numbers",
        ),
        (
            ["def helper(x):\n    return x\n"],
            "def update(v, in_syn):\n    helper = v\n    return helper + in_syn, v > 1.0\n",
            "<update>:2: the name 'helper' cannot be used",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(functions: list[str], update: str | None, message: str) -> None:
    model = model_with(*functions) if update is None else model_with(*functions, update=update)
    with pytest.raises(InputError) as caught:
        checked_update(model)
    assert any(str(caught.value).startswith(part) for part in message.split("|")), str(caught.value)
