"""`dtbsim models plot`: phase plane and scan of a region model, as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dtbsim.cli.needs import installed
from dtbsim.cli.output import show, table
from dtbsim.errors import EXIT_OK, InputError

if TYPE_CHECKING:
    from dtbsim.models import RegionModel

_VALUES = 61


def plot_model(
    name: str, *, states: str | None, set_: list[str] | None, scan: str | None, values: str | None, out: Path | None
) -> int:
    """Print the points at rest of a region model and write a page with its phase plane, and a scan of a parameter."""
    with installed():
        import numpy as np

        from dtbsim.models.region_own import find_region_model
        from dtbsim.models.region_plane import Node
        from dtbsim.models.region_plane import scan as scanned
        from dtbsim.report.phase_plane import plane_figure, plane_page, scan_figure

    model = find_region_model(name)
    node = Node(model, _parameters(model, set_ or []))
    pair = _states(model, states)
    low, high = node.range()
    points = node.fixed_points(*node.search(low, high))
    for point in points:
        room = 0.1 * (high - low)
        low, high = np.minimum(low, point.states - room), np.maximum(high, point.states + room)
    low, high = np.maximum(low, node.low[:, 0]), np.minimum(high, node.high[:, 0])
    rows = [(point.kind, f"{point.growth:.4g}", *(f"{value:.5g}" for value in point.states)) for point in points]
    show(table(("point at rest", "growth (1/ms)", *(row.name for row in model.states)), rows))
    figures = []
    if len(pair) == 2:
        figures.append((f"{pair[0]} and {pair[1]}", plane_figure(node, pair[0], pair[1], points, low, high)))
    if scan is not None:
        first, last = _range(values, scan)
        found = scanned(node, scan, np.linspace(first, last, _VALUES))
        figures.append((f"over {scan}", scan_figure(node, found, pair[0])))
    path = out or Path(f"{model.name}.html")
    try:
        path.write_text(plane_page(node, figures, points), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}", remedy="give another --out") from None
    show("", f"written: {path}")
    return EXIT_OK


def _parameters(model: RegionModel, given: list[str]) -> dict[str, float]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set {text} has no value", remedy="write NAME=VALUE")
        try:
            found[model.parameter(name.strip()).name] = float(value)
        except ValueError:
            raise InputError(f"--set {text}: {value!r} is no number", remedy="write NAME=VALUE") from None
    return found


def _states(model: RegionModel, given: str | None) -> list[str]:
    names = given.split(",") if given else [row.name for row in model.states[:2]]
    found = [model.state(name.strip()).name for name in names]
    if given and len(set(found)) != 2:
        raise InputError(f"--states {given}: two states make a plane", remedy="write X,Y")
    return found


def _range(values: str | None, scan: str) -> tuple[float, float]:
    try:
        first, last = (float(value) for value in (values or "").split(","))
    except ValueError:
        raise InputError(f"--scan {scan} needs --values LOW,HIGH", remedy="give two numbers") from None
    if not first < last:
        raise InputError(f"--values {values}: the first is not below the last")
    return first, last
