"""Numbers from files: one for each neuron, one for each region, or one for each pair of regions."""

from __future__ import annotations

import contextlib
import csv
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import show
from dtbsim.errors import InputError, did_you_mean
from dtbsim.files import read_npy, read_npz, text_lines
from dtbsim.files.limits import MOST_NAMED, MOST_TABLE_BYTES

F64 = NDArray[np.float64]
Rows = Iterator[list[str]]
Labelled = tuple[list[str], F64]
"""Names of regions, and a number for each."""
LABELS = "region"


def read_numbers(path: Path, column: str | None) -> F64:
    """One number for each neuron of an .npy, .npz or .csv file, float64[n]. InputError or OSError where it has none."""
    if path.suffix == ".csv":
        with _table(path) as (header, rows):
            at = _chosen(column, header, "column", path)
            return _numbers((row[at : at + 1] for row in rows), f"column '{header[at]}'", path)
    return _vector(_array(path, column), path)


def read_regions(path: Path, column: str | None) -> Labelled:
    """One number for each region that is named in the column (or array) `region` of a .csv or .npz file."""
    if path.suffix == ".csv":
        with _table(path) as (header, rows):
            first = _chosen(LABELS, header, "column", path)
            others = [name for name in header if name != LABELS]
            at = header.index(others[_chosen(column, others, "column", path)])
            labels: list[str] = []
            return labels, _numbers(_noting(labels, first, at, rows), f"column '{header[at]}'", path)
    if path.suffix != ".npz":
        raise InputError("is neither .csv nor .npz", where=str(path))
    table = read_npz(path)
    label = list(table)[_chosen(LABELS, list(table), "array", path)]
    others = [name for name in table if name != LABELS]
    names, values = table[label], table[others[_chosen(column, others, "array", path)]]
    if names.dtype.kind != "U" or names.ndim != 1 or names.shape != values.shape:
        raise InputError(f"array '{LABELS}' must be texts, as many as there are values", where=str(path))
    return names.tolist(), _vector(values, path)


def read_matrix(path: Path, name: str | None) -> tuple[list[str] | None, list[str] | None, F64]:
    """Names of rows and of columns (None: in the order of the regions), and the matrix, float64[rows, columns]."""
    if path.suffix != ".csv":
        return None, None, _checked(_array(path, name), path)
    if name is not None:
        raise InputError("a .csv holds one matrix; `array` chooses one of an .npz", where=str(path))
    with _table(path) as (header, rows):
        labels: list[str] = []
        values = _numbers(_noting(labels, 0, 1, rows, len(header)), "the matrix", path)
        return labels, header[1:], values.reshape(len(labels), len(header) - 1)


def _noting(labels: list[str], label: int, start: int, rows: Rows, stop: int | None = None) -> Rows:
    """Yield the cells from `start` to before `stop` (by default one) of every row, and keep its label."""
    for row in rows:
        labels.append(row[label])
        yield row[start : start + 1 if stop is None else stop]


def _array(path: Path, name: str | None) -> NDArray[Any]:
    if path.suffix == ".npy":
        if name is not None:
            raise InputError(f"an .npy has one array, without a name ('{name}' was given)", where=str(path))
        return read_npy(path)
    if path.suffix != ".npz":
        raise InputError("is neither .npy, .npz nor .csv", where=str(path))
    if name is not None:
        return read_npz(path, (name,))[name]
    table = read_npz(path)
    return table[list(table)[_chosen(None, list(table), "array", path)]]


def _chosen(wanted: str | None, names: list[str], what: str, path: Path) -> int:
    """Position of the column or array that is wanted, or of the only one; InputError where there is no such one."""
    if wanted is None and len(names) == 1:
        return 0
    if wanted is None:
        shown = ", ".join(show(name) for name in names[:8]) + (", ..." if len(names) > 8 else "")
        message = f"has {len(names)} {what}s: {shown}" if names else f"has no {what} of values"
        raise InputError(message, where=str(path), remedy=f"say which: {what}: NAME" if names else None)
    if names.count(wanted) != 1:
        often = "no" if wanted not in names else "more than one"
        raise InputError(f"has {often} {what} {show(wanted)}", where=str(path), remedy=did_you_mean(wanted, names))
    return names.index(wanted)


def _vector(given: NDArray[Any], path: Path) -> F64:
    values = _checked(given, path)
    if values.ndim != 1:
        raise InputError(f"has the shape {given.shape}, not a list of numbers", where=str(path))
    return values


def _checked(given: NDArray[Any], path: Path) -> F64:
    if given.dtype.kind not in "iuf":
        raise InputError(f"holds {given.dtype}, not numbers", where=str(path), remedy="save it as float64")
    return given.astype(np.float64)


@contextlib.contextmanager
def _table(path: Path) -> Iterator[tuple[list[str], Rows]]:
    """Header and rows, one by one, of a table of text, all of the same length."""
    reader = csv.reader(text_lines(path, MOST_TABLE_BYTES, "save it as .npy or .npz"))
    try:
        header = [name.strip() for name in next(reader, [])]
        if len(header) > MOST_NAMED:
            raise InputError(f"has {len(header):,} columns; at most {MOST_NAMED:,}", where=str(path))
        yield header, _rows(reader, len(header), path)
    except csv.Error as error:
        raise InputError(f"line {reader.line_num}: {error}", where=str(path)) from None


def _rows(reader: Any, columns: int, path: Path) -> Rows:
    some = False
    for row in reader:
        if row and len(row) != columns:
            raise InputError(f"line {reader.line_num}: {len(row)} values for {columns} columns", where=str(path))
        if row:
            some = True
            yield [cell.strip() for cell in row]
    if not some:
        raise InputError("has no rows under the names of its columns", where=str(path))


def _numbers(rows: Rows, what: str, path: Path) -> F64:
    """The cells of all rows, one after the other."""
    values = array("d")
    for row in rows:
        try:
            values.extend(map(float, row))
        except ValueError as error:
            cell = str(error).partition(":")[2].strip() or "it"
            raise InputError(f"{what} holds {cell}, not a number", where=str(path)) from None
    return np.array(values, dtype=np.float64)
