"""The site that `make docs` builds: every page is in it, every example is in the gallery, nothing needs a network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "site"
GENERATED = {"gallery.md", "api.md"}


def test_every_document_is_on_the_site() -> None:
    listed = set(re.findall(r"^(\S+\.md)$", (SITE / "index.template").read_text(encoding="utf-8"), re.MULTILINE))
    documents = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} - {"docs/README.md"}
    documents |= {
        str(path.relative_to(ROOT)) for folder in ("slurm", "benchmarks") for path in (ROOT / folder).rglob("*.md")
    }
    assert documents <= listed
    assert all((ROOT / name).is_file() for name in listed - GENERATED)


def test_every_example_is_in_the_gallery(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(SITE))
    import gallery

    models = {"my_models.py", "basal_ganglia_models.py"}  # of examples
    examples = {path.name for path in (ROOT / "examples").iterdir() if path.suffix in (".py", ".yaml")} - models
    assert {entry.file for entry in gallery.ENTRIES} == examples
    gallery.write(tmp_path, run=False)
    page = (tmp_path / "gallery.md").read_text(encoding="utf-8")
    assert page.count("literalinclude") == len(examples)


def test_the_api_reference_names_what_dtbsim_offers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(SITE))
    import api_pages

    api_pages.write(tmp_path)
    page = (tmp_path / "api.md").read_text(encoding="utf-8")
    for name in ("dtbsim.run", "dtbsim.open_run", "dtbsim.Population", "dtbsim.errors.DtbsimError"):
        assert name in page


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_the_site_is_built_without_warnings_and_loads_nothing(tmp_path: Path) -> None:
    for package in ("sphinx", "myst_parser", "furo", "matplotlib"):
        pytest.importorskip(package, reason=f"needs {package}: pip install -e '.[docs]'")
    out = tmp_path / "site"
    command = [sys.executable, str(SITE / "build.py"), "--out", str(out)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = list(out.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loads = re.findall(r"""<(?:script|img|iframe|source)[^>]+src=["']([^"']+)""", text)
        loads += re.findall(
            r"""<link[^>]+rel=["'](?:stylesheet|preload|icon|preconnect)["'][^>]+href=["']([^"']+)""", text
        )
        assert not [load for load in loads if re.match("(?:https?:)?//", load)], page
    for style in out.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//|@import", style.read_text(encoding="utf-8")), style
    for name in ("resting_state", "brunel", "decision"):
        assert (out / "_images" / f"{name}.png").stat().st_size > 10_000
