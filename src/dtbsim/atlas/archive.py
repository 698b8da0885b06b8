"""Reading and writing the two one-file forms, .npz and .h5, as a flat table key -> array."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError, StorageError

HDF5_SUFFIXES = (".h5", ".hdf5")
SUFFIXES = (".npz", *HDF5_SUFFIXES)

Table = dict[str, NDArray[Any]]

# What zipfile and numpy raise on damaged archives; NotImplementedError and RuntimeError where flags are damaged.
ZIP_ERRORS = (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zlib.error, zipfile.BadZipFile)
_DAMAGED = "damaged or truncated: copy or export it again"


def read_archive(path: Path) -> Table:
    """Return all arrays of an .npz or HDF5 file by key (groups joined with `/`); texts as str arrays.

    Raises:
        InputError: not readable, damaged, or holding pickled Python objects.
    """
    return _read_hdf5(path) if path.suffix.lower() in HDF5_SUFFIXES else _read_npz(path)


def _read_npz(path: Path) -> Table:
    try:
        if not zipfile.is_zipfile(path):
            raise InputError("is not an .npz archive", where=str(path), remedy=_DAMAGED)
        table: Table = {}
        with np.load(path, allow_pickle=False) as archive:
            for key in archive.files:
                table[key] = _read_member(archive, key, path)
    except ZIP_ERRORS as error:
        raise InputError(f"cannot be read: {error}", where=str(path), remedy=_DAMAGED) from error
    return table


def _read_member(archive: Any, key: str, path: Path) -> NDArray[Any]:
    try:
        return np.asarray(archive[key])
    except ZIP_ERRORS as error:
        if "pickle" in str(error):
            raise InputError(
                f"{key} holds Python objects", where=str(path), remedy="save names as np.array(names, dtype=str)"
            ) from error
        raise InputError(f"{key} cannot be read: {error}", where=str(path), remedy=_DAMAGED) from error


def _read_hdf5(path: Path) -> Table:
    import h5py

    table: Table = {}

    def take(key: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            text = h5py.check_string_dtype(item.dtype) is not None
            table[key] = np.asarray(item.asstr()[()] if text else item[()], dtype=str if text else None)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(take)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"cannot be read as HDF5: {error}", where=str(path), remedy=_DAMAGED) from error
    return table


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
