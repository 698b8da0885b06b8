"""The page of `dtbsim tune`: the scan of couplings, its edge, the point that was chosen, and what differs there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from dtbsim.report import theme
from dtbsim.report.plotly_js import BUTTONS, offline_plotlyjs
from dtbsim.report.text import safe

if TYPE_CHECKING:
    import pandas as pd

_STYLE = (
    "body{font-family:system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#1b2733}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}td,th{padding:.2em .8em;text-align:right;"
    "border-bottom:1px solid #b9c2cb;white-space:nowrap}td:first-child,th:first-child{text-align:left}"
    ".warn{border-left:4px solid #b3541e;padding:.2em 1em;background:#fbf1ea}.beyond{color:#9a4a17}"
)
_COLOURS = (theme.EXCITATORY, theme.INHIBITORY, "#2e7d4f", "#7b5ea7", "#8a6d1f", "#3d6f8e")
_SHOWN_ROWS = 60


@dataclass(frozen=True)
class TuningPage:
    """What the page shows; `edge` is its lower bound, itself and its upper bound, as factors of the given coupling."""

    name: str
    description: str
    couplings: list[tuple[str, float]]
    knobs: list[str]
    targets_hz: Mapping[str, float]
    table: pd.DataFrame
    changes: list[tuple[str, Any, Any]]
    edge: tuple[float, float, float] | None
    why: str
    point: float
    check: Mapping[str, Any]
    baselines: Mapping[str, float]
    warnings: list[str]


def tuning_page(page: TuningPage) -> str:
    """Return an HTML page that is complete in itself."""
    buttons = {
        "displaylogo": False, "modeBarButtons": [BUTTONS["plane"]], "showSendToCloud": False, "plotlyServerURL": "",
    }  # fmt: skip
    figures = "".join(
        f"<h2>{safe(title)}</h2><p>{safe(text)}</p>"
        f"{figure.to_html(full_html=False, include_plotlyjs=False, config=buttons)}"
        for title, text, figure in _figures(page)
    )
    warnings = "".join(f"<li>{safe(text)}</li>" for text in page.warnings)
    warned = f"<div class='warn'><h2>Before you use it</h2><ul>{warnings}</ul></div>" if warnings else ""
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{safe(page.name)}: tuning</title>"
        f"<style>{_STYLE}</style><script>{offline_plotlyjs()}</script></head><body><h1>{safe(page.name)}: tuning</h1>"
        f"<p>{safe(page.description)}</p><p>{safe(_where(page))}</p>{warned}<h2>What differs</h2>{_changes(page)}"
        f"<h2>At the point chosen</h2><p>In a longer run with another seed.</p>{_check(page)}{figures}"
        f"<h2>The scan</h2>{_table(page)}</body></html>"
    )


def _where(page: TuningPage) -> str:
    if page.edge is None:
        return f"No edge of synchrony; the coupling is {page.point:g} times the given."
    low, edge, high = page.edge
    return (
        f"The edge is at {edge:.4g} times the given coupling (between {low:.4g} and {high:.4g}): {page.why}. The point "
        f"chosen, {page.point:.4g}, is {100 * (1 - page.point / edge):.0f} % below it."
    )


def _changes(page: TuningPage) -> str:
    rows = "".join(
        f"<tr><td>{safe(key)}</td><td>{safe(_number(old))}</td><td>{safe(_number(new))}</td></tr>"
        for key, old, new in page.changes
    )
    return f"<table><tr><th>key</th><th>given</th><th>tuned</th></tr>{rows}</table>" if rows else "<p>Nothing.</p>"


def _check(page: TuningPage) -> str:
    cells = [(key, value) for key, value in page.check.items() if value is not None]
    cells += [(f"baseline: {key.replace('_', ' ')}", value) for key, value in page.baselines.items()]
    rows = "".join(f"<tr><td>{safe(key)}</td><td>{safe(_number(value))}</td></tr>" for key, value in cells)
    return f"<table>{rows}</table>"


def _table(page: TuningPage) -> str:
    names = list(page.table.columns)
    head = "".join(f"<th>{safe(name)}</th>" for name in names)
    rows = []
    for row in page.table.head(_SHOWN_ROWS).to_dict("records"):
        beyond = " class='beyond'" if isinstance(row.get("beyond"), str) else ""
        rows.append(f"<tr{beyond}>{''.join(f'<td>{safe(_number(row[name]))}</td>' for name in names)}</tr>")
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _number(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# -- figures ----------------------------------------------------------------------------------------------------


def _figures(page: TuningPage) -> list[tuple[str, str, go.Figure]]:
    found = []
    for title, text, axis, columns, lines in (
        (
            "Do regions move as one?",
            "Mean correlation of the activity of regions (together), synchrony of neurons, and mean |FC| of BOLD where "
            "it is simulated.",
            "correlation",
            ["together", "synchrony", "mean_abs_fc"],
            {},
        ),
        (
            "Correlation with the measured FC",
            "Of the short runs of this scan; chance is larger the shorter they are.",
            "r of FC",
            ["fc_correlation"],
            {key.replace("_", " "): value for key, value in page.baselines.items()},
        ),
        ("Bursts", "Largest rate of a whole population over its mean.", "largest / mean rate", ["burst"], {}),
        (
            "Rates",
            "Means of populations; dotted: their targets.",
            "Hz",
            [name for name in page.table.columns if str(name).startswith("rate.")],
            {f"target of {name}": value for name, value in page.targets_hz.items()},
        ),
        ("Numbers that hold the rates", "As multiples of the first.", "relative", page.knobs, {}),
    ):
        known = [name for name in columns if name in page.table and page.table[name].notna().any()]
        if known:
            found.append((title, text, _figure(page, known, axis, lines, relative=columns is page.knobs)))
    return found


def _figure(
    page: TuningPage, columns: list[str], axis: str, lines: Mapping[str, float], relative: bool = False
) -> go.Figure:
    """Columns of the table over the factor of the coupling, the edge as a band, the point as a line."""
    figure = go.Figure(layout={"template": theme.template(theme.LIGHT), "height": 380, "legend": {"orientation": "h"}})
    for name, colour in zip(columns, _COLOURS * (len(columns) // len(_COLOURS) + 1), strict=False):
        values = page.table[name].astype(float)
        if relative:
            values = values / values.dropna().iloc[0]
        marks = ["x" if isinstance(why, str) else "circle" for why in page.table["beyond"]]
        marker = {"size": 8, "symbol": marks, "color": colour}
        figure.add_trace(
            go.Scatter(x=page.table["factor"], y=values, mode="lines+markers", name=name, line={"color": colour},
                       marker=marker)
        )  # fmt: skip
    for text, value in lines.items():
        figure.add_hline(
            y=value, line={"dash": "dot", "width": 1}, annotation={"text": f"{text} {value:.3g}"},
            annotation_position="bottom right",
        )  # fmt: skip
    if page.edge is not None:
        low, edge, high = page.edge
        figure.add_vrect(
            x0=low, x1=high, fillcolor="grey", opacity=0.2, line_width=0, annotation={"text": "edge"},
            annotation_position="top right",
        )  # fmt: skip
        figure.add_vline(x=edge, line={"dash": "dash", "width": 1})
    chosen = {"width": 1.5, "color": "#2e7d4f"}
    figure.add_vline(x=page.point, line=chosen, annotation={"text": "chosen"}, annotation_position="top left")
    key, value = page.couplings[0] if page.couplings else ("coupling", 1.0)
    figure.update_xaxes(title=f"{key} / {value:g}")
    figure.update_yaxes(title=axis)
    return figure
