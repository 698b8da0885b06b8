"""Figures of what signals show: traces one above the other, and curves in one plot."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dtbsim.report.figures_common import figure, legend_above, log_axis
from dtbsim.report.text import safe
from dtbsim.report.theme import ACCENT, HUES
from dtbsim.signals.panel import Curves, Traces

ROW_PX = 72


def draw(data: Traces | Curves) -> go.Figure:
    """Return the figure of a part of a panel."""
    return traces(data) if isinstance(data, Traces) else curves(data)


def traces(data: Traces) -> go.Figure:
    """Return every trace in a row of its own, all with the same scale, against time (s)."""
    rows = len(data.names)
    fig = go.Figure(make_subplots(rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.04 / max(rows, 1)))
    fig.update_layout(height=90 + ROW_PX * rows, showlegend=False, hovermode="x unified")
    time = np.asarray(data.time_s, np.float32)
    finite = data.values[np.isfinite(data.values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (-1.0, 1.0)
    pad = 0.05 * (high - low) or 1.0
    for row, name in enumerate(data.names, start=1):
        fig.add_scatter(
            x=time,
            y=data.values[:, row - 1].astype(np.float32),
            mode="lines",
            name=safe(name),
            line={"width": 1.1, "color": ACCENT},
            hovertemplate=f"%{{y:.4g}} {safe(data.unit)}",
            row=row,
            col=1,
        )
        fig.update_yaxes(title=safe(name), range=[low - pad, high + pad], nticks=3, row=row, col=1)
    fig.update_xaxes(title="time (s)", row=rows, col=1)
    return fig


def curves(data: Curves) -> go.Figure:
    """Return all curves in one plot."""
    fig = figure(340, showlegend=len(data.names) > 1, legend=legend_above(), hovermode="x unified")
    y = np.asarray(data.y, np.float64)
    if data.logarithmic:
        y = np.where(y > 0, y, np.nan)
    for k, name in enumerate(data.names):
        fig.add_scatter(
            x=np.asarray(data.x, np.float32),
            y=y[:, k].astype(np.float32),
            mode="lines",
            name=safe(name),
            line={"width": 1.5, "color": HUES[k % len(HUES)][0]},
            hovertemplate="%{y:.3g}",
        )
    if data.logarithmic:
        fig.update_xaxes(**log_axis(float(data.x.min()), float(data.x.max())))
        if np.isfinite(y).any():
            fig.update_yaxes(**log_axis(float(np.nanmin(y)), float(np.nanmax(y))))
    fig.update_xaxes(title=safe(data.x_label))
    fig.update_yaxes(title=safe(data.y_label))
    return fig
