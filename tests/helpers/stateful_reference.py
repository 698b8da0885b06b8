"""Synapses with states of their own, for the plain simulator: the model's own Python functions, in float32."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any

import numpy as np
from tests.helpers.dynamic_reference import F32, DynamicReference

from dtbsim.build.dynamic import DynamicRows
from dtbsim.kernels.elementary import exp, log


class StatefulReference(DynamicReference):
    """Every synapse sees all spikes of its ends one by one, from a list of all of them."""

    def __init__(self, part: DynamicRows, table: Any, dt_ms: float) -> None:
        super().__init__(part, table, dt_ms)
        self.model, self.dt = part.dynamics.model, F32(dt_ms)
        self.functions = {name: self._in_float32(getattr(self.model, name)) for name in self.model.entry_points}
        begin = [F32(value) for value in part.dynamics.synapse_states(part.quantum)]
        self.states = [list(begin) for _ in self.weights]
        self.seen = [0] * len(self.weights)  # spikes of the target
        self.at = [0] * len(self.weights)

    def _in_float32(self, function: Any) -> Any:
        """The function as it is written, with elementary functions of float32."""
        scope = {**function.__globals__, "exp": lambda x: exp(F32(x)), "log": lambda x: log(F32(x)), "sqrt": np.sqrt}
        for helper in self.model.functions:
            scope[helper.__name__] = FunctionType(helper.__code__, scope)
        return FunctionType(function.__code__, scope)

    def pending(self, index: int, until: int, spike: int) -> Any:
        """Weight after all spikes of the target so far."""
        self._see_target(index, 2**40)
        return self.weights[index]

    def _changed(self, w: Any, source: int, target: int, number: int, delay: int) -> Any:
        raise AssertionError("see `deliver`")

    def deliver(self, step: int, inputs: Any) -> None:
        for index, _, _ in self.arrivals.pop(step, []):
            _, target, channel, _, _ = self.table[index].tolist()
            self._see_target(index, step)
            self._event(index, step, "on_source_spike")
            size = (int(self.weights[index]) + ((1 << self.shift) >> 1)) >> self.shift
            inputs[target][channel] += self.sign * size

    def _see_target(self, index: int, step: int) -> None:
        """The target's spikes before a step."""
        spikes = self.spikes[int(self.table[index, 1])]
        while self.seen[index] < len(spikes) and spikes[self.seen[index]][0] < step:
            self._event(index, spikes[self.seen[index]][0] + 1, "on_target_spike")
            self.seen[index] += 1

    def _event(self, index: int, now: int, name: str) -> None:
        self._call(index, "between", {"interval_ms": F32(now - self.at[index]) * self.dt})
        self._call(index, name, {})
        self.weights[index] = self._rounded(self.weights[index])
        self.at[index] = now

    def _call(self, index: int, name: str, more: dict[str, Any]) -> None:
        names = [row.name for row in self.model.states]
        given = {**self.p, "w": self.weights[index], **dict(zip(names, self.states[index], strict=True)), **more}
        function = self.functions[name]
        w, *states = function(**{key: given[key] for key in inspect.signature(function).parameters})
        self.weights[index], self.states[index] = F32(w), [F32(value) for value in states]


def reference_of(part: DynamicRows, table: Any, dt_ms: float) -> DynamicReference:
    """The reference of a projection, by the kind of its model."""
    kind = StatefulReference if hasattr(part.dynamics.model, "between") else DynamicReference
    return kind(part, table, dt_ms)
