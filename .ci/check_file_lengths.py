"""Exit with 1 if a source file is longer than a reader can keep in mind (400 lines); takes files, or looks at all."""

from __future__ import annotations

import sys
from pathlib import Path

LONGEST = 400
FOLDERS = ("src", "kernels", "partition", "tests", "benchmarks", "examples")
SUFFIXES = (".py", ".cu", ".cuh")


def sources(root: Path) -> list[Path]:
    """Return every source file below the source folders; links into the tree (`src/dtbsim/kernels`) count once."""
    files = {path.resolve() for folder in FOLDERS for path in (root / folder).rglob("*") if path.suffix in SUFFIXES}
    return sorted(files)


def main(arguments: list[str]) -> int:
    """Print every file that is too long; return the exit status."""
    root = Path(__file__).resolve().parent.parent
    given = [Path(name).resolve() for name in arguments if Path(name).suffix in SUFFIXES]
    too_long = 0
    for path in given if arguments else sources(root):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST:
            print(f"{path.relative_to(root)}: {lines} lines; at most {LONGEST}: split it by purpose")
            too_long += 1
    return 1 if too_long else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
