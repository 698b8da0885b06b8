"""Figures of what was recorded on request: states of single neurons, weights, correlation histograms."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dtbsim.report.data import Correlogram, RecordedStates, RecordedWeights, StateTrace
from dtbsim.report.figures_common import figure, legend_above
from dtbsim.report.text import safe
from dtbsim.report.theme import ACCENT, CONTRAST, HUES, NEUTRAL, translucent

ROW_PX = 190


def states(data: RecordedStates) -> go.Figure:
    """Return every recorded variable against time (s), one above the other; spikes as ticks above the first one."""
    rows = len(data.traces)
    fig = go.Figure(make_subplots(rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.18 / max(rows, 2)))
    fig.update_layout(height=80 + ROW_PX * rows, showlegend=True, legend=legend_above(), hovermode="x unified")
    for row, trace in enumerate(data.traces, start=1):
        _add_trace(fig, data, trace, row)
    if data.spikes_s is not None and data.traces:
        _add_spikes(fig, data)
    fig.update_xaxes(title="time (s)", row=rows, col=1)
    return fig


def _add_trace(fig: go.Figure, data: RecordedStates, trace: StateTrace, row: int) -> None:
    time = data.time_s.astype(np.float32)
    title = f"{safe(trace.variable)} ({trace.unit})" if trace.unit else safe(trace.variable)
    for i, neuron in enumerate(data.neurons):
        fig.add_scatter(
            x=time,
            y=trace.values[:, i].astype(np.float32),
            mode="lines",
            name=safe(neuron),
            legendgroup=str(i),
            showlegend=row == 1,
            line={"width": 1.3, "color": HUES[i % len(HUES)][0]},
            hovertemplate=f"%{{y:.4g}} {trace.unit}",
            row=row,
            col=1,
        )
    if trace.mean is not None:
        fig.add_scatter(
            x=time,
            y=trace.mean.astype(np.float32),
            mode="lines",
            name=f"mean of {data.recorded:,}",
            legendgroup="mean",
            showlegend=row == 1,
            line={"width": 2, "color": NEUTRAL},
            hovertemplate=f"%{{y:.4g}} {trace.unit}",
            row=row,
            col=1,
        )
    fig.update_yaxes(title=title, row=row, col=1)


def _add_spikes(fig: go.Figure, data: RecordedStates) -> None:
    """Mark the spikes of every shown neuron above its trace, in its colour."""
    finite = data.traces[0].values[np.isfinite(data.traces[0].values)]
    if not finite.size:
        return
    top, span = float(finite.max()), float(np.ptp(finite)) or 1.0
    for i, times in enumerate(data.spikes_s or []):
        fig.add_scatter(
            x=times.astype(np.float32),
            y=np.full(len(times), top + (0.08 + 0.08 * i) * span, np.float32),
            mode="markers",
            legendgroup=str(i),
            showlegend=False,
            marker={"symbol": "line-ns-open", "size": 8, "color": HUES[i % len(HUES)][0], "line": {"width": 1.6}},
            hoverinfo="skip",
            row=1,
            col=1,
        )


def weight_course(data: RecordedWeights) -> go.Figure:
    """Return the median weight against time (s) over the range of 80 % of the synapses."""
    fig = figure(320, hovermode="x unified")
    time = data.time_s.astype(np.float32)
    edge = {"width": 0, "color": ACCENT}
    mode = "lines+markers" if len(time) < 12 else "lines"
    fig.add_scatter(x=time, y=data.low.astype(np.float32), mode="lines", line=edge, hoverinfo="skip")
    fig.add_scatter(
        x=time,
        y=data.high.astype(np.float32),
        mode="lines",
        line=edge,
        fill="tonexty",
        fillcolor=translucent(ACCENT, 0.2),
        hoverinfo="skip",
    )
    fig.add_scatter(
        x=time,
        y=data.median.astype(np.float32),
        mode=mode,
        name="median",
        line={"width": 1.8, "color": ACCENT},
        hovertemplate="%{y:.4g}",
    )
    fig.update_xaxes(title="time (s)")
    fig.update_yaxes(title=_weight(data))
    return fig


def weight_distribution(data: RecordedWeights) -> go.Figure:
    """Return the share of synapses (%) by weight, at the first and at the last sample."""
    fig = figure(320, showlegend=True, legend=legend_above(), hovermode="x unified")
    centres = 0.5 * (data.bin_edges[1:] + data.bin_edges[:-1])
    labels = (f"at {data.time_s[0]:g} s", f"at {data.time_s[-1]:g} s")
    for label, share, colour in zip(labels, (data.first, data.last), (NEUTRAL, ACCENT), strict=True):
        fig.add_scatter(
            x=centres.astype(np.float32),
            y=(100 * share).astype(np.float32),
            mode="lines",
            name=label,
            line={"color": colour, "width": 1.8, "shape": "hvh"},
            fill="tozeroy",
            fillcolor=translucent(colour, 0.16),
            hovertemplate="%{y:.2f} %",
        )
    fig.update_xaxes(title=_weight(data))
    fig.update_yaxes(title="synapses (%)", rangemode="tozero")
    return fig


def _weight(data: RecordedWeights) -> str:
    return f"weight ({data.unit})" if data.unit else "weight"


def correlogram(data: Correlogram) -> go.Figure:
    """Return the covariance of the spike counts by lag (ms); at positive ones the second fires after the first."""
    fig = figure(300, hovermode="x")
    with np.errstate(invalid="ignore"):
        chance = [f"{ratio:.3g}" if np.isfinite(ratio) else "not known" for ratio in data.chance]
    fig.add_bar(
        x=data.lag_ms.astype(np.float32),
        y=data.covariance.astype(np.float64),
        customdata=chance,
        marker={"color": ACCENT, "line": {"width": 0}},
        hovertemplate="lag %{x:g} ms: %{y:.3g}<br>%{customdata} times chance<extra></extra>",
    )
    fig.add_vline(x=0, line={"color": CONTRAST, "width": 1.2, "dash": "dash"})
    fig.update_layout(bargap=0)
    fig.update_xaxes(title="lag (ms)")
    fig.update_yaxes(title="covariance (spikes²)", zeroline=True)
    return fig
