"""Stored runs: small JSON files, one line per run, so that a difference shows where it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


def store(path: Path, origin: Mapping[str, Any], runs: Mapping[str, Sequence[Any]]) -> None:
    """Write `origin` (who made it, and how) and lists of runs by name."""
    parts = []
    for name, items in runs.items():
        lines = ",\n".join(json.dumps(item, separators=(",", ":")) for item in items)
        parts.append(f"{json.dumps(name)}:[\n{lines}\n]")
    body = ",\n".join(parts)
    path.write_text(f'{{"origin":{json.dumps(dict(origin))},\n"runs":{{\n{body}\n}}}}\n', encoding="utf-8")


def stored(path: Path) -> Any:
    """What `store` has written: a mapping with `origin` and `runs`."""
    return json.loads(path.read_text(encoding="utf-8"))
