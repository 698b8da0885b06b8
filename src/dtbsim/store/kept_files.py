"""Files of a run that were written once, as provenance.json names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CONFIG = "config.yaml"


def is_inside(name: str) -> bool:
    """Whether a run writes such a file into its own folder."""
    return name == CONFIG or (name.startswith(("models/", "inputs/")) and ".." not in Path(name).parts)


def is_input(entry: Any) -> bool:
    """Whether this is what provenance.json says of an input."""
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("key", "sha256")):
        return False
    texts = all(entry.get(key, 0) is None or isinstance(entry.get(key), str) for key in ("given", "file", "path"))
    return texts and type(entry.get("bytes")) is int and (entry["file"] is None or is_inside(entry["file"]))
