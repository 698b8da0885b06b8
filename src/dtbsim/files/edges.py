"""Lists of edges of strangers, read in pieces: columns of .npz, .csv, .h5 and .parquet, matrices of .npy and .npz.

A file may be much larger than the memory: .npz, .npy, .parquet and .csv are read piece by piece, as often as needed.
HDF5 is read as a whole, by the process that reads all HDF5 (`dtbsim.files.other_process`).
"""

from __future__ import annotations

import contextlib
import csv
import importlib
import math
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import show
from dtbsim.errors import InputError, MissingDependencyError
from dtbsim.files.limits import MOST_NAMED, MOST_TABLE_BYTES, size_of
from dtbsim.files.numpy_files import READ_ERRORS, check_directory, checked_members, read_header, reason_of
from dtbsim.files.other_process import read_hdf5
from dtbsim.files.regular import check_regular, open_regular, size_of_file, text_lines

Columns = dict[str, NDArray[Any]]

WHOLE = ("source", "target", "delay_steps")
NUMBERS = ("weight", "weight_pA", "weight_mV", "weight_nS", "delay_ms")
ROWS = 1 << 20
"""Edges of a piece."""
_SPARSE = {"csr": ("indptr", "indices"), "csc": ("indptr", "indices"), "coo": ("row", "col")}
_ADVICE = f"allowed: {', '.join(WHOLE[:2])}, and as needed {', '.join((*NUMBERS, WHOLE[2]))}"


@dataclass(frozen=True)
class EdgeFile:
    """A list of edges: its columns, and `pieces()`, which reads them from the beginning, some ROWS at a time.

    `shape` is that of a matrix (rows, columns), whose columns are called `row`, `column` and `weight`; else None.
    """

    path: Path
    columns: tuple[str, ...]
    pieces: Callable[[], Iterator[Columns]]
    shape: tuple[int, int] | None = None


def open_edges(path: Path) -> EdgeFile:
    """Look at what a file holds. Raises InputError, with the path, for all that is no list of edges or matrix.

    OSError where it cannot be opened.
    """
    if path.suffix not in _READERS:
        raise InputError(f"{path.name} is none of {', '.join(_READERS)}", where=str(path), remedy="save it as one")
    with _readable(path):
        found = _READERS[path.suffix](path)
    if found.shape is not None:
        return found
    _check_columns(found.columns, path)
    return replace(found, pieces=lambda: _at_least_one(found))


def _at_least_one(found: EdgeFile) -> Iterator[Columns]:
    """Yield the pieces, of a list without edges an empty one, which still has its columns."""
    piece: Columns | None = None
    for piece in found.pieces():
        yield piece
    if piece is None:
        yield {name: np.zeros(0, np.int64) for name in found.columns}


def _check_columns(columns: tuple[str, ...], path: Path) -> None:
    known = (*WHOLE, *NUMBERS)
    for name in columns:
        if name not in known:
            raise InputError(f"the column {show(name)} is not known", where=str(path), remedy=_ADVICE)
        if columns.count(name) > 1:
            raise InputError(f"the column {name} is there twice", where=str(path), remedy="keep one of them")
    missing = [name for name in WHOLE[:2] if name not in columns]
    if missing:
        raise InputError(f"there is no column {' and no column '.join(missing)}", where=str(path), remedy=_ADVICE)
    for names in (NUMBERS[:4], ("delay_ms", "delay_steps")):
        both = [name for name in names if name in columns]
        if len(both) > 1:
            raise InputError(f"has the columns {' and '.join(both)}", where=str(path), remedy="keep one of them")


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what reading a damaged file raises into an InputError with its path."""
    try:
        yield
    except (InputError, FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except (*READ_ERRORS, csv.Error) as error:
        raise InputError(
            f"cannot be read: {reason_of(error)}", where=str(path), remedy="damaged or truncated: export it again"
        ) from error


# -- .npz and .npy ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Member:
    """What the header of an array says."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]


