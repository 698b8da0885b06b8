"""Figures of BOLD, functional connectivity, its dynamics, and power spectra."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dtbsim.report.data import Bold, FcDynamics, FloatArray, FunctionalConnectivity, SpectrumGroup
from dtbsim.report.figures_common import (
    beside,
    figure,
    label_groups,
    legend_above,
    log_axis,
    separate_columns,
    separate_rows,
    square,
)
from dtbsim.report.text import safe
from dtbsim.report.theme import ACCENT, CONTRAST, DIVERGING, HUES, NEUTRAL, SEQUENTIAL, family_colours, translucent

MAX_SCATTER_POINTS = 6000
MAX_CARPET_CELLS = 150_000
N_TRACES = 6


def bold_traces(data: Bold) -> go.Figure:
    """Return BOLD (% signal change) of a few regions, evenly spread over the regions' order, one above the other."""
    chosen = data.order[np.linspace(0, len(data.order) - 1, min(N_TRACES, len(data.order))).round().astype(int)]
    fig = figure(86 * len(chosen) + 60, hovermode="x unified", margin={"t": 8})
    values = data.percent[:, chosen]
    finite = values[np.isfinite(values)]
    step = 1.15 * float(np.ptp(finite)) if finite.size and np.ptp(finite) > 0 else 1.0
    time = np.asarray(data.time_s, dtype=np.float32)
    for i, region in enumerate(chosen):
        trace = values[:, i] - np.nanmean(values[:, i]) if np.isfinite(values[:, i]).any() else values[:, i]
        fig.add_scatter(
            x=time,
            y=(trace - i * step).astype(np.float32),
            customdata=values[:, i].astype(np.float32),
            mode="lines",
            name=safe(data.regions[region]),
            line={"width": 1.3, "color": HUES[i % 5][0]},
            hovertemplate="%{customdata:.2f} %",
        )
    names = [safe(data.regions[region]) for region in chosen]
    ticks = [-i * step for i in range(len(chosen))]
    fig.update_yaxes(tickvals=ticks, ticktext=names, ticks="", showgrid=False, showline=False)
    fig.update_xaxes(title="time (s)")
    bar = _nice(step / 2)
    fig.add_shape(
        type="line", xref="paper", x0=1.004, x1=1.004, y0=-bar / 2, y1=bar / 2, line={"color": NEUTRAL, "width": 3}
    )
    fig.add_annotation(xref="paper", x=1.008, y=0, xanchor="left", text=f"{bar:g} %", textangle=0)
    fig.update_layout(margin={"t": 8, "r": 64})
    return fig


