"""Reading and writing the two one-file forms, .npz and .h5, as a flat table key -> array."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError, StorageError
from dtbsim.files import read_hdf5, read_npz

HDF5_SUFFIXES = (".h5", ".hdf5")
SUFFIXES = (".npz", *HDF5_SUFFIXES)

Table = dict[str, NDArray[Any]]


def read_archive(path: Path) -> Table:
    """Return all arrays of an .npz or HDF5 file by key (groups joined with `/`); texts as str arrays.

    Raises:
        InputError: not readable, damaged, larger than allowed, or holding other things than numbers and texts.
    """
    try:
        return read_hdf5(path) if path.suffix.lower() in HDF5_SUFFIXES else read_npz(path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where=str(path)) from error


def write_archive(table: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write a table to .npz or HDF5 by suffix; the file appears whole or not at all (written aside, then renamed).

    Raises:
        StorageError: the folder is missing, not writable or full.
    """
    write = _write_hdf5 if path.suffix.lower() in HDF5_SUFFIXES else _write_npz
    part = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        try:
            write(table, part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot write the atlas: {error}", where=str(path), remedy="choose a folder that exists and is writable"
        ) from error


def _write_npz(table: Mapping[str, NDArray[Any]], path: Path) -> None:
    arrays: dict[str, Any] = dict(table)
    np.savez_compressed(path, **arrays)


def _write_hdf5(table: Mapping[str, NDArray[Any]], path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for key, array in table.items():
            if array.dtype.kind == "U":
                file.create_dataset(key, data=array.astype(object), dtype=h5py.string_dtype())
            elif array.ndim == 0:
                file.create_dataset(key, data=array)
            else:
                file.create_dataset(key, data=array, compression="gzip", shuffle=True, fletcher32=True)
