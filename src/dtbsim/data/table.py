"""Tables of numbers in text files, with or without names of columns and rows, whatever separates the cells."""

from __future__ import annotations

import csv
import itertools
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import show
from dtbsim.errors import InputError
from dtbsim.files import text_lines
from dtbsim.files.limits import MOST_TABLE_BYTES

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".dat")

_SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", " ": "white space"}
_PREFERRED = {".csv": ",;\t ", ".tsv": "\t,; "}
_COMMENT = ("#", "%")
_MISSING = ("", "na", "n/a", "nan", "none", "null", "-nan", ".")
_INDEX_WORDS = ("", "index", "id", "region", "regions", "name", "label", "labels", "roi", "node", "area", "parcel")
_LOOKED_AT = 12

Row = tuple[int, list[str]]


@dataclass(frozen=True)
class Table:
    """The numbers of a text file.

    `values` is float64[rows, columns], NaN where a cell is empty or n/a; `columns` and `rows` are the names in the
    first line and the first column, or None; `lines` the line of the file of each row.
    """

    path: Path
    values: NDArray[np.float64]
    columns: tuple[str, ...] | None
    rows: tuple[str, ...] | None
    lines: NDArray[np.int64]
    notices: tuple[str, ...]

    def place(self, row: int) -> str:
        """File and line of a row of numbers."""
        return f"{self.path}:{self.lines[row]}"


def read_table(path: Path) -> Table:
    """Return the numbers of a text file.

    What separates the cells is found from the lines (commas, tabs, semicolons with decimal points or commas, white
    space). Lines that begin with # or % are comments; one that names the columns just above the numbers counts.

    Raises:
        InputError: no text, empty, a cell that is no number, lines of different length.
    """
    comment, rows = _read_lines(path)
    separator = _separator([text for _, text in rows[:_LOOKED_AT]], path)
    cells = list(_split(rows, separator, path))
    decimal_comma = separator != "," and _has_decimal_commas(cells[:_LOOKED_AT])
    notices = []
    usual = {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower(), separator)
    if separator != usual or decimal_comma:
        notices.append(f"cells separated by {_SEPARATORS[separator]}" + ", decimal commas" * decimal_comma)
    if len(cells) > 1 and all(len(row[1]) > 1 and row[1][-1] == "" for row in cells):
        cells = [(number, row[:-1]) for number, row in cells]
        notices.append("an empty last column left out")
    header, cells = _header(cells, comment, separator, decimal_comma, path)
    labelled = _is_labelled(header, cells[0][1], decimal_comma)
    width = len(cells[0][1])
    if header is not None and len(header) == width - 1 and labelled:
        header = ["", *header]
    if header is not None and len(header) != width:
        raise InputError(
            f"{len(header)} names of columns above lines of {width} cells",
            where=f"{path}:{cells[0][0]}",
            remedy="give each column one name, or none",
        )
    values = _numbers(cells, labelled, width, decimal_comma, path)
    return Table(
        path,
        values,
        None if header is None else tuple(header[labelled:]),
        tuple(row[0] for _, row in cells) if labelled else None,
        np.array([number for number, _ in cells], dtype=np.int64),
        tuple(notices),
    )


def holds_numbers(path: Path) -> bool:
    """Whether it is a table of numbers: no column right of the first one has texts alone.

    Raises:
        InputError: no text, or empty.
    """
    rows = read_cells(path)
    body = [cells for _, cells in rows[1:]] or [cells for _, cells in rows]
    width = min(len(cells) for cells in body)
    columns = range(1 if width > 1 else 0, width)
    texts = (all(_number(cells[k], True) is None for cells in body) for k in columns)
    return not any(texts)


def read_cells(path: Path) -> list[Row]:
    """Return line number and cells of every line that is neither empty nor a comment; raises as `read_table`."""
    _, rows = _read_lines(path)
    return list(_split(rows, _separator([text for _, text in rows[:_LOOKED_AT]], path), path))


def _read_lines(path: Path) -> tuple[str | None, list[tuple[int, str]]]:
    """The last comment before the first line, and the lines that are neither comments nor empty, with their numbers."""
    comment: str | None = None
    lines: list[tuple[int, str]] = []
    try:
        for number, line in enumerate(text_lines(path, MOST_TABLE_BYTES, "save it as .npy"), start=1):
            text = line.strip("\r\n")
            if text.lstrip().startswith(_COMMENT):
                comment = text.strip().lstrip("#% ") if not lines else comment
            elif text.strip(" \t,;"):
                lines.append((number, text))
    except FileNotFoundError:
        raise InputError("there is no such file", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot be read as text: {error}", where=str(path), remedy="save it as UTF-8 text, .npy, .npz or .mat"
        ) from error
    if not lines:
        raise InputError("the file is empty", where=str(path), remedy="export it again")
    if any("\0" in text for _, text in lines[:_LOOKED_AT]):
        raise InputError("is not a text file", where=str(path), remedy="save it as UTF-8 text, .npy, .npz or .mat")
    return comment, lines


