"""Build the site: a copy of the documents, the gallery and the API pages, then Sphinx.

    python docs/site/build.py [--out build/site] [--without-gallery-runs]

Documents are copied with what they link to, so that links work as they do in the repository. Warnings are errors.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import api_pages
import gallery

ROOT = Path(__file__).parents[2]
COPIED = (
    "docs", "examples", "slurm/README.md", "slurm/containers/README.md", "benchmarks/README.md",
    "README.md", "CONTRIBUTING.md", "CHANGELOG.md",
)  # fmt: skip
LINK = re.compile(r"\[([^\]]*)\]\(([^)#]+)(#[^)]*)?\)")


def stage(folder: Path) -> None:
    """Copy what the site is made of into an empty `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for name, given in (("conf.py", "conf.py"), ("index.md", "index.template")):
        shutil.move(folder / "docs" / "site" / given, folder / name)
    for document in folder.rglob("*.md"):
        _bring_what_is_linked(document, folder)
    adr = folder / "docs" / "adr"
    listed = "\n".join(path.name for path in sorted(adr.glob("[0-9]*.md")))
    with (adr / "README.md").open("a", encoding="utf-8") as file:
        file.write(f"\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n")


def _bring_what_is_linked(document: Path, folder: Path) -> None:
    """Copy the files that a document links to; links to folders of the repository become their names."""

    def bring(found: re.Match[str]) -> str:
        words, link, _ = found.groups()
        target = (document.parent / link).resolve()
        if "://" in link or target.is_file() or folder not in target.parents:
            return found[0]
        original = ROOT / target.relative_to(folder)
        if original.is_dir() or target.is_dir():
            return words
        if original.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(original, target)
        return found[0]

    text = document.read_text(encoding="utf-8")
    document.write_text(LINK.sub(bring, text), encoding="utf-8")


def main() -> int:
    """Build and say where the site is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site")
    parser.add_argument("--without-gallery-runs", action="store_true", help="no pictures: the examples are not run")
    options = parser.parse_args()
    source = options.out.absolute().with_name(options.out.name + "-source")
    stage(source)
    api_pages.write(source)
    gallery.write(source, run=not options.without_gallery_runs)
    shutil.rmtree(options.out, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(source), str(options.out)]
    code = subprocess.run(command, check=False).returncode
    if code == 0:
        print(f"The site is in {options.out / 'index.html'}: open it in a browser.")
    return code


if __name__ == "__main__":
    sys.exit(main())
