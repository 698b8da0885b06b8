"""HTML for notebooks: small tables for the `_repr_html_` of objects; everything in them is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

MOST_ROWS = 30
_LONGEST = 300


def facts_html(title: str, facts: Iterable[tuple[str, str]]) -> str:
    """Return a title and a table of label and value."""
    rows = "".join(
        f'<tr><th style="text-align:left">{_cell(label)}</th><td style="text-align:left">{_cell(value)}</td></tr>'
        for label, value in facts
    )
    return f"<div><strong>{_cell(title)}</strong><table>{rows}</table></div>"


def table_html(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a title and a table with a header, of which at most MOST_ROWS rows are shown."""
    if not rows:
        return ""
    head = "".join(f'<th style="text-align:left">{_cell(name)}</th>' for name in header)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align:left">{_cell(cell)}</td>' for cell in row) + "</tr>"
        for row in rows[:MOST_ROWS]
    )
    more = f"<p>... {len(rows):,} in all</p>" if len(rows) > MOST_ROWS else ""
    return f"<div>{_cell(title)}<table><tr>{head}</tr>{body}</table>{more}</div>"


def _cell(text: str) -> str:
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 4] + " ..."
    return html.escape(text).encode("utf-8", "backslashreplace").decode()
