"""The page of the documentation is what the stored results say; everything on it holds; its links lead somewhere."""

from __future__ import annotations

import re

from tests.validation import page


def test_page_and_pictures_are_those_of_the_stored_results() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page(), "run python -m tests.validation.live --page"
    written = {path.stem: path.read_text(encoding="utf-8") for path in page.PICTURES.glob("*.svg")}
    assert written == page.pictures()


def test_every_comparison_holds() -> None:
    assert [row.what for row in page.rows() if not row.holds] == []
    assert len(page.rows()) > 15


def test_links_of_the_page_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)]+)\)", page.page())
    assert len(links) > 20
    assert [link for link in links if not (page.PAGE.parent / link).exists()] == []


def test_stored_files_are_small() -> None:
    files = [*page.RESULTS.glob("*.json"), *(page.RESULTS.parent / "data").glob("*.json")]
    assert len(files) >= 6
    assert max(path.stat().st_size for path in files) < 130_000
