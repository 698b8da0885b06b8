"""JSON of strangers: bounded in size, depth and numbers, and without what cannot be written again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dtbsim.arguments import show, unusable_character
from dtbsim.errors import InputError
from dtbsim.files.limits import MOST_JSON_BYTES
from dtbsim.files.regular import read_bytes

DEEPEST = 100


def read_json(path: Path) -> Any:
    """Return what a JSON file holds; see `parse_json`. Raises OSError where it cannot be read."""
    return parse_json(read_bytes(path, MOST_JSON_BYTES, "JSON files hold small things; put arrays into .npz"), path)


def parse_json(data: bytes, path: Path) -> Any:
    """Return what a JSON text means.

    Raises:
        InputError: no UTF-8, no JSON, nested deeply, or with a text that no file can hold.
    """
    try:
        values = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"byte 0x{data[error.start]:02x} is not UTF-8", where=f"{path}:{line}", remedy="save the file as UTF-8"
        ) from error
    except json.JSONDecodeError as error:
        raise InputError(f"is not valid JSON: {error.msg}", where=f"{path}:{error.lineno}") from error
    except RecursionError as error:
        raise InputError("nested too deeply", where=str(path)) from error
    except ValueError as error:  # a number of more digits than Python converts
        raise InputError(f"is not usable: {error}", where=str(path)) from error
    _check(values, path)
    return values


def _check(values: Any, path: Path) -> None:
    """Look at everything in the values once, without recursion."""
    waiting = [(values, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            _check_text(value, path)
        elif isinstance(value, dict | list):
            if depth > DEEPEST:
                raise InputError(f"nested more than {DEEPEST} deep", where=str(path))
            if isinstance(value, dict):
                for key in value:
                    _check_text(key, path)
            waiting += [(item, depth + 1) for item in (value.values() if isinstance(value, dict) else value)]


def _check_text(text: str, path: Path) -> None:
    if (bad := unusable_character(text)) is not None:
        raise InputError(f"{bad} in the text {show(text)} is no character", where=str(path), remedy="remove it")
