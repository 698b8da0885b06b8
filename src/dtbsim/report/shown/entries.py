"""Entries of `signals` in the report: what their kinds give as plain data is drawn here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dtbsim.errors import DtbsimError
from dtbsim.report import parts
from dtbsim.report.figures_panel import draw
from dtbsim.report.part import Part
from dtbsim.report.text import safe
from dtbsim.signals import panel as given
from dtbsim.store.run_state import FOLDER, entries_of_kind

if TYPE_CHECKING:
    from dtbsim.report.source import Source
    from dtbsim.signals.stream import Signal


class EntriesPart(Part):
    """Of every kind that has no part of its own: the panel that it gives of each of its entries."""

    def collect(self, source: Source, kind: Signal) -> list[tuple[int, given.Panel]] | None:
        """Return the panels of what is stored, each with the place of its entry in the configuration."""
        entries = list(source.config.get("signals") or {})
        found = []
        for name in entries_of_kind(source.config, kind.name):
            if not source.recorded(f"{FOLDER}/{name}.zarr"):
                continue
            try:
                panel = kind.panel(source.run, name)
            except DtbsimError:
                raise
            except Exception as error:  # noqa: BLE001 - what a kind of another package does must not cost the report
                source.absent.append(f"signal {name} (its panel failed: {type(error).__name__}: {error})")
                continue
            if panel is None:
                source.absent.append(f"signal {name} (there is nothing to show)")
            else:
                found.append((entries.index(name), _placed(panel, source)))
        return found or None

    def sections(self, found: list[tuple[int, given.Panel]]) -> list[parts.Section]:
        """Return the panels of all entries, in the order of the configuration."""
        return [parts.ENTRIES.of([part for place, panel in found for part in panels_of(panel, place)])]


def panels_of(data: given.Panel, place: int) -> list[parts.Panel]:
    """Panels of the report, `place` among others; the text stands over the first figure."""
    texts = [safe(data.text), *([""] * (len(data.figures) - 1))]
    titles = [safe(data.title), *([""] * (len(data.figures) - 1))]
    return [
        parts.Panel(title, text, draw(figure), f"{data.title}: {', '.join(map(str, figure.names))}", order=place)
        for title, text, figure in zip(titles, texts, data.figures, strict=True)
    ]


def _placed(panel: given.Panel, source: Source) -> given.Panel:
    """The panel with the places of regions in its pictures of the brain, or without these where they are not known."""
    atlas = source.atlas
    figures: list[given.Figure] = []
    for figure in panel.figures:
        if not isinstance(figure, given.BrainFrames):
            figures.append(figure)
        elif atlas is not None and atlas.xyz_mm is not None and set(figure.names) <= set(atlas.region_names):
            rows = [atlas.region_names.index(str(name)) for name in figure.names]
            figures.append(replace(figure, positions_mm=np.asarray(atlas.xyz_mm, np.float64)[rows]))
    return replace(panel, figures=figures)


ENTRIES = EntriesPart()
