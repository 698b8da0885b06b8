"""Writes the JSON Schema of `dtbsim estimate --json`: `python -m dtbsim.estimation.schema`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dtbsim.estimation.result import FORMAT, json_schema

FILE = Path("docs") / "schema" / f"dtbsim-estimate-{FORMAT}.schema.json"


def render_schema() -> str:
    """Return it as text."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(render_schema(), encoding="utf-8")
    sys.stdout.write(f"{FILE}\n")
