"""Scan couplings for the edge, with rates at their targets at each of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.tuning.bench import Bench
from dtbsim.tuning.edge import Edge, Point, find_edge, what_is_wrong
from dtbsim.tuning.keys import Goal, Number
from dtbsim.tuning.solve import Solved, solve

F64 = NDArray[np.float64]
Say = Callable[[str], None]
FLOOR = 0.02
"""Of the target: a population that is slower counts as if it fired so much."""
FURTHEST = 64.0
"""How many times the given coupling, or less than it, are looked at unless a range is given."""
LOST_AT = 2.0
"""A population that is held counts as lost where its rate is off its target by such a factor."""


@dataclass
class Scan:
    """Couplings that were looked at, by factor; the numbers that hold rates are carried from one to the next."""

    bench: Bench
    couplings: Sequence[Number]
    goals: Sequence[Goal]
    tolerance: float
    say: Say
    points: dict[float, Point] = field(default_factory=dict)
    _solved: dict[float, Solved] = field(default_factory=dict)

    @property
    def ordered(self) -> list[Point]:
        """All points by ascending factor."""
        return [self.points[factor] for factor in sorted(self.points)]

    @property
    def knobs(self) -> list[Goal]:
        """Goals for which a number is turned."""
        return [goal for goal in self.goals if goal.knob is not None]

    def look(self, factors: Sequence[float], stage: str = "scan") -> None:
        """Add points. With numbers to turn they are looked at one after the other, up to the first beyond the edge."""
        new = sorted({_round(factor) for factor in factors} - set(self.points))
        if not new:
            return
        self.say(_announced(new))
        if not self.knobs:
            for factor, seen in zip(new, self.bench.see([self.at(factor) for factor in new]), strict=True):
                self.points[factor] = Point(factor, self.at(factor), seen, self._wrong(seen), stage)
            return
        for factor in new:
            self.points[factor] = self._solve(factor, stage)
            if self.points[factor].beyond is not None:
                return

    def at(self, factor: float, x: F64 | None = None) -> dict[str, Any]:
        """What is set for a factor, with the numbers `x` that hold rates (as `solve` has them)."""
        setting: dict[str, Any] = {number.key: _digits(number.value * factor) for number in self.couplings}
        for goal in self.goals:
            if goal.held is not None:
                setting[goal.held] = goal.target_hz
        if x is not None:
            for goal, value in zip(self.knobs, x, strict=True):
                assert goal.knob is not None
                setting[goal.knob.key] = _value(goal.knob, float(value))
        return setting

    def working_point(self, factor: float) -> Point:
        """Look at one more coupling, and make it the point that is chosen."""
        factor = _round(factor)
        if factor not in self.points:
            self.look([factor], "point")
        return self.points[factor]

    def rates_alone(self) -> Point:
        """Bring rates to their targets with couplings as they are. Raises InputError where they are not reached."""
        self.look([1.0], "rates")
        _check_lives(self, 1.0, "")
        return self.points[1.0]

    # -- rates ----------------------------------------------------------------------------------------------------

    def _solve(self, factor: float, stage: str) -> Point:
        start, slopes = self._start(factor)
        found = solve(self._ask(factor), start, slopes, math.log1p(self.tolerance))
        if found is None:
            setting = self.at(factor, start)
            return Point(factor, setting, self.bench.see([setting])[0], "the run fails", stage)
        self._solved[factor] = found
        setting = self.at(factor, found.x)
        seen = self.bench.see([setting])[0]
        wrong = self._wrong(seen)
        if wrong is None and not found.reached:
            wrong = f"rates cannot be held: {self.rates_text(seen)}"
        return Point(factor, setting, seen, wrong, stage)

    def _start(self, factor: float) -> tuple[F64, F64 | None]:
        """Where to begin: on the line through the two nearest solutions below, with the slopes of the nearest."""
        known = sorted(below for below in self._solved if below < factor and self._solved[below].reached)
        if not known:
            return np.array([_x(goal.knob) for goal in self.knobs if goal.knob is not None]), None
        nearest = self._solved[known[-1]]
        x = nearest.x
        if len(known) > 1:
            further = self._solved[known[-2]]
            x = x + (nearest.x - further.x) * (factor - known[-1]) / (known[-1] - known[-2])
        return x, nearest.slopes

    def _ask(self, factor: float) -> Callable[[Sequence[F64]], list[F64 | None]]:
        def ask(xs: Sequence[F64]) -> list[F64 | None]:
            return [self._answer(seen) for seen in self.bench.see([self.at(factor, x) for x in xs])]

        return ask

    def _answer(self, seen: Mapping[str, Any]) -> F64 | None:
        if seen.get("error"):
            return None
        rates = [seen.get(f"rate.{goal.population}") or 0.0 for goal in self.knobs]
        return np.array(
            [math.log(max(rate / goal.target_hz, FLOOR)) for rate, goal in zip(rates, self.knobs, strict=True)]
        )

    def _wrong(self, seen: Mapping[str, Any]) -> str | None:
        wrong = what_is_wrong(seen)
        if wrong is not None:
            return wrong
        if self.bench.side_by_side:  # feedback inhibition aims at a rate without noise
            return None
        for goal in self.goals:
            rate = seen.get(f"rate.{goal.population}", goal.target_hz)
            if goal.held is not None and not 1 / LOST_AT <= rate / goal.target_hz <= LOST_AT:
                return f"rates cannot be held: {self.rates_text(seen)}"
        return None

    def rates_text(self, seen: Mapping[str, Any]) -> str:
        """Rates beside their targets, in words."""
        parts = []
        for goal in self.goals:
            rate = seen.get(f"rate.{goal.population}")
            if rate is not None:
                parts.append(f"{goal.population} fires at {rate:.3g} Hz, target {goal.target_hz:g} Hz")
        return "; ".join(parts)

    def turned_text(self, factor: float) -> str:
        """From where to where numbers were turned at a factor, and which rates that gave, in words."""
        tried = [one for one in self._solved[factor].tried if one[1] is not None]
        parts = []
        for k, goal in enumerate(self.knobs):
            assert goal.knob is not None
            values = [_value(goal.knob, float(x[k])) for x, _ in tried]
            rates = [goal.target_hz * math.exp(float(y[k])) for _, y in tried if y is not None]
            between = f"{min(rates):.3g} to {max(rates):.3g} Hz"
            parts.append(f"{goal.knob.key} from {min(values):.4g} to {max(values):.4g} ({between})")
        return ", ".join(parts)


def scan_for_edge(scan: Scan, low: float, high: float, points: int, resolution: float, fixed: bool) -> Edge | None:
    """Look at `points` couplings between two factors, further ones unless the range is `fixed`, and close in.

    Raises InputError where rates are at no coupling at their targets, or the smallest coupling is beyond the edge.
    """
    first = _round(low) if fixed else 0.0
    scan.look([first])
    _check_lives(scan, first, f"at {first:g} times the given coupling, " if fixed else "with the coupling off, ")
    scan.look(np.geomspace(low, high, points).tolist())
    while find_edge(scan.ordered) is None and not fixed and high < FURTHEST:
        high = high * 2
        scan.look(np.geomspace(high / 2, high, 3)[1:].tolist())
    edge = find_edge(scan.ordered)
    while edge is not None and not fixed and edge.low == 0.0 and edge.kind != "transition" and low > 1 / FURTHEST:
        low = low / 4
        scan.look(np.geomspace(low, low * 4, 4)[:-1].tolist())
        edge = find_edge(scan.ordered)
    while edge is not None and edge.width > resolution * (2 if edge.kind == "transition" else 1):
        before = len(scan.points)
        scan.look(_between(edge, one_by_one=bool(scan.knobs)))
        edge = find_edge(scan.ordered)
        if len(scan.points) == before:
            break
    return edge


def _between(edge: Edge, one_by_one: bool) -> list[float]:
    if edge.kind == "transition":
        return [(edge.low + edge.factor) / 2, (edge.factor + edge.high) / 2]
    inner = 1 if one_by_one else 3
    return [float(factor) for factor in np.linspace(edge.low, edge.high, inner + 2)[1:-1]]


def _check_lives(scan: Scan, factor: float, when: str) -> None:
    """InputError where the network does not live at a coupling: rates are not at their targets, or it moves as one."""
    point = scan.points[factor]
    if point.beyond is None:
        return
    if factor in scan._solved and not scan._solved[factor].reached:
        raise InputError(
            f"{when}targets are not reached: {scan.rates_text(point.seen)}; turned were {scan.turned_text(factor)}",
            where="--rates",
            remedy="give other targets, other numbers by --knob, or a circuit that can fire so",
        )
    raise InputError(
        f"{when}{point.beyond}",
        where="the configuration",
        remedy="mend the circuit first: weaken excitation or common input, or strengthen inhibition",
    )


def _announced(factors: Sequence[float]) -> str:
    if len(factors) > 1:
        return f"{len(factors)} couplings, {factors[0]:g} to {factors[-1]:g} times the given"
    return f"coupling {factors[0]:g} times the given" if factors[0] else "coupling off"


def _x(number: Number | None) -> float:
    """A number as `solve` has it: rates by their logarithm, as they stay above 0; others by their size."""
    assert number is not None
    return math.log(number.value) if _stays_positive(number) else math.copysign(1.0, number.value)


def _value(number: Number, x: float) -> float:
    return _digits(math.exp(x) if _stays_positive(number) else x * abs(number.value))


def _stays_positive(number: Number) -> bool:
    return number.key.lower().endswith("_hz") and number.value > 0


def _digits(value: float) -> float:
    """Four digits: what is simulated is what can be written."""
    return float(f"{value:.4g}") + 0.0


def _round(factor: float) -> float:
    return float(f"{factor:.4g}")
