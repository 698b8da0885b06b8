"""Figures of spiking activity: raster, rates over time, per region and per population, single-neuron statistics."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dtbsim.report.data import FloatArray, NeuronStatistics, PopulationRates, Raster, RateCourse, RegionRates
from dtbsim.report.figures_common import (
    beside,
    figure,
    label_groups,
    legend_above,
    log_axis,
    separate_rows,
    thinned,
)
from dtbsim.report.text import safe
from dtbsim.report.theme import BAND, NEUTRAL, SEQUENTIAL, family_colours, translucent

GUIDE_RATE_HZ = (1.0, 15.0)
"""Spontaneous rates of cortical populations in awake animals lie mostly here (Roxin et al. 2011)."""

MAX_VIOLIN_POINTS = 1500
MOST_BARS = 40


def raster(data: Raster) -> go.Figure:
    """Return the spike raster: time (s) across, sampled neurons sorted by population down, one colour per family."""
    height = 600
    colours = family_colours(data.families)
    fig = figure(height, showlegend=len(data.families) <= 4, legend=legend_above(), hovermode=False, dragmode="pan")
    size = 2.0 if len(data.time_s) > 15_000 else 2.8
    for index, family in enumerate(data.families):
        chosen = data.family == index
        fig.add_scattergl(
            x=data.time_s[chosen].astype(np.float32),
            y=data.row[chosen].astype(np.uint16),
            mode="markers",
            name=safe(family),
            marker={"size": size, "color": colours[family], "opacity": 0.85},
        )
    separate_rows(fig, data.groups)
    fig.update_xaxes(title="time (s)", range=[data.start_s, data.stop_s], showgrid=False)
    fig.update_yaxes(range=[data.n_rows - 0.5, -0.5], showgrid=False)
    label_groups(fig, "yaxis", data.groups, taken=80)
    return fig


def rates_by_region(data: PopulationRates, *, guide: bool) -> go.Figure:
    """Return a dot per region and family: mean rate (Hz) against region; `guide` shades the usual rates of cortex."""
    families = list(dict.fromkeys(data.families))
    colours = family_colours(families)
    fig = figure(400, showlegend=True, legend=legend_above())
    regions = list(dict.fromkeys(region for region in data.regions if region is not None))
    place = {region: index for index, region in enumerate(regions)}
    if guide:
        fig.add_hrect(y0=GUIDE_RATE_HZ[0], y1=GUIDE_RATE_HZ[1], fillcolor=BAND, line_width=0, layer="below")
    for family in families:
        chosen = [i for i in data.choose(in_regions=True) if data.families[i] == family]
        if not chosen:
            continue
        fig.add_scatter(
            x=[place[str(data.regions[i])] for i in chosen],
            text=[safe(str(data.regions[i])) for i in chosen],
            y=np.asarray(data.rate_hz, dtype=np.float32)[chosen],
            mode="markers",
            name=safe(family),
            marker={"size": 8, "color": colours[family], "opacity": 0.9},
            hovertemplate="%{text}<br>" + safe(family) + " %{y:.2f} Hz<extra></extra>",
        )
    fig.update_xaxes(tickangle=-90, range=[-1, len(regions)], showgrid=False)
    thinned(fig, "xaxis", range(len(regions)), [safe(region) for region in regions], gap=12, taken=76)
    shown = data.rate_hz[data.choose(in_regions=True)]
    fig.update_yaxes(title="mean rate (Hz)", range=[0, max(_top(shown), 1.1 * GUIDE_RATE_HZ[1] if guide else 0.0)])
    return fig


def rates_by_population(data: PopulationRates) -> go.Figure:
    """Return bars of mean rate (Hz) of the populations outside of regions, published values as diamonds.

    Of more than MOST_BARS populations, the largest are shown.
    """
    colours = family_colours(list(dict.fromkeys(data.families)))
    outside = data.choose(in_regions=False)
    chosen = sorted(sorted(outside, key=lambda i: -int(data.sizes[i]))[:MOST_BARS])
    names = [safe(data.names[i]) for i in chosen]
    fig = figure(
        110 + 30 * len(names), showlegend=bool(data.published_hz), legend=legend_above(), bargap=0.35, hovermode="y"
    )
    rates = np.asarray(data.rate_hz, dtype=float)[chosen]
    fig.add_bar(
        y=names,
        x=rates,
        orientation="h",
        name="this run",
        marker={"color": [colours[data.families[i]] for i in chosen]},
        hovertemplate="%{x:.3f} Hz<extra>this run</extra>",
    )
    for i, name, rate in zip(chosen, names, rates, strict=True):
        if np.isfinite(rate):
            end = max(rate, data.published_hz.get(data.names[i], 0.0))
            fig.add_annotation(x=end, y=name, text=f"{rate:.2f}", xanchor="left", xshift=10)
    beside(fig, [f"{rate:.2f}" for rate in rates])
    published = [(safe(name), data.published_hz[name]) for name in data.names if name in data.published_hz]
    if published:
        fig.add_scatter(
            y=[name for name, _ in published],
            x=[rate for _, rate in published],
            mode="markers",
            name="published",
            marker={"symbol": "diamond-open", "size": 11, "color": NEUTRAL, "line": {"width": 2}},
            hovertemplate="%{x:.3f} Hz<extra>published</extra>",
        )
    fig.update_xaxes(title="mean rate (Hz)", range=[0, _top([*rates, *data.published_hz.values()], 1.03)])
    fig.update_yaxes(autorange="reversed", showgrid=False, ticks="")
    return fig


def rate_course(data: RateCourse) -> go.Figure:
    """Return population rate (Hz) against time (s), a line per family over the 10 to 90 % range of its regions."""
    colours = family_colours(data.families)
    fig = figure(320, showlegend=len(data.families) > 1, legend=legend_above(), hovermode="x unified")
    time = np.asarray(data.time_s, dtype=np.float32)
    for i, family in enumerate(data.families):
        if data.low_hz is not None and data.high_hz is not None:
            edge = {"width": 0, "color": colours[family]}
            fig.add_scatter(x=time, y=_f32(data.low_hz[i]), line=edge, hoverinfo="skip", showlegend=False)
            fig.add_scatter(
                x=time,
                y=_f32(data.high_hz[i]),
                line=edge,
                fill="tonexty",
                fillcolor=translucent(colours[family], 0.18),
                hoverinfo="skip",
                showlegend=False,
            )
    for i, family in enumerate(data.families):
        fig.add_scatter(
            x=time,
            y=_f32(data.mean_hz[i]),
            mode="lines",
            name=safe(family),
            line={"color": colours[family], "width": 1.4},
            hovertemplate="%{y:.2f} Hz",
        )
    fig.update_xaxes(title="time (s)")
    fig.update_yaxes(title="rate (Hz)", rangemode="tozero")
    return fig


def region_rates(data: RegionRates) -> go.Figure:
    """Return a family's rate as an image: regions down, time (s) across, colour in Hz."""
    height = 420
    finite = data.hz[np.isfinite(data.hz)]
    top = float(np.quantile(finite, 0.995)) if finite.size else 0.0
    fig = figure(height)
    fig.add_heatmap(
        z=_f32(data.hz),
        x=_f32(data.time_s),
        y=[safe(name) for name in data.regions],
        zmin=0,
        zmax=top if top > 0 else 1.0,
        colorscale=SEQUENTIAL,
        colorbar={"title": {"text": "Hz"}},
        hovertemplate="%{y}<br>%{x:.1f} s: %{z:.2f} Hz<extra></extra>",
    )
    separate_rows(fig, data.groups)
    fig.update_xaxes(title="time (s)", showgrid=False)
    fig.update_yaxes(autorange="reversed", showgrid=False)
    label_groups(fig, "yaxis", data.groups, taken=70)
    return fig


