"""A table that is there and is to be written on: is it the one that is meant, and what are its last rows?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from dtbsim.checksum import DamagedError
from dtbsim.errors import InputError
from dtbsim.store.files import damaged, plain
from dtbsim.store.published import check_store, published_path
from dtbsim.store.table_reader import TableReader


@dataclass(frozen=True)
class Continued:
    """The arrays of a table, open for writing; the rows of a started shard; the first keys of its shards."""

    arrays: dict[str, zarr.Array[Any]]
    shard_rows: int
    started: dict[str, NDArray[Any]]
    shard_first: list[int]
    last_rows: dict[str, NDArray[Any]]

    def last(self, column: str) -> int:
        """The value of a column of integers in the last row."""
        return int(self.last_rows[column][-1])


def continued(
    path: Path, rows: int, attributes: Mapping[str, Any], columns: list[str], constants: Mapping[str, NDArray[Any]]
) -> Continued:
    """Open a table whose first `rows` are to stay; InputError where it is damaged, or not the one that is described."""
    record = check_store(path)
    reader = TableReader(path, None)
    if reader.rows < rows:
        message = f"{reader.rows} rows were published, of which a checkpoint counts {rows}"
        raise damaged(published_path(path), DamagedError(message))
    same = _json(reader.attributes) == _json(attributes) and record.get("columns") == columns
    if not same or any(not np.array_equal(reader.constant(name), values) for name, values in constants.items()):
        raise InputError(
            "the store is of another configuration, or of another version of dtbsim",
            where=str(path),
            remedy="go on with the configuration and the version that the run began with",
        )
    start = rows // reader.shard_rows * reader.shard_rows
    with zarr.config.set({"array.write_empty_chunks": True}):  # as in those that are made: what lacks was lost
        group = zarr.open_group(path, mode="r+", zarr_format=3)
        arrays: dict[str, Any] = {name: group[name] for name in columns}
    return Continued(
        arrays,
        reader.shard_rows,
        {name: reader.read(name, start, rows) for name in columns},
        reader.shard_first[: -(-rows // reader.shard_rows)],
        {name: reader.read(name, max(0, rows - 1), rows) for name in columns},
    )


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(plain(values), sort_keys=True)
