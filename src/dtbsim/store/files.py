"""Small files of a run folder, replaced as a whole so that a reader never sees half of one; plain write errors."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.errors import StorageError

_SURROGATES = re.compile("[\ud800-\udfff]")
_FREE_SPACE = "free some space, or choose a run folder on another disk"
_REMEDIES = {
    errno.ENOSPC: _FREE_SPACE,
    errno.EDQUOT: _FREE_SPACE,
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.EACCES: "check the permissions of the run folder",
    errno.EROFS: "choose a run folder that is not on a read-only file system",
}


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into a StorageError that names `path` and what to do."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "check the disk and the run folder")
        raise StorageError(f"cannot write: {error.strerror or error}", where=str(path), remedy=remedy) from error


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Replace the file at once (temporary file, then rename); the old content stays if anything fails.

    With `durable` the text is on the disk before it gets its name, so that it also survives a power cut; files that
    are rewritten all the time do without. Raises StorageError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storage_errors(path):
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        if durable:
            sync_to_disk(path.parent)


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Replace a JSON file at once; see `to_json` and `write_text`."""
    write_text(path, to_json(value), durable=durable)


def to_json(value: Any) -> str:
    """Return indented JSON; numpy numbers and arrays, paths and sets become plain, NaN and infinity null.

    Bytes of file names that are no text are written as escapes of lone surrogates (`\\udce9`): reading gives them back.
    """
    text = json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return _SURROGATES.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, set | frozenset):
        return [_plain(entry) for entry in sorted(value)]
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value


def sync_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk; may raise OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
