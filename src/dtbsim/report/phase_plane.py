"""The page of `dtbsim models plot`: phase plane of a region model and scan of a parameter, or a neuron's curve."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dtbsim.backends.probe import Curve
from dtbsim.models import NeuronModel, RegionModel
from dtbsim.models.region_plane import FixedPoint, Node, Scan
from dtbsim.report import theme
from dtbsim.report.plotly_js import BUTTONS, offline_plotlyjs
from dtbsim.report.text import safe

Array = NDArray[np.float64]
GRID = 161
_SYMBOLS = {"stable": "circle", "unstable": "circle-open", "saddle": "x"}
_STYLE = "body{font-family:system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:#1b2733}"
_STYLE += "table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #b9c2cb}"


def plane_figure(node: Node, x: str, y: str, points: list[FixedPoint], low: Array, high: Array) -> go.Figure:
    """Return nullclines of two states, courses and points at rest; other states are at the first point at rest."""
    names = [row.name for row in node.model.states]
    i, j = names.index(x), names.index(y)
    other = points[0].states if points else node.start
    across, up = np.linspace(low[i], high[i], GRID), np.linspace(low[j], high[j], GRID)
    grid = np.repeat(other[:, None], GRID * GRID, axis=1)
    grid[i], grid[j] = np.tile(across, GRID), np.repeat(up, GRID)
    drift = node.drift(grid).reshape(len(names), GRID, GRID)
    figure = go.Figure(layout={"template": theme.template(theme.LIGHT), "height": 560, "legend": {"orientation": "h"}})
    for k, colour in ((i, theme.EXCITATORY), (j, theme.INHIBITORY)):
        figure.add_trace(
            go.Contour(
                x=across,
                y=up,
                z=drift[k],
                showscale=False,
                hoverinfo="skip",
                name=f"d{names[k]}/dt = 0",
                showlegend=True,
                contours={"start": 0.0, "end": 0.0, "size": 1.0, "coloring": "none"},
                line={"color": colour, "width": 2},
            )
        )
    course = node.course(node.start[:, None], 500.0, keep=2)[:, :, 0]
    figure.add_trace(
        go.Scatter(x=course[:, i], y=course[:, j], mode="lines", name="course from the start",
                   line={"color": theme.NEUTRAL, "width": 1})
    )  # fmt: skip
    for point in points:
        symbol = _SYMBOLS[point.kind.split()[0]]
        marker = {"symbol": symbol, "size": 11, "color": "#1b2733"}
        figure.add_trace(
            go.Scatter(x=[point.states[i]], y=[point.states[j]], mode="markers", name=point.kind, marker=marker)
        )
    units = {row.name: row.unit for row in node.model.states}
    figure.update_xaxes(title=_axis(x, units[x]), range=[low[i], high[i]])
    figure.update_yaxes(title=_axis(y, units[y]), range=[low[j], high[j]])
    return figure


def scan_figure(node: Node, found: Scan, state: str) -> go.Figure:
    """Return points at rest and the extrema of courses over a parameter."""
    k = [row.name for row in node.model.states].index(state)
    figure = go.Figure(layout={"template": theme.template(theme.LIGHT), "height": 420, "legend": {"orientation": "h"}})
    for stable, name in ((True, "stable point at rest"), (False, "unstable point at rest")):
        pairs = [
            (value, point.states[k])
            for value, points in zip(found.values, found.points, strict=True)
            for point in points
            if (point.growth < 0.0) == stable
        ]
        marker = {"size": 6, "color": theme.EXCITATORY, "symbol": "circle" if stable else "circle-open"}
        xs, ys = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        figure.add_trace(go.Scatter(x=xs, y=ys, mode="markers", name=name, marker=marker))
    line = {"color": theme.INHIBITORY}
    for values, name in ((found.lowest[k], "lowest"), (found.highest[k], "highest")):
        label = f"{name} value of the course"
        figure.add_trace(go.Scatter(x=found.values, y=values, mode="lines", name=label, line=line))
    row = node.model.parameter(found.parameter)
    figure.update_xaxes(title=_axis(row.name, row.unit))
    figure.update_yaxes(title=_axis(state, node.model.state(state).unit))
    return figure


def plane_page(node: Node, figures: list[tuple[str, go.Figure]], points: list[FixedPoint]) -> str:
    """Return an HTML page that is complete in itself."""
    model = node.model
    head = "".join(f"<th>{safe(row.name)}</th>" for row in model.states)
    rows = "".join(
        f"<tr><td>{safe(point.kind)}</td>{''.join(f'<td>{value:.5g}</td>' for value in point.states)}"
        f"<td>{_eigenvalue(point)}</td></tr>"
        for point in points
    )
    given = ", ".join(f"{name} = {float(np.ravel(value)[0]):g}" for name, value in node.parameters.items())
    table = (
        f"<h2>Points at rest</h2><table><tr><th>kind</th>{head}<th>leading eigenvalue (1/ms)</th></tr>{rows}</table>"
    )
    lead = f"{model.summary}, one region alone."
    return _page(model, lead, f"<p>{safe(given)}</p>{table}", figures)


def curve_figure(curve: Curve) -> go.Figure:
    """Return what a neuron does over a current, or after an event."""
    figure = go.Figure(layout={"template": theme.template(theme.LIGHT), "height": 420})
    figure.add_trace(go.Scatter(x=curve.x, y=curve.y, mode="lines", line={"color": theme.EXCITATORY}, showlegend=False))
    figure.update_xaxes(title=curve.x_label)
    figure.update_yaxes(title=curve.y_label)
    return figure


def curve_page(model: NeuronModel, curve: Curve) -> str:
    """Return an HTML page that is complete in itself."""
    return _page(model, f"{model.summary}, a neuron alone.", "", [(curve.title, curve_figure(curve))])


def _page(model: RegionModel | NeuronModel, lead: str, more: str, figures: list[tuple[str, go.Figure]]) -> str:
    buttons = {"displaylogo": False, "modeBarButtons": [BUTTONS["plane"]]}
    parts = "".join(
        f"<h2>{safe(title)}</h2>{figure.to_html(full_html=False, include_plotlyjs=False, config=buttons)}"
        for title, figure in figures
    )
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{safe(model.name)}</title>"
        f"<style>{_STYLE}</style><script>{offline_plotlyjs()}</script></head><body><h1>{safe(model.name)}</h1>"
        f"<p>{safe(lead)}</p><pre>{safe(model.equations)}</pre>{more}{parts}</body></html>"
    )


def _eigenvalue(point: FixedPoint) -> str:
    leading = point.eigenvalues[point.eigenvalues.real.argmax()]
    turn = f" &plusmn; {abs(leading.imag):.4g} i" if abs(leading.imag) > 1e-9 else ""
    return f"{leading.real:.4g}{turn}"


def _axis(name: str, unit: str) -> str:
    return name if unit == "1" else f"{name} ({unit})"
