"""Synapses that change, one at a time and without any shortcut, for the plain simulator.

Each projection keeps the spikes of all its sources and targets, with their traces, and looks at all of them whenever
a spike arrives. Shared with the simulator: the parameters in fine quanta, the decay tables, exp and log, and the
rounding of each change.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

import numpy as np

from dtbsim.build.dynamic import DynamicRows
from dtbsim.kernels.decay import decay_table
from dtbsim.kernels.elementary import exp, log

F32 = np.float32
ZERO, ONE = F32(0.0), F32(1.0)
ALONE = ("vogels_sprekeler",)
"""Models in which a spike counts without any of the other end."""


def decayed(table: Any, steps: int) -> Any:
    return table[steps & 255] * table[256 + (steps >> 8)] if (steps >> 8) < table.size - 256 else ZERO


def power(x: Any, y: Any) -> Any:
    if y in (0.0, 1.0):
        return x if y else ONE
    return F32(exp(F32(y * F32(log(x))))) if x > 0 else ZERO


def last_before(spikes: list[tuple[int, Any, Any]], step: int) -> tuple[int, Any, Any] | None:
    return next((spike for spike in reversed(spikes) if spike[0] < step), None)


class DynamicReference:
    """One dynamic projection; `table` int64[n, 5] as of `tests.helpers.networks`, weights in fine quanta."""

    def __init__(self, part: DynamicRows, table: Any, dt_ms: float) -> None:
        self.dynamics, self.table = part.dynamics, table
        self.name, self.p = part.dynamics.model.name, part.dynamics.constants(part.quantum)
        self.smallest, self.largest = map(F32, part.dynamics.bounds(part.quantum) if part.dynamics.plastic else (0, 0))
        self.shift, self.sign = part.dynamics.shift(part.quantum), part.dynamics.sign
        self.decays = [decay_table(tau, dt_ms) for tau in part.dynamics.taus_ms]
        self.weights = [F32(w) for w in table[:, 3]]
        self.of_source: dict[int, list[int]] = defaultdict(list)
        for index, source in enumerate(table[:, 0].tolist()):
            self.of_source[source].append(index)
        self.targets = set(table[:, 1].tolist())
        self.sources: dict[int, list[tuple[int, Any, Any]]] = defaultdict(list)
        self.spikes: dict[int, list[tuple[int, Any, Any]]] = defaultdict(list)
        self.arrivals: dict[int, list[tuple[int, int, int]]] = defaultdict(list)

    # -- spikes -----------------------------------------------------------------------------------------------

    def source_spike(self, gid: int, step: int) -> None:
        """`step` is the one in which the neuron fires."""
        if gid not in self.of_source:
            return
        factor = 0 if self.dynamics.plastic else self._factor(gid, step)
        number = len(self.sources[gid])
        if self.dynamics.plastic:
            fast, slow = self._traces(self.sources[gid], step, 0, 2)
            self.sources[gid].append((step, fast + ONE, slow))
        for index in self.of_source[gid]:
            self.arrivals[step + int(self.table[index, 4])].append((index, number, factor))

    def target_spike(self, gid: int, step: int) -> None:
        """The traces of an entry: the fast one just after the spike, the slow one just before it."""
        if self.dynamics.plastic and gid in self.targets:
            fast, slow = self._traces(self.spikes[gid], step, 1, 3)
            self.spikes[gid].append((step, fast + ONE, slow))

    def _traces(self, spikes: list[tuple[int, Any, Any]], step: int, fast: int, slow: int) -> tuple[Any, Any]:
        """Traces at `step` of the spikes so far, those of the same step included."""
        if not spikes:
            return ZERO, ZERO
        at, x, y = spikes[-1]
        return x * decayed(self.decays[fast], step - at), (y + ONE) * decayed(self.decays[slow], step - at)

    def _factor(self, gid: int, step: int) -> int:
        history = self.sources[gid]
        p = self.p
        if self.name == "tsodyks_markram":
            x, u = ONE, p["U"]
            if history:
                at, x, u = history[-1]
                x = ONE + (x - x * u - ONE) * decayed(self.decays[0], step - at)
                u = p["U"] + u * (ONE - p["U"]) * decayed(self.decays[1], step - at)
            history.append((step, x, u))
            factor = x * u
        else:
            s = ZERO
            if history:
                s = history[-1][1] * decayed(self.decays[0], step - history[-1][0])
            factor = p["k0"] + p["k1"] * s
            history.append((step, s + factor, ZERO))
        return int(min(max(factor, ZERO), ONE) * F32(32768.0) + F32(0.5))

    # -- arrivals ---------------------------------------------------------------------------------------------

    def deliver(self, step: int, inputs: Any) -> None:
        """Add what arrives at `step` to inputs[target][channel]."""
        for index, number, factor in self.arrivals.pop(step, []):
            source, target, channel, _, delay = self.table[index].tolist()
            if self.dynamics.plastic:
                self.weights[index] = self._changed(self.weights[index], source, target, number, delay)
                amount = self.sign * ((int(self.weights[index]) + ((1 << self.shift) >> 1)) >> self.shift)
            else:
                amount = (int(self.weights[index]) * factor + 16384) >> 15
            inputs[target][channel] += amount

    def pending(self, index: int, until: int, spike: int) -> Any:
        """Weight after the target's spikes up to `until` that follow the source's last spike before `spike`."""
        source, target, _, _, delay = self.table[index].tolist()
        before = last_before(self.sources[source], spike)
        return self._potentiated(self.weights[index], before, target, delay, until)

    def _potentiated(self, w: Any, before: tuple[int, Any, Any] | None, target: int, delay: int, until: int) -> Any:
        """`before`: the spike of the source that the target's spikes meet."""
        if before is None and self.name not in ALONE:
            return w
        last, trace, _ = before or (-1, ZERO, ZERO)  # the source's trace is 0 before its first spike
        recent = itertools.takewhile(lambda entry: entry[0] > last - delay, reversed(self.spikes[target]))
        for step, _, slow in reversed(list(recent)):
            if step <= until and not self._frozen(step):
                w = self._up(w, trace * decayed(self.decays[0], step + delay - last), slow)
        return w

    def _changed(self, w: Any, source: int, target: int, number: int, delay: int) -> Any:
        spikes = self.sources[source]
        spike, _, slow = spikes[number]
        w = self._potentiated(w, spikes[number - 1] if number else None, target, delay, spike - delay)
        met = last_before(self.spikes[target], spike - delay)
        if self._frozen(spike) or (met is None and self.name not in ALONE):
            return w
        seen = ZERO if met is None else met[1] * decayed(self.decays[1], spike - delay - met[0])
        return self._down(w, seen, slow)

    def _frozen(self, step: int) -> bool:
        return any(start <= step < stop for start, stop in self.dynamics.frozen.tolist())

    def _up(self, w: Any, k: Any, slow: Any) -> Any:
        p = self.p
        if self.name == "stdp":
            x = w * p["inverse_max"]
            return self._rounded((x + p["learning_rate"] * power(ONE - x, p["mu_plus"]) * k) * self.largest)
        if self.name == "stdp_power_law":
            return self._rounded(w + p["up"] * power(w, p["mu"]) * k)
        if self.name == "vogels_sprekeler":
            return self._rounded(w + p["learning_rate"] * k)
        return self._rounded(w + k * (p["A2_plus"] + p["A3_plus"] * slow))

    def _down(self, w: Any, k: Any, slow: Any) -> Any:
        p = self.p
        if self.name == "stdp":
            x = w * p["inverse_max"]
            return self._rounded((x - p["down"] * power(x, p["mu_minus"]) * k) * self.largest)
        if self.name == "stdp_power_law":
            return self._rounded(w - p["down"] * w * k)
        if self.name == "vogels_sprekeler":
            raised = min(w + p["learning_rate"] * k, self.largest)
            return self._rounded(raised - p["learning_rate"] * p["alpha"])
        return self._rounded(w - k * (p["A2_minus"] + p["A3_minus"] * slow))

    def _rounded(self, w: Any) -> Any:
        bounded = min(max(w, self.smallest), self.largest)
        return F32(int(bounded + F32(0.5))) if bounded < 2**23 else bounded
