"""`dtbsim`, of which every rank writes what files it opened and modules it imported: count_driver.py DIR run ..."""

from __future__ import annotations

import atexit
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

opened: Counter[str] = Counter()


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | bytes):
        opened[os.fsdecode(arguments[0])] += 1


def write(folder: Path) -> None:
    found = {"opened": dict(opened), "modules": sorted(sys.modules)}
    (folder / f"rank_{os.environ['PMI_RANK']}.json").write_text(json.dumps(found), encoding="utf-8")


def main() -> int:
    from dtbsim.cli import main as command_line

    atexit.register(write, Path(sys.argv.pop(1)))
    return command_line()


if __name__ == "__main__":
    sys.addaudithook(watch)
    sys.exit(main())
