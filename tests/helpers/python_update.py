"""The update function of a model as a function of Python's floats: what a step does, without compiling it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from dtbsim.models import NeuronModel
from dtbsim.models.language import ir
from dtbsim.models.language.checked import checked_functions, checked_update

_SCOPE = {name: getattr(math, name) for name in ("exp", "sin", "cos", "tanh", "sqrt", "erfc")}
_SCOPE |= {"log": math.log, "abs": abs, "min": min, "max": max}


def _text(x: ir.Expr) -> str:
    match x:
        case ir.Name():
            return x.name
        case ir.Constant():
            return repr(x.value)
        case ir.Cast():
            return f"float({_text(x.x)})"
        case ir.Unary():
            return f"({x.op} {_text(x.x)})"
        case ir.Binary() | ir.Compare() | ir.Logic():
            return f"({_text(x.a)} {x.op} {_text(x.b)})"
        case ir.Select():
            return f"({_text(x.a)} if {_text(x.condition)} else {_text(x.b)})"
        case ir.Call():
            return f"{x.function}({', '.join(map(_text, x.arguments))})"


def _defined(function: ir.Function, scope: dict[str, Any]) -> Callable[..., Any]:
    lines = [f"def {function.name}({', '.join(name for name, _ in function.arguments)}):"]
    lines += [f"    {statement.name} = {_text(statement.value)}" for statement in function.body]
    lines += [f"    return {', '.join(map(_text, function.results))}"]
    exec("\n".join(lines), scope)
    made: Callable[..., Any] = scope[function.name]
    return made


class Stepper:
    """One neuron without input, stepped by the model's own text; `parameters` are what the user sets."""

    def __init__(self, model: NeuronModel, parameters: dict[str, float], dt_ms: float) -> None:
        scope: dict[str, Any] = dict(_SCOPE)
        for function in checked_functions(model).values():
            _defined(function, scope)
        update = checked_update(model)
        self._update = _defined(update, scope)
        p = model.complete(parameters)
        self._p, self._model = p, model
        constants = model.constants(p, dt_ms)
        given = {name: float(constants.get(name, 0.0)) for name, _ in update.arguments}
        given |= {name: int(given[name]) for name in model.integer_constants & given.keys()}
        self._given = given
        self.states = {name: float(value) for name, value in model.initial_states(p).items()}
        for row in model.states:
            if row.dtype == "i32":
                self.states[row.name] = int(self.states[row.name])

    def step(self) -> bool:
        """Advance by a step; return whether it spiked."""
        *states, spiked = self._update(**{**self._given, **self.states})
        self.states = dict(zip(self.states, states, strict=True))
        return bool(spiked)

    def seen(self, state: str) -> float:
        """A state as the user sees it."""
        return float(self._model.recorded(state, self.states[state], self._p))
