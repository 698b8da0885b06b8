"""Append-only tables in Zarr v3: some columns of equal length, written by one process, readable at any moment.

A table is a Zarr group with one sharded array per column. Rows are buffered until a whole shard can be written, since
writing chunk by chunk rewrites the shard every time. The number of valid rows stands in a small file beside the group,
`NAME.published.json`, replaced after the shards it counts are in place. Whoever reads only published rows never sees
a hole, also when the writer was killed: a shard is written under another name and renamed, and a shard that is written
again (a partial one, by `flush`) begins with the same rows.

That file also holds digests of the metadata (`dtbsim.store.metadata`), and tells a writer that the store is still its
own: a store that was removed, or replaced by that of another run, takes no more rows.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, Crc32cCodec

from dtbsim.checksum import FORMAT, with_checksum
from dtbsim.errors import InputError, StorageError
from dtbsim.store.files import storage_errors, sync_to_disk, write_text
from dtbsim.store.metadata import digests_of
from dtbsim.store.open_tables import Kept, branch_attributes, opened
from dtbsim.store.published import published_path
from dtbsim.store.table_continued import continued

CHUNKS_PER_SHARD = 8
FLUSH_INTERVAL_S = 10.0
_EVERY_CHUNK: Any = {"write_empty_chunks": True}  # a missing file then always means lost data


class Column(NamedTuple):
    """A column: name, dtype, the value that pads the last shard, and the shape of one row's entry with its axes."""

    name: str
    dtype: str
    fill: float
    shape: tuple[int, ...] = ()
    axes: tuple[str, ...] = ()


