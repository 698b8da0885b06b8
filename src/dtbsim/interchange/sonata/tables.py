"""The text files of SONATA: tables of types (CSV, separated by spaces) and JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

EMPTY = "NULL"


def write_types(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a table of types; columns that a row lacks are NULL."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=" ", lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        writer.writerow(columns)
        for row in rows:
            writer.writerow([EMPTY if row.get(key) is None else row[key] for key in columns])


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people and programs."""
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
