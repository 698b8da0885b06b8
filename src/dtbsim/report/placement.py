"""Panels of runs on several ranks: which regions are on which rank, and the traffic before and after ordering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dtbsim.report.data import Brain, FloatArray, ReportData
from dtbsim.report.figures_common import figure
from dtbsim.report.parts import Panel
from dtbsim.report.text import is_number, plural, safe
from dtbsim.report.theme import HUES, NEUTRAL, SEQUENTIAL

TOP_VIEW_PX, STRIP_PX, MATRICES_PX = 460, 210, 400


@dataclass(frozen=True)
class Placed:
    """Names of regions, the rank with most of each, how many ranks each lies on, traffic before and after."""

    names: list[str]
    rank: list[int]
    ranks: list[int]
    given: FloatArray
    placed: FloatArray

    @property
    def n_ranks(self) -> int:
        """Ranks that are drawn."""
        return max(self.rank) + 1


def placement_panels(data: ReportData) -> list[Panel]:
    """Return the panels; none with one rank, for older runs, and where the description is damaged."""
    placed = _placed(data.run.network.get("placement"))
    if placed is None:
        return []
    split = sum(ranks > 1 for ranks in placed.ranks)
    text = (
        "Each region has the colour of the rank that holds most of its neurons. Regions that talk much to each other "
        f"belong on one rank, or on two that follow each other. {plural(split, 'region')} of {len(placed.names):,} "
        f"{'is' if split == 1 else 'are'} shared by several ranks."
    )
    partitioner = data.run.network.get("ranks_per_spike")
    after = (
        "Expected synaptic events per second from the regions of a row to those of a column: left in the order of the "
        "atlas or configuration, right in the order of the ranks. What is near the diagonal on the right stays on a "
        "rank or goes to one close by."
    )
    if is_number(partitioner):
        after += f" A spike is sent to {partitioner:.2f} other ranks on average."
    matrices = Panel("Traffic before and after", after, traffic(placed), "Traffic matrices before and after ordering")
    where = Panel("Regions on ranks", text, regions(placed, data.brain), "Regions coloured by their rank")
    return [where, matrices]


def _placed(given: Any) -> Placed | None:
    if not isinstance(given, dict) or not isinstance(given.get("regions"), list) or not given["regions"]:
        return None
    rows = [row for row in given["regions"] if isinstance(row, dict)]
    if len(rows) != len(given["regions"]) or not all(
        _whole(row.get("rank")) and _whole(row.get("ranks")) for row in rows
    ):
        return None
    matrices = [_matrix(given.get(key)) for key in ("traffic_given", "traffic_placed")]
    if matrices[0] is None or matrices[1] is None or matrices[0].shape != matrices[1].shape:
        return None
    names = [str(row.get("name")) for row in rows]
    return Placed(names, [row["rank"] for row in rows], [row["ranks"] for row in rows], matrices[0], matrices[1])


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _matrix(given: Any) -> FloatArray | None:
    try:
        matrix = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] > 0
    return matrix if square and bool(np.isfinite(matrix).all()) else None


def colours(n_ranks: int) -> dict[str, Any]:
    """Return settings of a colour axis: a hue for each of few ranks, else a scale along which near ranks are alike."""
    if n_ranks > len(HUES):
        return {"colorscale": SEQUENTIAL, "cmin": 0, "cmax": n_ranks - 1}
    edges = [(k + side) / n_ranks for k in range(n_ranks) for side in (0, 1)]
    scale = [[edge, HUES[k // 2][0]] for k, edge in enumerate(edges)]
    return {"colorscale": scale, "cmin": -0.5, "cmax": n_ranks - 0.5}


def regions(data: Placed, brain: Brain | None) -> go.Figure:
    """Return the brain from above, a mark per region coloured by rank; a strip of regions where no brain is known."""
    shown = [
        f"{safe(name)}<br>rank {rank}" + (f" and {ranks - 1} more" if ranks > 1 else "")
        for name, rank, ranks in zip(data.names, data.rank, data.ranks, strict=True)
    ]
    ticks = {"dtick": max(1, -(-data.n_ranks // 8)), "tick0": 0, "title": {"text": "rank"}}
    axis = {**colours(data.n_ranks), "colorbar": ticks}
    place = {} if brain is None else dict(zip(brain.regions, brain.xyz_mm.tolist(), strict=True))
    if not all(name in place for name in data.names):
        fig = figure(STRIP_PX)
        colour = {"colorscale": axis["colorscale"], "zmin": axis["cmin"], "zmax": axis["cmax"], "colorbar": ticks}
        fig.add_heatmap(z=[data.rank], text=[shown], hovertemplate="%{text}<extra></extra>", **colour)
        fig.update_xaxes(title="region, or population", showgrid=False)
        fig.update_yaxes(visible=False)
        return fig
    xyz = np.array([place[name] for name in data.names], dtype=np.float32)
    height = np.argsort(xyz[:, 2], kind="stable")  # what is above is drawn above
    fig = figure(TOP_VIEW_PX, hovermode="closest")
    size = float(np.clip(260 / np.sqrt(len(xyz)), 5, 16))
    fig.add_scatter(
        x=xyz[height, 0],
        y=xyz[height, 1],
        mode="markers",
        marker={
            "color": np.array(data.rank)[height],
            "size": size,
            "line": {"width": 0.5, "color": NEUTRAL},
            **axis,
        },
        text=[shown[i] for i in height],
        hovertemplate="%{text}<extra></extra>",
    )
    fig.update_xaxes(title="x (mm), seen from above", showgrid=False, constrain="domain")
    fig.update_yaxes(title="y (mm)", showgrid=False, scaleanchor="x", constrain="domain")
    return fig


def traffic(data: Placed) -> go.Figure:
    """Return both matrices on one logarithmic scale, beside each other."""
    fig = figure(MATRICES_PX, margin={"l": 24, "r": 16, "t": 28, "b": 24})
    positive = data.given[data.given > 0]
    high = float(np.log10(max(data.given.max(), data.placed.max()))) if positive.size else 0.0
    low = max(float(np.log10(positive.min())), high - 6) if positive.size else -1.0
    both = (("as given", data.given, "", [0.0, 0.45]), ("by rank", data.placed, "2", [0.5, 0.95]))
    for title, matrix, number, domain in both:
        with np.errstate(divide="ignore"):
            z = np.where(matrix > 0, np.maximum(np.log10(matrix), low), np.nan).astype(np.float32)
        fig.add_heatmap(
            z=z,
            xaxis=f"x{number}",
            yaxis=f"y{number}",
            zmin=low,
            zmax=max(high, low + 1e-6),
            colorscale=SEQUENTIAL,
            showscale=number == "2",
            colorbar={"title": {"text": "log10 events/s", "side": "right"}, "x": 0.97, "xanchor": "left"},
            hovertemplate="from %{y} to %{x}: 10^%{z:.2f} events/s<extra></extra>",
        )
        quiet = {"showgrid": False, "showticklabels": False, "ticks": "", "constrain": "domain"}
        x, y = f"xaxis{number}", f"yaxis{number}"
        fig.update_layout(
            {
                x: {**quiet, "domain": domain, "anchor": f"y{number}"},
                y: {**quiet, "autorange": "reversed", "scaleanchor": f"x{number}", "anchor": f"x{number}"},
            }
        )
        middle = sum(domain) / 2
        fig.add_annotation(text=title, x=middle, y=1.0, xref="paper", yref="paper", yanchor="bottom")
    return fig
