"""Dopamine-modulated plasticity, one synapse at a time and without any shortcut, for the plain simulator.

All spikes are kept, and every synapse walks through all of them from its last advance on: beginnings of cells, spikes
of its target and of its source, in the order of time. Shared with the simulator: the parameters in fine quanta, the
tables of exponentials, and the order of the operations of one event.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.helpers.dynamic_reference import F32, ZERO, DynamicReference, decayed

from dtbsim.build.dynamic import DynamicRows
from dtbsim.kernels import dynamic_layout as D

TINY = F32(1e-15)


class RewardReference(DynamicReference):
    """One projection whose weights follow dopamine; `dopamine` are the gids that release it."""

    def __init__(self, part: DynamicRows, table: Any, dt_ms: float, dopamine: range) -> None:
        super().__init__(part, table, dt_ms)
        self.dopamine = dopamine
        self.table_of_p = part.dynamics.parameters(part.quantum)
        self.interval = part.dynamics.interval  # type: ignore[attr-defined]
        self.growth, self.fade = part.dynamics.cell()  # type: ignore[attr-defined]
        self.whole = [int(w) for w in self.weights]
        self.eligible = [ZERO] * len(self.whole)
        self.at = [0] * len(self.whole)
        self.released: dict[int, int] = defaultdict(int)
        self.level_at = 0, ZERO
        self.integral: dict[int, list[Any]] = defaultdict(lambda: [ZERO])

    def source_spike(self, gid: int, step: int) -> None:
        if gid in self.dopamine:
            self.released[step] += 1
        super().source_spike(gid, step)

    # -- dopamine ---------------------------------------------------------------------------------------------

    def level(self, step: int) -> Any:
        """Dopamine just after the spikes of `step`; steps are asked for in order."""
        last, n = self.level_at
        n = n * decayed(self.decays[3], step - last)
        if step in self.released:
            n = n + F32(self.released[step]) * self.table_of_p[D.P_RELEASE]
            self.level_at = step, n
        return n

    def integrals(self, cell: int, until: int) -> list[Any]:
        """F at the beginning of the cell and after every step of it, at least of those before `until`."""
        found = self.integral[cell]
        for step in range(cell * self.interval + len(found) - 1, until):
            m = step - cell * self.interval
            change = self.fade[m] * (self.level(step) * self.table_of_p[D.P_GAIN] - self.table_of_p[D.P_LOSS])
            found.append(found[-1] + (ZERO if self._frozen(step) else change))
        return found

    # -- synapses ---------------------------------------------------------------------------------------------

    def advance(self, index: int, until: int, spike: int) -> None:
        """Bring a synapse to `until` (the clock of its source), before the source's spike `spike` is felt."""
        source, target, _, _, delay = self.table[index].tolist()
        before = [entry for entry in self.sources[source] if entry[0] < spike]
        while self.at[index] < until:
            cell = self.at[index] // self.interval
            begin, edge = cell * self.interval, min(until, (cell + 1) * self.interval)
            f = self.integrals(cell, edge)
            now, change, c = self.at[index] - begin, ZERO, self.eligible[index]
            for step, _, _ in self.spikes[target] if before else []:
                meets = step + delay - begin
                if self.at[index] - begin < meets <= edge - begin:
                    change = change + c * (f[meets] - f[now])
                    c = c + self._gained(before[-1], step + delay) * self.growth[meets]
                    now = meets
            change = change + c * (f[edge - begin] - f[now])
            self.whole[index] = self._bounded(self.whole[index] + self._nearest(change))
            if edge == begin + self.interval:
                c = c * self.fade[self.interval]
                c = c if abs(c) >= TINY else ZERO
            self.eligible[index], self.at[index] = c, edge

    def _gained(self, last: tuple[int, Any, Any], meets: int) -> Any:
        return self.p["A_plus"] * last[1] * decayed(self.decays[0], meets - last[0])

    def _changed(self, w: Any, source: int, target: int, number: int, delay: int) -> Any:
        raise AssertionError("weights are advanced by index")

    def deliver(self, step: int, inputs: Any) -> None:
        for index, number, _ in self.arrivals.pop(step, []):
            source, target, channel, _, delay = self.table[index].tolist()
            spike = self.sources[source][number][0]
            self.advance(index, spike, spike)
            meets = spike - delay
            if any(entry[0] < meets for entry in self.spikes[target]):
                at, trace, _ = [entry for entry in self.spikes[target] if entry[0] < meets][-1]
                lost = self.p["A_minus"] * trace * decayed(self.decays[1], meets - at)
                self.eligible[index] = self.eligible[index] - lost * self.growth[spike % self.interval]
            amount = (self.whole[index] + ((1 << self.shift) >> 1)) >> self.shift
            inputs[target][channel] += self.sign * amount

    def finish(self, now: int, longest: int) -> None:
        """All synapses at the last beginning of a cell that is one longest delay before `now`, or past it."""
        goal = max(0, now - longest) // self.interval * self.interval
        for index in range(len(self.whole)):
            self.advance(index, goal, goal)

    @staticmethod
    def _nearest(change: Any) -> int:
        bounded = min(max(change, -F32(2.0**24)), F32(2.0**24))
        return int(bounded + F32(0.5)) if bounded >= 0 else -int(F32(0.5) - bounded)

    def _bounded(self, w: int) -> int:
        return min(max(w, int(self.smallest)), int(self.largest))
