"""Feedback inhibition in the report: J_i and rates by region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dtbsim.report import parts
from dtbsim.report.part import Part
from dtbsim.report.shown.entries import panels_of

if TYPE_CHECKING:
    from dtbsim.report.source import Source
    from dtbsim.signals.panel import Panel
    from dtbsim.signals.stream import Signal


class InhibitionPart(Part):
    """Of every controller."""

    def collect(self, source: Source, kind: Signal) -> list[Panel] | None:
        """Return the panel of each controller that has measured rates."""
        names = [name for name in kind.entries(source.config) if source.recorded(f"{kind.folder}/{name}.zarr")]
        found = [kind.panel(source.run, name) for name in names]
        return [panel for panel in found if panel is not None] or None

    def sections(self, found: list[Panel]) -> list[parts.Section]:
        """Return them beside the entries of `signals`."""
        return [parts.ENTRIES.of([part for k, panel in enumerate(found) for part in panels_of(panel, k)])]


INHIBITION = InhibitionPart()
