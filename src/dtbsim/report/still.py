"""Figures of plotly as pictures (PNG, SVG, PDF) by matplotlib (extra `plot`): lines, markers and zero contours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.errors import MissingDependencyError
from dtbsim.report import theme

if TYPE_CHECKING:
    import plotly.graph_objects as go

SUFFIXES = (".png", ".svg", ".pdf")
_INCHES, _DOTS = (7.5, 4.8), 160
_MARKERS = {"circle": ("o", True), "circle-open": ("o", False), "x": ("X", True)}
_POINTS_PER_PIXEL = 0.75


def check_drawable() -> None:
    """Raise MissingDependencyError where pictures cannot be made."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            f"pictures need matplotlib, which cannot be imported: {error}",
            remedy="pip install 'dtbsim[plot]', or write a page: --out FILE.html",
        ) from error


def write_still(title: str, figures: list[tuple[str, go.Figure]], path: Path) -> None:
    """Write figures below each other as one picture, in the format of the suffix; nothing half-written is left.

    Raises:
        MissingDependencyError: matplotlib is not there.
        OSError: the file cannot be written.
    """
    check_drawable()
    from matplotlib.figure import Figure

    size = _INCHES[0], _INCHES[1] * max(1, len(figures))
    drawing = Figure(figsize=size, dpi=_DOTS, layout="constrained", facecolor=theme.LIGHT["paper"])
    drawing.suptitle(title)
    for (label, figure), axes in zip(
        figures, drawing.subplots(max(1, len(figures)), squeeze=False)[:, 0], strict=False
    ):
        _draw(axes, label, figure)
    part = path.with_name(f".{path.name}.part")
    try:
        drawing.savefig(part, format=path.suffix[1:].lower())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _draw(axes: Any, label: str, figure: go.Figure) -> None:
    told: set[str] = set()
    for trace in figure.data:
        name = trace.name if trace.name not in told and trace.showlegend is not False else None
        told |= {trace.name}
        if trace.type == "contour":
            _nullcline(axes, trace, name)
        elif trace.mode == "lines":
            axes.plot(trace.x, trace.y, color=trace.line.color, linewidth=trace.line.width or 1.5, label=name)
        else:
            form, filled = _MARKERS[trace.marker.symbol or "circle"]
            axes.plot(
                trace.x, trace.y, form, color=trace.marker.color, label=name, linestyle="none",
                fillstyle="full" if filled else "none", markersize=_POINTS_PER_PIXEL * (trace.marker.size or 6),
            )  # fmt: skip
    for axis, layout in ((axes.xaxis, figure.layout.xaxis), (axes.yaxis, figure.layout.yaxis)):
        axis.set_label_text(layout.title.text or "")
    for limits, layout in ((axes.set_xlim, figure.layout.xaxis), (axes.set_ylim, figure.layout.yaxis)):
        if layout.range is not None:
            limits(*layout.range)
    axes.set_title(label, fontsize="medium")
    if told - {None}:
        axes.legend(fontsize="small", framealpha=0.8, edgecolor="none")


def _nullcline(axes: Any, trace: Any, name: str | None) -> None:
    values = np.asarray(trace.z)
    finite = values[np.isfinite(values)]
    if finite.size and finite.min() < 0.0 < finite.max():  # else it does not pass through what is shown
        axes.contour(trace.x, trace.y, values, levels=[0.0], colors=[trace.line.color], linewidths=trace.line.width)
    axes.plot([], [], color=trace.line.color, linewidth=trace.line.width, label=name)
