"""Figures of sweeps and fits: landscapes, convergence, matrices beside each other, posteriors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from dtbsim.report.figures_common import figure, log_axis, square
from dtbsim.report.text import safe
from dtbsim.report.theme import ACCENT, CONTRAST, DIVERGING, NEUTRAL, SEQUENTIAL, translucent

F64 = NDArray[np.float64]
MATRIX_PX = 460


def landscape(
    values: F64,
    scores: Sequence[F64],
    label: str,
    key: str,
    *,
    log: bool = False,
    best: float | None = None,
    lines: Mapping[str, float] | None = None,
) -> go.Figure:
    """Scores along one parameter: a dot for each point, the range of its seeds, baselines as lines."""
    fig = figure(420, hovermode="closest")
    order = np.argsort(values, kind="stable")
    x, means = values[order], np.array([scores[k].mean() for k in order])
    if any(scores[k].size > 1 for k in order):
        low, high = (np.array([function(scores[k]) for k in order]) for function in (np.min, np.max))
        fig.add_scatter(x=x, y=high, mode="lines", line={"width": 0}, hoverinfo="skip")
        fig.add_scatter(
            x=x, y=low, mode="lines", line={"width": 0}, fill="tonexty", fillcolor=translucent(ACCENT, 0.2),
            hoverinfo="skip",
        )  # fmt: skip
    mode = "lines+markers" if len(x) <= 60 else "markers"
    fig.add_scatter(
        x=x, y=means, mode=mode, marker={"color": ACCENT, "size": 6}, line={"width": 1},
        hovertemplate="%{x:.4g}<br>%{y:.4f}<extra></extra>",
    )  # fmt: skip
    for name, value in (lines or {}).items():
        note = {"text": f"{safe(name)} {value:.3f}", "showarrow": False, "xanchor": "left", "yanchor": "bottom"}
        fig.add_hline(y=value, line={"color": NEUTRAL, "dash": "dot"}, annotation=note, annotation_position="top left")
    if best is not None:
        fig.add_vline(x=best, line={"color": CONTRAST, "width": 1})
    axis = log_axis(float(x.min()), float(x.max())) if log else {}
    fig.update_xaxes(title=safe(key), **axis)
    fig.update_yaxes(title=safe(label))
    return fig


def map_of_two(x: F64, y: F64, scores: F64, label: str, keys: tuple[str, str], best: tuple[float, float]) -> go.Figure:
    """Scores over two parameters: a map where the points are a grid, else dots."""
    fig = figure(500, hovermode="closest")
    across, up = np.unique(x), np.unique(y)
    bar = {"title": {"text": safe(label)}}
    if across.size * up.size == x.size:
        z = np.full((up.size, across.size), np.nan)
        z[np.searchsorted(up, y), np.searchsorted(across, x)] = scores
        hover = "%{x:.4g}, %{y:.4g}<br>%{z:.4f}<extra></extra>"
        fig.add_heatmap(x=across, y=up, z=z, colorscale=SEQUENTIAL, colorbar=bar, hovertemplate=hover)
    else:
        marker = {"color": scores, "colorscale": SEQUENTIAL, "size": 8, "colorbar": bar}
        hover = "%{x:.4g}, %{y:.4g}<br>%{marker.color:.4f}<extra></extra>"
        fig.add_scatter(x=x, y=y, mode="markers", marker=marker, hovertemplate=hover)
    star = {"symbol": "star", "size": 14, "color": CONTRAST, "line": {"width": 1, "color": "white"}}
    fig.add_scatter(x=[best[0]], y=[best[1]], mode="markers", marker=star, hoverinfo="skip")
    fig.update_xaxes(title=safe(keys[0]))
    fig.update_yaxes(title=safe(keys[1]))
    return fig


def parallel(values: F64, keys: Sequence[str], scores: F64, label: str) -> go.Figure:
    """Parallel coordinates of all points, coloured by their scores; drag along an axis to choose."""
    fig = figure(460)
    dimensions = [
        {"label": safe(key.rpartition(".")[2] if len(key) > 24 else key), "values": values[:, k]}
        for k, key in enumerate(keys)
    ]
    dimensions.append({"label": safe(label), "values": scores})
    line = {"color": scores, "colorscale": SEQUENTIAL, "showscale": True}
    fig.add_parcoords(dimensions=dimensions, line=line, labelside="bottom")
    fig.update_layout(margin={"t": 30, "b": 60, "l": 60, "r": 60})
    return fig


def convergence(losses: F64, label: str) -> go.Figure:
    """What is made small, point after point, and the least so far."""
    fig = figure(360, hovermode="closest")
    at = np.arange(1, losses.size + 1)
    good = np.isfinite(losses)
    least = np.minimum.accumulate(np.where(good, losses, np.inf))
    marker = {"color": translucent(NEUTRAL, 0.7), "size": 5}
    fig.add_scatter(x=at[good], y=losses[good], mode="markers", marker=marker, name="points")
    if (~good).any() and good.any():
        top = float(losses[good].max())
        cross = {"color": CONTRAST, "size": 6, "symbol": "x"}
        fig.add_scatter(x=at[~good], y=np.full((~good).sum(), top), mode="markers", marker=cross, name="failed")
    seen = np.isfinite(least)
    fig.add_scatter(
        x=at[seen], y=least[seen], mode="lines", line={"color": ACCENT, "width": 2, "shape": "hv"}, name="best"
    )
    fig.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.1})
    fig.update_xaxes(title="point")
    fig.update_yaxes(title=safe(label))
    return fig


def matrices(first: F64, second: F64, names: Sequence[str], titles: tuple[str, str], label: str) -> go.Figure:
    """One square: below the diagonal the first matrix, above it the second."""
    fig = figure(MATRIX_PX + 80, hovermode="closest")
    n = len(first)
    both = np.where(np.tri(n, k=-1, dtype=bool), first, second).astype(np.float64)
    np.fill_diagonal(both, np.nan)
    limit = float(np.nanmax(np.abs(both)))
    axis = [safe(name) for name in names] if len(names) == n else list(range(n))
    fig.add_heatmap(
        x=axis, y=axis, z=both, zmin=-limit, zmax=limit, colorscale=DIVERGING,
        colorbar={"title": {"text": safe(label)}},
        hovertemplate="%{y}<br>%{x}<br>%{z:.3f}<extra></extra>",
    )  # fmt: skip
    fig.update_yaxes(autorange="reversed", showticklabels=n <= 40)
    fig.update_xaxes(showticklabels=n <= 40, title=f"above the diagonal: {safe(titles[1])}; below: {safe(titles[0])}")
    square(fig, 80)
    return fig


def pairs(simulated: F64, measured: F64, label: str) -> go.Figure:
    """A dot for every pair of regions."""
    fig = figure(MATRIX_PX + 80, hovermode="closest")
    at = np.triu_indices(len(measured), 1)
    x, y = measured[at], simulated[at]
    if x.size > 8000:
        chosen = np.linspace(0, x.size - 1, 8000).astype(int)
        x, y = x[chosen], y[chosen]
    fig.add_scatter(x=x, y=y, mode="markers", marker={"color": translucent(ACCENT, 0.35), "size": 4}, hoverinfo="skip")
    low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
    fig.add_scatter(
        x=[low, high], y=[low, high], mode="lines", line={"color": NEUTRAL, "dash": "dot"}, hoverinfo="skip"
    )
    fig.update_xaxes(title=f"measured {safe(label)}")
    fig.update_yaxes(title=f"simulated {safe(label)}")
    return fig


def front(points: F64, labels: tuple[str, str]) -> go.Figure:
    """The Pareto front of the first two objectives."""
    fig = figure(400, hovermode="closest")
    fig.add_scatter(x=points[:, 0], y=points[:, 1], mode="lines+markers", marker={"color": ACCENT})
    fig.update_xaxes(title=safe(labels[0]))
    fig.update_yaxes(title=safe(labels[1]))
    return fig


def corner(
    samples: F64, keys: Sequence[str], bounds: Sequence[tuple[float, float]], best: Sequence[float]
) -> go.Figure:
    """Marginals of a posterior on the diagonal, and below it every pair."""
    p = samples.shape[1]
    fig = make_subplots(p, p, horizontal_spacing=0.06, vertical_spacing=0.06)
    for row in range(p):
        for column in range(row + 1):
            place = {"row": row + 1, "col": column + 1}
            low, high = bounds[column]
            bins = {"start": low, "end": high, "size": (high - low) / 40}
            if row == column:
                fig.add_histogram(x=samples[:, row], xbins=bins, marker={"color": ACCENT}, **place)
                fig.add_vline(x=best[row], line={"color": CONTRAST, "width": 1}, **place)
            else:
                sides = bounds[row]
                fig.add_histogram2d(
                    x=samples[:, column], y=samples[:, row], xbins=bins, showscale=False, colorscale=SEQUENTIAL,
                    ybins={"start": sides[0], "end": sides[1], "size": (sides[1] - sides[0]) / 40}, **place,
                )  # fmt: skip
            fig.update_xaxes(range=[low, high], **place)
            if row == p - 1:
                fig.update_xaxes(title=safe(keys[column]), **place)
            if column == 0 and row > 0:
                fig.update_yaxes(title=safe(keys[row]), **place)
    fig.update_layout(height=max(380, 240 * p), showlegend=False, template=None)
    return fig


def predictive(simulated: F64, measured: F64, label: str) -> go.Figure:
    """Quantiles of features of simulations at draws of the posterior, and the measured ones, in units of their s.d."""
    fig = figure(380, hovermode="closest")
    centre, scale = simulated.mean(axis=0), simulated.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    at = np.arange(simulated.shape[1])
    low, high = (np.quantile((simulated - centre) / scale, q, axis=0) for q in (0.05, 0.95))
    fig.add_scatter(x=at, y=high, mode="lines", line={"width": 0}, hoverinfo="skip")
    fig.add_scatter(
        x=at, y=low, mode="lines", line={"width": 0}, fill="tonexty", fillcolor=translucent(ACCENT, 0.25),
        hoverinfo="skip",
    )  # fmt: skip
    fig.add_scatter(x=at, y=(measured - centre) / scale, mode="markers", marker={"color": CONTRAST, "size": 5})
    fig.update_xaxes(title=safe(label))
    fig.update_yaxes(title="deviation from the mean of the posterior (s.d.)")
    return fig


def calibration(levels: F64, covered: Mapping[str, F64], low: F64, high: F64) -> go.Figure:
    """How often credible intervals hold the true value, over what they promise; grey: what chance allows."""
    fig = figure(400, hovermode="closest", legend={"orientation": "h", "y": 1.1})
    fig.add_scatter(x=levels, y=high, mode="lines", line={"width": 0}, hoverinfo="skip", showlegend=False)
    fig.add_scatter(
        x=levels, y=low, mode="lines", line={"width": 0}, fill="tonexty", fillcolor=translucent(NEUTRAL, 0.25),
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    for name, values in covered.items():
        fig.add_scatter(x=levels, y=values, mode="lines+markers", name=safe(name))
    fig.update_layout(showlegend=True)
    fig.update_xaxes(title="promised", range=[0, 1])
    fig.update_yaxes(title="found", range=[0, 1])
    return fig
