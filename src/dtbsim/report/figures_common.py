"""Parts that figures share: ticks that fit, separators on sorted axes, logarithmic axes, margins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from dtbsim.report.data import Groups
from dtbsim.report.text import safe
from dtbsim.report.theme import NEUTRAL, translucent

MOST_SEPARATORS = 40
MOST_LOG_TICKS = 9
SEPARATOR = {"color": translucent(NEUTRAL, 0.55), "width": 1}


def figure(height: int, **layout: Any) -> go.Figure:
    """Return an empty figure of `height` pixels that takes its colours from the page's template."""
    return go.Figure(layout={"height": height, "showlegend": False, **layout})


def square(fig: go.Figure, beside_px: int) -> None:
    """Tell the page's script to keep the plot square where it gets narrow: its height is then width + `beside_px`."""
    fig.update_layout(meta={**(fig.layout.meta or {}), "beside": beside_px})


def separate_rows(fig: go.Figure, groups: Groups) -> None:
    """Draw a thin line between groups along y, unless there are too many to see anything else."""
    for edge in groups.edges[1:-1] if len(groups.labels) <= MOST_SEPARATORS else []:
        fig.add_shape(type="line", xref="x domain", x0=0, x1=1, y0=edge - 0.5, y1=edge - 0.5, line=SEPARATOR)


def separate_columns(fig: go.Figure, groups: Groups) -> None:
    """Draw a thin line between groups along x, unless there are too many to see anything else."""
    for edge in groups.edges[1:-1] if len(groups.labels) <= MOST_SEPARATORS else []:
        fig.add_shape(type="line", yref="y domain", y0=0, y1=1, x0=edge - 0.5, x1=edge - 0.5, line=SEPARATOR)


def log_axis(low: float, high: float) -> dict[str, Any]:
    """Return settings of a logarithmic axis that shows `low` to `high`, with at least three labelled ticks within.

    The page's script hands over to plotly's own ticks as soon as the reader zooms.
    """
    if not 0 < low <= high < math.inf:
        low, high = 0.1, 10.0
    if high / low < 1.25:
        low, high = low / 1.25, high * 1.25
    pad = 0.03 * math.log10(high / low)
    values = log_ticks(low, high)
    return {
        "type": "log",
        "range": [math.log10(low) - pad, math.log10(high) + pad],
        "tickvals": values,
        "ticktext": [log_label(value) for value in values],
        "minor": {"ticks": "outside", "ticklen": 2, "showgrid": False, "dtick": "D1"},
    }


def log_ticks(low: float, high: float) -> list[float]:
    """Return 3 to MOST_LOG_TICKS round numbers within 0 < low < high: decades, or 1, 2, 5 of each, or equal steps."""
    bottom, top = math.floor(math.log10(low)), math.ceil(math.log10(high))
    inside = (1 - 1e-9) * low, (1 + 1e-9) * high
    fine = [digit * 10.0**power for power in range(bottom, top + 1) for digit in (1, 2, 5)]
    fine = [value for value in fine if inside[0] <= value <= inside[1]]
    if len(fine) < 3:
        return _even_ticks(*inside)
    if len(fine) <= MOST_LOG_TICKS:
        return fine
    decades = [10.0**power for power in range(bottom, top + 1) if inside[0] <= 10.0**power <= inside[1]]
    if len(decades) < 3:
        return [value for value in fine if not f"{value:e}".startswith("2")]
    return decades[:: -(-len(decades) // MOST_LOG_TICKS)]


def _even_ticks(low: float, high: float) -> list[float]:
    """Return at least three multiples of a round step from `low` to `high`."""
    steps = (digit * 10.0**power for power in range(math.ceil(math.log10(high - low)), -300, -1) for digit in (5, 2, 1))
    for step in steps:
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first >= 2:
            return [step * index for index in range(first, last + 1)]
    return [low, (low + high) / 2, high]


def log_label(value: float) -> str:
    """Return a tick of a logarithmic axis as text: plain from 0.001 to 99,999, else with a power of ten."""
    if 1e-3 <= value < 1e5:
        return f"{value:.5g}"
    digits, _, power = f"{value:.3e}".partition("e")
    number = f"{float(digits):g}"
    return f"10<sup>{int(power)}</sup>" if number == "1" else f"{number}\u00b710<sup>{int(power)}</sup>"


def thinned(fig: go.Figure, axis: str, values: Sequence[float], labels: Sequence[str], *, gap: int, taken: int) -> None:
    """Let the page's script label as many of `values` on `axis` (xaxis, yaxis) as fit, at least `gap` pixels apart.

    `taken` are the pixels of the figure's width or height that are not the axis.
    """
    meta = dict(fig.layout.meta or {})
    chosen = {"axis": axis, "values": list(values), "labels": list(labels), "gap": gap, "taken": taken}
    fig.update_layout(meta={**meta, "thin": [*meta.get("thin", []), chosen]})
    fig.update_layout({axis: {"tickvals": list(values), "ticktext": list(labels), "ticks": ""}})


def label_groups(fig: go.Figure, axis: str, groups: Groups, *, taken: int) -> None:
    """Name each group of a sorted axis at its middle, as far as the labels fit."""
    middles = [(start + stop - 1) / 2 for start, stop in zip(groups.edges[:-1], groups.edges[1:], strict=True)]
    thinned(fig, axis, middles, [safe(label) for label in groups.labels], gap=13, taken=taken)


def beside(fig: go.Figure, texts: Sequence[str]) -> None:
    """Leave room at the right for `texts`, which stand beside the ends of bars however narrow the figure gets."""
    longest = max((len(text) for text in texts), default=0)
    fig.update_layout(margin={"r": 24 + math.ceil(7.2 * longest)})


def legend_above() -> dict[str, Any]:
    """Return a horizontal legend just above the plot, at the left."""
    place = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom"}
    return {**place, "itemsizing": "constant", "traceorder": "normal"}
