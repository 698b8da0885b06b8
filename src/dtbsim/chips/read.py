"""Descriptions of chips as YAML files: checked as a whole, every mistake with file, line and key path."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dtbsim.chips.chip import Chip, Quantity
from dtbsim.chips.fields import SECTIONS, Field
from dtbsim.config.locate import Locator, Problem, raise_all
from dtbsim.config.yaml_text import parse_yaml
from dtbsim.config.yaml_write import to_yaml
from dtbsim.errors import InputError, did_you_mean
from dtbsim.files import read_text

FORMAT = 1
MOST_BYTES = 1 << 20
_ROW = ("value", "source", "read")
_TEXTS = ("name", "title", "description")


def read_chip(path: Path, name: str | None = None) -> Chip:
    """Return the chip that a YAML file describes; `name` stands for the file in errors.

    Raises:
        InputError: it cannot be read, or does not fit the form: every mistake has a line with file and key path.
    """
    shown = name or str(path)
    try:
        text = read_text(path, MOST_BYTES, "a chip has some tens of numbers")
    except FileNotFoundError:
        raise InputError("no such file", where=shown, remedy="give the path of a YAML file") from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=shown) from None
    except UnicodeDecodeError as error:
        raise InputError(f"byte 0x{error.object[error.start]:02x} is not UTF-8", where=shown) from None
    return parse_chip(text, shown)


def parse_chip(text: str, name: str) -> Chip:
    """Return the chip in a YAML text; `name` stands for the file in errors. Raises InputError."""
    data, places = parse_yaml(text, name)
    if not isinstance(data, dict):
        raise InputError("this describes no chip", where=name, remedy="`dtbsim chips show loihi --yaml` shows the form")
    raise_all(_problems(data), Locator(places))
    numbers = {
        f"{section}.{key}": Quantity(float(row["value"]), field.unit, row["source"], row.get("read"))
        for section, fields in SECTIONS.items()
        for key, field in fields.items()
        if (row := (data.get(section) or {}).get(key)) is not None
    }
    model = data.get("model")
    return Chip(data["name"], data["title"], data["description"], model, numbers, name)


def _problems(data: dict[str, Any]) -> Iterator[Problem]:
    given = data.get("chip")
    if given != FORMAT or isinstance(given, bool):
        message = "is missing" if "chip" not in data else f"got {given!r}"
        yield Problem(("chip",), f"the number of the form {message}", f"allowed: {FORMAT}")
    for key in _TEXTS:
        value = data.get(key)
        if not isinstance(value, str) or not value.strip():
            yield Problem((key,), "a text is missing" if value is None else f"got {value!r}", "give one")
    model = data.get("model")
    if model is not None and not isinstance(model, str):
        yield Problem(("model",), f"got {model!r}", "name a neuron model, or leave it empty")
    allowed = ["chip", *_TEXTS, "model", *SECTIONS]
    for key in data:
        if key not in allowed:
            yield Problem((str(key),), f"unknown key '{key}'", did_you_mean(str(key), allowed))
    for section, fields in SECTIONS.items():
        yield from _of_section(data.get(section), section, fields)


def _of_section(given: Any, section: str, fields: dict[str, Field]) -> Iterator[Problem]:
    if given is None:
        return
    if not isinstance(given, dict):
        yield Problem((section,), f"got {given!r}", f"allowed: a mapping with {', '.join(fields)}")
        return
    for key, row in given.items():
        field = fields.get(key) if isinstance(key, str) else None
        if field is None:
            yield Problem((section, str(key)), f"unknown key '{key}'", did_you_mean(str(key), fields))
        elif row is not None:
            yield from _of_number(row, (section, str(key)), field)


def _of_number(row: Any, path: tuple[str, ...], field: Field) -> Iterator[Problem]:
    form = "{value: NUMBER, source: TEXT, read: YEAR-MONTH-DAY}, or empty where it is not known"
    if not isinstance(row, dict):
        yield Problem(path, f"got {row!r}", f"allowed: {form}")
        return
    for key in row:
        if key not in _ROW:
            yield Problem((*path, str(key)), f"unknown key '{key}'", did_you_mean(str(key), _ROW))
    for key in ("value", "source"):
        if row.get(key) is None:
            yield Problem((*path, key), "missing", f"give {form}")
    value = row.get("value")
    if value is not None:
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or value < field.least or (field.whole and value != round(value)):
            kind = "a whole number" if field.whole else "a number"
            yield Problem((*path, "value"), f"got {value!r}", f"allowed: {kind} from {field.least:g}, in {field.unit}")
    source = row.get("source")
    if source is not None and (not isinstance(source, str) or not source.strip()):
        yield Problem((*path, "source"), f"got {source!r}", "say in words where the number was read")
    if row.get("read") is not None and not _is_date(row["read"]):
        yield Problem((*path, "read"), f"got {row['read']!r}", "allowed: a date such as 2026-11-30")


def _is_date(value: Any) -> bool:
    try:
        datetime.date.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def chip_text(chip: Chip) -> str:
    """Return a description as YAML that `parse_chip` reads as the same chip; what is not known is left empty."""
    data: dict[str, Any] = {"chip": FORMAT} | {key: getattr(chip, key) for key in _TEXTS} | {"model": chip.model}
    for section, fields in SECTIONS.items():
        data[section] = {key: _row(chip.numbers.get(f"{section}.{key}")) for key in fields}
    return to_yaml(data)


def _row(number: Quantity | None) -> dict[str, Any] | None:
    if number is None:
        return None
    value = int(number.value) if number.value == round(number.value) else number.value
    row: dict[str, Any] = {"value": value, "source": number.source}
    return row | ({} if number.read is None else {"read": number.read})
