"""Figures of assimilation: courses with bands, parameters over time, scores by lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dtbsim.report.figures_common import figure
from dtbsim.report.text import safe
from dtbsim.report.theme import ACCENT, CONTRAST, NEUTRAL, translucent

F64 = NDArray[np.float64]
DASHES = ("solid", "dash", "dot", "dashdot")
COLOURS = (ACCENT, CONTRAST, NEUTRAL, NEUTRAL)
MOST_LINES = 100


def _band(fig: go.Figure, x: F64, mean: F64, sd: F64, colour: str, name: str) -> None:
    """A line and one standard deviation around it."""
    for y, fill in ((mean + sd, None), (mean - sd, "tonexty")):
        fig.add_scatter(
            x=x, y=y, mode="lines", line={"width": 0}, fill=fill, fillcolor=translucent(colour, 0.2), hoverinfo="skip",
            showlegend=False,
        )  # fmt: skip
    fig.add_scatter(x=x, y=mean, mode="lines", line={"color": colour, "width": 1.5}, name=name)


def course(
    time_s: F64, measured: F64, forecast: F64, forecast_sd: F64, followed: int, free: tuple[F64, F64] | None
) -> go.Figure:
    """BOLD of a region: measured, expected of each volume, and running freely from volume `followed` on."""
    fig = figure(320, hovermode="x")
    _band(fig, time_s, forecast, forecast_sd, ACCENT, "expected")
    if free is not None:
        _band(fig, time_s[followed:], *free, CONTRAST, "running freely")
        fig.add_vline(x=float(time_s[followed - 1]), line={"color": NEUTRAL, "dash": "dot"})
    fig.add_scatter(x=time_s, y=measured, mode="lines", line={"color": NEUTRAL, "width": 1.5}, name="measured")
    fig.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.15})
    fig.update_xaxes(title="time (s)")
    fig.update_yaxes(title="BOLD (sd)")
    return fig


def parameter(time_s: F64, mean: F64, sd: F64, names: Sequence[str], key: str) -> go.Figure:
    """A parameter over time, float64[volumes, regions]: a line for each region, and the mean with the mean spread."""
    fig = figure(360, hovermode="closest")
    if len(names) > 1:
        every = max(1, len(names) // MOST_LINES)
        for k in range(0, len(names), every):
            fig.add_scatter(
                x=time_s, y=mean[:, k], mode="lines", line={"color": translucent(NEUTRAL, 0.4), "width": 1},
                hovertemplate=f"{safe(names[k])}<br>%{{y:.4g}}<extra></extra>",
            )  # fmt: skip
    _band(fig, time_s, mean.mean(axis=1), sd.mean(axis=1), ACCENT, "mean")
    fig.update_xaxes(title="time (s)")
    fig.update_yaxes(title=safe(key.rpartition(".")[2]))
    return fig


def by_region(names: Sequence[str], values: F64, sd: F64, key: str) -> go.Figure:
    """What was found in every region, with the spread of members."""
    fig = figure(340, hovermode="closest")
    fig.add_scatter(
        x=[safe(name) for name in names], y=values, mode="markers", marker={"color": ACCENT, "size": 6},
        error_y={"type": "data", "array": sd, "thickness": 1, "width": 0},
    )  # fmt: skip
    fig.update_xaxes(showticklabels=len(names) <= 40)
    fig.update_yaxes(title=safe(key.rpartition(".")[2]))
    return fig


def by_lead(tr_s: float, lines: Mapping[str, F64], label: str) -> go.Figure:
    """Scores over the lead of forecasts: a line for each method."""
    fig = figure(360, hovermode="x")
    for (name, values), colour, dash in zip(lines.items(), COLOURS, DASHES, strict=False):
        x = tr_s * np.arange(1, len(values) + 1)
        fig.add_scatter(
            x=x, y=values, mode="lines+markers", line={"color": colour, "dash": dash}, marker={"size": 5},
            name=safe(name),
        )  # fmt: skip
    fig.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.15})
    fig.update_xaxes(title="lead (s)")
    fig.update_yaxes(title=safe(label))
    return fig
