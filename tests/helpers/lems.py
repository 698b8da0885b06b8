"""A small interpreter of ComponentTypes, in mV, ms and pA, to hold equations against models without Java."""

from __future__ import annotations

import math
import re
from typing import Any
from xml.etree import ElementTree as ET

_WORDS = {".geq.": ">=", ".leq.": "<=", ".gt.": ">", ".lt.": "<", ".eq.": "==", ".and.": " and ", ".or.": " or "}
_FUNCTIONS = {name: getattr(math, name) for name in ("exp", "sin", "cos", "tanh", "sqrt")} | {
    "ln": math.log,
    "abs": abs,
}


def _compiled(text: str) -> Any:
    for word, meaning in _WORDS.items():
        text = text.replace(word, meaning)
    return compile(text.replace("^", "**"), text, "eval")


class Cell:
    """One cell of a ComponentType without synapses; `values` are its parameters, in units of the models."""

    def __init__(self, kind: ET.Element, values: dict[str, float]) -> None:
        self.scope: dict[str, Any] = {**_FUNCTIONS, **values, "t": 0.0, "i_in": 0.0, "__builtins__": {}}
        self.scope |= {item.attrib["name"]: 1.0 for item in kind.iter("Constant")}
        assert {item.attrib["name"] for item in kind.iter("Parameter")} == set(values)
        dynamics = kind.find("Dynamics")
        assert dynamics is not None
        derived = {
            item.attrib["name"]: [(None, _compiled(item.attrib["value"]))]
            for item in dynamics.iter("DerivedVariable")
            if "value" in item.attrib
        }
        for item in dynamics.iter("ConditionalDerivedVariable"):
            derived[item.attrib["name"]] = [
                (_compiled(case.attrib["condition"]) if "condition" in case.attrib else None,
                 _compiled(case.attrib["value"]))
                for case in item
            ]  # fmt: skip
        self._derived = _ordered(derived)
        self._rates = {x.attrib["variable"]: _compiled(x.attrib["value"]) for x in dynamics.iter("TimeDerivative")}
        (condition,) = dynamics.iter("OnCondition")
        self._test, self._resets = _compiled(condition.attrib["test"]), _assignments(condition)
        self._set(_assignments(dynamics.find("OnStart")))

    def _set(self, assignments: dict[str, Any]) -> None:
        self.scope.update({name: eval(value, self.scope) for name, value in assignments.items()})

    def _derive(self) -> None:
        for name, cases in self._derived:
            for condition, value in cases:
                if condition is None or eval(condition, self.scope):
                    self.scope[name] = eval(value, self.scope)
                    break

    def _slopes(self) -> dict[str, float]:
        self._derive()
        return {name: eval(rate, self.scope) for name, rate in self._rates.items()}

    def step(self, h: float) -> bool:
        """Advance by `h` ms with Runge and Kutta's method of the fourth order; return whether it spiked at the end."""
        start = {name: self.scope[name] for name in self._rates}
        total = dict.fromkeys(start, 0.0)
        before, k = self.scope["t"], dict.fromkeys(start, 0.0)
        for fraction, weight in ((0.0, 1.0), (0.5, 2.0), (0.5, 2.0), (1.0, 1.0)):
            if fraction:
                self.scope |= {name: start[name] + fraction * h * k[name] for name in start}
            k = self._slopes()
            total = {name: total[name] + weight * k[name] for name in start}
        self.scope |= {name: start[name] + h / 6.0 * total[name] for name in start}
        self.scope["t"] = before + h
        self._derive()
        if not eval(self._test, self.scope):
            return False
        self._set(self._resets)
        return True


def _assignments(element: Any) -> dict[str, Any]:
    return {x.attrib["variable"]: _compiled(x.attrib["value"]) for x in element.iter("StateAssignment")}


def _ordered(derived: dict[str, Any]) -> list[tuple[str, Any]]:
    """Each after those it needs."""
    found: list[tuple[str, Any]] = []
    while len(found) < len(derived):
        done = {name for name, _ in found}
        for name, cases in derived.items():
            used = {x for pair in cases for code in pair if code is not None for x in code.co_names}
            if name not in done and not (used & derived.keys()) - done:
                found.append((name, cases))
                break
        else:
            raise AssertionError(f"derived variables need each other: {sorted(derived.keys() - done)}")
    return found


def number(text: str) -> float:
    """The number of a value with its unit."""
    return float(re.match(r"[-+0-9.eE]+", text).group())  # type: ignore[union-attr]
