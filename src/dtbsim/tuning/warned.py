"""What to mind before a tuned network is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dtbsim.tuning.edge import Edge, Point
from dtbsim.tuning.keys import Goal

SPREAD_ABOVE = 5.0
"""Rates of regions differ by more than this factor."""
REGULAR_BELOW = 0.5
MORE_THAN_MEASURED = 1.5


def warnings_of(
    edge: Edge | None,
    point: Point,
    check: Mapping[str, Any],
    wrong: str | None,
    goals: Sequence[Goal],
    tolerance: float,
    measured_fc: float | None,
) -> list[str]:
    """What there is to say; `wrong`: why the longer run is beyond the edge, `measured_fc`: mean |FC| of the atlas."""
    found = list(_of_the_edge(edge, point))
    if wrong is not None:
        found.append(f"in a longer run with another seed, {wrong}: choose a point further below the edge (--below)")
    found += _of_rates(check, goals, tolerance)
    mean = check.get("mean_abs_fc")
    if wrong is None and mean is not None and measured_fc is not None and mean > MORE_THAN_MEASURED * measured_fc:
        found.append(
            f"regions go together more than measured: mean |FC| {mean:.2f}, measured {measured_fc:.2f}; a point "
            "further below the edge (--below) has less"
        )
    return found


def _of_the_edge(edge: Edge | None, point: Point) -> Iterator[str]:
    if edge is None and point.stage != "rates":
        yield (
            "no edge was found: regions do not move as one at any coupling that was looked at; the coupling stays as "
            "it was given (a wider range: --range LOW:HIGH)"
        )
    if edge is not None and edge.kind == "failure":
        yield f"regions do not move as one where runs still succeed; beyond, {edge.why}"
    if edge is not None and not edge.known:
        yield f"the smallest coupling that was looked at is beyond the edge: {edge.why}"


def _of_rates(check: Mapping[str, Any], goals: Sequence[Goal], tolerance: float) -> Iterator[str]:
    for goal in goals:
        rate = check.get(f"rate.{goal.population}")
        if rate is not None and abs(rate / goal.target_hz - 1) > tolerance:
            how = "" if goal.held is None else f"; its controller aims at {goal.target_hz:g} Hz ({goal.held})"
            yield f"{goal.population} fires at {rate:.3g} Hz, target {goal.target_hz:g} Hz{how}"
    for name in [key.removeprefix("rate.") for key in check if key.startswith("rate.")]:
        slowest, fastest = check.get(f"slowest.{name}"), check.get(f"fastest.{name}")
        if slowest is not None and fastest is not None and fastest > SPREAD_ABOVE * max(slowest, 1e-9):
            yield (
                f"regions of {name} fire at {slowest:.2g} to {fastest:.3g} Hz: a controller (homeostatic_tonic; "
                "feedback_inhibition of deco_2014) holds each at a target"
            )
        cv = check.get(f"cv.{name}")
        if cv is not None and cv < REGULAR_BELOW:
            yield f"{name} fires regularly: CV of inter-spike intervals {cv:.2f}"
