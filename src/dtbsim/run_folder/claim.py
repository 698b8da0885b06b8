"""A run folder belongs to one run: who makes its log.txt, exclusively, owns it.

Of several runs that want the same folder at the same time, one makes that file; the others are refused before they
have written anything. A run removes nothing but what it made itself.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dtbsim.checksum import sha256_of, with_checksum
from dtbsim.errors import InputError, StorageError
from dtbsim.paths import user_path
from dtbsim.run_folder.layout import CONTENT, LOG, SLURM
from dtbsim.run_folder.replace import check_replaceable, set_aside
from dtbsim.store.files import plain, sync_to_disk, write_text

RUNS = "runs"
_PROBE_BYTES = 1 << 16
_ATTEMPTS = 20
_ANOTHER = "choose another --out, or remove the folder if its results are not needed"


@dataclass
class RunFolder:
    """A folder that this run has claimed.

    `mark` is the first line of its log.txt, `made` are the folders that were made for it, outermost first, and
    `written` the SHA-256 of the files that were written once, by name.
    """

    path: Path
    mark: str
    made: tuple[Path, ...] = ()
    written: dict[str, str] = field(default_factory=dict)

    def write_text(self, name: str, text: str) -> None:
        """Write a file once, or replace it. Raises StorageError."""
        try:
            write_text(self.path / name, text)
        except StorageError:
            if not self._is_mine():
                raise self._not_mine() from None
            raise
        self.written[name] = sha256_of(text.encode())

    def write_json(self, name: str, values: Mapping[str, Any]) -> None:
        """Write a JSON file with a checksum, or replace it. Raises StorageError."""
        self.write_text(name, with_checksum(plain(values)))

    def check(self) -> None:
        """Raise StorageError where the folder has vanished, is that of another run by now, or has lost a file."""
        lost = [name for name in self.written if not (self.path / name).is_file()]
        if not self._is_mine():
            raise self._not_mine()
        if lost:
            raise self._vanished("this file was removed", self.path / lost[0])

    def _not_mine(self) -> StorageError:
        return self._vanished("the run folder was removed, moved or taken by another run", self.path)

    def discard(self) -> None:
        """Remove what the run wrote, and the folders that were made for it; nothing that is not its own."""
        if not self._is_mine():
            return
        drafts = (entry for name in CONTENT for entry in self.path.glob(f".{name}.*.tmp"))
        for entry in [*(self.path / name for name in CONTENT), *drafts]:
            _remove(entry)
        self.release()

    def release(self) -> None:
        """Give up a folder in which nothing was written yet."""
        if self._is_mine():
            _remove(self.path / LOG)  # from here on the folder is free
            _remove_folders(self.made)

    def _is_mine(self) -> bool:
        try:
            with (self.path / LOG).open(encoding="utf-8", errors="replace") as log:
                return log.readline() == self.mark
        except OSError:
            return False

    def _vanished(self, what: str, where: Path) -> StorageError:
        return StorageError(
            f"{what} while this run was at work",
            where=str(where),
            remedy="repeat the run, and leave its folder in place until it has ended",
        )


def claim_run_folder(out: Path | None, name: str, *, base: Path, overwrite: bool = False) -> RunFolder:
    """Make the folder of a run, with an absolute path, and claim it. Called on rank 0 only.

    `out` is the folder that the user named; it may exist if it is empty. Without it the folder is
    `base`/runs/NAME-YYYYmmdd-HHMMSS, with -2, -3, ... after it when that exists. With `overwrite`, a run that has ended
    in `out` is replaced.

    Raises InputError when the folder holds files already, another run has it, it cannot be made or cannot be written
    to; folders made on the way are removed again.
    """
    if out is not None:
        folder = _absolute(out).resolve() if overwrite else _absolute(out)
        try:
            with set_aside(folder) if overwrite else contextlib.nullcontext():
                return _claim(folder, new=False)
        except _TakenError as taken:
            raise taken.told(folder) from None
    stem = f"{name}-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    for n in range(1, 1000):
        with contextlib.suppress(_TakenError):
            return _claim(_absolute(base / RUNS / (stem if n == 1 else f"{stem}-{n}")), new=True)
    raise InputError("a thousand runs were started within this second", where=RUNS, remedy="name a folder with --out")


def check_run_folder(out: Path | None, *, overwrite: bool = False) -> None:
    """Raise InputError if the folder that the user named cannot become a run folder; makes nothing."""
    if out is not None and overwrite:
        check_replaceable(_absolute(out).resolve())
    elif out is not None:
        try:
            _refuse_used(_absolute(out))
        except _TakenError as taken:
            raise taken.told(_absolute(out)) from None


class _TakenError(Exception):
    """The folder belongs to somebody else, or is no folder; with what is to be told."""

    def told(self, folder: Path) -> InputError:
        return InputError(str(self), where=str(folder), remedy=_ANOTHER)


def _claim(folder: Path, *, new: bool) -> RunFolder:
    """Claim a folder; `new`: one that exists, even an empty one, is taken."""
    for attempt in range(_ATTEMPTS):
        made: list[Path] = []
        try:
            _refuse_used(folder)
            _make(folder, made, new=new)
            mark = _take(folder)
        except _TakenError:
            _remove_folders(made)
            raise
        except FileNotFoundError as error:  # a run that ended early has removed it, or a folder above it, just now
            _remove_folders(made)
            if attempt == _ATTEMPTS - 1:
                raise _not_possible(folder, error) from error
        except OSError as error:
            _remove_folders(made)
            raise _not_possible(folder, error) from error
        else:
            return _checked(RunFolder(folder, mark, tuple(made)))
    raise AssertionError("the last attempt returns or raises")


def _take(folder: Path) -> str:
    """Make log.txt exclusively and return its first line; _TakenError when somebody else has made it."""
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    mark = f"{now} rank 0 INFO {__name__}: run {uuid.uuid4().hex}, process {os.getpid()} on {socket.gethostname()}\n"
    try:
        log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        raise _TakenError("another run has taken this folder") from None
    try:
        with os.fdopen(log, "w", encoding="utf-8") as file:
            file.write(mark)
            file.flush()
            os.fsync(log)
    except OSError:
        (folder / LOG).unlink(missing_ok=True)
        raise
    return mark


def _checked(claimed: RunFolder) -> RunFolder:
    """Try whether the folder takes a file, and look once more whether it is empty; give it back if not."""
    try:
        _probe(claimed.path)
        _refuse_used(claimed.path, besides=LOG)
    except OSError as error:
        claimed.release()
        raise _not_possible(claimed.path, error) from error
    except _TakenError:
        claimed.release()
        raise
    return claimed


def _absolute(out: Path) -> Path:
    return user_path(out).absolute()


def _refuse_used(folder: Path, *, besides: str | None = None) -> None:
    """Raise _TakenError where the folder holds anything; a run of a Slurm job may find there what is of its job."""
    try:
        if folder.is_dir():
            names = {entry.name for entry in folder.iterdir()} - {besides}
            if names == {SLURM} and "SLURM_JOB_ID" not in os.environ:
                raise _TakenError("this folder was submitted to Slurm (`dtbsim status` and `dtbsim cancel` take it)")
            used = bool(names - {SLURM})
        elif folder.exists() or folder.is_symlink():
            raise _TakenError("this is not a folder")
        else:
            used = False
    except FileNotFoundError:  # removed just now
        used = False
    except OSError as error:
        raise _not_possible(folder, error) from error
    if used:
        raise _TakenError("the run folder exists and is not empty")


def _make(folder: Path, made: list[Path], *, new: bool) -> None:
    """Make the folder and its parents, and add those that were made to `made`."""
    for part in [*reversed(folder.parents), folder]:
        if part != folder and part.is_dir():
            continue
        try:
            part.mkdir()
            made.append(part)
        except FileExistsError:
            if not part.is_dir():
                raise
            if part == folder and new:
                raise _TakenError("the folder exists") from None


def _probe(folder: Path) -> None:
    """Write, sync and remove a small file: a full disk takes a folder but no file."""
    probe = folder / ".dtbsim-probe"
    try:
        probe.write_bytes(bytes(_PROBE_BYTES))
        sync_to_disk(probe)
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            entry.unlink(missing_ok=True)


def _remove_folders(made: tuple[Path, ...] | list[Path]) -> None:
    """Remove folders that were made, innermost first, as far as nothing is in them."""
    for part in reversed(made):
        with contextlib.suppress(OSError):
            part.rmdir()


def _not_possible(folder: Path, error: OSError) -> InputError:
    remedy = "choose a folder that can be written to with --out, or free some space"
    return InputError(f"the run folder cannot be made: {error.strerror}", where=str(folder), remedy=remedy)
