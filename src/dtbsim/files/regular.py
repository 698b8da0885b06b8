"""Regular files and nothing else: a named pipe or a device would keep a reader for ever."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from dtbsim.errors import InputError
from dtbsim.files.limits import MOST_LINE, size_of

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for reading.

    Raises:
        InputError: a folder, named pipe, device or socket.
        OSError: whatever else keeps it from being opened.
    """
    _refuse_others(os.stat(path).st_mode, path)  # noqa: PTH116 - of a device, before it is opened
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _refuse_others(os.fstat(descriptor).st_mode, path)  # what was opened may be another file than before
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def check_regular(path: Path) -> None:
    """Raise InputError where a path is there and is no regular file: others open it by its name."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    _refuse_others(mode, path)


def _refuse_others(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        kind = next((words for test, words in _KINDS if test(mode)), "no file")
        raise InputError(f"{kind}, not a file", where=str(path), remedy="give a regular file; copy into one first")


def size_of_file(file: io.BufferedReader) -> int:
    """Return the size of an open file in bytes."""
    return os.fstat(file.fileno()).st_size


def check_size(file: io.BufferedReader, most: int, path: Path, remedy: str) -> None:
    """Raise InputError where a file is larger than `most` bytes."""
    size = size_of_file(file)
    if size > most:
        raise InputError(
            f"the file has {size_of(size)}; at most {size_of(most)} are read", where=str(path), remedy=remedy
        )


def read_bytes(path: Path, most: int, remedy: str) -> bytes:
    """Return the content of a file of at most `most` bytes; raises as `open_regular`, and InputError for a larger one.

    `remedy` says what to do with a larger one.
    """
    with open_regular(path) as file:
        check_size(file, most, path, remedy)
        data = file.read(most + 1)
    if len(data) > most:  # it has grown, or is one whose size is not known
        raise InputError(f"the file has more than {size_of(most)}", where=str(path), remedy=remedy)
    return data


def read_text(path: Path, most: int, remedy: str) -> str:
    """Return the text of a UTF-8 file (with or without a byte order mark); raises as `read_bytes`, and
    UnicodeDecodeError."""
    return read_bytes(path, most, remedy).decode("utf-8-sig")


def text_lines(path: Path, most: int, remedy: str) -> Iterator[str]:
    """Yield the lines of a UTF-8 file one by one, with their ends; raises as `read_text`, and for endless lines."""
    with open_regular(path) as file:
        check_size(file, most, path, remedy)
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        number = 0
        while line := text.readline(MOST_LINE + 1):
            number += 1
            if len(line) > MOST_LINE:
                raise InputError(f"the line has more than {MOST_LINE:,} characters", where=f"{path}:{number}")
            yield line
