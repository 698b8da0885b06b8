"""Text tables of an atlas folder, regions and matrices in csv, tsv or txt; errors name file and line."""

from __future__ import annotations

import csv
import itertools
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dtbsim.arguments import show
from dtbsim.atlas.connectome import Floats
from dtbsim.atlas.names import check_names
from dtbsim.errors import InputError
from dtbsim.files.limits import MIB, MOST_NAMED, MOST_TABLE_BYTES
from dtbsim.files.regular import text_lines

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")

MOST_COLUMNS_BYTES = 64 * MIB
"""Of tables whose cells are kept as texts."""

Row = tuple[int, list[str]]


def read_rows(path: Path, most: int = MOST_TABLE_BYTES) -> Iterator[Row]:
    """Yield (line number, cells) of every line that is not empty, one in memory at a time.

    Cells are separated by commas (.csv), tabs (.tsv) or any white space (.txt); csv quoting is understood.

    Raises:
        InputError: not readable as UTF-8 text, no line at all, or more than `most` bytes.
    """
    empty = True
    try:
        for row in _cells(text_lines(path, most, "save it as .npy"), path.suffix.lower()):
            if any(row[1]):
                empty = False
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot be read: {error}", where=str(path), remedy="save it as UTF-8 text") from error
    if empty:
        raise InputError("the file is empty", where=str(path))


def _cells(lines: Iterator[str], suffix: str) -> Iterator[Row]:
    if suffix == ".txt":
        for number, line in enumerate(lines, start=1):
            yield number, line.split()
        return
    reader = csv.reader(lines, delimiter="\t" if suffix == ".tsv" else ",", strict=True)
    for row in reader:
        yield reader.line_num, [cell.strip() for cell in row]


def read_columns(path: Path) -> dict[str, list[str]]:
    """Return the columns of a table with a header line, as texts.

    Raises:
        InputError: a repeated or empty column name, very many columns, or a line with too few or too many cells.
    """
    rows = read_rows(path, MOST_COLUMNS_BYTES)
    _, header = next(rows)
    if len(header) > MOST_NAMED:
        raise InputError(f"{len(header):,} columns; at most {MOST_NAMED:,} are read", where=f"{path}:1")
    check_names(header, f"{path}:1")
    columns: dict[str, list[str]] = {}
    for index, name in enumerate(header):
        if not name or name in columns:
            problem = f"column {index + 1} has no name" if not name else f"column {name!r} occurs twice"
            raise InputError(problem, where=f"{path}:1")
        columns[name] = []
    for number, cells in rows:
        _check_width(cells, len(header), path, number)
        for column, cell in zip(columns.values(), cells, strict=True):
            column.append(cell)
    return columns


def read_matrix(path: Path, names: Sequence[str] | None) -> Floats:
    """Return the numbers of a text matrix, float64[rows, columns].

    A first line and a first column of region names are allowed; with `names` they must be these, in this order.

    Raises:
        InputError: a cell that is not a number, lines of different length, or labels that differ from `names`.
    """
    rows = read_rows(path)
    first = next(rows)
    header: list[str] | None = None
    if not all(_is_number(cell) for cell in first[1][1:] or first[1]):
        header = first[1]
        following = next(rows, None)
        if following is None:
            raise InputError("the file holds a header but no numbers", where=str(path))
        first = following
    labelled = not _is_number(first[1][0])
    width = len(first[1]) - labelled
    labels: list[str] = []
    numbers = array("d")
    for number, cells in itertools.chain([first], rows):
        if labelled:
            labels.append(cells[0])
        _append(numbers, cells[1:] if labelled else cells, width, path, number)
    if labelled:
        _check_labels(labels, names, path, "first column")
    if header is not None:
        _check_labels(header[1:] if labelled and len(header) > width else header, names, path, "first line")
    return np.frombuffer(numbers, dtype=np.float64).reshape(-1, width)


def _append(numbers: array[float], cells: list[str], width: int, path: Path, number: int) -> None:
    _check_width(cells, width, path, number)
    try:
        numbers.extend(map(float, cells))
    except ValueError:
        column = next(k for k, cell in enumerate(cells) if not _is_number(cell))
        raise InputError(
            f"column {column + 1} is {show(cells[column])}; needed a number", where=f"{path}:{number}"
        ) from None


def _check_width(cells: list[str], width: int, path: Path, number: int) -> None:
    if len(cells) != width:
        raise InputError(f"{len(cells)} cells where other lines have {width}", where=f"{path}:{number}")


def _check_labels(labels: Sequence[str], names: Sequence[str] | None, path: Path, place: str) -> None:
    if names is None:
        return
    if len(labels) != len(names):
        raise InputError(f"the {place} names {len(labels)} regions; regions lists {len(names)}", where=str(path))
    for index, (label, name) in enumerate(zip(labels, names, strict=True)):
        if label != name:
            raise InputError(
                f"region {index} is {label!r} in the {place} but {name!r} in regions",
                where=str(path),
                remedy="use the same order of regions in all files",
            )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def is_numeric(column: Sequence[str]) -> bool:
    """True if every text of the column is a number."""
    return all(_is_number(cell) for cell in column)
