"""A page with sections of figures for what is no run, such as sweeps and fits."""

from __future__ import annotations

from collections.abc import Sequence

from dtbsim.report.html import Page, caveats, document, tiles_of
from dtbsim.report.parts import Headline, Section
from dtbsim.report.text import safe


def render_page(
    over: str, title: str, lead: str, notices: Sequence[str], tiles: Sequence[Headline], sections: Sequence[Section]
) -> str:
    """Return the page as HTML text; `lead` and `notices` are texts, which are escaped."""
    page = Page()
    body = "".join(page.section(section, None) for section in sections)
    links = "".join(f"<li><a href='#{section.anchor}'>{safe(section.title)}</a></li>" for section in sections)
    header = (
        f"<header><p class='over'>{safe(over)}</p><h1>{safe(title)}</h1><p class='description'>{safe(lead)}</p>"
        f"<dl class='tiles'>{tiles_of(tiles)}</dl>{caveats(notices)}"
        "<noscript><p>The figures need JavaScript; everything else can be read without it.</p></noscript></header>"
    )
    return document(f"{title}: dtbsim {over.lower()}", header, links, body, page)
