"""Small files of a run folder: replaced as a whole, so that a reader never sees half of one, and checked when read."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim import files
from dtbsim.checksum import DamagedError, checked, has_checksum, json_text, sha256_of, with_checksum
from dtbsim.errors import InputError, StorageError
from dtbsim.files.limits import MOST_CONFIG_BYTES

RESTORE = "restore it from a copy, or repeat the run"
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


def write_checked(path: Path, values: Mapping[str, Any], *, durable: bool = True) -> str:
    """Replace a JSON file with a checksum (`dtbsim.checksum`) at once and return its text; see `write_text`.

    Values become plain as in `to_json`.
    """
    text = with_checksum(plain(values))
    write_text(path, text, durable=durable)
    return text


def read_checked(path: Path, *, missing: str, old: bool = True) -> dict[str, Any]:
    """Return what `write_checked` or, if `old`, version 0.1 wrote; `missing` says what to do where there is no file.

    Raises InputError, naming the file, where it is missing, cannot be read or is damaged.
    """
    data = read_bytes(path, missing=missing)
    if not old and not has_checksum(data):
        raise damaged(path, DamagedError("it has no checksum"))
    try:
        return checked(data)
    except DamagedError as error:
        raise damaged(path, error) from error


def read_bytes(path: Path, *, missing: str) -> bytes:
    """Return the content of a piece of a run folder. Raises InputError where it is missing or cannot be read."""
    try:
        return files.read_bytes(path, MOST_CONFIG_BYTES, RESTORE)
    except FileNotFoundError:
        raise InputError("a piece of the run folder is missing", where=str(path), remedy=missing) from None
    except OSError as error:
        raise damaged(path, error) from error


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits; may raise OSError, and InputError for a pipe or device."""
    with files.open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_PAGE_END = re.compile(rb"<!-- sha256: ([0-9a-f]{64}) -->\n")
_PAGE_END_BYTES = 82


def page_with_checksum(page: str) -> str:
    """Return an HTML page whose last line, a comment, is the SHA-256 of all bytes before it."""
    page = page.rstrip("\n") + "\n"
    return f"{page}<!-- sha256: {sha256_of(page.encode())} -->\n"


def check_page(path: Path) -> None:
    """Raise InputError where a page is not as it was written; those of version 0.1 end without a checksum."""
    data = read_bytes(path, missing=RESTORE)
    end = _PAGE_END.fullmatch(data[-_PAGE_END_BYTES:])
    if end is None and data.endswith(b"</html>\n"):
        return
    if end is None or sha256_of(data[:-_PAGE_END_BYTES]).encode() != end[1]:
        raise InputError("damaged: the content does not match its checksum", where=str(path), remedy="write it again")


def damaged(path: Path, error: Exception) -> InputError:
    """Return the error for a piece of a run folder that cannot be used."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError(f"damaged: {reason}", where=str(path), remedy=RESTORE)


def to_json(values: Mapping[str, Any]) -> str:
    """Return indented JSON; numpy numbers and arrays, paths and sets become plain, NaN and infinity null."""
    return json_text(plain(values)) + "\n"


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: numpy numbers and arrays, paths and sets plain, NaN and infinity None."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, set | frozenset):
        return [plain(entry) for entry in sorted(value)]
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
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
