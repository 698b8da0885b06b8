"""Plain data as YAML 1.2: byte for byte what ruamel.yaml writes, in a fraction of its time.

Mappings and lists are laid out here; how a key or a scalar is written, which is where YAML is intricate, is asked of
ruamel.yaml, once for each that occurs and is more than a word or a number.
"""

from __future__ import annotations

import io
import re
from functools import lru_cache
from typing import Any

_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Written as they are, some version of YAML takes them for line breaks."""
_NO_WRAPPING = 2**30
_STEP = "  "
_LONGEST_KEY = 100
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_OTHER_MEANING = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Words that some version of YAML takes for something else than a text."""


def to_yaml(data: Any) -> str:
    """Return dicts, lists and scalars as YAML that `parse_yaml` reads as the same data."""
    lines: list[str] = []
    if isinstance(data, dict) and data:
        _mapping(data, "", lines)
    elif isinstance(data, list) and data:
        _sequence(data, "", lines)
    else:
        return ruamel_text(data)
    return "\n".join([*lines, ""])


def _mapping(data: dict[str, Any], indent: str, lines: list[str]) -> None:
    for key, value in data.items():
        head = _key(key)
        text = None if isinstance(value, dict | list) and value else _scalar(value)
        if head is None or (text is None and not isinstance(value, dict | list)):
            lines += [indent + line if line else line for line in ruamel_text({key: value})[:-1].split("\n")]
        elif text is not None:
            lines.append(f"{indent}{head}: {text}")
        else:
            lines.append(f"{indent}{head}:")
            if isinstance(value, dict):
                _mapping(value, indent + _STEP, lines)
            else:
                _sequence(value, indent, lines)


def _sequence(data: list[Any], indent: str, lines: list[str]) -> None:
    for item in data:
        text = None if isinstance(item, dict | list) and item else _scalar(item)
        if text is not None:
            lines.append(f"{indent}- {text}")
            continue
        first = len(lines)
        if isinstance(item, dict):
            _mapping(item, indent + _STEP, lines)
        elif isinstance(item, list):
            _sequence(item, indent + _STEP, lines)
        else:
            lines += [indent + line if line else line for line in ruamel_text([item])[:-1].split("\n")]
            continue
        lines[first] = f"{indent}- {lines[first][len(indent) + len(_STEP) :]}"


def _scalar(value: Any) -> str | None:
    """The text of a scalar or of an empty list or mapping; None where it takes several lines."""
    if isinstance(value, str):
        return value if _plain(value) else _texts(value)
    shown = repr(value)
    return shown if type(value) in (int, float) and _NUMBER.fullmatch(shown) else _others(type(value).__name__, shown)


def _plain(text: str) -> bool:
    return _WORD.fullmatch(text) is not None and text.lower() not in _OTHER_MEANING


@lru_cache(maxsize=1 << 16)
def _texts(value: str) -> str | None:
    return _one_line(ruamel_text({"k": value}), "k: ")


@lru_cache(maxsize=1 << 16)
def _others(kind: str, shown: str) -> str | None:
    """Of everything that is no text; by what it looks like, as -0.0 equals 0.0 and 1 equals True."""
    fixed: dict[str, Any] = {"None": None, "{}": {}, "[]": [], "True": True, "False": False}
    value = fixed[shown] if shown in fixed else {"int": int, "float": float}[kind](shown)
    return _one_line(ruamel_text({"k": value}), "k: ")


def _key(key: str) -> str | None:
    """The text of a key; None where it does not fit before a colon."""
    return key if len(key) < _LONGEST_KEY and _plain(key) else _other_key(key)


@lru_cache(maxsize=1 << 16)
def _other_key(key: str) -> str | None:
    text = _one_line(ruamel_text({key: 0}), "")
    return text.removesuffix(": 0") if text is not None and text.endswith(": 0") else None


def _one_line(text: str, start: str) -> str | None:
    line = text.removesuffix("\n")
    return None if "\n" in line or not line.startswith(start) else line[len(start) :]


def ruamel_text(data: Any) -> str:
    """Return what ruamel.yaml writes of the data, in blocks; other line breaks than \\n are escaped."""
    text = _emit(data, allow_unicode=True)
    if _BREAKS.search(text):
        text = _emit(data, allow_unicode=False)
    return text


def _emit(data: Any, allow_unicode: bool) -> str:
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = allow_unicode
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # keep the order of the vocabulary
    yaml.width = _NO_WRAPPING  # ruamel.yaml loses characters where it wraps quoted texts
    stream = io.StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()
