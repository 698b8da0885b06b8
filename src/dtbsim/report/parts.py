"""What a report page is made of: sections with panels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class Panel:
    """A titled figure, table, or both; `wide` panels take the full width, others share it in pairs.

    `text` and `body` are HTML; whatever in them comes from a run is escaped. `alt` describes the figure for readers
    who do not see it. Panels of a section stand in the order of `order`.
    """

    title: str
    text: str
    figure: go.Figure | None = None
    alt: str = ""
    body: str = ""
    wide: bool = True
    callout: bool = False
    order: int = 0


@dataclass(frozen=True)
class Section:
    """A part of the report with an anchor, its introduction (HTML) and panels; sections stand in the order of `order`.

    Sections of one anchor, from whatever kinds of recorders they come, become one.
    """

    anchor: str
    title: str
    lead: str
    panels: list[Panel] = field(default_factory=list)
    order: int = 60

    def of(self, panels: list[Panel]) -> Section:
        """Return this section with such panels."""
        return replace(self, panels=panels)


ACTIVITY = Section("activity", "Spiking activity", "", order=10)
RECORDINGS = Section("recordings", "Recordings", "", order=20)
ENTRIES = Section("signals", "Signals", "", order=60)
"""Sections that several kinds of recorders share."""


def joined(sections: Iterable[Section]) -> list[Section]:
    """Return one section for each anchor, those that hold something, in their order."""
    found: dict[str, Section] = {}
    for section in sections:
        same = found.get(section.anchor)
        if same is not None:
            section = replace(same, lead=same.lead or section.lead, panels=[*same.panels, *section.panels])
        found[section.anchor] = section
    ordered = sorted(found.values(), key=lambda section: section.order)
    shown = [section for section in ordered if section.panels or section.lead]
    return [section.of(sorted(section.panels, key=lambda panel: panel.order)) for section in shown]


@dataclass(frozen=True)
class Headline:
    """A number at the top of the report: what, how much, in which unit, and a line that puts it in place."""

    label: str
    value: str
    unit: str = ""
    note: str = ""
    accent: bool = False
