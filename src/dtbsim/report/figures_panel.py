"""Figures of what signals show: traces one above the other, curves in one plot, maps of the head."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from dtbsim.analysis.electrodes import scalp_map
from dtbsim.report.figures_common import figure, legend_above, log_axis, square
from dtbsim.report.text import safe
from dtbsim.report.theme import ACCENT, DIVERGING, HUES, NEUTRAL, SEQUENTIAL
from dtbsim.signals.panel import BrainFrames, Curves, Figure, Matrix, Topography, Traces

ROW_PX = 72
MATRIX_PX, BRAIN_PX = 460, 430
LONGEST_UPRIGHT = 8
"""Characters of a name that fit beside a row."""
MOST_NAMES = 40
"""More names do not fit beside a matrix."""

MAP_PX, MAP_POINTS, EDGE = 440, 81, 1.3
"""Size of a map of the head, how many points it has along a side, and how far it goes."""
_NOSE = "M -0.12,0.993 L 0,1.13 L 0.12,0.993"
_EARS = (
    "M -0.995,0.14 Q -1.13,0.12 -1.1,0 Q -1.13,-0.18 -0.985,-0.16",
    "M 0.995,0.14 Q 1.13,0.12 1.1,0 Q 1.13,-0.18 0.985,-0.16",
)


def draw(data: Figure) -> go.Figure:
    """Return the figure of a part of a panel."""
    if isinstance(data, Topography):
        return topography(data)
    if isinstance(data, Matrix):
        return matrix(data)
    if isinstance(data, BrainFrames):
        return brain_frames(data)
    return traces(data) if isinstance(data, Traces) else curves(data)


def matrix(data: Matrix) -> go.Figure:
    """Return a square of colours, the first name at the top."""
    fig = figure(MATRIX_PX, hovermode="closest")
    axis = [safe(name) for name in data.names] if data.places is None else np.asarray(data.places, np.float32)
    fig.add_heatmap(
        x=axis,
        y=axis,
        z=np.asarray(data.values, np.float32),
        zmin=data.low,
        zmax=data.high,
        colorscale=DIVERGING if data.low < 0 else SEQUENTIAL,
        colorbar={"title": {"text": safe(data.label)}},
        hovertemplate="%{y}<br>%{x}<br>%{z:.3f}<extra></extra>",
    )
    many = data.places is None and len(data.names) > MOST_NAMES
    fig.update_xaxes(title=safe(data.axis), showgrid=False, showticklabels=not many, constrain="domain")
    fig.update_yaxes(
        title=safe(data.axis), showgrid=False, showticklabels=not many, autorange="reversed", scaleanchor="x"
    )
    square(fig, 40)
    return fig


def brain_frames(data: BrainFrames) -> go.Figure:
    """Return regions as seen from above and from the left, coloured by the values at a time that a slider chooses."""
    assert data.positions_mm is not None, "the report has placed them"
    right, front, up = np.asarray(data.positions_mm, np.float64).T
    width = 1.15 * max(np.ptp(right), np.ptp(front), 1.0)
    x = np.concatenate([right, front * -1 + width])  # from the left, the front is at the left
    y = np.concatenate([front, up + front.mean() - up.mean()])
    known = data.values[np.isfinite(data.values)]
    low, high = (float(v) for v in np.quantile(known, [0.02, 0.98])) if known.size else (0.0, 1.0)
    fig = figure(BRAIN_PX, hovermode="closest", margin={"t": 30, "r": 8, "b": 8, "l": 8})
    names = [safe(name) for name in data.names] * 2
    frames = [[_short(value) for value in np.tile(row, 2)] for row in data.values]
    fig.add_scatter(
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        mode="markers",
        marker={
            "size": 13 if len(data.names) <= 120 else 9,
            "color": frames[0],
            "cmin": low,
            "cmax": high if high > low else low + 1.0,
            "colorscale": SEQUENTIAL,
            "colorbar": {"title": {"text": safe(data.unit)}},
            "line": {"width": 0.5, "color": NEUTRAL},
        },
        text=names,
        hovertemplate="%{text}: %{marker.color:.4g}<extra></extra>",
    )
    for at, text in ((float(right.mean()), "from above"), (float(width - front.mean()), "from the left")):
        fig.add_annotation(x=at, y=1.0, yref="paper", yanchor="bottom", text=text, showarrow=False)
    steps = [
        {"method": "restyle", "args": [{"marker.color": [frame]}, [0]], "label": f"{time:.4g}"}
        for time, frame in zip(data.time_s.tolist(), frames, strict=True)
    ]
    fig.update_layout(
        sliders=[{"steps": steps, "active": 0, "currentvalue": {"prefix": "time (s): "}, "pad": {"t": 8}}]
    )
    fig.update_xaxes(visible=False)
    fig.update_yaxes(visible=False, scaleanchor="x")
    return fig


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def topography(data: Topography) -> go.Figure:
    """Return values on the head as colours between the electrodes, which are marked; nose up."""
    side = np.linspace(-EDGE, EDGE, MAP_POINTS)
    across, along = np.meshgrid(side, side)
    points = np.stack([across.ravel(), along.ravel()], axis=1)
    reach = max(1.0, float(np.linalg.norm(data.positions, axis=1).max()))
    inside = (np.linalg.norm(points, axis=1) <= reach) & _near(points, data.positions)
    drawn = np.full(len(points), np.nan)
    known = np.asarray(data.values, np.float64)
    drawn[inside] = np.clip(scalp_map(data.positions, known, points[inside]), known.min(), known.max())
    fig = figure(MAP_PX, hovermode="closest", margin={"t": 30 if data.title else 8, "r": 8, "b": 8, "l": 8})
    if data.title:
        fig.add_annotation(x=0, y=1.0, yref="paper", yanchor="bottom", text=safe(data.title), showarrow=False)
    fig.add_heatmap(
        x=side.astype(np.float32),
        y=side.astype(np.float32),
        z=drawn.reshape(across.shape).astype(np.float32),
        colorscale=SEQUENTIAL,
        colorbar={"title": {"text": safe(data.unit)}},
        hoverinfo="skip",
    )
    fig.add_scatter(
        x=data.positions[:, 0].astype(np.float32),
        y=data.positions[:, 1].astype(np.float32),
        mode="markers",
        marker={"size": 5, "color": NEUTRAL, "line": {"width": 1, "color": "white"}},
        text=[f"{safe(name)}: {value:.4g} {safe(data.unit)}" for name, value in zip(data.names, known, strict=True)],
        hovertemplate="%{text}<extra></extra>",
    )
    line = {"color": NEUTRAL, "width": 2}
    fig.add_shape(type="circle", x0=-1, y0=-1, x1=1, y1=1, line=line)
    for path in (_NOSE, *_EARS):
        fig.add_shape(type="path", path=path, line=line)
    hidden = {"visible": False, "range": [-EDGE, EDGE], "constrain": "domain"}
    fig.update_xaxes(**hidden)
    fig.update_yaxes(**hidden, scaleanchor="x")
    square(fig, 20)
    return fig


def _near(points: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Points that lie among the sensors and not far off, where nothing is known."""
    from scipy.spatial import cKDTree

    tree = cKDTree(places)
    spacing = float(np.median(tree.query(places, k=2)[0][:, 1]))
    return np.asarray(tree.query(points)[0] <= max(0.2, 2 * spacing))


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
        fig.update_yaxes(range=[low - pad, high + pad], nticks=3, row=row, col=1)
        if len(str(name)) <= LONGEST_UPRIGHT:
            fig.update_yaxes(title=safe(name), row=row, col=1)
        else:  # it would run into those of its neighbours
            above = {"xref": "x domain", "yref": "y domain", "x": 0.0, "y": 1.0, "xanchor": "left", "yanchor": "top"}
            fig.add_annotation(text=safe(name), showarrow=False, **above, row=row, col=1)
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
