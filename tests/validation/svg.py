"""Small pictures as SVG, written by hand: a grid of panels with lines and points. Colours suit light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

WIDTH, HEIGHT = 250, 170
LEFT, RIGHT, TOP, BOTTOM = 50, 10, 26, 36
GREY, OURS, THEIRS, THIRD = "#808080", "#2a7fb8", "#d9822b", "#5aa469"
MOST_POINTS = 400


@dataclass(frozen=True)
class Series:
    """A line, or points with optional error bars (half lengths); `label` is shown once per panel."""

    x: Any
    y: Any
    colour: str = OURS
    label: str = ""
    points: bool = False
    dashed: bool = False
    error: Any = None


@dataclass(frozen=True)
class Panel:
    """One plot; ranges that are not given are those of the data."""

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    log_y: bool = False
    marks: Sequence[float] = field(default=())
    """Horizontal lines."""
    x_ends: tuple[str, str] | None = None
    """What stands at the ends of the x axis; default: its range."""


def picture(panels: Sequence[Panel], columns: int) -> str:
    """The text of an SVG file, the same for the same numbers."""
    rows = -(-len(panels) // columns)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{columns * WIDTH}" height="{rows * HEIGHT}" '
        f'font-family="sans-serif" font-size="10" fill="{GREY}">'
    ]
    for k, panel in enumerate(panels):
        parts.append(f'<g transform="translate({k % columns * WIDTH},{k // columns * HEIGHT})">')
        parts += _panel(panel)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel) -> list[str]:
    x_range = panel.x_range or _range([item.x for item in panel.series])
    y_range = panel.y_range or _range([item.y for item in panel.series])
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def column(x: Any) -> Any:
        return LEFT + (np.clip(x, *x_range) - x_range[0]) / (x_range[1] - x_range[0]) * (right - LEFT)

    def row(y: Any) -> Any:
        low, high, value = (np.log10(np.maximum(v, 1e-12)) if panel.log_y else v for v in (*y_range, y))
        return bottom - (np.clip(value, low, high) - low) / (high - low) * (bottom - TOP)

    parts = [f'<path d="M{LEFT},{TOP}V{bottom}H{right}" fill="none" stroke="{GREY}"/>']
    for mark in panel.marks:
        parts.append(f'<path d="M{LEFT},{float(row(mark)):.1f}H{right}" stroke="{GREY}" stroke-dasharray="2 3"/>')
    for item in panel.series:
        parts += _series(item, column, row)
    return parts + _texts(panel, x_range, y_range)


def _series(item: Series, column: Any, row: Any) -> list[str]:
    x, y = np.asarray(item.x, dtype=float), np.asarray(item.y, dtype=float)
    every = max(1, -(-x.size // MOST_POINTS))
    places = list(zip(column(x[::every]).tolist(), row(y[::every]).tolist(), strict=True))
    if not item.points:
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        dash = ' stroke-dasharray="4 3"' if item.dashed else ""
        return [f'<polyline points="{line}" fill="none" stroke="{item.colour}" stroke-width="1.2"{dash}/>']
    parts = [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.4" fill="{item.colour}"/>' for a, b in places]
    if item.error is not None:
        ends = zip(row(y - np.asarray(item.error)).tolist(), row(y + np.asarray(item.error)).tolist(), strict=True)
        for (a, _), (low, high) in zip(places, ends, strict=True):
            parts.append(f'<path d="M{a:.1f},{low:.1f}V{high:.1f}" stroke="{item.colour}"/>')
    return parts


def _texts(panel: Panel, x_range: tuple[float, float], y_range: tuple[float, float]) -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    middle = (LEFT + right) / 2
    ends = panel.x_ends or (f"{x_range[0]:.3g}", f"{x_range[1]:.4g}")
    texts = [
        (LEFT, 10, "start", GREY, panel.title),
        (LEFT, 21, "start", GREY, panel.y_label),
        (middle, bottom + 24, "middle", GREY, panel.x_label),
        (LEFT - 4, TOP + 6, "end", GREY, f"{y_range[1]:.4g}"),
        (LEFT - 4, bottom, "end", GREY, f"{y_range[0]:.3g}"),
        (LEFT, bottom + 12, "start", GREY, ends[0]),
        (right, bottom + 12, "end", GREY, ends[1]),
    ]
    named = {item.label: item.colour for item in panel.series if item.label}
    texts += [(right, TOP + 8 + 11 * k, "end", colour, label) for k, (label, colour) in enumerate(named.items())]
    return [
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
        for x, y, anchor, colour, text in texts
    ]


def _range(columns: Sequence[Any]) -> tuple[float, float]:
    values = np.concatenate([np.asarray(column, dtype=float) for column in columns])
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)
