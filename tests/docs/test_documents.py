"""Every command and every Python block of README and docs runs as it stands, in the order of the document.

Long ones are shortened by directions that readers do not see (tests/helpers/documents.py). A document has a folder of
its own, in which the folders of the project are found under their names; Python blocks share their variables. Targets
of make are looked up rather than made, except for `make demo` at night.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.by_day import by_day
from tests.helpers.documents import Block, blocks_of

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for path in [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *ROOT.glob("benchmarks/*.md"),
        *ROOT.glob("slurm/*.md"),
    ]
    if path.name != "CHANGELOG.md"
)
LINKED = ("benchmarks", "docs", "examples", "kernels", "partition", "slurm", "src", "tests", "Makefile", ".ci")
LINKED_FILES = ("pyproject.toml", "setup.py", "constraints.txt", "CHANGELOG.md")


class Reader:
    """Follows one document, block by block."""

    def __init__(self, document: str, folder: Path) -> None:
        self.document, self.folder = document, folder
        for name in (*LINKED, *LINKED_FILES):
            (folder / name).symlink_to(ROOT / name)
        (folder / ".venv").symlink_to(sys.prefix)
        self.printed = ""
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.skipped: list[str] = []

    def follow(self, block: Block, *, at_night: bool) -> None:
        if block.setup:
            self._python(block.setup, block.line)
        if block.file:
            (self.folder / block.file).write_text(block.text + "\n", encoding="utf-8")
        if block.skip or (block.nightly and not at_night):
            return
        if block.needs and importlib.util.find_spec(block.needs) is None:
            self.skipped.append(f"{self.document}:{block.line} needs {block.needs}")
            return
        if block.prints:
            assert self.printed.rstrip() == block.text.rstrip(), f"{self.document}:{block.line}: prints something else"
        elif block.language == "shell":
            for command in block.commands:
                self._command(command, block.line, at_night)
        elif block.language == "python":
            self._python(block.text, block.line)

    def _python(self, text: str, line: int) -> None:
        code = compile("\n" * (line - 1) + text, str(ROOT / self.document), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as said:
            exec(code, self.names)  # the text of our own documents
        self.printed = said.getvalue()

    def _command(self, command: str, line: int, at_night: bool) -> None:
        folder = self.folder
        if command.startswith("make "):
            if command == "make demo" and at_night:
                folder = ROOT
            else:
                command += " --dry-run"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environ = {key: value for key, value in os.environ.items() if key != "DTBSIM_MPI"} | {
            "PATH": path,
            "COLUMNS": "100",
        }
        done = subprocess.run(
            ["bash", "-ec", command], cwd=folder, env=environ, capture_output=True, text=True, timeout=900
        )
        said = f"exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        assert done.returncode == 0, f"{self.document}:{line}: {command}\n{said}"
        self.printed = done.stdout


def follow(document: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *, at_night: bool) -> None:
    monkeypatch.setenv("DTBSIM_MPI", "off")
    monkeypatch.chdir(folder)
    reader = Reader(document, folder)
    for block in blocks_of(ROOT / document):
        reader.follow(block, at_night=at_night)
    if reader.skipped:
        pytest.skip("; ".join(reader.skipped))


LONG = {
    *(f"docs/{name}.md" for name in ("guide", "assimilation", "estimate", "tuning", "interchange", "chips")),
    *("docs/multi_area.md", "docs/regions.md"),
    *(f"docs/howto_{name}.md" for name in ("own_atlas", "connections", "stimulate", "change", "sweep")),
}
"""Documents whose blocks take long together."""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("document", by_day(DOCUMENTS, {*DOCUMENTS} - LONG))
def test_a_document_runs_as_it_stands(document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(document, tmp_path, monkeypatch, at_night=False)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_runs_whole(document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not any(block.nightly or "make demo" in block.text for block in blocks_of(ROOT / document)):
        pytest.skip("nothing in it waits for the night")
    follow(document, tmp_path, monkeypatch, at_night=True)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_blocks_of_yaml_can_be_read(document: str) -> None:
    from dtbsim.config.yaml_text import parse_yaml

    for block in blocks_of(ROOT / document):
        if block.language == "yaml" and not block.skip:
            data, _ = parse_yaml(block.text, f"{document}:{block.line}")
            assert isinstance(data, dict)


def test_what_is_not_run_has_a_reason_and_is_little() -> None:
    blocks = [block for document in DOCUMENTS for block in blocks_of(ROOT / document)]
    runnable = [block for block in blocks if block.language in ("shell", "python")]
    skipped = [block for block in runnable if block.skip]
    assert len(runnable) > 30
    assert all(len(block.skip.split()) >= 3 for block in skipped)
    assert len(skipped) < len(runnable) / 3