def _npz(path: Path) -> EdgeFile:
    with open_regular(path) as file:
        size = size_of_file(file)
        check_directory(file, size, path)
        with zipfile.ZipFile(file) as archive:
            members = checked_members(archive, size, path)
            headers = {}
            for key, member in members.items():
                with archive.open(member) as stream:
                    headers[key] = _Member(*read_header(stream, member.file_size, key, path))
    if "format" in headers:
        return _sparse(path, headers)
    _check_columns(tuple(headers), path)
    _check_lengths({key: header.shape for key, header in headers.items()}, path)
    names = tuple(headers)
    return EdgeFile(path, names, lambda: _npz_pieces(path, {name: name for name in names}))


def _check_lengths(shapes: dict[str, tuple[int, ...]], path: Path) -> None:
    for key, shape in shapes.items():
        if len(shape) != 1:
            raise InputError(f"{key} has the shape {shape}", where=str(path), remedy="columns have one dimension")
    if len({shape[0] for shape in shapes.values()}) > 1:
        told = ", ".join(f"{key} {shape[0]:,}" for key, shape in shapes.items())
        raise InputError(f"its columns differ in length: {told}", where=str(path), remedy="give one value per edge")


def _npz_pieces(path: Path, keys: dict[str, str]) -> Iterator[Columns]:
    """Yield the arrays `keys` (name in the archive -> column) in pieces of ROWS."""
    with _readable(path), open_regular(path) as file, zipfile.ZipFile(file) as archive, contextlib.ExitStack() as stack:
        members = checked_members(archive, size_of_file(file), path, keys)
        streams, headers = {}, {}
        for key in keys:
            streams[key] = stack.enter_context(archive.open(members[key]))
            headers[key] = _Member(*read_header(streams[key], members[key].file_size, key, path))
        n = min(header.shape[0] for header in headers.values())
        for first in range(0, n, ROWS):
            rows = min(ROWS, n - first)
            yield {column: _take(streams[key], headers[key].dtype, rows) for key, column in keys.items()}
        for stream in streams.values():
            if stream.read(1):  # to its end, where the checksum is compared
                raise ValueError("an array goes on after its end")


def _take(stream: Any, dtype: np.dtype[Any], n: int) -> NDArray[Any]:
    """Read n items."""
    wanted = n * dtype.itemsize
    data = bytearray()
    while len(data) < wanted:
        got = stream.read(wanted - len(data))
        if not got:
            raise EOFError("it ends too early")
        data += got
    return np.frombuffer(data, dtype).astype(dtype.newbyteorder("="), copy=False)


def _npy(path: Path) -> EdgeFile:
    with open_regular(path) as file:
        header = _Member(*read_header(file, size_of_file(file), "the array", path))
    if len(header.shape) != 2 or header.dtype.kind not in "iufb":
        raise InputError(
            f"has the shape {header.shape} and holds {header.dtype}", where=str(path),
            remedy="give a matrix of weights, or columns in an .npz",
        )  # fmt: skip
    rows, columns = header.shape
    return EdgeFile(path, ("row", "column", "weight"), lambda: _dense_pieces(path), (rows, columns))


