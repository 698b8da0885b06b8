"""Checks of everything an atlas holds; each failure is an `InputError` that names the place and the cure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.atlas.connectome import Floats, Matrix, is_sparse, row_of_entries
from dtbsim.errors import InputError

Names = tuple[str, ...]

_FC_TOLERANCE = 1e-5


def float_array(value: Any, shape: tuple[int | None, ...], what: str, where: str) -> Floats:
    """Return `value` as a read-only float64 copy of the wanted shape (None: any size), finite throughout.

    Raises:
        InputError: not numeric, another shape, NaN or infinite.
    """
    array = _numeric(value, what, where)
    if array.ndim != len(shape) or any(
        want is not None and have != want for have, want in zip(array.shape, shape, strict=True)
    ):
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise InputError(
            f"{what} has shape {_shape(array.shape)}; needed ({wanted})",
            where=where,
            remedy="the number of regions is the length of region_names",
        )
    bad = ~np.isfinite(array)
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"{what}[{', '.join(map(str, index))}] is {array[index]} ({int(bad.sum())} such value(s))",
            where=where,
            remedy="every number must be finite; use 0 where there is no connection",
        )
    array.setflags(write=False)
    return array


def _numeric(value: Any, what: str, where: str) -> Floats:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{what} is no array of numbers: {error}", where=where) from error
    if array.dtype.kind not in "biuf":
        raise InputError(f"{what} holds {array.dtype} values; needed real numbers", where=where)
    return np.array(array, dtype=np.float64)


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def dense_weights(value: Any, names: Names, where: str) -> Floats:
    """Return checked dense weights [target, source]: square, finite, not negative, zero diagonal; may be directed."""
    weights = float_array(value, (len(names), len(names)), "weights", where)
    negative = weights < 0
    if negative.any():
        target, source = np.argwhere(negative)[0]
        _negative("weights", names, int(target), int(source), float(weights[target, source]), where)
    _check_diagonal(weights.diagonal(), names, where)
    return weights


def dense_lengths(value: Any, weights: Floats, names: Names, where: str) -> Floats:
    """Return checked dense tract lengths in mm: square, finite, not negative, above zero wherever a weight is."""
    lengths = float_array(value, weights.shape, "lengths_mm", where)
    negative = lengths < 0
    if negative.any():
        target, source = np.argwhere(negative)[0]
        _negative("lengths_mm", names, int(target), int(source), float(lengths[target, source]), where)
    missing = (weights > 0) & (lengths == 0)
    if missing.any():
        target, source = np.argwhere(missing)[0]
        _zero_length(names, int(target), int(source), float(weights[target, source]), int(missing.sum()), where)
    return lengths


def sparse_weights(value: Any, names: Names, where: str) -> Any:
    """Return checked sparse weights as a canonical `csr_array`; entries stored as zero are dropped."""
    matrix = _canonical(value, "weights", names, where)
    _check_entries(matrix, "weights", names, where)
    matrix.eliminate_zeros()
    _check_diagonal(matrix.diagonal(), names, where)
    return _frozen(matrix)


def sparse_lengths(value: Matrix, weights: Any, names: Names, where: str) -> Any:
    """Return tract lengths in mm on exactly the entries of the sparse `weights`, each above zero."""
    targets = row_of_entries(weights)
    if is_sparse(value):
        given = _canonical(value, "lengths_mm", names, where)
        _check_entries(given, "lengths_mm", names, where)
        data = _lookup(given, targets, weights.indices)
    else:
        data = float_array(value, (len(names), len(names)), "lengths_mm", where)[targets, weights.indices]
    if (data <= 0).any():
        entry = int(np.argmax(data <= 0))
        target, source = int(targets[entry]), int(weights.indices[entry])
        if data[entry] < 0:
            _negative("lengths_mm", names, target, source, float(data[entry]), where)
        _zero_length(names, target, source, float(weights.data[entry]), int((data <= 0).sum()), where)
    lengths = weights.copy()
    lengths.data = data
    return _frozen(lengths)


def _lookup(matrix: Any, rows: NDArray[Any], columns: NDArray[Any]) -> Floats:
    """Return the entries at (rows, columns) of a canonical CSR matrix, 0 where none is stored."""
    n = np.int64(matrix.shape[1])
    stored = row_of_entries(matrix) * n + matrix.indices
    wanted = rows * n + columns
    place = np.searchsorted(stored, wanted)
    found = place < stored.size
    found[found] = stored[place[found]] == wanted[found]
    values = np.zeros(wanted.size)
    values[found] = matrix.data[place[found]]
    return values


def _canonical(value: Any, what: str, names: Names, where: str) -> Any:
    from scipy.sparse import csr_array

    n = len(names)
    if tuple(getattr(value, "shape", ())) != (n, n):
        raise InputError(f"{what} has shape {_shape(getattr(value, 'shape', ()))}; needed ({n}, {n})", where=where)
    try:
        if hasattr(value, "check_format"):  # before scipy follows indices that lead out of its arrays
            value.check_format(full_check=True)
        matrix = csr_array(value, dtype=np.float64, copy=True)
        matrix.check_format(full_check=True)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise InputError(f"{what} is not a valid sparse matrix: {error}", where=where) from error
    entries = matrix.nnz
    matrix.sum_duplicates()
    if matrix.nnz != entries:
        raise InputError(
            f"{what} stores {entries - matrix.nnz} entries twice (same target and source)",
            where=where,
            remedy="store every pair of regions once",
        )
    return matrix


def _check_entries(matrix: Any, what: str, names: Names, where: str) -> None:
    bad = ~(matrix.data >= 0) | np.isinf(matrix.data)
    if not bad.any():
        return
    entry = int(np.argmax(bad))
    target = int(np.searchsorted(matrix.indptr, entry, side="right")) - 1
    source, value = int(matrix.indices[entry]), float(matrix.data[entry])
    if value < 0 and np.isfinite(value):
        _negative(what, names, target, source, value, where)
    raise InputError(
        f"{what} at target {names[target]}, source {names[source]} is {value}; every stored number must be finite",
        where=where,
    )


def _frozen(matrix: Any) -> Any:
    for array in (matrix.data, matrix.indices, matrix.indptr):
        array.setflags(write=False)
    return matrix


def _negative(what: str, names: Names, target: int, source: int, value: float, where: str) -> None:
    remedy = "take exp of log-transformed weights" if what == "weights" else "lengths are distances in mm"
    raise InputError(
        f"{what} at target {names[target]}, source {names[source]} is {value:g}; needed 0 or more",
        where=where,
        remedy=remedy,
    )


def _zero_length(names: Names, target: int, source: int, weight: float, count: int, where: str) -> None:
    raise InputError(
        f"lengths_mm at target {names[target]}, source {names[source]} is 0 but the weight there is {weight:g} "
        f"({count} such connection(s))",
        where=where,
        remedy="give a length above 0 to every connection, or leave lengths_mm out and set lengths_source: estimated",
    )


def _check_diagonal(diagonal: NDArray[Any], names: Names, where: str) -> None:
    if diagonal.any():
        region = int(np.flatnonzero(diagonal)[0])
        raise InputError(
            f"weights has a connection of region {names[region]} with itself ({diagonal[region]:g}); "
            "the diagonal must be zero",
            where=where,
            remedy="set the diagonal to 0; connections inside a region are part of the network, not of the atlas",
        )


def correlation_matrix(value: Any, n: int, what: str, where: str) -> Floats:
    """Return a checked functional connectivity: [n, n], finite, within [-1, 1], symmetric; the diagonal is not used."""
    fc = float_array(value, (n, n), what, where)
    largest = float(np.abs(fc).max(initial=0.0))
    if largest > 1 + _FC_TOLERANCE:
        raise InputError(
            f"{what} reaches {largest:g}; correlations lie within -1 and 1",
            where=where,
            remedy="apply tanh to Fisher-z values",
        )
    difference = float(np.abs(fc - fc.T).max(initial=0.0))
    if difference > _FC_TOLERANCE:
        raise InputError(f"{what} is not symmetric (differs by up to {difference:g})", where=where)
    return fc
