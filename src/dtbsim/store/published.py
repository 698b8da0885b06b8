"""The stores of a run without their values: where they are, what is published of them, are their files whole?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dtbsim.checksum import DamagedError
from dtbsim.errors import InputError
from dtbsim.files import parse_json
from dtbsim.store.files import RESTORE, damaged, read_bytes, read_checked
from dtbsim.store.metadata import NAME, check_metadata


def rank_store(folder: Path, rank: int) -> Path:
    """Return the path of a rank's store in `folder`."""
    return folder / f"rank_{rank:05d}.zarr"


def rank_stores(folder: Path, ranks: int) -> list[Path]:
    """Return the stores of all ranks in `folder`; InputError when some are missing or there are too many."""
    paths = [rank_store(folder, rank) for rank in range(ranks)]
    missing = [path for path in paths if not path.is_dir()]
    if missing:
        raise InputError(f"{len(missing)} of {ranks} stores are missing", where=str(missing[0]), remedy=RESTORE)
    surplus = sorted(set(folder.glob("rank_*.zarr")) - set(paths))
    if surplus:
        raise InputError(
            f"a store that does not belong to this run of {ranks} ranks", where=str(surplus[0]), remedy="move it away"
        )
    return paths


def published_path(path: Path) -> Path:
    """Return the file that says how much of the store at `path` is valid."""
    return path.with_suffix(".published.json")


def read_published(path: Path) -> dict[str, Any]:
    """Return what is published of the store at `path`; InputError where it is missing, damaged or makes no sense."""
    file = published_path(path)
    record = read_checked(file, missing=RESTORE)
    if record.get("format", 1) != 1:  # version 0.1 had this key among the others
        raise InputError(
            f"store format {record['format']!r}, this version does not read it",
            where=str(file),
            remedy="use the version of dtbsim that wrote it",
        )
    for key, least in (("rows", 0), ("shard_rows", 1), ("complete_before", 0)):
        if type(record.get(key, 0 if key == "complete_before" else None)) is not int or record.get(key, 0) < least:
            raise InputError(f"{key!r} is missing or not a valid number", where=str(file), remedy=RESTORE)
    if type(record.get("closed")) is not bool or not _is_well_formed(record):
        raise damaged(file, DamagedError("it lacks what it must say"))
    return record


def _is_well_formed(record: dict[str, Any]) -> bool:
    """Whether the index is one, and the digests are those of the arrays that are named."""
    if ("columns" in record) != ("metadata" in record):
        return False
    first, columns, digests = record.get("shard_first", []), record.get("columns", []), record.get("metadata", {})
    if not isinstance(first, list) or any(type(step) is not int for step in first):
        return False
    if not isinstance(columns, list) or not isinstance(digests, dict):
        return False
    arrays = {name.removesuffix(f"/{NAME}") for name in digests if name != NAME}
    plain = all(array.isidentifier() for array in arrays) and all(isinstance(d, str) for d in digests.values())
    return plain and set(map(str, columns)) <= arrays and (not digests or NAME in digests)


def check_store(path: Path) -> dict[str, Any]:
    """Return what is published of the store at `path`, after checking its metadata where they have digests.

    Raises InputError, naming the file, for what is missing or damaged. Chunks are checked when they are read.
    """
    record = read_published(path)
    if "metadata" in record:
        check_metadata(path, record["metadata"], record["columns"], record["rows"], closed=record["closed"])
    return record


def check_pieces(path: Path) -> None:
    """As `check_store`, and that the files of all published rows are there."""
    record = check_store(path)
    shards = -(-record["rows"] // max(1, record["shard_rows"]))
    for name in record.get("columns", []):
        pieces = path / name / "c"
        found = {entry.name for entry in pieces.iterdir()} if pieces.is_dir() else set()
        lost = next((shard for shard in range(shards) if str(shard) not in found), None)
        if lost is not None and not _is_empty(path / name):
            where = str(pieces / str(lost))
            raise InputError("a piece of the store is missing", where=where, remedy=RESTORE)


def _is_empty(array: Path) -> bool:
    """Whether an entry of this column holds nothing (no neurons), so that nothing is written."""
    try:
        return 0 in parse_json(read_bytes(array / "zarr.json", missing=RESTORE), array / "zarr.json")["shape"][1:]
    except (KeyError, TypeError) as error:
        raise damaged(array / "zarr.json", error) from error
