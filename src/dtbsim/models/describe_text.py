"""Pieces of text of which descriptions of models are made."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from dtbsim.models.language.subset import Source


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table for the terminal, indented."""
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]
    lines = ["  ".join(cell.ljust(widths[k]) for k, cell in enumerate(row)).rstrip() for row in [header, *rows]]
    return textwrap.indent("\n".join(lines), "  ")


def markdown_row(cells: Sequence[str]) -> str:
    """Return a row of a table in Markdown."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def function_text(update: Callable[..., object]) -> str:
    """Return the source of a function of a model, as it is shown."""
    lines = Source.of(update).text.rstrip().splitlines()
    return "\n".join(line for line in lines if line.strip() != "@staticmethod")