def cell_number(cell: str) -> float | None:
    """The number in a cell, with a decimal point; NaN for one that says that there is none, None for a text."""
    return _number(cell, False)


def _cells(text: str, separator: str) -> list[str]:
    if separator == " ":
        return text.split()
    return [cell.strip() for cell in next(csv.reader([text], delimiter=separator, skipinitialspace=True), [])]


def _split(rows: Sequence[tuple[int, str]], separator: str, path: Path) -> Iterator[Row]:
    for number, text in rows:
        try:
            yield number, _cells(text, separator)
        except csv.Error as error:
            raise InputError(f"is no line of a table: {error}", where=f"{path}:{number}") from error


def _separator(lines: Sequence[str], path: Path) -> str:
    """What separates the cells: that with which most cells of the lines after the first are numbers."""
    best, score = " ", (-1.0, 0)
    looked = lines[1:] or lines
    for separator in _PREFERRED.get(path.suffix.lower(), "\t,; "):
        try:
            rows = [_cells(line, separator) for line in looked]
        except csv.Error:
            continue
        cells = [cell for row in rows for cell in row[1:] or row]
        even = len({len(row) for row in rows}) == 1
        numeric = sum(_number(cell, separator != ",") is not None for cell in cells) / max(len(cells), 1)
        found = (numeric + 0.5 * even + 0.5 * (len(rows[0]) > 1), len(rows[0]))
        if found[0] > score[0] + 1e-9:
            best, score = separator, found
    return best


def _has_decimal_commas(rows: Sequence[Row]) -> bool:
    cells = [cell for _, row in rows for cell in row]
    return any("," in cell and _number(cell, True) is not None for cell in cells) and not any(
        "." in cell and _number(cell, False) is not None for cell in cells
    )


def _number(cell: str, decimal_comma: bool) -> float | None:
    """The number in a cell; NaN for one that says that there is none, None for a text."""
    text = cell.replace(",", ".") if decimal_comma else cell
    try:
        return float(text)
    except ValueError:
        return math.nan if cell.lower() in _MISSING else None


def _header(
    cells: list[Row], comment: str | None, separator: str, decimal_comma: bool, path: Path
) -> tuple[list[str] | None, list[Row]]:
    """The names of columns, if there are any, and the rows below them."""
    first = cells[0][1]
    named = [_number(cell, decimal_comma) is None for cell in first]
    rest = named[1:] or named
    if any(rest) or (first[0] == "" and _ascending(first[1:])):
        if len(cells) == 1:
            raise InputError("the file has names of columns but no numbers", where=f"{path}:{cells[0][0]}")
        return first, cells[1:]
    if comment is not None:
        names = _cells(comment, separator)
        if len(names) == len(first) and all(_number(name, decimal_comma) is None for name in names):
            return names, cells
    return None, cells


def _ascending(cells: list[str]) -> bool:
    """Whether these are numbers of regions: whole and ascending."""
    return len(cells) > 1 and all(cell.isdigit() for cell in cells) and all(
        int(a) < int(b) for a, b in itertools.pairwise(cells)
    )  # fmt: skip


def _is_labelled(header: list[str] | None, first: list[str], decimal_comma: bool) -> bool:
    """Whether the first column has names."""
    if len(first) < 2:
        return False
    if first[0] != "" and _number(first[0], decimal_comma) is None:
        return True
    return header is not None and (
        len(header) == len(first) - 1 or (len(header) == len(first) and header[0].lower() in _INDEX_WORDS)
    )


def _numbers(cells: list[Row], labelled: bool, width: int, decimal_comma: bool, path: Path) -> NDArray[np.float64]:
    numbers = array("d")
    for number, row in cells:
        if len(row) != width:
            raise InputError(
                f"{len(row)} cells where the first line has {width}",
                where=f"{path}:{number}",
                remedy="every line needs the same number of cells and the same separator",
            )
        found = row[1:] if labelled else row
        try:
            numbers.extend([float(cell) for cell in found])
        except ValueError:
            numbers.extend(_each(found, labelled, decimal_comma, path, number))
    return np.frombuffer(numbers, dtype=np.float64).reshape(len(cells), width - labelled).copy()


def _each(found: list[str], labelled: bool, decimal_comma: bool, path: Path, line: int) -> Iterator[float]:
    for column, cell in enumerate(found, start=1 + labelled):
        value = _number(cell, decimal_comma)
        if value is None:
            raise InputError(
                f"column {column} is {show(cell)}; needed a number",
                where=f"{path}:{line}",
                remedy="names may be in the first line and the first column; comments begin with #",
            )
        yield value