def _dense_pieces(path: Path) -> Iterator[Columns]:
    with _readable(path), open_regular(path) as file:
        header = _Member(*read_header(file, size_of_file(file), "the array", path))
        lines, length = header.shape[::-1] if header.fortran else header.shape
        at_once = max(1, ROWS // max(length, 1))
        for first in range(0, lines if length else 0, at_once):
            n = min(at_once, lines - first)
            values = _take(file, header.dtype, n * length).reshape(n, length)
            line, place = np.nonzero(values)  # NaN is not 0, and refused with the weights
            names = ("column", "row") if header.fortran else ("row", "column")
            piece: Columns = {names[0]: line + first, names[1]: place}
            yield piece if values.dtype.kind == "b" else {**piece, "weight": values[line, place]}


def _sparse(path: Path, headers: dict[str, _Member]) -> EdgeFile:
    """A matrix as scipy.sparse.save_npz writes it."""
    small = _small(path, ("format", "shape"))
    kind = np.asarray(small["format"]).reshape(-1)[0]
    kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
    keys = _SPARSE.get(kind)
    if keys is None:
        raise InputError(
            f"is a sparse matrix in the format {show(kind)}", where=str(path), remedy=f"save it as {', '.join(_SPARSE)}"
        )
    missing = [key for key in ("data", *keys) if key not in headers]
    shape = tuple(int(extent) for extent in np.asarray(small["shape"]).reshape(-1))
    if missing or len(shape) != 2 or min(shape) < 0:
        raise InputError("is no whole sparse matrix", where=str(path), remedy="save it with scipy.sparse.save_npz")
    entries = {key: headers[key].shape for key in ("data", keys[1])}
    if kind == "coo":
        entries[keys[0]] = headers[keys[0]].shape
    _check_lengths(entries, path)
    for key in keys:
        if headers[key].dtype.kind not in "iu" or len(headers[key].shape) != 1:
            raise InputError(f"{key} holds {headers[key].dtype}", where=str(path), remedy="it must be integers")
    pieces = _coo_pieces if kind == "coo" else _compressed_pieces
    columns = "row", "column", "weight"
    return EdgeFile(path, columns, lambda: pieces(path, kind, shape), (shape[0], shape[1]))


def _small(path: Path, keys: tuple[str, ...], most: int = 64) -> Columns:
    """Arrays of at most `most` items."""
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        members = checked_members(archive, size_of_file(file), path, keys)
        found = {}
        for key in keys:
            with archive.open(members[key]) as stream:
                header = _Member(*read_header(stream, members[key].file_size, key, path))
                if math.prod(header.shape) > most:
                    raise InputError(f"{key} has the shape {header.shape}", where=str(path))
                found[key] = _take(stream, header.dtype, math.prod(header.shape))
    return found


def _coo_pieces(path: Path, kind: str, shape: tuple[int, ...]) -> Iterator[Columns]:
    for piece in _npz_pieces(path, {"row": "row", "col": "column", "data": "weight"}):
        yield _without_truth(piece)


def _compressed_pieces(path: Path, kind: str, shape: tuple[int, ...]) -> Iterator[Columns]:
    """Rows (csr) or columns (csc) one after the other; `indptr` says where each begins."""
    lines = shape[0] if kind == "csr" else shape[1]
    with _readable(path):
        starts = _small(path, ("indptr",), lines + 1)["indptr"].astype(np.int64)
    if starts.size != lines + 1 or starts[0] != 0 or (np.diff(starts) < 0).any():
        raise InputError("its indptr is none of this matrix", where=str(path), remedy="export it again")
    first, names = 0, ("row", "column") if kind == "csr" else ("column", "row")
    for piece in _npz_pieces(path, {"indices": names[1], "data": "weight"}):
        n = piece["weight"].size
        line = np.searchsorted(starts, np.arange(first, first + n), side="right") - 1
        if n and line[-1] >= lines:
            raise InputError("its indptr is none of this matrix", where=str(path), remedy="export it again")
        yield _without_truth({names[0]: line, **piece})
        first += n
    if first != starts[-1]:
        raise InputError("its indptr is none of this matrix", where=str(path), remedy="export it again")


def _without_truth(piece: Columns) -> Columns:
    """Without weights that only say where there is an edge."""
    return {name: values for name, values in piece.items() if values.dtype.kind != "b"}


# -- tables -------------------------------------------------------------------------------------------------------


def _csv(path: Path) -> EdgeFile:
    rows = csv.reader(text_lines(path, MOST_TABLE_BYTES, "save it as .npz"))
    columns = tuple(name.strip() for name in next(rows, []))
    if len(columns) > MOST_NAMED:
        raise InputError(f"has {len(columns):,} columns", where=str(path), remedy=_ADVICE)
    return EdgeFile(path, columns, lambda: _csv_pieces(path, columns))


def _csv_pieces(path: Path, columns: tuple[str, ...]) -> Iterator[Columns]:
    with _readable(path):
        rows = csv.reader(text_lines(path, MOST_TABLE_BYTES, "save it as .npz"))
        next(rows, None)
        values: list[list[Any]] = [[] for _ in columns]
        kinds = [int if name in WHOLE else float for name in columns]
        for row in rows:
            if not row:
                continue
            if len(row) != len(columns):
                raise InputError(
                    f"{len(row)} values for {len(columns)} columns", where=f"{path}:{rows.line_num}",
                    remedy="give a value for each",
                )  # fmt: skip
            for column, kind, text, name in zip(values, kinds, row, columns, strict=True):
                try:
                    column.append(kind(text))
                except ValueError:
                    what = "a whole number" if kind is int else "a number"
                    raise InputError(
                        f"{name}: {show(text)} is not {what}", where=f"{path}:{rows.line_num}", remedy="correct it"
                    ) from None
            if len(values[0]) == ROWS:
                yield _arrays(columns, values)
                values = [[] for _ in columns]
        if values[0]:
            yield _arrays(columns, values)


def _arrays(columns: tuple[str, ...], values: list[list[Any]]) -> Columns:
    return {name: _whole(one) if name in WHOLE else np.array(one) for name, one in zip(columns, values, strict=True)}


def _whole(values: list[int]) -> NDArray[Any]:
    try:
        return np.array(values, np.int64)
    except OverflowError:
        return np.array(values, object)  # beyond all populations: refused with the number


def _hdf5(path: Path) -> EdgeFile:
    from psutil import virtual_memory

    size, free = path.stat().st_size, int(virtual_memory().available)
    if 3 * size > free:
        raise InputError(
            f"has {size_of(size)}, and HDF5 is read as a whole; {size_of(free)} of memory are free", where=str(path),
            remedy="save the columns in an .npz, which is read in pieces",
        )  # fmt: skip
    table = read_hdf5(path)
    _check_columns(tuple(table), path)
    _check_lengths({key: array.shape for key, array in table.items()}, path)
    n = next(iter(table.values())).size

    def pieces() -> Iterator[Columns]:
        for first in range(0, n, ROWS):
            yield {key: array[first : first + ROWS] for key, array in table.items()}

    return EdgeFile(path, tuple(table), pieces)


def _parquet(path: Path) -> EdgeFile:
    parquet = _pyarrow(path)
    check_regular(path)
    try:
        with parquet.ParquetFile(os.fspath(path)) as file:
            columns = tuple(str(name) for name in file.schema_arrow.names)
    except Exception as error:
        raise InputError(f"cannot be read as Parquet: {reason_of(error)}", where=str(path)) from error
    return EdgeFile(path, columns, lambda: _parquet_pieces(path))


def _pyarrow(path: Path) -> Any:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingDependencyError(
            f"{path} is a Parquet file, and pyarrow cannot be imported: {error}",
            remedy="pip install 'dtbsim[parquet]', or save the columns as .npz",
        ) from error
    return parquet


def _parquet_pieces(path: Path) -> Iterator[Columns]:
    try:
        # a file may be one group of rows, which is read as a whole where it is read ahead or by several threads
        with _pyarrow(path).ParquetFile(os.fspath(path), pre_buffer=False, buffer_size=1 << 20) as file:
            for batch in file.iter_batches(batch_size=max(1, ROWS // 4), use_threads=False):
                named = dict(zip(batch.schema.names, batch.columns, strict=True))
                _check_full(named, path)
                yield {name: column.to_numpy(zero_copy_only=False) for name, column in named.items()}
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"cannot be read as Parquet: {reason_of(error)}", where=str(path)) from error


def _check_full(columns: dict[str, Any], path: Path) -> None:
    for name, column in columns.items():
        if column.null_count:
            raise InputError(f"the column {name} has empty places", where=str(path), remedy="fill them")


_READERS: dict[str, Callable[[Path], EdgeFile]] = {
    ".npz": _npz,
    ".npy": _npy,
    ".csv": _csv,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".parquet": _parquet,
}
