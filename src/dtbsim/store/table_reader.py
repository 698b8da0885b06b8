"""Reading of the tables that `dtbsim.store.table_writer` writes: published rows only, every shard checked."""

from __future__ import annotations

import math
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.files.limits import MIB, size_of
from dtbsim.files.regular import check_regular
from dtbsim.store.files import RESTORE, damaged
from dtbsim.store.published import check_store
from dtbsim.store.shards import check_shard

if TYPE_CHECKING:
    import zarr

_ARRAY_BYTES, _PER_STORED_BYTE = 256 * MIB, 1000
"""An array may be so large, or so many times what is stored of it: runs of equal numbers are packed tightly."""
_DAMAGE = (OSError, ValueError, TypeError, KeyError, IndexError, RuntimeError, AssertionError)


class TableReader:
    """One table, as published when it was opened.

    `kind` is what the store must hold (None: anything). Raises InputError, here and on reading, for a missing or
    damaged piece, naming the file.
    """

    def __init__(self, path: Path, kind: str | None) -> None:
        self.path = path
        record = check_store(path)  # before the arrays: they only grow, so they hold all published rows
        self.rows: int = record["rows"]
        self.closed: bool = record["closed"]
        self.shard_rows: int = record["shard_rows"]
        self.shard_first: list[int] = record.get("shard_first", [])
        self.complete_before: int = record.get("complete_before", 0)
        check_regular(path / "zarr.json")
        import zarr

        try:
            self._group = zarr.open_group(path, mode="r", zarr_format=3)
            self.attributes: dict[str, Any] = dict(self._group.attrs)
        except _DAMAGE as error:
            raise damaged(path, error) from error
        if kind is not None and self.attributes.get("kind") != kind:
            given = self.attributes.get("kind")
            raise InputError(f"this store holds {given!r}, expected {kind!r}", where=str(path), remedy=RESTORE)
        self._arrays: dict[str, zarr.Array[Any]] = {}

    def attribute(self, name: str) -> Any:
        """Return an attribute of the store; InputError when it is not there."""
        if name not in self.attributes:
            raise InputError(f"the attribute {name!r} is missing", where=str(self.path / "zarr.json"), remedy=RESTORE)
        return self.attributes[name]

    def constant(self, name: str) -> NDArray[Any]:
        """Return an array that is stored once, whole."""
        array = self._array(name)
        n = array.shape[0]
        return self._read_part(array, 0, n, self.path / name / "c" / "0") if n else np.empty(0, array.dtype)

    def read(self, name: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return rows start to stop (default: all published) of a column; `stop` beyond them is cut."""
        stop = self.rows if stop is None else min(stop, self.rows)
        array = self._array(name)
        if array.shape[0] < stop:
            message = f"the array has {array.shape[0]} rows, {self.rows} were published"
            raise InputError(message, where=str(self.path / name), remedy=RESTORE)
        out: NDArray[Any] = np.empty((max(0, stop - start), *array.shape[1:]), array.dtype)
        row = start
        while row < stop:
            shard = row // self.shard_rows
            end = min(stop, (shard + 1) * self.shard_rows)
            file = self._shard(name, shard)
            if out.size:
                out[row - start : end - start] = self._read_part(array, row, end, file)
            row = end
        return out

    def check_values(self) -> None:
        """Read everything that is stored, a shard at a time. Raises InputError for what is missing or damaged.

        Chunks of a shard that hold no published row yet are looked at, too.
        """
        for name in self._names():
            array = self._array(name)
            if array.shards is None:
                self.constant(name)
                continue
            for start in range(0, self.rows, self.shard_rows):
                self.read(name, start, start + self.shard_rows)
                file = self._shard(name, start // self.shard_rows)
                if 0 not in array.shape:  # a writer replaces files as a whole: what is read is one state of them
                    check_shard(file, math.prod(s // c for s, c in zip(array.shards, array.chunks, strict=True)))

    def _shard(self, name: str, shard: int) -> Path:
        return self.path.joinpath(name, "c", str(shard), *("0" for _ in self._array(name).shape[1:]))

    def _names(self) -> list[str]:
        try:
            return sorted(self._group.array_keys())
        except _DAMAGE as error:
            raise damaged(self.path, error) from error

    def first_row_from(self, name: str, value: int) -> int:
        """Return the first row whose key (column `name`, the index of the table) is at least `value`."""
        shard = bisect_left(self.shard_first, value) - 1
        if shard < 0:
            return 0
        start = shard * self.shard_rows
        keys = self.read(name, start, start + self.shard_rows)
        return start + int(np.searchsorted(keys, value))

    def _array(self, name: str) -> zarr.Array[Any]:
        if name not in self._arrays:
            import zarr

            check_regular(self.path / name / "zarr.json")
            try:
                array = self._group[name]
            except _DAMAGE as error:
                raise damaged(self.path / name, error) from error
            if not isinstance(array, zarr.Array):
                raise InputError("expected an array", where=str(self.path / name), remedy=RESTORE)
            self._check_declared(array, self.path / name)
            self._arrays[name] = array
        return self._arrays[name]

    def _check_declared(self, array: zarr.Array[Any], folder: Path) -> None:
        """Refuse an array that is said to be far larger than what is stored of it."""
        if array.dtype.kind not in "biuf":
            raise InputError(f"holds {array.dtype}, not numbers", where=str(folder), remedy=RESTORE)
        stored = sum(file.stat().st_size for file in (folder / "c").rglob("*") if file.is_file())
        declared = array.dtype.itemsize * math.prod(array.shape)
        if declared > max(_ARRAY_BYTES, _PER_STORED_BYTE * stored):
            raise InputError(
                f"is said to have {size_of(declared)}, of which {size_of(stored)} are stored",
                where=str(folder),
                remedy=RESTORE,
            )

    def _read_part(self, array: zarr.Array[Any], start: int, stop: int, file: Path, attempts: int = 3) -> NDArray[Any]:
        """Read rows of one shard; again where a writer at work may have replaced the shard in the middle of reading."""
        if not file.is_file():
            raise InputError("a piece of the store is missing", where=str(file), remedy=RESTORE)
        check_regular(file)
        try:
            return np.asarray(array[start:stop])
        except _DAMAGE as error:
            if self.closed or attempts == 1:
                raise damaged(file, error) from error
        return self._read_part(array, start, stop, file, attempts - 1)
