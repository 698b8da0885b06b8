"""Matrices between regions: weights, tract lengths, functional connectivity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import choice
from dtbsim.arguments import path as path_argument
from dtbsim.data.arrays import ARRAY_SUFFIXES, choose_array, labels_in, read_arrays
from dtbsim.data.kinds import KINDS, choose_kind, refuse_negative
from dtbsim.data.labels import check_unique
from dtbsim.data.model import Matrix
from dtbsim.data.table import TEXT_SUFFIXES, Table, read_table
from dtbsim.errors import InputError

SUFFIXES = (*TEXT_SUFFIXES, *ARRAY_SUFFIXES)


def read_matrix(path: str | Path, *, variable: str | None = None, kind: str | None = None) -> Matrix:
    """Return a matrix between regions from .csv, .tsv, .txt, .mat (all versions), .npz, .npy or .h5.

    `variable` names the array of a file that holds several; `kind` (weights, lengths, fc) says what it is, otherwise
    its name and its numbers do. What is not finite in the diagonal becomes 0 (1 in fc), with a notice.

    Raises:
        InputError: not readable, not square, numbers missing, weights or lengths below 0, labels that are there twice.
    """
    file = path_argument(path, "path")
    if kind is not None:
        choice(kind, "kind", KINDS)
    suffix = file.suffix.lower()
    if suffix in TEXT_SUFFIXES:
        if variable is not None:
            raise InputError("a text file has no variables", where=str(file), remedy="name the file alone")
        return matrix_of_table(read_table(file), kind)
    if suffix not in ARRAY_SUFFIXES:
        raise InputError(
            f"matrices are read from files ending in {', '.join(SUFFIXES)}", where=str(file), remedy="convert it to one"
        )
    arrays = read_arrays(file)
    name, values = choose_array(
        arrays,
        file,
        variable,
        lambda _, array: array.ndim == 2 and array.shape[0] == array.shape[1] > 1,
        "square matrix",
    )
    where = str(file) if suffix == ".npy" else f"{file}: {name}"
    if values.ndim != 2:
        raise InputError(
            f"has {values.ndim} axes ({'x'.join(map(str, values.shape))}); a matrix has 2",
            where=where,
            remedy="save the matrix of one person, or their mean",
        )
    labels, source = labels_in(arrays, len(values), str(file))
    notices = (f"labels from the variable {source}",) if labels else ()
    return make_matrix(values, labels, name, where, kind, notices)


def matrix_of_table(table: Table, kind: str | None = None) -> Matrix:
    """Return the matrix in a table of numbers; raises as `read_matrix`."""
    where, n = str(table.path), len(table.values)
    labels, notices, values = table.rows or table.columns, list(table.notices), table.values
    if table.rows is None and table.columns is None and values.shape == (n, n - 1):
        values, labels = _numbered(values, n)
        n = len(values)
    if table.rows is not None and table.columns is not None and values.shape == (n, n) and table.rows != table.columns:
        place = next(k for k, pair in enumerate(zip(table.rows, table.columns, strict=True)) if pair[0] != pair[1])
        raise InputError(
            f"row {place + 1} is {table.rows[place]!r} but column {place + 1} is {table.columns[place]!r}",
            where=table.place(place),
            remedy="rows and columns need the same regions in the same order",
        )
    if labels is not None and _are_numbers(labels, n):
        labels = None
        notices.append("running numbers in the first line or column are not taken for labels")
    return make_matrix(values, labels, table.path.stem, where, kind, tuple(notices), table)


def _numbered(values: NDArray[np.float64], n: int) -> tuple[NDArray[np.float64], tuple[str, ...] | None]:
    """Leave out a first line of whole numbers above a square matrix."""
    first = values[0]
    if np.array_equal(first, np.round(first)) and len(set(first)) == len(first) and (np.diff(first) > 0).all():
        return values[1:], tuple(f"{number:.0f}" for number in first)
    return values, None


def _are_numbers(labels: Sequence[str], n: int) -> bool:
    return list(labels) in ([str(k) for k in range(n)], [str(k) for k in range(1, n + 1)])


def make_matrix(
    values: NDArray[np.float64],
    labels: Sequence[str] | None,
    name: str,
    where: str,
    kind: str | None = None,
    notices: tuple[str, ...] = (),
    table: Table | None = None,
) -> Matrix:
    """Return a checked matrix; `name` is what its kind may be guessed from. Raises as `read_matrix`."""
    n_rows, n_columns = values.shape
    if n_rows != n_columns:
        raise InputError(
            f"{n_rows} rows and {n_columns} columns of numbers; a matrix between regions is square",
            where=where,
            remedy="if this is a series of regions, give it as one (--bold FILE)",
        )
    if labels is not None:
        check_unique(labels, where)
    values, bad_diagonal = values.copy(), ~np.isfinite(values.diagonal())
    _refuse_not_finite(values, labels, where, table)
    values[np.diag_indices(n_rows)] = np.where(bad_diagonal, 0.0, values.diagonal())
    if kind is None:
        kind, why = choose_kind(name, values, where)
    else:
        why = "it was given as this"
        if kind != "fc":
            refuse_negative(values, kind, where)
    if bad_diagonal.any():
        if kind == "fc":
            values[np.diag_indices(n_rows)] = np.where(bad_diagonal, 1.0, values.diagonal())
        notices += (
            f"{int(bad_diagonal.sum())} numbers in the diagonal that are not finite are {int(kind == 'fc')} now",
        )
    return Matrix(values, None if labels is None else tuple(labels), kind, why, where, notices)


def _refuse_not_finite(
    values: NDArray[np.float64], labels: Sequence[str] | None, where: str, table: Table | None
) -> None:
    bad = ~np.isfinite(values) & ~np.eye(len(values), dtype=bool)
    if not bad.any():
        return
    n = len(values)
    whole = np.flatnonzero(bad.sum(axis=0) >= n - 1)
    row, column = (int(index) for index in np.argwhere(bad)[0])
    if whole.size:
        names = [labels[k] if labels else str(k + 1) for k in whole[:3]]
        raise InputError(
            f"column{'s' * (whole.size > 1)} {', '.join(names)}{', ...' * (whole.size > 3)} holds no numbers "
            f"({whole.size} of {n} regions)",
            where=where,
            remedy="leave the region out of rows and columns",
        )
    raise InputError(
        f"column {labels[column] if labels else column + 1} of row {labels[row] if labels else row + 1} is "
        f"{values[row, column]} ({int(bad.sum())} such cells)",
        where=where if table is None else table.place(row),
        remedy="give every pair of regions a number; 0 where there is no connection",
    )
