"""The journal of a study: a line for every evaluation, appended by one process, read again after a kill at any moment.

A line is one JSON object. It is written whole and brought to the disk before the next evaluation counts as done, so
that a kill leaves at most one line unfinished, which is cut off when the study goes on.
"""

from __future__ import annotations

import fcntl
import json
import os
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from dtbsim.errors import InputError
from dtbsim.store.files import storage_errors

NAME = "journal.jsonl"
Record = dict[str, Any]


class Journal:
    """Evaluations by their number. Open it with `open_journal`; one process at a time has it."""

    def __init__(self, path: Path | None, file: BinaryIO | None) -> None:
        self._path, self._file = path, file
        self._kept: dict[int, Record] = {}  # without a folder
        self._places = array("q")  # of evaluation n: where its line begins, -1 where there is none
        self._n = self._end = 0

    def __contains__(self, number: int) -> bool:
        return number in self._kept or (number < len(self._places) and self._places[number] >= 0)

    def __len__(self) -> int:
        return self._n + len(self._kept)

    def add(self, record: Mapping[str, Any]) -> None:
        """Append evaluations, whose `n` is their number. Raises StorageError."""
        self.add_all([record])

    def add_all(self, records: list[Mapping[str, Any]]) -> None:
        """Append several with one visit to the disk."""
        if self._file is None or self._path is None:
            self._kept |= {int(record["n"]): dict(record) for record in records}
            return
        with storage_errors(self._path):
            for record in records:
                line = json.dumps(record, allow_nan=False, separators=(",", ":")).encode() + b"\n"
                self._file.write(line)
                self._note(int(record["n"]), len(line))
            self._file.flush()
            os.fsync(self._file.fileno())

    def get(self, number: int) -> Record:
        """An evaluation by its number; it is read from the file, so that memory does not grow with the study."""
        if number in self._kept:
            return self._kept[number]
        assert self._path is not None
        with self._path.open("rb") as file:
            file.seek(self._places[number])
            found: Record = json.loads(file.readline())
        return found

    def __iter__(self) -> Iterator[Record]:
        """All evaluations by number."""
        if self._path is None:
            yield from (self._kept[number] for number in sorted(self._kept))
            return
        with self._path.open("rb") as file:
            for place in self._places:
                if place >= 0:
                    file.seek(place)
                    yield json.loads(file.readline())

    def _note(self, number: int, n_bytes: int) -> None:
        """Where the line of an evaluation is that follows; of two lines of the same number the last one counts."""
        missing = number + 1 - len(self._places)
        if missing > 0:
            self._places.extend([-1] * missing)
        self._n += self._places[number] < 0
        self._places[number] = self._end
        self._end += n_bytes

    def close(self) -> None:
        """Let another process have it."""
        if self._file is not None:
            self._file.close()

    def load(self) -> None:
        """Find the lines of the file, and cut off one that a kill has left unfinished."""
        assert self._file is not None
        assert self._path is not None
        with self._path.open("rb") as file:
            for count, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                try:
                    number = json.loads(line)["n"]
                except (ValueError, KeyError, TypeError):
                    where = f"{self._path}:{count}"
                    remedy = "delete this line and those after it; their evaluations are repeated"
                    raise InputError("this line is damaged", where=where, remedy=remedy) from None
                self._note(int(number), len(line))
        self._file.truncate(self._end)
        self._file.seek(self._end)


def open_journal(folder: Path | None) -> Journal:
    """Open the journal in a folder, or one in memory.

    Raises InputError where another process has it, StorageError.
    """
    if folder is None:
        return Journal(None, None)
    path = folder / NAME
    with storage_errors(path):
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise InputError("another process works on this study", where=str(folder), remedy="wait for it") from None
    journal = Journal(path, file)
    try:
        journal.load()
    except BaseException:
        file.close()
        raise
    return journal
