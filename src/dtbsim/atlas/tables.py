"""Text tables of an atlas folder, regions and matrices in csv, tsv or txt; errors name file and line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dtbsim.atlas.connectome import Floats
from dtbsim.errors import InputError

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")

Row = tuple[int, list[str]]


def read_rows(path: Path) -> list[Row]:
    """Return (line number, cells) of every line that is not empty.

    Cells are separated by commas (.csv), tabs (.tsv) or any white space (.txt); csv quoting is understood.

    Raises:
        InputError: not readable as UTF-8 text, or no line at all.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in _cells(file, path.suffix.lower()) if any(row[1])]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot be read: {error}", where=str(path), remedy="save it as UTF-8 text") from error
    if not rows:
        raise InputError("the file is empty", where=str(path))
    return rows


def _cells(file: Iterator[str], suffix: str) -> Iterator[Row]:
    if suffix == ".txt":
        for number, line in enumerate(file, start=1):
            yield number, line.split()
        return
    reader = csv.reader(file, delimiter="\t" if suffix == ".tsv" else ",", strict=True)
    for row in reader:
        yield reader.line_num, [cell.strip() for cell in row]


def read_columns(path: Path) -> dict[str, list[str]]:
    """Return the columns of a table with a header line, as texts.

    Raises:
        InputError: a repeated or empty column name, or a line with too few or too many cells.
    """
    (_, header), *lines = read_rows(path)
    for index, name in enumerate(header):
        if not name or name in header[:index]:
            problem = f"column {index + 1} has no name" if not name else f"column {name!r} occurs twice"
            raise InputError(problem, where=f"{path}:1")
    for number, cells in lines:
        _check_width(cells, len(header), path, number)
    return {name: [cells[index] for _, cells in lines] for index, name in enumerate(header)}


def read_matrix(path: Path, names: Sequence[str] | None) -> Floats:
    """Return the numbers of a text matrix, float64[rows, columns].

    A first line and a first column of region names are allowed; with `names` they must be these, in this order.

    Raises:
        InputError: a cell that is not a number, lines of different length, or labels that differ from `names`.
    """
    rows = read_rows(path)
    header: list[str] | None = None
    if not all(_is_number(cell) for cell in rows[0][1][1:] or rows[0][1]):
        header, rows = rows[0][1], rows[1:]
        if not rows:
            raise InputError("the file holds a header but no numbers", where=str(path))
    if not _is_number(rows[0][1][0]):
        _check_labels([cells[0] for _, cells in rows], names, path, "first column")
        rows = [(number, cells[1:]) for number, cells in rows]
        header = header[1:] if header is not None and len(header) > len(rows[0][1]) else header
    if header is not None:
        _check_labels(header, names, path, "first line")
    width = len(rows[0][1])
    matrix = np.empty((len(rows), width))
    for index, (number, cells) in enumerate(rows):
        _check_width(cells, width, path, number)
        try:
            matrix[index] = cells
        except ValueError:
            column = next(k for k, cell in enumerate(cells) if not _is_number(cell))
            raise InputError(
                f"column {column + 1} is {cells[column]!r}; needed a number", where=f"{path}:{number}"
            ) from None
    return matrix


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
