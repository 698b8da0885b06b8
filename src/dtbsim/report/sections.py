"""The report's parts in order: for each, a title, words that say what one sees, and figures or tables.

A section appears only when its data is there. Text is HTML; everything that comes from a run is escaped.
"""

from __future__ import annotations

from dtbsim.report.data import Brain, ReportData
from dtbsim.report.figures_brain import brain
from dtbsim.report.members import members_section
from dtbsim.report.part import gathered
from dtbsim.report.parts import Panel, Section, joined
from dtbsim.report.sections_run import performance_section, reproduce_section
from dtbsim.report.text import plural, safe


def build_sections(data: ReportData) -> list[Section]:
    """Return the sections whose data is there, in reading order."""
    of_kinds = gathered(data.found, "sections", data.absent)
    own = [brain_section(data.brain), members_section(data.members), performance_section(data), reproduce_section(data)]
    return joined([*of_kinds, *(section for section in own if section is not None)])


def brain_section(b: Brain | None) -> Section | None:
    """Return the 3-D brain."""
    if b is None or not b.values:
        return None
    known = plural(len(b.regions), "region")
    lead = (
        f"{known} of the atlas <em>{safe(b.atlas)}</em>, each a ball at its centroid; size and colour show the chosen "
        "value. Drag to turn, scroll to zoom, point at a region for its name and value."
    )
    if b.hulls:
        lead += " The grey hulls, drawn around the centroids, help the eye; they are not a measured surface."
    if b.left_x:
        lead += " L and R mark the sides."
    panel = Panel("", "", brain(b), "Centroids of the regions in three dimensions, coloured by a value per region")
    return Section("brain", "The brain", lead, [panel], order=0)
