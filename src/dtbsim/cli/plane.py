"""`dtbsim models plot`: phase plane and scan of a region model, curve of a neuron, as a page or a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.cli.needs import installed
from dtbsim.cli.output import show, table
from dtbsim.errors import EXIT_OK, InputError
from dtbsim.runtime.streams import say

if TYPE_CHECKING:
    from dtbsim.models import NeuronModel, RegionModel

_PAGES = (".html", ".htm")
_VALUES = 61


def plot_model(
    name: str, *, states: str | None, set_: list[str] | None, scan: str | None, values: str | None, out: Path | None
) -> int:
    """Draw a region model alone, with its points at rest, or how a neuron answers to currents."""
    with installed():
        from dtbsim.cli.catalogue import find_any_model
        from dtbsim.models import RegionModel
        from dtbsim.models.synapses import SynapseModel
        from dtbsim.report.still import check_drawable

    model = find_any_model(name)
    path = _target(out, model.name)
    if path.suffix.lower() not in _PAGES:
        check_drawable()
    if isinstance(model, SynapseModel):
        raise InputError(f"'{model.name}' is a model of synapses", remedy="give one of neurons or regions")
    if isinstance(model, RegionModel):
        return _plot_region(model, states, set_ or [], scan, values, path)
    for option, given in (("--states", states), ("--set", set_), ("--scan", scan), ("--values", values)):
        if given:
            raise InputError(f"'{model.name}' is a model of neurons", where=option, remedy="it is for region models")
    return _plot_neuron(model, path)


def _plot_region(
    model: RegionModel, states: str | None, set_: list[str], scan: str | None, values: str | None, path: Path
) -> int:
    """Print the points at rest and draw the phase plane, and a scan of a parameter."""
    with installed():
        import numpy as np

        from dtbsim.models.region_plane import Node
        from dtbsim.models.region_plane import scan as scanned
        from dtbsim.report.phase_plane import plane_figure, plane_page, scan_figure

    if values is not None and scan is None:
        raise InputError("no parameter is scanned", where="--values", remedy="give --scan NAME as well")
    node = Node(model, _parameters(model, set_))
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
    _write(path, model.name, figures, lambda: plane_page(node, figures, points))
    return EXIT_OK


def _plot_neuron(model: NeuronModel, path: Path) -> int:
    """Draw the rate against a constant current, or the answer to an event."""
    with installed():
        from dtbsim.backends.probe import picture_of
        from dtbsim.kernels.first_run import first_run_announced
        from dtbsim.report.phase_plane import curve_figure, curve_page

    with first_run_announced(lambda line: say(f"dtbsim: {line}")):
        curve = picture_of(model)
    if curve is None:
        raise InputError(f"'{model.name}' has no potential and answers to no current", remedy="`dtbsim models show`")
    _write(path, model.name, [(curve.title, curve_figure(curve))], lambda: curve_page(model, curve))
    return EXIT_OK


def _target(out: Path | None, name: str) -> Path:
    with installed():
        from dtbsim.report.still import SUFFIXES

    path = out or Path(f"{name}.html")
    if path.suffix.lower() not in (*_PAGES, *SUFFIXES):
        allowed = ", ".join((*_PAGES, *SUFFIXES))
        raise InputError(f"got {path}", where="--out", remedy=f"allowed: a file that ends in {allowed}")
    return path


def _write(path: Path, title: str, figures: list[tuple[str, Any]], page: Callable[[], str]) -> None:
    with installed():
        from dtbsim.report.still import write_still

    if not figures and path.suffix.lower() not in _PAGES:
        raise InputError(
            f"'{title}' has one state, so no plane to draw", where="--out", remedy="give --scan, or write .html"
        )
    try:
        if path.suffix.lower() in _PAGES:
            path.write_text(page(), encoding="utf-8")
        else:
            write_still(title, figures, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}", remedy="give another --out") from None
    show("", f"written: {path}")


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