def neuron_rates(data: NeuronStatistics) -> go.Figure:
    """Return violins of single-neuron rates (Hz, logarithmic axis; silent neurons are left out)."""
    firing = [np.asarray(rates)[np.asarray(rates) > 0] for rates in data.rate_hz]
    fig = _violins(data.families, firing)
    everything = np.concatenate(firing)
    low, high = (everything.min(), everything.max()) if everything.size else (0.1, 10.0)
    fig.update_xaxes(title="rate of single neurons (Hz)", **log_axis(float(low), float(high)))
    return fig


def neuron_irregularity(data: NeuronStatistics) -> go.Figure:
    """Return violins of the CV of inter-spike intervals, with the Poisson process (1) as a line."""
    fig = _violins(data.families, data.cv_isi)
    fig.add_vline(x=1, line={"color": NEUTRAL, "width": 1.5, "dash": "dash"})
    fig.add_annotation(x=1, y=1, yref="paper", yanchor="bottom", text="Poisson")
    high = max((float(np.quantile(cv, 0.999)) for cv in data.cv_isi if cv.size), default=1.0)
    fig.update_xaxes(title="CV of inter-spike intervals", range=[0, max(1.5, 1.08 * high)])
    return fig


def _violins(families: list[str], samples: list[FloatArray]) -> go.Figure:
    colours = family_colours(families)
    fig = figure(max(220, 90 + 46 * len(families)), margin={"t": 26}, hovermode="closest")
    for family, values in zip(families, samples, strict=True):
        shown = _thin(values[np.isfinite(values)])
        if shown.size < 5:
            continue
        fig.add_violin(
            x=_f32(shown),
            y0=safe(family),
            orientation="h",
            points=False,
            box={"visible": True, "width": 0.16},
            meanline={"visible": True},
            line={"color": colours[family], "width": 1.2},
            fillcolor=translucent(colours[family], 0.35),
            spanmode="hard",
            width=0.86,
            hoveron="violins",
            hoverinfo="x+y",
        )
    fig.update_yaxes(autorange="reversed", showgrid=False, ticks="")
    return fig


def _thin(values: FloatArray) -> FloatArray:
    """Return at most MAX_VIOLIN_POINTS values at evenly spaced quantiles, so the shape stays."""
    if values.size <= MAX_VIOLIN_POINTS:
        return values
    return np.asarray(np.quantile(values, (np.arange(MAX_VIOLIN_POINTS) + 0.5) / MAX_VIOLIN_POINTS))


def _f32(values: FloatArray) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)


def _top(values: object, room: float = 1.12) -> float:
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    return room * float(finite.max()) if finite.size and finite.max() > 0 else 1.0
