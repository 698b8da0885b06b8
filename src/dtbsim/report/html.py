"""The page: one HTML file with styles, scripts and data inside, which loads nothing from anywhere."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.io.json import to_json_plotly

from dtbsim.report import theme
from dtbsim.report.data import Brain, ReportData
from dtbsim.report.figures_brain import brain_values
from dtbsim.report.parts import Headline, Panel, Section
from dtbsim.report.plotly_js import BUTTONS, offline_plotlyjs
from dtbsim.report.sections import build_sections
from dtbsim.report.sections_run import headlines, meta
from dtbsim.report.text import safe
from dtbsim.version import VERSION

CONTENT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)
"""Browsers enforce with this that the file fetches nothing. plotly's WebGL code compiles functions (`unsafe-eval`)."""

WEBGL = ("scattergl", "mesh3d", "scatter3d")
"""Kinds of traces that need a picture for paper."""

VIEWS = (("left", "Left", "\u2212x"), ("right", "Right", "+x"), ("top", "Top", "+z"), ("front", "Front", "+y"))
"""Views of the brain: what the page's script calls them, and the side that one sees, by name or by axis."""


def render(data: ReportData) -> str:
    """Return the whole report as HTML text."""
    title = f"{safe(data.run.name)}: dtbsim run report"
    return page(title, _header(data), build_sections(data), data.brain)


def page(title: str, header: str, sections: Sequence[Section], brain: Brain | None) -> str:
    """Return a page that is complete in itself; `title` and `header` are HTML, `brain` that of the section `brain`."""
    made = _Page()
    body = "".join(made.section(section, brain) for section in sections)
    links = "".join(f"<li><a href='#{section.anchor}'>{safe(section.title)}</a></li>" for section in sections)
    templates = {"light": theme.template(theme.LIGHT), "dark": theme.template(theme.DARK)}
    return "".join(
        [
            "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n",
            "<meta name='viewport' content='width=device-width, initial-scale=1'>\n",
            f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">\n',
            f"<meta name='generator' content='dtbsim {safe(VERSION)}'>\n",
            f"<title>{title}</title>\n",
            f"<style>\n{_asset('page.css')}</style>\n</head>\n<body>\n<div class='layout'>\n",
            f"<nav aria-label='Sections'><ul>{links}</ul></nav>\n<main>\n{header}\n{body}\n",
            f"<footer>Written by dtbsim {safe(VERSION)}. This file is complete in itself: it loads nothing from ",
            "the network. Figures are drawn by plotly.js (MIT licence).</footer>\n</main>\n</div>\n",
            _json_script("templates", templates),
            _json_script("buttons", BUTTONS),
            *made.scripts,
            f"<script>{offline_plotlyjs()}</script>\n",
            f"<script>\n{_asset('page.js')}</script>\n</body>\n</html>\n",
        ]
    )


class _Page:
    """Numbers the figures while sections are written, and collects their data."""

    def __init__(self) -> None:
        self.scripts: list[str] = []

    def section(self, section: Section, brain: Brain | None) -> str:
        lead = f"<p class='lead'>{section.lead}</p>" if section.lead else ""
        panels = "".join(self.panel(panel, brain if section.anchor == "brain" else None) for panel in section.panels)
        heading = f"<h2>{safe(section.title)}</h2>"
        return f"<section id='{section.anchor}'>{heading}{lead}<div class='panels'>{panels}</div></section>\n"

    def panel(self, panel: Panel, brain: Brain | None) -> str:
        text = f"<div class='words'><h3>{safe(panel.title)}</h3><p>{panel.text}</p></div>" if panel.title else ""
        plot = self.plot(panel.figure, panel.alt) if panel.figure is not None else ""
        if brain is not None:
            plot = self.brain(plot, brain)
        classes = "panel" + (" wide" if panel.wide else "") + (" callout" if panel.callout else "")
        return f"<figure class='{classes}'>{text}{plot}<div>{panel.body}</div></figure>"

    def plot(self, figure: go.Figure, alt: str) -> str:
        name = f"figure-{len(self.scripts)}"
        self.scripts.append(_json_script(name, figure_dict(figure)))
        style = f"height:{figure.layout.height}px"
        plot = f"<div class='plot' data-figure='{name}' style='{style}' role='group' aria-label='{safe(alt)}'></div>"
        if not any(trace.type in WEBGL for trace in figure.data):
            return plot
        return f"<div class='with-still'>{plot}<img class='still' alt='{safe(alt)}'></div>"

    def brain(self, plot: str, brain: Brain) -> str:
        self.scripts.append(_json_script("brain-values", brain_values(brain)))
        values = "".join(f"<option value='{i}'>{safe(value.label)}</option>" for i, value in enumerate(brain.values))
        edges = "".join(f"<option value='{i}'>{safe(edges.label)}</option>" for i, edges in enumerate(brain.edges))
        sided = brain.left_x != 0
        views = "".join(
            f"<button type='button' data-view='{view}'>{name if sided else axis}</button>" for view, name, axis in VIEWS
        )
        controls = f"<label>Colour <select name='value'>{values}</select></label>"
        if edges:
            edges = f"<option value=''>none</option>{edges}"
            controls += f"<label>Connections <select name='edges'>{edges}</select></label>"
        if brain.hulls:
            controls += "<label><input type='checkbox' name='hull' checked> hull</label>"
        return (
            f"<div class='brain' data-values='brain-values'><div class='controls'>{controls}"
            f"<div class='views'>{views}</div></div>{plot}"
            f"<p class='note'>{safe(brain.values[0].note)}</p></div>"
        )


