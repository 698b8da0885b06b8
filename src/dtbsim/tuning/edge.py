"""Where a scan of couplings has its edge: the first coupling beyond which regions no longer go their own ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dtbsim.analysis.collective import MEAN_ABS_FC_ABOVE, SYNCHRONY_ABOVE

TOGETHER_ABOVE = 0.7
"""From here on regions are said to move as one: 70 % of the variance of their activity is shared by all. In spiking and
in mean-field networks mean |FC| of BOLD reaches 0.9, from where a run warns, at about the same coupling."""
BURST_ABOVE = 4.0
"""From here on a network is said to burst: all of its neurons fire at so many times their mean rate at once."""
LARGEST_MATTERS = 0.01
"""A mean correlation below it is no fluctuation that regions have in common."""
FALLS_TO = 0.75
"""Fluctuations in common are past their largest where those of two further couplings are below this share of it."""


@dataclass(frozen=True)
class Point:
    """One coupling of the scan: its factor, what was set, what was seen, and why it is beyond the edge (None: no)."""

    factor: float
    values: Mapping[str, float]
    seen: Mapping[str, Any]
    beyond: str | None = None
    stage: str = "scan"

    @property
    def together(self) -> float:
        """Mean correlation between regions; 0 where there are none."""
        return float(self.seen.get("together") or 0.0)


@dataclass(frozen=True)
class Edge:
    """The edge lies between the factors `low` and `high`, at about `factor`; `why` says what happens there.

    `kind` is "synchrony" (or bursts, or rates that cannot be held), "transition" or, where runs fail, "failure".
    """

    factor: float
    low: float
    high: float
    kind: str
    why: str
    known: bool = field(default=True)
    """Whether a coupling below it was seen to be fine."""

    @property
    def width(self) -> float:
        """How closely it is known, as a share of it."""
        return (self.high - self.low) / self.high if self.high > 0 else 0.0


def what_is_wrong(seen: Mapping[str, Any]) -> str | None:
    """Why a run is beyond the edge, of what was seen of it; None where it is not."""
    if seen.get("error"):
        return f"the run fails: {seen['error']}"
    if _above(seen, "together", TOGETHER_ABOVE):
        return f"regions move as one: mean correlation of their activity {seen['together']:.2f}"
    if _above(seen, "synchrony", SYNCHRONY_ABOVE):
        return f"the network fires as one: synchrony {seen['synchrony']:.2f}"
    if _above(seen, "burst", BURST_ABOVE):
        return f"the network bursts: up to {seen['burst']:.1f} times its mean rate"
    if _above(seen, "mean_abs_fc", MEAN_ABS_FC_ABOVE):
        return f"regions move as one: mean |FC| {seen['mean_abs_fc']:.2f}"
    return None


def _above(seen: Mapping[str, Any], key: str, bound: float) -> bool:
    value = seen.get(key)
    return value is not None and value > bound


def find_edge(points: Sequence[Point]) -> Edge | None:
    """The edge in points by ascending factor; None where all are fine.

    Either the first coupling that is beyond it, or the one with the largest fluctuations in common, where these fall
    again beyond it: then the network has passed a transition, and regions have left the state that they rest in.
    """
    first = next((k for k, point in enumerate(points) if point.beyond is not None), None)
    fine = points if first is None else points[:first]
    largest = _largest(fine)
    if largest is not None:
        at = fine[largest]
        low, high = fine[largest - 1].factor if largest else 0.0, fine[largest + 1].factor
        how = f"mean correlation {at.together:.2f}"
        why = f"fluctuations that regions have in common are largest ({how}), and fall beyond"
        return Edge(at.factor, low, high, "transition", why)
    if first is None:
        return None
    high = points[first].factor
    low = points[first - 1].factor if first else 0.0
    why = str(points[first].beyond)
    kind = "failure" if points[first].seen.get("error") else "synchrony"
    return Edge((low + high) / 2, low, high, kind, why, known=first > 0)


def _largest(points: Sequence[Point]) -> int | None:
    if len(points) < FEWEST_FOR_LARGEST:
        return None
    at = max(range(len(points)), key=lambda k: points[k].together)
    peak = points[at].together
    beyond = [point.together for point in points[at + 1 :]]
    if peak < LARGEST_MATTERS or len(beyond) < 2 or not all(value < FALLS_TO * peak for value in beyond[-2:]):
        return None
    return at


FEWEST_FOR_LARGEST = 4
