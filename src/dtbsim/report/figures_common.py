"""Parts that figures share: group ticks and separators on sorted axes, margins, number formats."""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go

from dtbsim.report.data import Groups
from dtbsim.report.theme import NEUTRAL, translucent

MOST_SEPARATORS = 40
SEPARATOR = {"color": translucent(NEUTRAL, 0.55), "width": 1}


def figure(height: int, **layout: Any) -> go.Figure:
    """Return an empty figure of `height` pixels that takes its colours from the page's template."""
    return go.Figure(layout={"height": height, "showlegend": False, **layout})


def square(fig: go.Figure, beside_px: int) -> None:
    """Tell the page's script to keep the plot square where it gets narrow: its height is then width + `beside_px`."""
    fig.update_layout(meta={"beside": beside_px})


def group_ticks(groups: Groups, length_px: float, minimum_px: float = 13.0) -> dict[str, Any]:
    """Return axis settings that name each group at its middle, leaving out labels that would overlap."""
    total = max(groups.edges[-1] - groups.edges[0], 1)
    values, labels, last = [], [], float("-inf")
    for label, start, stop in zip(groups.labels, groups.edges[:-1], groups.edges[1:], strict=True):
        middle = (start + stop - 1) / 2
        position = middle / total * length_px
        if position - last >= minimum_px:
            values.append(middle)
            labels.append(label)
            last = position
    return {"tickvals": values, "ticktext": labels, "ticks": ""}


def separate_rows(fig: go.Figure, groups: Groups) -> None:
    """Draw a thin line between groups along y, unless there are too many to see anything else."""
    for edge in groups.edges[1:-1] if len(groups.labels) <= MOST_SEPARATORS else []:
        fig.add_shape(type="line", xref="x domain", x0=0, x1=1, y0=edge - 0.5, y1=edge - 0.5, line=SEPARATOR)


def separate_columns(fig: go.Figure, groups: Groups) -> None:
    """Draw a thin line between groups along x, unless there are too many to see anything else."""
    for edge in groups.edges[1:-1] if len(groups.labels) <= MOST_SEPARATORS else []:
        fig.add_shape(type="line", yref="y domain", y0=0, y1=1, x0=edge - 0.5, x1=edge - 0.5, line=SEPARATOR)


def log_axis(low: float, high: float) -> dict[str, Any]:
    """Return settings of a logarithmic axis from `low` to `high`: labels at decades, or at 1, 2, 5 where few fit."""
    decades = math.log10(high / low) if 0 < low < high else 0.0
    # plotly writes powers beside plain numbers (1, 10^-1); plain ones read better within a few decades.
    plain = low >= 1e-3 and high <= 1e5
    return {
        "type": "log",
        "dtick": 1 if decades > 2.2 else "D2",
        "exponentformat": "none" if plain else "power",
        "minor": {"ticks": "outside", "ticklen": 2, "showgrid": False},
    }


def legend_above() -> dict[str, Any]:
    """Return a horizontal legend just above the plot, at the left."""
    place = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom"}
    return {**place, "itemsizing": "constant", "traceorder": "normal"}
