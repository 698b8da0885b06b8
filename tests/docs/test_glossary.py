"""The glossary: every row whole, in order, and its file there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def rows() -> list[list[str]]:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_term_has_meaning_equivalents_and_a_file() -> None:
    found = rows()
    assert len(found) > 30
    for term, meaning, others, file in found:
        assert term
        assert len(meaning.split()) >= 2, term
        assert others.count(";") == 1, term
        for path in re.findall(r"`([^`]+)`", file):
            assert (ROOT / path).exists(), f"{term}: {path}"


def test_terms_are_in_order() -> None:
    terms = [row[0].lower() for row in rows()]
    assert terms == sorted(terms)


def test_contributing_links_to_it() -> None:
    assert "docs/glossary.md" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
