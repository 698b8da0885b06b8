"""What a store's `zarr.json` files must say: their digests, as kept in the file that publishes its rows.

Zarr checks the chunks of an array by checksums but not its metadata. Only the length of a column changes while it is
written, so its digest leaves that out: it is the same from the first row to the last.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from dtbsim.checksum import DamagedError, sha256_of
from dtbsim.store.files import RESTORE, damaged, read_bytes

NAME = "zarr.json"


def digests_of(path: Path, columns: Collection[str], constants: Collection[str]) -> dict[str, str]:
    """Return the digest of every metadata file of the group at `path`, by its name relative to the group."""
    digests = {NAME: _digest(path / NAME, column=False)[0]}
    for array in (*columns, *constants):
        name = f"{array}/{NAME}"
        digests[name] = _digest(path / name, column=array in columns)[0]
    return digests


def check_metadata(
    path: Path, digests: Mapping[str, str], columns: Collection[str], rows: int, *, closed: bool
) -> None:
    """Raise InputError, naming the file, where the metadata of the store at `path` are not those that were written.

    Columns have `rows` rows once the store was closed, and at least so many before.
    """
    for name, expected in digests.items():
        column = name.removesuffix(f"/{NAME}") in columns
        digest, length = _digest(path / name, column=column)
        if digest != expected:
            raise damaged(path / name, DamagedError("the content is not what was written"))
        if column and not (length == rows or (length > rows and not closed)):
            raise damaged(path / name, DamagedError(f"the array has {length} rows, {rows} were published"))


def _digest(file: Path, *, column: bool) -> tuple[str, int]:
    """Return the SHA-256 of the JSON with sorted keys and without blanks; of a column, without its length, and that."""
    data = read_bytes(file, missing=RESTORE)
    try:
        values = json.loads(data.decode("utf-8"))
        length = _take_length(values) if column else 0
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise damaged(file, error) from error
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return sha256_of(text.encode("utf-8", "surrogatepass")), length


def _take_length(values: Any) -> int:
    length = values["shape"][0]
    if type(length) is not int:
        raise DamagedError(f"the shape begins with {length!r}")
    values["shape"][0] = 0
    return length
