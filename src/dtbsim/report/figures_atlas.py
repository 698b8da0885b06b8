"""Figures of an atlas: its matrices, how connected its regions are, lengths and FC against weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from dtbsim.report.data import FloatArray
from dtbsim.report.figures_common import (
    figure,
    label_groups,
    legend_above,
    log_axis,
    log_label,
    separate_columns,
    separate_rows,
    square,
)
from dtbsim.report.layout import RegionOrder
from dtbsim.report.text import safe
from dtbsim.report.theme import ACCENT, CONTRAST, DIVERGING, NEUTRAL, SEQUENTIAL

MOST_ROWS = 600
MOST_POINTS = 6000
MOST_BINS = 40
_FEW_BINS = 6
_MATRIX_PX, _PLOT_PX = 500, 420
_BELOW = {"orientation": "h", "y": -0.05, "yanchor": "top", "len": 0.8}


def weight_matrix(weights: FloatArray, order: RegionOrder) -> go.Figure:
    """Return weights as colours on a logarithmic scale; targets down, sources across; no connection is left blank."""
    values = np.where(weights > 0, weights, np.nan)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (1.0, 1.0)
    low = max(low, high * 1e-6)
    decades = np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
    ticks = list(decades) if len(decades) > 1 else [float(np.log10(low)), float(np.log10(high))]
    bar = {
        "title": {"text": "weight", "side": "bottom"},
        "tickvals": ticks,
        "ticktext": [log_label(float(10.0**tick)) for tick in ticks],
    }
    fig = _matrix(np.log10(np.maximum(values, low)), order, np.log10(low), np.log10(high), SEQUENTIAL, bar)
    fig.update_traces(customdata=None, hovertemplate="onto %{y}<br>from %{x}<br>10^%{z:.2f}<extra></extra>")
    fig.update_xaxes(title="source")
    return fig


def fc_matrix(fc: FloatArray, order: RegionOrder) -> go.Figure:
    """Return measured FC as colours, the diagonal blank."""
    values = np.array(fc)
    np.fill_diagonal(values, np.nan)
    finite = np.abs(values[np.isfinite(values)])
    limit = max(float(np.quantile(finite, 0.99)), 0.05) if finite.size else 1.0
    fig = _matrix(values, order, -limit, limit, DIVERGING, {"title": {"text": "r", "side": "bottom"}})
    fig.update_traces(hovertemplate="%{y}<br>%{x}<br>r = %{z:.3f}<extra></extra>")
    return fig


def _matrix(
    values: FloatArray, order: RegionOrder, low: float, high: float, colours: str, bar: Mapping[str, object]
) -> go.Figure:
    thin = -(-len(values) // MOST_ROWS)
    chosen = order.order[::thin]
    names = [safe(order.names[index]) for index in chosen]
    fig = figure(_MATRIX_PX, hovermode="closest", margin={"t": 8, "r": 8, "b": 8})
    fig.add_heatmap(
        z=values[np.ix_(chosen, chosen)].astype(np.float32),
        x=names,
        y=names,
        zmin=low,
        zmax=high if high > low else low + 1.0,
        colorscale=colours,
        colorbar={**bar, **_BELOW},
    )
    fig.update_yaxes(autorange="reversed", showgrid=False, ticks="", constrain="domain", scaleanchor="x")
    fig.update_xaxes(showgrid=False, ticks="", showticklabels=False, constrain="domain")
    square(fig, 20)
    if thin == 1:
        separate_rows(fig, order.groups)
        separate_columns(fig, order.groups)
        label_groups(fig, "yaxis", order.groups, taken=60)
    else:
        fig.update_yaxes(showticklabels=False)
    return fig


def degree_distribution(incoming: FloatArray, outgoing: FloatArray, symmetric: bool) -> go.Figure:
    """Return how many regions have how many connections, float64[n] each; both directions where they differ."""
    shown = [("connections", incoming, ACCENT)] if symmetric else [
        ("onto the region", incoming, ACCENT), ("from the region", outgoing, CONTRAST)
    ]  # fmt: skip
    return _histograms(shown, "connections of a region", "regions", whole=True)


def strength_distribution(incoming: FloatArray, outgoing: FloatArray, symmetric: bool) -> go.Figure:
    """Return how many regions have which total weight, float64[n] each."""
    shown = [("total weight", incoming, ACCENT)] if symmetric else [
        ("onto the region", incoming, ACCENT), ("from the region", outgoing, CONTRAST)
    ]  # fmt: skip
    return _histograms(shown, "total weight of a region", "regions", whole=False)


def weight_distribution(weights: FloatArray) -> go.Figure:
    """Return how many connections have which weight, on a logarithmic axis."""
    fig = figure(_PLOT_PX, hovermode="closest", bargap=0.04)
    low, high = float(weights.min()), float(weights.max())
    edges = np.geomspace(low, high * (1 + 1e-9), MOST_BINS + 1) if high > low else np.array([low * 0.9, high * 1.1])
    counts, edges = np.histogram(weights, edges)
    middles = np.sqrt(edges[:-1] * edges[1:])
    fig.add_bar(
        x=middles,
        y=counts,
        width=0.96 * np.diff(edges),
        marker={"color": ACCENT},
        hovertemplate="weight %{x:.3g}: %{y} connections<extra></extra>",
    )
    fig.update_xaxes(title="weight", **log_axis(low, high))
    fig.update_yaxes(title="connections", rangemode="tozero")
    return fig


def _histograms(shown: Sequence[tuple[str, FloatArray, str]], label: str, of: str, *, whole: bool) -> go.Figure:
    fig = figure(_PLOT_PX, hovermode="closest", barmode="overlay", bargap=0.04)
    everything = np.concatenate([values for _, values, _ in shown])
    low, high = float(everything.min()), float(everything.max())
    width = max((high - low) / MOST_BINS, 1.0 if whole else 1e-12 * max(abs(high), 1.0))
    width = float(np.ceil(width)) if whole else width
    start = low - 0.5 * width if whole else low
    edges = np.arange(start, high + 1.5 * width, width)
    if whole and len(edges) < _FEW_BINS:  # room beside a bar that would fill the figure
        room = _FEW_BINS - len(edges)
        edges = start + width * np.arange(-room, len(edges) + room)
    for name, values, colour in shown:
        counts, _ = np.histogram(values, edges)
        fig.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            name=name,
            width=0.96 * width,
            marker={"color": colour},
            opacity=1.0 if len(shown) == 1 else 0.6,
            hovertemplate="%{x:.4g}: %{y} regions<extra></extra>",
        )
    if len(shown) > 1:
        fig.update_layout(showlegend=True, legend=legend_above())
    fig.update_xaxes(title=label)
    fig.update_yaxes(title=of, rangemode="tozero")
    return fig


def against_weight(
    weights: FloatArray, values: FloatArray, same_side: FloatArray | None, label: str, names: Sequence[str]
) -> go.Figure:
    """Return a point for each connection: `values` over its weight (log axis), by whether both ends are on one side."""
    thin = max(1, -(-len(weights) // MOST_POINTS))
    fig = figure(_PLOT_PX, hovermode="closest")
    kinds = [("connections", np.ones(len(weights), dtype=bool), ACCENT)]
    if same_side is not None:
        known = np.isfinite(same_side)
        kinds = [
            ("within a hemisphere", known & (same_side == 1), ACCENT),
            ("between hemispheres", known & (same_side == 0), CONTRAST),
            ("others", ~known, NEUTRAL),
        ]
        fig.update_layout(showlegend=True, legend=legend_above())
    for name, chosen, colour in kinds:
        index = np.flatnonzero(chosen)[::thin]
        if index.size:
            fig.add_scatter(
                x=weights[index].astype(np.float32),
                y=values[index].astype(np.float32),
                mode="markers",
                name=name,
                marker={"size": 3.6, "color": colour, "opacity": 0.45},
                text=[safe(names[k]) for k in index],
                hovertemplate="%{text}<br>weight %{x:.3g}, %{y:.3g}<extra></extra>",
            )
    fig.update_xaxes(title="weight", **log_axis(float(weights.min()), float(weights.max())))
    fig.update_yaxes(title=label)
    return fig