def rows_per_chunk(row_bytes: int, chunk_bytes: int = 1 << 18) -> int:
    """Return the power of two of rows that comes closest to `chunk_bytes` from below, at least one row."""
    return 1 << max(0, int(chunk_bytes // max(1, row_bytes)).bit_length() - 1)


def _codecs() -> list[BloscCodec | Crc32cCodec]:
    """lz4 keeps up with the simulation (zstd, Zarr's default, is 4 times slower); the checksum finds damaged chunks."""
    return [BloscCodec(cname="lz4", clevel=1, shuffle="shuffle"), Crc32cCodec()]


class TableWriter:
    """Writes one table.

    Arguments: `path` (ends in .zarr, must not exist), `columns`, `chunk_rows` (rows of a chunk; a shard has
    `CHUNKS_PER_SHARD` of them), `axis` (what a row is, the first dimension of all columns), `attributes` (JSON, of the
    group), `constants` (arrays stored once, along `constants_axis`) and `key`: the name of a nondecreasing integer
    column, whose first value of every shard is published as an index.

    A run that goes on opens its tables again (`open_tables`): of what is there the rows that a checkpoint counts stay,
    and further ones follow them.

    Raises StorageError when the disk does not take it; the rows published until then stay readable.
    """

    def __init__(
        self,
        path: Path,
        columns: list[Column],
        *,
        chunk_rows: int,
        axis: str,
        attributes: Mapping[str, Any],
        constants: Mapping[str, NDArray[Any]] | None = None,
        constants_axis: str = "",
        key: str | None = None,
        flush_interval_s: float = FLUSH_INTERVAL_S,
    ) -> None:
        self.path = path
        self._columns = columns
        self._key = key
        self._shard_rows = chunk_rows * CHUNKS_PER_SHARD
        self._buffers = {c.name: np.empty((self._shard_rows, *c.shape), c.dtype) for c in columns}
        self._base = 0  # rows in complete shards, all published
        self._filled = 0  # rows in the buffers, after those
        self._published = 0
        self._shard_first: list[int] = []
        self._last_key = -1
        self._usable = True
        self._flush_interval_s = flush_interval_s
        self._next_flush = time.monotonic() + flush_interval_s
        self._unsynced: set[Path] = set()
        self._complete_before = self._provisional = 0
        attributes = {**attributes, **branch_attributes()}
        kept = opened(self)
        if kept is None:
            self._create(chunk_rows, axis, attributes, constants or {}, constants_axis)
        else:
            self._continue(kept, attributes, constants or {})
        self._constants = [name for name, values in (constants or {}).items() if len(values)]
        try:
            digests = digests_of(path, self._arrays, constants or {})
        except InputError as error:
            raise _vanished(path) from error
        self._same: dict[str, Any] = {
            "shard_rows": self._shard_rows,
            "columns": list(self._arrays),
            "metadata": digests,
            "writer": uuid.uuid4().hex,
        }
        self._mine: set[str] = set()  # what the published file may hold: texts that this writer has written
        self._publish(self.rows, complete_before=self._complete_before, closed=False)

    def _create(
        self,
        chunk_rows: int,
        axis: str,
        attributes: Mapping[str, Any],
        constants: Mapping[str, NDArray[Any]],
        constants_axis: str,
    ) -> None:
        """Make the files of a new table."""
        path = self.path
        if path.exists():
            raise StorageError("there is a store already", where=str(path), remedy="choose another run folder")
        with storage_errors(path):
            _require_run_folder(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            group = zarr.create_group(path, zarr_format=3, attributes={"format": FORMAT, **attributes})
            self._arrays = {c.name: self._create_array(group, c, chunk_rows, axis) for c in self._columns}
            for name, values in constants.items():
                group.create_array(
                    name,
                    data=values,
                    chunks=(max(1, len(values)),),
                    compressors=_codecs(),
                    dimension_names=[constants_axis],
                    config=_EVERY_CHUNK,
                )

    def _continue(self, kept: Kept, attributes: Mapping[str, Any], constants: Mapping[str, NDArray[Any]]) -> None:
        """Take up a table that is there after its first rows: those of a started shard come back into the buffers."""
        found = continued(self.path, kept.rows, {"format": FORMAT, **attributes}, list(self._buffers), constants)
        if found.shard_rows != self._shard_rows:
            raise InputError("the store has shards of another size", where=str(self.path))
        self._arrays = found.arrays
        self._base = kept.rows // self._shard_rows * self._shard_rows
        self._filled = kept.rows - self._base
        for name, values in found.started.items():
            self._buffers[name][: self._filled] = values
        self._shard_first = found.shard_first
        self._complete_before = kept.complete_before
        if self._key and kept.rows:
            self._last_key = found.last(self._key)

    @property
    def rows(self) -> int:
        """Number of rows appended."""
        return self._base + self._filled

    @property
    def usable(self) -> bool:
        """False once the table was closed or a write failed."""
        return self._usable

    def check_usable(self) -> None:
        """Raise StorageError unless `usable`."""
        if not self._usable:
            raise StorageError(
                "nothing more can be appended: the store was closed, or an earlier write failed", where=str(self.path)
            )

    @property
    def flush_due(self) -> bool:
        """Whether rows have been waiting longer than the flush interval."""
        return time.monotonic() >= self._next_flush

    def append(self, rows: Mapping[str, NDArray[Any]]) -> None:
        """Add rows: for every column an array of shape (n, *shape of the column)."""
        n = len(rows[self._columns[0].name])
        done = 0
        with self._usable_until_failure():
            while done < n:
                take = min(n - done, self._shard_rows - self._filled)
                for name, buffer in self._buffers.items():
                    buffer[self._filled : self._filled + take] = rows[name][done : done + take]
                self._filled += take
                done += take
                if self._filled == self._shard_rows:
                    self._finish_shard(int(rows[self._key][done]) if self._key and done < n else None)
        if self.flush_due:
            self.flush()

    def flush(self, *, complete_before: int = 0) -> None:
        """Publish all rows so far. `complete_before`: no further row will have a smaller key."""
        with self._usable_until_failure():
            if self.rows > self._published:
                self._write_shard()
            complete_before = max(complete_before, self._complete_before, self._last_key + 1)
            self._publish(self.rows, complete_before=complete_before, closed=False)

    def keep(self) -> Kept:
        """Publish all rows, wait until they are on the disk, and return what counts where a run goes on from here."""
        if self.rows > self._published:
            self.flush(complete_before=self._complete_before)
        with self._usable_until_failure(), storage_errors(self.path):
            for file in self._unsynced:
                sync_to_disk(file)
            self._publish(self.rows, complete_before=self._complete_before, closed=False, durable=True)
        self._unsynced = set()
        return Kept(self.rows - self._provisional, self._complete_before, self._provisional)

    def note_provisional(self, rows: int) -> None:
        """Say how many of the last rows hold for a run that ends here, and not for one that goes on."""
        self._provisional = rows

    def close(self, *, complete_before: int = 0) -> None:
        """Publish all rows, trim the arrays to their number and wait until everything is on the disk.

        After an error this does nothing: what was published before it is what there is. Calling it again is allowed.
        """
        if not self._usable:
            return
        self.flush(complete_before=complete_before)
        with self._usable_until_failure(), storage_errors(self.path):
            self._check_shards()
            for array in self._arrays.values():
                array.resize((self.rows, *array.shape[1:]))
            for file in self.path.rglob("*"):
                sync_to_disk(file)
            sync_to_disk(self.path)
            self._publish(self.rows, complete_before=max(complete_before, self._last_key + 1), closed=True)
        self._usable = False
        self._buffers = {}

    def _create_array(self, group: zarr.Group, column: Column, chunk_rows: int, axis: str) -> zarr.Array[Any]:
        entry = tuple(max(1, n) for n in column.shape)
        return group.create_array(
            column.name,
            shape=(0, *column.shape),
            dtype=column.dtype,
            chunks=(chunk_rows, *entry),
            shards=(self._shard_rows, *entry),
            compressors=_codecs(),
            fill_value=column.fill,
            dimension_names=[axis, *column.axes],
            config=_EVERY_CHUNK,
        )

    def _finish_shard(self, next_key: int | None) -> None:
        self._write_shard()
        self._base, self._filled = self._base + self._filled, 0
        complete_before = self._last_key + 1 if next_key is None else next_key
        self._publish(self._base, complete_before=complete_before, closed=False)

    def _write_shard(self) -> None:
        """Write the buffers as one whole shard, padded: a partial one would make Zarr read and merge."""
        start, stop = self._base, self._base + self._shard_rows
        with storage_errors(self.path):
            self._check_present()  # zarr would make missing folders again, and the rest would be lost in silence
            for column in self._columns:
                buffer, array = self._buffers[column.name], self._arrays[column.name]
                buffer[self._filled :] = column.fill
                if array.shape[0] < stop:
                    array.resize((stop, *array.shape[1:]))
                array[start:stop] = buffer
                self._unsynced |= {self.path / column.name / "zarr.json", *self._shards(column, stop)}
        if self._key:
            keys = self._buffers[self._key]
            self._last_key = int(keys[self._filled - 1])
            self._shard_first[start // self._shard_rows :] = [int(keys[0])]

    def _shards(self, column: Column, stop: int) -> list[Path]:
        """The file of the shard that ends before row `stop`, and the folders that name it; [] where there is none."""
        if 0 in column.shape:
            return []
        pieces = self.path / column.name / "c"
        file = pieces.joinpath(str(stop // self._shard_rows - 1), *("0" for _ in column.shape))
        return [file, *(folder for folder in file.parents if folder.is_relative_to(pieces))]

    def _publish(self, rows: int, *, complete_before: int, closed: bool, durable: bool = False) -> None:
        self._complete_before = complete_before
        record: dict[str, Any] = {"rows": rows, "closed": closed, **self._same}
        if self._key:
            record |= {"complete_before": complete_before, "shard_first": self._shard_first}
        if self._mine:
            self._check_present()
        text = with_checksum(record)
        self._mine.add(text)
        write_text(published_path(self.path), text, durable=closed or durable)
        self._mine = {text}
        self._published = rows
        self._next_flush = time.monotonic() + self._flush_interval_s

    def _check_present(self) -> None:
        """Raise StorageError unless the store is as this writer left it."""
        with storage_errors(self.path):
            try:
                mine = published_path(self.path).read_text(encoding="utf-8") in self._mine
            except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
                mine = False
        missing = [self.path / name for name in self._same["metadata"] if not (self.path / name).is_file()]
        if missing or not mine:
            raise _vanished(missing[0] if missing else published_path(self.path))

    def _check_shards(self) -> None:
        """Raise StorageError where a shard that was written is not there any more."""
        shards = -(-self.rows // self._shard_rows)
        pieces = [self.path / name / "c" / "0" for name in self._constants]
        for column in self._columns:
            if 0 not in column.shape:
                chunk = ["0"] * len(column.shape)
                pieces += [self.path.joinpath(column.name, "c", str(shard), *chunk) for shard in range(shards)]
        for piece in pieces:
            if not piece.is_file():
                raise _vanished(piece)

    @contextlib.contextmanager
    def _usable_until_failure(self) -> Iterator[None]:
        """Refuse a closed writer, and close it to everything further when the disk fails.

        An interrupt leaves the writer usable: a shard can be written again.
        """
        self.check_usable()
        try:
            yield
        except StorageError:
            self._usable = False
            raise


def _vanished(piece: Path) -> StorageError:
    return StorageError(
        "this piece of the store was removed or replaced while the run was writing it",
        where=str(piece),
        remedy="repeat the run, and leave its folder in place until it has ended",
    )


def _require_run_folder(path: Path) -> None:
    """Raise StorageError where the folder that holds `stores` is gone: a run never makes its folder a second time."""
    for folder in path.parents:
        if folder.name == "stores" and not folder.parent.is_dir():
            raise StorageError(
                "the run folder was removed or moved while the run was at work",
                where=str(folder.parent),
                remedy="repeat the run, and leave its folder in place until it has ended",
            )
