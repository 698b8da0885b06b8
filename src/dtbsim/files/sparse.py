"""Sparse matrices as `scipy.sparse.save_npz` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dtbsim.errors import InputError
from dtbsim.files.numpy_files import Table, read_npz


def read_sparse(path: Path) -> Any:
    """Return the matrix that `scipy.sparse.save_npz` wrote, any kind, as scipy sparse array."""
    return sparse_matrix(read_npz(path), path)


def sparse_matrix(table: Table, path: Path) -> Any:
    """Return the sparse matrix of the arrays of an .npz.

    Raises:
        InputError: they are none.
    """
    from scipy import sparse

    kind = _sparse_kind(table)
    try:
        shape = tuple(int(extent) for extent in table["shape"])
        if kind == "coo":
            return sparse.coo_array((table["data"], (table["row"], table["col"])), shape=shape)
        if kind == "dia":
            return sparse.dia_array((table["data"], table["offsets"]), shape=shape)
        make = {"csr": sparse.csr_array, "csc": sparse.csc_array, "bsr": sparse.bsr_array}[kind]
        return make((table["data"], table["indices"], table["indptr"]), shape=shape)
    except (KeyError, ValueError, TypeError, IndexError, OverflowError) as error:
        raise InputError(
            f"is no sparse matrix: {error}", where=str(path), remedy="save a sparse matrix with scipy.sparse.save_npz"
        ) from error


def _sparse_kind(table: Table) -> str:
    kind = table.get("format")
    if kind is None or kind.ndim != 0 or kind.dtype.kind not in "SU":
        return "none"
    return kind.item().decode("ascii", "replace") if kind.dtype.kind == "S" else str(kind.item())