def bold_carpet(data: Bold) -> go.Figure:
    """Return every region's BOLD as z-scores: regions down, time (s) across (Power 2017, NeuroImage 154:150)."""
    height = 460
    thin = -(-data.percent.size // MAX_CARPET_CELLS)
    z = _standardised(_block_means(data.percent[:, data.order], thin))
    fig = figure(height)
    fig.add_heatmap(
        z=z.T.astype(np.float32),
        x=_block_means(data.time_s[:, None], thin)[:, 0].astype(np.float32),
        y=[safe(data.regions[i]) for i in data.order],
        zmin=-2.5,
        zmax=2.5,
        colorscale=DIVERGING,
        colorbar={"title": {"text": "z"}},
        hovertemplate="%{y}<br>%{x:.1f} s: z = %{z:.2f}<extra></extra>",
    )
    fig.update_xaxes(title="time (s)", showgrid=False)
    fig.update_yaxes(autorange="reversed", showgrid=False, ticks="")
    separate_rows(fig, data.groups)
    label_groups(fig, "yaxis", data.groups, taken=70)
    return fig


def fc_matrix(data: FunctionalConnectivity, matrix: FloatArray) -> go.Figure:
    """Return one FC matrix (Pearson r), regions grouped; both matrices share the colour range."""
    height = 480
    values = _without_diagonal(matrix)[np.ix_(data.order, data.order)]
    names = [safe(data.regions[i]) for i in data.order]
    fig = figure(height, margin={"t": 8, "r": 8, "b": 8})
    limit = fc_limit(data)
    fig.add_heatmap(
        z=values.astype(np.float32),
        x=names,
        y=names,
        zmin=-limit,
        zmax=limit,
        colorscale=DIVERGING,
        colorbar={
            "title": {"text": "Pearson r", "side": "bottom"},
            "orientation": "h",
            "y": -0.01,
            "yanchor": "top",
            "len": 0.8,
        },
        hovertemplate="%{y}<br>%{x}<br>r = %{z:.3f}<extra></extra>",
    )
    fig.update_yaxes(autorange="reversed", showgrid=False, ticks="", constrain="domain")
    fig.update_xaxes(showgrid=False, ticks="", showticklabels=False, constrain="domain")
    fig.update_yaxes(scaleanchor="x")
    separate_rows(fig, data.groups)
    separate_columns(fig, data.groups)
    square(fig, -20)
    label_groups(fig, "yaxis", data.groups, taken=90)
    return fig


def fc_limit(data: FunctionalConnectivity) -> float:
    """Return the symmetric colour limit that both matrices share: the 99 % quantile of |r|."""
    matrices = [data.simulated] if data.empirical is None else [data.simulated, data.empirical]
    upper = np.concatenate([np.abs(m[np.triu_indices(len(m), 1)]) for m in matrices])
    upper = upper[np.isfinite(upper)]
    return max(float(np.quantile(upper, 0.99)), 0.05) if upper.size else 1.0


def fc_scatter(data: FunctionalConnectivity) -> go.Figure:
    """Return simulated against empirical FC, a point per pair of regions, within and between hemispheres."""
    if data.empirical is None:
        raise ValueError("no empirical FC")
    rows, columns = np.triu_indices(len(data.simulated), 1)
    x, y = data.empirical[rows, columns], data.simulated[rows, columns]
    good = np.isfinite(x) & np.isfinite(y)
    side = np.array(data.hemisphere)
    sided = (side[rows] != "") & (side[columns] != "")
    same = side[rows] == side[columns]
    thin = max(1, int(np.ceil(good.sum() / MAX_SCATTER_POINTS)))
    fig = figure(430, showlegend=True, legend=legend_above(), hovermode="closest")
    labels = [
        ("within a hemisphere", good & sided & same, ACCENT),
        ("between hemispheres", good & sided & ~same, CONTRAST),
        ("other pairs", good & ~sided, NEUTRAL),
    ]
    labels = [(label, chosen, colour) for label, chosen, colour in labels if chosen.any()]
    if len(labels) < 2:
        labels = [("pairs of regions", good, ACCENT)]
    for label, chosen, colour in labels:
        index = np.flatnonzero(chosen)[::thin]
        fig.add_scatter(
            x=x[index].astype(np.float32),
            y=y[index].astype(np.float32),
            mode="markers",
            name=label,
            marker={"size": 3.6, "color": colour, "opacity": 0.45},
            text=[safe(f"{data.regions[rows[k]]} - {data.regions[columns[k]]}") for k in index],
            hovertemplate="%{text}<br>measured %{x:.2f}, simulated %{y:.2f}<extra></extra>",
        )
    if good.sum() > 2 and np.ptp(x[good]) > 0:
        slope, offset = np.polyfit(x[good].astype(float), y[good].astype(float), 1)
        ends = np.array([x[good].min(), x[good].max()], dtype=float)
        fig.add_scatter(
            x=ends,
            y=slope * ends + offset,
            mode="lines",
            showlegend=False,
            line={"color": NEUTRAL, "width": 2},
            hoverinfo="skip",
        )
    fig.update_xaxes(title="measured FC (r)")
    fig.update_yaxes(title="simulated FC (r)")
    return fig


def fc_baselines(data: FunctionalConnectivity) -> go.Figure:
    """Return the FC correlation of this run among its baselines, on one axis from zero."""
    if data.correlation is None:
        raise ValueError("no FC correlation")
    entries = [(b.label, b.value, b.low, b.high, NEUTRAL) for b in data.baselines]
    entries.append(("this run", data.correlation, None, None, CONTRAST))
    entries.sort(key=lambda entry: entry[1])
    fig = figure(430, hovermode=False, margin={"t": 6})
    beside(fig, ["0.00"])
    for label, value, low, high, colour in entries:
        name = f"<b>{safe(label)}</b>" if label == "this run" else safe(label)
        if low is not None and high is not None:
            ends = {"color": colour, "width": 9}
            fig.add_scatter(x=[low, high], y=[name, name], mode="lines", line=ends)
            text, place = f"{value:.2f}", high
        else:
            fig.add_scatter(x=[0, value], y=[name, name], mode="lines", line={"color": colour, "width": 2})
            fig.add_scatter(x=[value], y=[name], mode="markers", marker={"size": 13, "color": colour})
            text, place = f"{value:.2f}", value
        fig.add_annotation(x=place, y=name, text=f"<b>{text}</b>", xanchor="left", xshift=12)
    low_end = min(0.0, min(entry[1] for entry in entries))
    fig.update_xaxes(title="r with the measured FC", range=[1.1 * low_end, 1.02], zeroline=True)
    fig.update_xaxes(tickvals=[-1, -0.5, 0, 0.25, 0.5, 0.75, 1], ticktext=["-1", "-0.5", "0", "", "0.5", "", "1"])
    fig.update_yaxes(showgrid=False, ticks="", showline=False)
    return fig


def fcd_matrix(data: FcDynamics) -> go.Figure:
    """Return the FCD matrix: correlation of the FCs of every two windows, at their centre times (s)."""
    fig = figure(430, margin={"t": 8})
    time = np.asarray(data.time_s, dtype=np.float32)
    fig.add_heatmap(
        z=np.asarray(data.matrix, dtype=np.float32),
        x=time,
        y=time,
        zmin=0,
        zmax=1,
        colorscale=SEQUENTIAL,
        colorbar={"title": {"text": "r"}},
        hovertemplate="windows at %{x:.0f} s and %{y:.0f} s<br>r = %{z:.3f}<extra></extra>",
    )
    fig.update_xaxes(title="window centre (s)", constrain="domain", showgrid=False)
    fig.update_yaxes(
        title="window centre (s)", autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False
    )
    square(fig, -50)
    return fig


def fcd_distribution(data: FcDynamics) -> go.Figure:
    """Return the distribution of FCD values (density), simulated and, where known, measured."""
    fig = figure(430, showlegend=True, legend=legend_above(), hovermode="x unified")
    centres = 0.5 * (data.bin_edges[1:] + data.bin_edges[:-1])
    pairs = [("simulated", data.density, ACCENT)]
    if data.empirical_density is not None:
        pairs.append(("measured", data.empirical_density, CONTRAST))
    for label, density, colour in pairs:
        fig.add_scatter(
            x=centres.astype(np.float32),
            y=np.asarray(density, dtype=np.float32),
            mode="lines",
            name=label,
            line={"color": colour, "width": 1.8, "shape": "hvh", "dash": "solid" if label == "simulated" else "dot"},
            fill="tozeroy",
            fillcolor=translucent(colour, 0.14),
            hovertemplate="%{y:.2f}",
        )
    used = centres[np.sum([density for _, density, _ in pairs], axis=0) > 1e-3 * max(np.max(d) for _, d, _ in pairs)]
    if used.size:
        fig.update_xaxes(range=[max(used.min() - 0.05, -1.0), min(used.max() + 0.05, 1.0)])
    fig.update_xaxes(title="FCD value (r)")
    fig.update_yaxes(title="probability density", rangemode="tozero")
    return fig


def spectrum(data: SpectrumGroup) -> go.Figure:
    """Return power spectral densities on double logarithmic axes, with the 10 to 90 % range over regions."""
    labels = [s.label for s in data.spectra]
    colours = family_colours(labels) if len(labels) > 1 else dict.fromkeys(labels, ACCENT)
    fig = figure(360, showlegend=len(labels) > 1, legend=legend_above(), hovermode="x unified")
    for s in data.spectra:
        x = np.asarray(s.frequency_hz, dtype=np.float32)
        if s.low is not None and s.high is not None:
            edge = {"width": 0, "color": colours[s.label]}
            fig.add_scatter(x=x, y=_positive(s.low), line=edge, hoverinfo="skip", showlegend=False)
            fig.add_scatter(
                x=x,
                y=_positive(s.high),
                line=edge,
                fill="tonexty",
                fillcolor=translucent(colours[s.label], 0.18),
                hoverinfo="skip",
                showlegend=False,
            )
        fig.add_scatter(
            x=x,
            y=_positive(s.power),
            mode="lines",
            name=safe(s.label),
            line={"width": 1.8, "color": colours[s.label]},
            hovertemplate="%{y:.3g}",
        )
    frequency = np.concatenate([s.frequency_hz for s in data.spectra])
    power = np.concatenate([_positive(v) for s in data.spectra for v in (s.power, s.low, s.high) if v is not None])
    fig.update_xaxes(title="frequency (Hz)", **log_axis(float(frequency.min()), float(frequency.max())))
    if np.isfinite(power).any():
        fig.update_yaxes(**log_axis(float(np.nanmin(power)), float(np.nanmax(power))))
    fig.update_yaxes(title=f"power ({safe(data.unit)})")
    return fig


def _block_means(values: FloatArray, length: int) -> FloatArray:
    """Return means of `length` successive rows; an incomplete last block is left out."""
    whole = len(values) // length * length
    return np.asarray(values[:whole].reshape(-1, length, values.shape[1]).mean(axis=1), dtype=np.float64)


def _standardised(values: FloatArray) -> FloatArray:
    """Return each column as z-scores of its finite values; NaN where there are none, or all are equal."""
    masked = np.ma.masked_invalid(np.asarray(values, dtype=float))
    spread = np.ma.masked_less_equal(masked.std(axis=0), 0.0)
    return np.asarray(((masked - masked.mean(axis=0)) / spread).filled(np.nan), dtype=np.float64)


def _positive(values: FloatArray) -> FloatArray:
    """Return float32 with everything that a logarithmic axis cannot show as NaN."""
    result = np.asarray(values, dtype=np.float32).copy()
    result[~(result > 0)] = np.nan
    return result


def _without_diagonal(matrix: FloatArray) -> FloatArray:
    result = np.array(matrix, dtype=float)
    np.fill_diagonal(result, np.nan)
    return result


def _nice(value: float) -> float:
    """Return the 1, 2 or 5 times a power of ten at or below `value`."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * max(step for step in (1, 2, 5) if step * power <= value * (1 + 1e-9)))
