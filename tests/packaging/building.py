"""Builds the source distribution from a copy of the tree and, from it alone, the wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    ".ci",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "MANIFEST.in",
    "Makefile",
    "NOTICE",
    "README.md",
    "constraints.txt",
    "docs",
    "examples",
    "kernels",
    "partition",
    "pyproject.toml",
    "setup.py",
    "slurm",
    "src",
)
PLANTED = ("kernels/planted.cu", "kernels/planted.cuh", "kernels/planted_folder/deep.cuh")
"""Files put into the copy: that CUDA text is packaged must not depend on there being some today."""

BUILD = "import sys; from setuptools import build_meta as b; print(getattr(b, sys.argv[1])(sys.argv[2]))"


@dataclass(frozen=True)
class Built:
    """What was built: the copied tree, the source distribution and what is in it, the wheel, what setuptools said."""

    tree: Path
    sdist: Path
    sdist_tree: Path
    wheel: Path
    output: str


def _build(hook: str, tree: Path, target: Path) -> tuple[Path, str]:
    target.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", BUILD, hook, str(target)], cwd=tree, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return target / done.stdout.split()[-1], done.stdout + done.stderr


def build_all(work: Path) -> Built:
    tree = work / "tree"
    tree.mkdir()
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, symlinks=True, ignore=skip)
        else:
            shutil.copy2(source, tree / name)
    for name in PLANTED:
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text("// planted\n")
    sdist, sdist_output = _build("build_sdist", tree, work / "sdist")
    with tarfile.open(sdist) as archive:
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # not yet in 3.11.0 to 3.11.3
        archive.extractall(work / "unpacked", **safe)
    sdist_tree = next((work / "unpacked").iterdir())
    wheel, wheel_output = _build("build_wheel", sdist_tree, work / "wheel")
    return Built(tree, sdist, sdist_tree, wheel, sdist_output + wheel_output)
