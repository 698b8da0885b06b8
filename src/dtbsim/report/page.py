"""A page with sections of figures for sweeps and fits."""

from __future__ import annotations

from collections.abc import Sequence

from dtbsim.report.html import caveats, header, page
from dtbsim.report.parts import Headline, Section
from dtbsim.report.text import safe


def render_page(
    over: str, title: str, lead: str, notices: Sequence[str], tiles: Sequence[Headline], sections: Sequence[Section]
) -> str:
    """Return the page as HTML text; `lead` and `notices` are texts, which are escaped."""
    head = header(over, title, lead, [], tiles, "", caveats(notices))
    return page(f"{safe(title)}: dtbsim {safe(over.lower())}", head, sections, None)
