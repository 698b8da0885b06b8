"""The page of `dtbsim atlas show --out`: an atlas as pictures, and what is known of where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.errors import StorageError
from dtbsim.report import figures_atlas as draw
from dtbsim.report.brain_values import strongest
from dtbsim.report.collect_brain import brain_of, no_brain
from dtbsim.report.data import Brain, FloatArray
from dtbsim.report.html import header, page
from dtbsim.report.layout import RegionOrder, region_order
from dtbsim.report.parts import Headline, Panel, Section
from dtbsim.report.sections import brain_section
from dtbsim.report.tables import table
from dtbsim.report.text import count, plural, safe, significant

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas

MOST_DENSE = 5000
"""Regions: of more the matrix is not drawn."""


def write_atlas_page(atlas: Atlas, path: Path, imported: Mapping[str, Any] | None = None) -> Path:
    """Write the page of an atlas; `imported` is what `import.json` in its folder says.

    Raises:
        StorageError: it cannot be written.
    """
    text = atlas_page(atlas, imported)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"cannot be written: {error.strerror or error}", where=str(path), remedy="give another --out"
        ) from error
    return path


def atlas_page(atlas: Atlas, imported: Mapping[str, Any] | None = None) -> str:
    """Return the page as HTML."""
    problem = no_brain(atlas)
    brain = None if problem is not None else _brain(atlas)
    order = region_order(atlas.display_names, atlas)
    sections = [
        _brain_section(brain, problem),
        _connectome(atlas, order),
        _measured(atlas, order),
        _origin(atlas, imported or {}),
    ]
    head = header("Atlas", atlas.name, atlas.description, _details(atlas), _tiles(atlas), "", "")
    title = f"{safe(atlas.name)}: dtbsim atlas"
    return page(title, head, [section for section in sections if section is not None], brain)


def _brain(atlas: Atlas) -> Brain:
    edges = []
    if atlas.fc is not None:
        rows, columns = np.triu_indices(atlas.n_regions, 1)
        edges.append(strongest("measured functional", np.stack([rows, columns], axis=1), atlas.fc[rows, columns]))
    return brain_of(atlas, [], edges)


def _brain_section(brain: Brain | None, problem: str | None) -> Section | None:
    if brain is None:
        return Section("brain", "The brain", f"No picture: {safe(problem)}.")
    return brain_section(brain)


def _details(atlas: Atlas) -> list[str]:
    sides = [
        plural(atlas.hemisphere.count("L"), "region") + " left",
        plural(atlas.hemisphere.count("R"), "region") + " right",
    ]
    kind = "symmetric weights" if _symmetric(atlas) else "directed weights"
    unit = [f"weights: {atlas.weights_unit}"] if atlas.weights_unit else []
    return [*(sides if any(atlas.hemisphere) else []), f"{int(atlas.is_cortex.sum())} cortical", kind, *unit]


def _symmetric(atlas: Atlas) -> bool:
    from dtbsim.atlas.connectome import is_symmetric

    return is_symmetric(atlas.weights)


def _tiles(atlas: Atlas) -> list[Headline]:
    possible = max(1, atlas.n_regions * (atlas.n_regions - 1))
    tiles = [
        Headline("regions", count(atlas.n_regions)),
        Headline(
            "connections", count(atlas.n_connections), "", f"{100 * atlas.n_connections / possible:.3g} % of pairs"
        ),
    ]
    lengths = atlas.edges().lengths_mm
    if lengths is not None and lengths.size:
        tiles.append(
            Headline("tract length", significant(float(np.median(lengths))), "mm", f"median, {_source(atlas)}")
        )
    else:
        tiles.append(Headline("tract lengths", "none", "", "no delays from tracts"))
    if atlas.fc is not None:
        rows, columns = np.triu_indices(atlas.n_regions, 1)
        both = _both_ways(atlas)[rows, columns]
        tiles.append(Headline("mean |FC|", significant(float(np.abs(atlas.fc[rows, columns]).mean())), "", "measured"))
        r = _correlation(np.log1p(both / max(both.max(), 1e-300) * 1e4), atlas.fc[rows, columns])
        if r is not None:
            tiles.append(Headline("weights and FC", f"{r:.2f}", "", "r of log weights with FC"))
    return tiles


def _source(atlas: Atlas) -> str:
    return str(atlas.lengths_source)


def _both_ways(atlas: Atlas) -> FloatArray:
    dense = atlas.weights.toarray() if atlas.is_sparse else atlas.weights
    both: FloatArray = (dense + dense.T) / 2
    return both


def _correlation(a: FloatArray, b: FloatArray) -> float | None:
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 2 and a.std() > 0 and b.std() > 0 else None


def _connectome(atlas: Atlas, order: RegionOrder) -> Section:
    edges, symmetric = atlas.edges(), _symmetric(atlas)
    panels = []
    if atlas.n_regions <= MOST_DENSE:
        dense = atlas.weights.toarray() if atlas.is_sparse else atlas.weights
        text = "Rows receive, columns send; colours are logarithmic, pairs without a connection are blank."
        alt = "Matrix of connection weights"
        panels.append(Panel("Weights", text, draw.weight_matrix(dense, order), alt, wide=False))
    if edges.lengths_mm is not None and edges.weights.size:
        panels.append(_lengths_panel(atlas))
    incoming = np.bincount(edges.targets, minlength=atlas.n_regions).astype(np.float64)
    outgoing = np.bincount(edges.sources, minlength=atlas.n_regions).astype(np.float64)
    text = f"Connections of a region: {incoming.min():.0f} to {incoming.max():.0f}."
    panels.append(Panel("Degree", text, draw.degree_distribution(incoming, outgoing, symmetric),
                        "Number of regions over their number of connections", wide=False))  # fmt: skip
    strengths = np.asarray(atlas.in_strength()), np.asarray(atlas.out_strength())
    span = " to ".join(significant(float(value)) for value in (strengths[0].min(), strengths[0].max()))
    text = f"Total weight of a region: {span}."
    panels.append(Panel("Strength", text, draw.strength_distribution(*strengths, symmetric),
                        "Number of regions over their total weight", wide=False))  # fmt: skip
    if edges.weights.size:
        span = f"{significant(float(edges.weights.min()))} to {significant(float(edges.weights.max()))}"
        panels.append(Panel("Weights of connections", f"Weights are {span}.", draw.weight_distribution(edges.weights),
                            "Number of connections over their weight", wide=False))  # fmt: skip
    return Section("connectome", "Connectome", "", panels, order=10)


def _lengths_panel(atlas: Atlas) -> Panel:
    edges = atlas.edges()
    assert edges.lengths_mm is not None
    r = _correlation(np.log(edges.weights), edges.lengths_mm)
    text = f"Lengths are {_source(atlas)}" + ("" if r is None else f"; r with log weights {r:.2f}") + "."
    names = [f"{atlas.display_names[t]} from {atlas.display_names[s]}" for t, s in _pairs(edges.targets, edges.sources)]
    same = _same_side(atlas, edges.targets, edges.sources)
    fig = draw.against_weight(edges.weights, edges.lengths_mm, same, "tract length (mm)", names)
    return Panel("Lengths against weights", text, fig, "Tract length of each connection over its weight", wide=False)


def _pairs(targets: Any, sources: Any) -> list[tuple[int, int]]:
    return list(zip(targets.tolist(), sources.tolist(), strict=True))


def _same_side(atlas: Atlas, rows: Any, columns: Any) -> FloatArray | None:
    """1 where both ends are in one hemisphere, 0 where not, NaN where that is not known; None of no hemispheres."""
    sides = np.array(atlas.hemisphere)
    if not (sides != "").any():
        return None
    known = (sides[rows] != "") & (sides[columns] != "")
    same: FloatArray = np.where(known, (sides[rows] == sides[columns]).astype(np.float64), np.nan)
    return same


def _measured(atlas: Atlas, order: RegionOrder) -> Section | None:
    if atlas.fc is None or atlas.n_regions > MOST_DENSE:
        return None
    rows, columns = np.triu_indices(atlas.n_regions, 1)
    pairs = atlas.fc[rows, columns]
    repetition = "" if atlas.fc_tr_s is None else f", sampled every {significant(atlas.fc_tr_s)} s"
    text = f"Pearson r of measured BOLD{repetition}; mean |r| {significant(float(np.abs(pairs).mean()))}."
    fig = draw.fc_matrix(atlas.fc, order)
    panels = [Panel("Functional connectivity", text, fig, "Matrix of measured correlations", wide=False)]
    both = _both_ways(atlas)[rows, columns]
    there = both > 0
    if there.any():
        r = _correlation(np.log(both[there]), pairs[there])
        text = "A point for each connected pair of regions" + ("." if r is None else f"; r with log weights {r:.2f}.")
        names = [f"{atlas.display_names[a]}, {atlas.display_names[b]}" for a, b in _pairs(rows[there], columns[there])]
        same = _same_side(atlas, rows[there], columns[there])
        fig = draw.against_weight(both[there], pairs[there], same, "measured FC (r)", names)
        panels.append(Panel("FC against weights", text, fig, "Measured correlation over weight", wide=False))
    leave = atlas.fc_leave_one_out
    lead = "" if leave is None else (
        f"Each of {len(leave)} people correlates with the mean of the others at r = {leave.min():.2f} to "
        f"{leave.max():.2f}: no model can be expected to do better."
    )  # fmt: skip
    return Section("measured", "Measured", lead, panels, order=20)


def _origin(atlas: Atlas, imported: Mapping[str, Any]) -> Section | None:
    texts = [
        ("licence", atlas.licence), ("cite", atlas.citation), ("acknowledge", atlas.acknowledgement),
        ("notes", atlas.notes), ("read from", atlas.source),
    ]  # fmt: skip
    rows = [[safe(label), safe(text)] for label, text in texts if text]
    panels = (
        [Panel("", "", body=table(["about", "what the atlas says"], rows, "Origin of the atlas", numbers=False))]
        if rows
        else []
    )
    taken = imported.get("taken") or []
    if taken:
        cells = [
            [safe(one.get("file", "")), safe(one.get("taken_for", "")), safe(one.get("why", ""))] for one in taken[:200]
        ]
        changes = "".join(f"<li>{safe(line)}</li>" for line in imported.get("changes") or [])
        body = table(["file", "taken for", "why"], cells, "Files of the import", numbers=False) + f"<ul>{changes}</ul>"
        panels.append(Panel("Made of these files", "What each was taken for, and what was changed.", body=body))
    return Section("origin", "Origin", "", panels, order=30) if panels else None
