"""What a kind of recorder or signal adds to a report: one interface, whose object the kind names (`Signal.report`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dtbsim.config.signals import SIGNALS
from dtbsim.report.parts import Headline, Section
from dtbsim.signals.stream import Signal

if TYPE_CHECKING:
    from dtbsim.report.data import Edges, RegionValue
    from dtbsim.report.source import Source


class Part:
    """Instances hold nothing of a run: `collect` reads it into plain data, the others put that data into the page.

    Only what a kind has to say needs to be defined.
    """

    def collect(self, source: Source, kind: Signal) -> Any:
        """Return what the run holds of the kind, None where there is nothing to show.

        What cannot be shown although it was asked for goes into `source.absent`, with the reason.
        """
        return None

    def sections(self, found: Any) -> list[Section]:
        """Return sections; those of one anchor become one, and all stand in the order of their `order`."""
        return []

    def region_values(self, found: Any, source: Source) -> list[RegionValue]:
        """Return values by which the brain can be coloured, one for each region of `source.atlas`, which is there."""
        return []

    def edges(self, found: Any, source: Source) -> list[Edges]:
        """Return connections between regions of `source.atlas` that can be drawn into the brain."""
        return []

    def headlines(self, found: Any) -> list[Headline]:
        """Return numbers for the top of the report."""
        return []


def part_of(kind: str) -> Part:
    """Return what shows a kind; one of a package that is not installed is shown as every signal is."""
    signal = SIGNALS.find(kind) if kind in SIGNALS.names() else Signal()
    part: Part = signal.report.load()
    return part
