"""The report of a mapping: the chip with its cores before and after placement, traffic, energy, rounding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.mapping.links import F64, I64
from dtbsim.mapping.loads import capacities, fullness
from dtbsim.mapping.mapping import Mapping
from dtbsim.report.parts import Headline, Panel, Section
from dtbsim.report.tables import table
from dtbsim.report.text import count, safe, significant
from dtbsim.store.files import page_with_checksum, write_text

if TYPE_CHECKING:
    from dtbsim.mapping.compare import Comparison

_LINES = 100


def write_page(made: Mapping, path: Path, comparison: Comparison | None = None) -> None:
    """Write the report, with what a run as the chip would showed if there was one. Raises StorageError."""
    from dtbsim.mapping.quantisation import quantisation_sections
    from dtbsim.report.page import render_page

    title = f"{made.name} on {made.chip.title}"
    lead = f"{made.method[0].upper()}{made.method[1:]}. {made.chip.title}: {made.chip.description}."
    notices = [*made.notes, *([] if comparison is None else comparison.warnings)]
    sections = [Section("chip", "The chip", _lead(made), list(_panels(made))), _resources(made), _energy(made)]
    sections += quantisation_sections(made, comparison)
    if made.losses:
        sections.append(_losses(made))
    page = render_page("Mapping", title, lead, notices, list(_tiles(made, comparison)), sections)
    write_text(path, page_with_checksum(page))


def _tiles(made: Mapping, comparison: Comparison | None) -> Iterator[Headline]:
    sizes, traffic = made.sizes, made.traffic
    yield Headline("Neurons", count(sizes["neurons"]), note=f"{count(sizes['synapses'])} synapses")
    yield Headline("Cores", count(sizes["cores"]), note=f"on {count(sizes['chips'])} of {safe(made.chip.name)}")
    yield Headline("Messages", count(traffic.messages), "per s", f"{count(traffic.between_cores)} between cores")
    if made.before.hops > 0:
        saved = 100 * (1 - traffic.hops / made.before.hops)
        yield Headline("Links travelled", count(traffic.hops), "per s", f"{significant(saved)} % fewer by placement")
    joules = made.energy.joules
    if joules > 0:
        yield Headline("Energy", significant(1e3 * joules), "mJ per s", "an estimate from published costs")
    if comparison is not None:
        yield Headline(
            "Spikes on the chip", f"{comparison.spike_change_percent:+.1f}", "%",
            f"other seeds: {comparison.seeds_text}", accent=True,
        )  # fmt: skip


def _lead(made: Mapping) -> str:
    text = "Every square is a core; faint ones have no neurons."
    return f"{text} Lines are the strongest messages." if made.placed.n_cores > 1 else text


def core_positions(made: Mapping, slots: I64) -> tuple[F64, F64]:
    """float64[used] each: where cores are drawn; those of one tile lie beside each other in it."""
    mesh = made.placed.mesh
    per_tile = np.bincount(mesh.y * (int(mesh.x.max()) + 1) + mesh.x).max()
    side = int(np.ceil(np.sqrt(per_tile)))
    tile = mesh.y * (int(mesh.x.max()) + 1) + mesh.x
    order = np.argsort(tile, kind="stable")
    start = np.concatenate(([True], tile[order][1:] != tile[order][:-1]))
    first = np.maximum.accumulate(np.where(start, np.arange(order.size), 0))
    within = np.empty(order.size, np.int64)
    within[order] = np.arange(order.size) - first
    step = 1.0 if side == 1 else 0.86 / side
    x = mesh.x[slots] + (within[slots] % side - (side - 1) / 2) * step
    y = mesh.y[slots] + (within[slots] // side - (side - 1) / 2) * step
    return x * (side if side > 1 else 1), y * (side if side > 1 else 1)


def _outlines(made: Mapping) -> list[tuple[float, float, float, float]]:
    mesh, used = made.placed.mesh, np.unique(made.placed.mesh.chip[made.placed.order])
    x, y = core_positions(made, np.arange(mesh.x.size))
    found = []
    for chip in used.tolist():
        inside = mesh.chip == chip
        gap = 0.5
        corners = float(x[inside].min()), float(y[inside].min()), float(x[inside].max()), float(y[inside].max())
        found.append((corners[0] - gap, corners[1] - gap, corners[2] + gap, corners[3] + gap))
    return found


def _strongest(made: Mapping) -> list[tuple[int, int, float]]:
    both = (made.between + made.between.T).tocoo()
    keep = (both.row < both.col) & (both.data > 0)
    row, col, data = both.row[keep], both.col[keep], both.data[keep]
    order = np.argsort(-data, kind="stable")[:_LINES]
    most = float(data[order[0]]) if order.size else 1.0
    return [(int(row[k]), int(col[k]), float(data[k]) / most) for k in order.tolist()]


def _panels(made: Mapping) -> Iterator[Panel]:
    from dtbsim.report.figures_chip import chip_map

    plain, order = np.arange(made.placed.n_cores), made.placed.order
    full = 100 * fullness(made.loads, made.chip)
    sums = np.asarray(made.between.sum(axis=0)).ravel() + np.asarray(made.between.sum(axis=1)).ravel()
    lines, outlines = _strongest(made), _outlines(made)
    x, y = core_positions(made, order)
    unused = np.setdiff1d(np.arange(made.placed.mesh.x.size), order)
    drawn: dict[str, Any] = {"outlines": outlines, "empty": core_positions(made, unused)}
    texts = list(_texts(made, order, full, sums))
    yield Panel(
        "Load", "How much of its scarcest resource each core uses.",
        chip_map(x, y, full, "full (%)", texts, limit=100.0, **drawn), "Cores coloured by their load", wide=False,
    )  # fmt: skip
    yield Panel(
        "Traffic, as placed", f"Messages of every core; {count(made.traffic.hops)} links travelled per second.",
        chip_map(x, y, sums, "per s", texts, lines=lines, **drawn), "Cores coloured by messages", wide=False,
    )  # fmt: skip
    if not np.array_equal(order, plain):
        x0, y0 = core_positions(made, plain)
        yield Panel(
            "Traffic before placement",
            f"The same cores in the order of the partition; {count(made.before.hops)} links travelled per second.",
            chip_map(x0, y0, sums, "per s", texts, lines=lines, **drawn),
            "Cores coloured by messages, before placement", wide=False,
        )  # fmt: skip


def _texts(made: Mapping, order: I64, full: F64, sums: F64) -> Iterator[str]:
    loads = made.loads
    for k in range(order.size):
        yield (
            f"core {int(order[k])}: {int(loads.neurons[k]):,} neurons, {int(loads.synapses[k]):,} synapses<br>"
            f"{full[k]:.0f} % full, {count(float(sums[k]))} messages per second"
        )


def _resources(made: Mapping) -> Section:
    rows = []
    for name, path in capacities(made.chip):
        used = getattr(made.loads, name)
        if used is not None and used.size:
            limit = made.chip[path]
            numbers = [
                count(float(used.mean())),
                count(int(used.max())),
                count(limit),
                f"{100 * used.max() / limit:.0f} %",
            ]
            rows.append([safe(name.replace("_", " ")), *numbers, safe(made.chip.cited(path))])
    header = ("of a core", "mean", "most", "limit", "used", "source of the limit")
    unknown = ", ".join(path for path in made.chip.unknown if not path.startswith("energy."))
    note = f"<p class='note'>Not checked, because the description of the chip does not say it: {safe(unknown)}.</p>"
    body = table(header, rows, "Resources of cores") + note
    return Section("resources", "Resources", "", [Panel("What cores hold", "", body=body)])


def _energy(made: Mapping) -> Section:
    rows = []
    for cost in made.energy.costs:
        joules = "not checked" if cost.joules is None else f"{significant(1e6 * cost.joules)} &micro;J"
        rows.append([safe(cost.what), count(cost.count), joules, safe(cost.source)])
    lead = "For a second of biological time: events times published costs. An estimate, not a measurement."
    body = table(("what", "per second", "energy", "source of the cost"), rows, "Energy")
    return Section("energy", "Energy", lead, [Panel("Parts", "", body=body)])


def _losses(made: Mapping) -> Section:
    rows = [[safe(loss.what), safe(loss.where), safe(loss.instead)] for loss in made.losses]
    body = table(("what", "where", "on the chip"), rows, "What the chip does otherwise", numbers=False)
    return Section("losses", "What the chip does otherwise", "", [Panel("List", "", body=body)])
