"""Figures of time and memory: stages of the run, and how the network was divided over ranks."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dtbsim.report.data import Performance
from dtbsim.report.figures_common import beside, figure, legend_above
from dtbsim.report.text import safe, seconds
from dtbsim.report.theme import ACCENT, CONTRAST, HUES, NEUTRAL


def stages(data: Performance) -> go.Figure:
    """Return wall time (s) per stage: mean over ranks as bars, the slowest rank as a mark when there are several."""
    shown = [stage for stage in data.stages if stage.max_s > 0]
    names = [safe(stage.name) for stage in shown]
    means = [stage.sum_s / data.n_ranks for stage in shown]
    several = data.n_ranks > 1
    fig = figure(90 + 30 * len(shown), showlegend=several, legend=legend_above(), hovermode="y", bargap=0.35)
    fig.add_bar(
        y=names,
        x=means,
        orientation="h",
        name="mean over ranks",
        marker={"color": ACCENT},
        hovertemplate="%{x:.3g} s<extra>mean over ranks</extra>",
    )
    if several:
        fig.add_scatter(
            y=names,
            x=[stage.max_s for stage in shown],
            mode="markers",
            name="slowest rank",
            marker={"symbol": "line-ns-open", "size": 15, "color": CONTRAST, "line": {"width": 2.5}},
            hovertemplate="%{x:.3g} s<extra>slowest rank</extra>",
        )
    for name, stage, mean in zip(names, shown, means, strict=True):
        fig.add_annotation(x=max(mean, stage.max_s), y=name, text=seconds(mean), xanchor="left", xshift=8)
    top = max([*means, *(stage.max_s for stage in shown), 1e-9])
    beside(fig, [seconds(mean) for mean in means])
    fig.update_xaxes(title="wall time (s)", range=[0, 1.03 * top])
    fig.update_yaxes(autorange="reversed", showgrid=False, ticks="")
    return fig


def rank_shares(data: Performance) -> go.Figure:
    """Return each rank's share of neurons, synapses and predicted work, relative to an even split (100 %)."""
    fig = figure(300, showlegend=True, legend=legend_above(), hovermode="x unified", barmode="group", bargap=0.3)
    ranks = [str(share.rank) for share in data.ranks]
    columns = (
        ("neurons", [share.neurons for share in data.ranks], HUES[0][0]),
        ("synapses", [share.synapses for share in data.ranks], HUES[2][0]),
        ("predicted work", [share.work for share in data.ranks], HUES[1][0]),
    )
    for label, values, colour in columns:
        numbers = np.asarray(values, dtype=float)
        if not numbers.mean() > 0:
            continue
        share = 100 * numbers / numbers.mean()
        fig.add_bar(x=ranks, y=share, name=label, marker={"color": colour}, hovertemplate="%{y:.1f} %")
    fig.add_hline(y=100, line={"color": NEUTRAL, "width": 1.5, "dash": "dash"})
    fig.update_xaxes(title="rank", type="category", ticks="")
    fig.update_yaxes(title="share (% of an even split)")
    return fig
