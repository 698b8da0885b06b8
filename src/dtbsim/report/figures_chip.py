"""Figures of mappings: the chip with its cores, messages between them, and distributions before and after rounding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dtbsim.report.figures_common import figure, legend_above
from dtbsim.report.text import safe
from dtbsim.report.theme import ACCENT, CONTRAST, NEUTRAL, SEQUENTIAL, translucent

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
MOST_EMPTY = 2000
_MOST_OUTLINES = 64


def chip_map(
    x: F64,
    y: F64,
    values: F64,
    label: str,
    texts: Sequence[str],
    *,
    outlines: Sequence[tuple[float, float, float, float]] = (),
    empty: tuple[F64, F64] | None = None,
    lines: Sequence[tuple[int, int, float]] = (),
    limit: float | None = None,
) -> go.Figure:
    """Cores as squares where they lie, coloured by `values`, with the strongest `lines` (from, to, share of the most).

    `outlines`: left, top, right, bottom of each chip. `empty`: where cores lie that are not used. `limit`: the end of
    the colours, the same in several figures.
    """
    boxes = np.array([*outlines, (x.min() - 0.5, y.min() - 0.5, x.max() + 0.5, y.max() + 0.5)], np.float64)
    left, top, right, bottom = boxes[:, 0].min(), boxes[:, 1].min(), boxes[:, 2].max(), boxes[:, 3].max()
    width, height = right - left, bottom - top
    px = int(np.clip(420 * height / max(width, 0.35 * height), 240, 620))
    fig = figure(px + 60, hovermode="closest")
    for a, b, share in lines:
        fig.add_scatter(
            x=[x[a], x[b]], y=[y[a], y[b]], mode="lines", hoverinfo="skip",
            line={"width": 0.6 + 5 * share, "color": translucent(CONTRAST, 0.2 + 0.6 * share)},
        )  # fmt: skip
    size = float(np.clip(0.72 * 420 / max(width, height, 1), 5, 34))
    marker = {
        "symbol": "square", "size": size, "color": values, "colorscale": SEQUENTIAL, "cmin": 0,
        "cmax": limit if limit is not None else max(float(values.max(initial=0)), 1e-9),
        "colorbar": {"title": {"text": safe(label)}}, "line": {"width": 0.5, "color": NEUTRAL},
    }  # fmt: skip
    if empty is not None and 0 < empty[0].size <= MOST_EMPTY:
        faint = {"symbol": "square", "size": size, "color": translucent(NEUTRAL, 0.12)}
        fig.add_scatter(x=empty[0], y=empty[1], mode="markers", marker=faint, hoverinfo="skip")
    fig.add_scatter(x=x, y=y, mode="markers", marker=marker, text=list(texts), hovertemplate="%{text}<extra></extra>")
    for x0, y0, x1, y1 in outlines[:_MOST_OUTLINES]:
        fig.add_shape(type="rect", x0=x0, y0=y0, x1=x1, y1=y1, line={"color": NEUTRAL, "width": 1.5})
    pad = 0.1
    fig.update_xaxes(visible=False, range=[left - pad, right + pad])
    fig.update_yaxes(visible=False, range=[bottom + pad, top - pad], scaleanchor="x", scaleratio=1)
    fig.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8})
    return fig


def before_and_after(before: F64, after: F64, label: str, what: str) -> go.Figure:
    """A dot for every item: its value as it was, and as the chip has it."""
    fig = figure(400, hovermode="closest")
    if before.size > 6000:
        chosen = np.linspace(0, before.size - 1, 6000).astype(int)
        before, after = before[chosen], after[chosen]
    fig.add_scatter(x=before, y=after, mode="markers", marker={"color": translucent(ACCENT, 0.35), "size": 4})
    low, high = float(min(before.min(), after.min())), float(max(before.max(), after.max()))
    fig.add_scatter(
        x=[low, high], y=[low, high], mode="lines", line={"color": NEUTRAL, "dash": "dot"}, hoverinfo="skip"
    )
    fig.update_xaxes(title=f"{safe(label)}, {safe(what)}")
    fig.update_yaxes(title=f"{safe(label)}, on the chip")
    return fig


def shares_below(values: Mapping[str, F64], label: str) -> go.Figure:
    """Distributions over each other: the share of the items that are at most as large."""
    fig = figure(340, showlegend=True, legend=legend_above(), hovermode="x unified")
    colours = (NEUTRAL, ACCENT, CONTRAST)
    for k, (name, items) in enumerate(values.items()):
        line = {"color": colours[min(k, 2)], "shape": "hv"}
        at = np.quantile(items, np.linspace(0, 1, 201)) if items.size else np.zeros(0)
        fig.add_scatter(x=at, y=np.linspace(0, 1, at.size), mode="lines", name=safe(name), line=line)
    fig.update_xaxes(title=safe(label))
    fig.update_yaxes(title="share of neurons", range=[0, 1.02])
    return fig


def deviations(names: Sequence[str], chip: F64, seeds: Sequence[F64], label: str) -> go.Figure:
    """How far each population of the chip is from the run, and how far other seeds are."""
    fig = figure(110 + 30 * len(names), showlegend=True, legend=legend_above(), hovermode="closest")
    labels = [safe(name) for name in names]
    for k, values in enumerate(seeds):
        marker = {"symbol": "line-ns-open", "size": 14, "color": NEUTRAL, "line": {"width": 2}}
        fig.add_scatter(
            y=labels, x=values, mode="markers", marker=marker, name="another seed", showlegend=k == 0,
            hovertemplate="%{x:.2f}<extra>another seed</extra>",
        )  # fmt: skip
    marker = {"color": CONTRAST, "size": 10}
    fig.add_scatter(
        y=labels, x=chip, mode="markers", marker=marker, name="the chip", hovertemplate="%{x:.2f}<extra>chip</extra>"
    )
    fig.add_vline(x=0, line={"color": NEUTRAL, "dash": "dot"})
    finite = [abs(v) for values in (chip, *seeds) for v in np.asarray(values).tolist() if math.isfinite(v)]
    reach = 1.15 * max(finite, default=1.0) or 1.0
    fig.update_xaxes(title=safe(label), range=[-reach, reach])
    fig.update_yaxes(autorange="reversed", showgrid=False, ticks="")
    return fig
