"""Columns that are written piece by piece and become one .npz, however long they are."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray


class ColumnFiles:
    """Lists of numbers by name in a folder; pieces are appended to files, of which few are open at a time."""

    def __init__(self, folder: Path, dtypes: dict[str, Any]) -> None:
        self._folder, self._dtypes = folder, {name: np.dtype(kind) for name, kind in dtypes.items()}
        self.n = 0
        folder.mkdir(parents=True, exist_ok=True)

    def append(self, columns: dict[str, NDArray[Any]]) -> None:
        """Add as many entries to every column."""
        for name, dtype in self._dtypes.items():
            with (self._folder / name).open("ab") as file:
                np.ascontiguousarray(columns[name], dtype).tofile(file)
        self.n += len(columns[next(iter(self._dtypes))])

    def column(self, name: str) -> NDArray[Any]:
        """Return all entries of a column."""
        path = self._folder / name
        return np.fromfile(path, self._dtypes[name]) if path.exists() else np.zeros(0, self._dtypes[name])

    def save(self, path: Path, leave_out: frozenset[str] = frozenset()) -> None:
        """Write the .npz, and remove the folder."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, dtype in self._dtypes.items():
                if name in leave_out:
                    continue
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": (self.n,)}
                    npy.write_array_header_2_0(cast(BinaryIO, member), header)
                    if (self._folder / name).exists():
                        with (self._folder / name).open("rb") as file:
                            shutil.copyfileobj(file, member, 1 << 20)
        shutil.rmtree(self._folder)
