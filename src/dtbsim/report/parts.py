"""What a report page is made of: sections with panels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class Panel:
    """A titled figure, table, or both; `wide` panels take the full width, others share it in pairs.

    `text` and `body` are HTML; whatever in them comes from a run is escaped. `alt` describes the figure for readers
    who do not see it.
    """

    title: str
    text: str
    figure: go.Figure | None = None
    alt: str = ""
    body: str = ""
    wide: bool = True
    callout: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the report with an anchor, its introduction (HTML) and panels."""

    anchor: str
    title: str
    lead: str
    panels: list[Panel] = field(default_factory=list)


@dataclass(frozen=True)
class Headline:
    """A number at the top of the report: what, how much, in which unit, and a line that puts it in place."""

    label: str
    value: str
    unit: str = ""
    note: str = ""
    accent: bool = False