def _header(data: ReportData) -> str:
    run = data.run
    notice = "".join(f"<p class='notice' role='note'>{safe(text)}</p>" for text in run.notice)
    return header("Run report", run.name, run.description, meta(data), headlines(data), notice, warnings_of(data))


def header(
    over: str, title: str, description: str, details: Iterable[str], tiles: Iterable[Headline], notice: str, after: str
) -> str:
    """Return the head of a page: texts, numbers that matter most, and HTML before (`notice`) and after these."""
    described = f"<p class='description'>{safe(description)}</p>" if description else ""
    numbers = "".join(
        f"<div{' class=fit' if tile.accent else ''}><dt>{safe(tile.label)}</dt>"
        f"<dd>{safe(tile.value)}<span>{safe(tile.unit)}</span><small>{safe(tile.note)}</small></dd></div>"
        for tile in tiles
    )
    shown = "".join(f"<span>{safe(item)}</span>" for item in details)
    return (
        f"<header><p class='over'>{safe(over)}</p><h1>{safe(title)}</h1>{described}"
        f"<p class='meta'>{shown}</p>{notice}<dl class='tiles'>{numbers}</dl>{after}"
        "<noscript><p>The figures need JavaScript; everything else can be read without it.</p></noscript></header>"
    )


def warnings_of(data: ReportData) -> str:
    """Return the warnings of the run's summary as a box, nothing where there are none."""
    given = data.run.summary.get("warnings")
    if not isinstance(given, list) or not given:
        return ""
    items = "".join(f"<li>{safe(warning)}</li>" for warning in given)
    return f"<div class='callout warnings'><h2>Before you use these results</h2><ul class='caveats'>{items}</ul></div>"


def figure_dict(figure: go.Figure) -> dict[str, Any]:
    """Return the figure as plain data (arrays in binary form) without plotly's default template.

    Images are stored as 16-bit numbers, which the page's script turns back into values.
    """
    result: dict[str, Any] = figure.to_dict()
    result["layout"].pop("template", None)
    for drawn, trace in zip(figure.data, result["data"], strict=True):
        if drawn.type == "heatmap":
            trace["z"] = quantised(np.asarray(drawn.z, dtype=np.float64))
    return result


def quantised(values: NDArray[np.float64]) -> dict[str, Any]:
    """Return a matrix as int16 (base64, little-endian): value = low + step * (q + 32767); -32768 means none."""
    finite = np.isfinite(values)
    low, high = (float(values[finite].min()), float(values[finite].max())) if finite.any() else (0.0, 0.0)
    step = (high - low) / 65534 or 1.0
    steps = np.where(finite, np.rint((np.where(finite, values, low) - low) / step) - 32767, -32768)
    text = base64.b64encode(steps.astype("<i2").tobytes()).decode("ascii")
    return {"int16": text, "columns": values.shape[1], "low": low, "step": step}


def _json_script(name: str, value: object) -> str:
    """Return data for the page's script; `<` is written so that no text in it can end the element."""
    text = to_json_plotly(value).replace("<", "\\u003c")
    return f"<script type='application/json' id='{name}'>{text}</script>\n"


def _asset(name: str) -> str:
    return resources.files("dtbsim.report").joinpath(name).read_text(encoding="utf-8")
