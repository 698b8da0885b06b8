"""HDF5 as SONATA lays it out: columns that grow chunk by chunk, without compression, which libsonata cannot read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

MAGIC, VERSION = 0x0A7A, (0, 1)
TEXT = h5py.string_dtype("utf-8")
ROWS = 1 << 16
"""Rows of a chunk of a dataset."""


def create(path: Path) -> Any:
    """A new file with the attributes that the specification wants."""
    file = h5py.File(path, "w", libver=("v108", "v110"))
    file.attrs["magic"] = np.uint32(MAGIC)
    file.attrs["version"] = np.array(VERSION, np.uint32)
    return file


class Column:
    """A dataset that grows."""

    def __init__(self, group: Any, name: str, dtype: Any) -> None:
        self.data = group.create_dataset(name, shape=(0,), maxshape=(None,), chunks=(ROWS,), dtype=dtype)
        self._waiting: list[NDArray[Any]] = []
        self._n = 0

    def append(self, values: NDArray[Any]) -> None:
        """Add values; a whole number of chunks is written at a time."""
        self._waiting.append(np.asarray(values).astype(self.data.dtype, copy=False))
        self._n += len(values)
        if self._n >= 16 * ROWS:
            self._write(self._n // ROWS * ROWS)

    def close(self) -> None:
        """Write the rest."""
        self._write(self._n)

    def _write(self, n: int) -> None:
        values = np.concatenate([np.zeros(0, self.data.dtype), *self._waiting])
        first = self.data.shape[0]
        self.data.resize((first + n,))
        self.data[first:] = values[:n]
        self._waiting, self._n = [values[n:]], values.size - n


def constant(group: Any, name: str, n: int, value: int, dtype: Any = np.uint32) -> None:
    """A dataset of one number, which takes no room: no chunk of it is ever written."""
    rows = max(1, min(n, ROWS))
    group.create_dataset(
        name, shape=(n,), maxshape=(None,), chunks=(rows,), dtype=dtype, fillvalue=np.dtype(dtype).type(value)
    )


def counting(group: Any, name: str, n: int) -> None:
    """A dataset of 0, 1, ..., n - 1."""
    column = Column(group, name, np.uint32 if n < 2**32 else np.uint64)
    for first in range(0, n, 16 * ROWS):
        column.append(np.arange(first, min(first + 16 * ROWS, n)))
    column.close()
