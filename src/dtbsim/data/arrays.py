"""Files of named arrays: .npz, .npy, .mat (all versions), .h5."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.data.labels import check_unique
from dtbsim.errors import InputError, did_you_mean
from dtbsim.files import read_hdf5, read_mat, read_npy, read_npz
from dtbsim.files.limits import most_array_bytes, size_of

ARRAY_SUFFIXES = (".npz", ".npy", ".mat", ".h5", ".hdf5")
LABEL_WORDS = ("label", "labels", "names", "name", "region", "regions", "roi", "rois", "parcels", "areas", "nodes")

Arrays = dict[str, NDArray[Any]]


def read_arrays(path: Path) -> Arrays:
    """Return the arrays of a file by name; the array of an .npy has the name of the file.

    A sparse matrix of `scipy.sparse.save_npz` comes back as one dense array with the name of the file.

    Raises:
        InputError: no such file, damaged, larger than allowed, holding other things than numbers and texts.
    """
    suffix = path.suffix.lower()
    readers: dict[str, Callable[[Path], Arrays]] = {
        ".npz": _read_npz,
        ".npy": lambda path: {path.stem: read_npy(path)},
        ".mat": read_mat,
        ".h5": read_hdf5,
        ".hdf5": read_hdf5,
    }
    try:
        return readers[suffix](path)
    except FileNotFoundError:
        raise InputError("there is no such file", where=str(path)) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where=str(path)) from error


def _read_npz(path: Path) -> Arrays:
    arrays = read_npz(path)
    if "format" in arrays and "shape" in arrays and "data" in arrays:
        from dtbsim.files.sparse import sparse_matrix

        matrix = sparse_matrix(arrays, path)
        dense, most = 8 * math.prod(matrix.shape), most_array_bytes(path.stat().st_size)
        if dense > most:
            raise InputError(
                f"a sparse matrix of {matrix.shape[0]:,} x {matrix.shape[1]:,}, {size_of(dense)} as a whole; at most "
                f"{size_of(most)} are read",
                where=str(path),
                remedy="put it into the folder of an atlas as weights.npz, where it stays sparse",
            )
        return {path.stem: matrix.toarray()}
    return arrays


def choose_array(
    arrays: Mapping[str, NDArray[Any]],
    path: Path,
    variable: str | None,
    fits: Callable[[str, NDArray[Any]], bool],
    what: str,
) -> tuple[str, NDArray[Any]]:
    """Return name and numbers of the array that is meant: `variable`, or the only one that `fits`.

    Raises:
        InputError: no such variable, none that fits, or several.
    """
    if variable is not None:
        if variable not in arrays:
            raise InputError(
                f"there is no variable {variable!r}", where=str(path), remedy=did_you_mean(variable, arrays)
            )
        return variable, numbers_of(arrays[variable], f"{path}: {variable}")
    found = [name for name, array in arrays.items() if array.dtype.kind in "biuf" and fits(name, array)]
    if len(found) == 1:
        return found[0], numbers_of(arrays[found[0]], f"{path}: {found[0]}")
    listed = ", ".join(f"{name} ({'x'.join(map(str, array.shape)) or 'one value'})" for name, array in arrays.items())
    problem = f"holds several arrays that may be {what}" if found else f"holds no {what}"
    raise InputError(
        f"{problem}: {listed or 'it is empty'}",
        where=str(path),
        remedy=f"name one of them: {path.name}:{found[0]}"
        if found
        else "give a file that has one, or name its variable",
    )


def numbers_of(array: NDArray[Any], where: str) -> NDArray[np.float64]:
    """Return an array as float64; InputError where it holds no real numbers."""
    if array.dtype.kind not in "biuf":
        kind = "complex numbers" if array.dtype.kind == "c" else f"{array.dtype}, no numbers"
        raise InputError(f"holds {kind}", where=where, remedy="name the variable with the numbers")
    return np.ascontiguousarray(array, dtype=np.float64)


def labels_in(arrays: Mapping[str, NDArray[Any]], n: int, where: str) -> tuple[tuple[str, ...] | None, str]:
    """Return the labels of n regions among named arrays of texts, if there is one such list, and its name.

    Raises:
        InputError: a label twice in it.
    """
    lists = {name: array for name, array in arrays.items() if array.dtype.kind in "US" and array.size == n > 1}
    best = [name for name in lists if name.split("/")[-1].lower().split("_")[-1] in LABEL_WORDS] or list(lists)
    if len(best) != 1:
        return None, ""
    values = lists[best[0]].ravel()
    texts = np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values
    labels = tuple(str(text).strip() for text in texts)
    check_unique(labels, f"{where}: {best[0]}")
    return labels, best[0]
