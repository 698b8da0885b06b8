"""An earlier run whose folder a new run may take: that, and nothing else, is removed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from dtbsim.errors import InputError
from dtbsim.files import open_regular
from dtbsim.run_folder.layout import CONTENT, LOG, NEEDED, SLURM

_FIRST_LINE = re.compile(r"^\S+ rank 0 INFO ")
_FIRST_LINE_BYTES = 200
_ELSE = "choose another folder, or remove it yourself if nothing in it is needed"


def check_replaceable(folder: Path) -> bool:
    """Whether there is a run in `folder` that may be replaced; False where the folder is missing or empty.

    Raises InputError where it holds anything that no run wrote, or a run that still goes on.
    """
    if not folder.is_dir():
        if folder.exists() or folder.is_symlink():
            raise InputError("this is not a folder", where=str(folder), remedy=_ELSE)
        return False
    names = {entry.name for entry in folder.iterdir()}
    if not names:
        return False
    if not {LOG, *NEEDED} <= names or not _is_log(folder / LOG):
        raise InputError("this is not the folder of a run, so it is not overwritten", where=str(folder), remedy=_ELSE)
    foreign = sorted(name for name in names - {LOG, SLURM, *CONTENT} if not _is_draft(name))
    if foreign:
        message = f"it holds what no run wrote ({foreign[0]}), so it is not overwritten"
        raise InputError(message, where=str(folder), remedy="move that away, or choose another folder")
    from dtbsim.store.run import Run

    if Run(folder).state == "running":
        raise InputError(
            "the run in this folder goes on", where=str(folder), remedy="stop it, or choose another folder"
        )
    return True


@contextlib.contextmanager
def set_aside(folder: Path) -> Iterator[None]:
    """Move the run in `folder`, if there is one, out of the way of what is done in this context, and remove it then.

    It comes back where that fails. Of several that want to replace the same run, one does.
    """
    if not check_replaceable(folder):
        yield
        return
    log = os.open(folder / LOG, os.O_RDONLY | os.O_CLOEXEC)
    try:
        aside = _moved(folder, log)
        try:
            yield
        except BaseException:
            with contextlib.suppress(OSError):
                aside.rename(folder)
            raise
        shutil.rmtree(aside, ignore_errors=True)
    finally:
        os.close(log)


def _moved(folder: Path, log: int) -> Path:
    aside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.replaced")
    taken = InputError("another run takes this folder", where=str(folder), remedy="choose another one")
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        same = os.path.samestat(os.fstat(log), (folder / LOG).stat())
    except OSError:
        raise taken from None
    if not same:
        raise taken
    try:
        folder.rename(aside)
    except OSError as error:
        message = f"the earlier run cannot be replaced: {error.strerror}"
        raise InputError(message, where=str(folder), remedy=_ELSE) from error
    return aside


def _is_log(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            first = file.read(_FIRST_LINE_BYTES).decode("utf-8", "replace")
    except (OSError, InputError):
        return False
    return _FIRST_LINE.match(first) is not None


def _is_draft(name: str) -> bool:
    """Whether this is what a writer that was killed leaves: .NAME.PID.tmp."""
    return any(re.fullmatch(rf"\.{re.escape(known)}\.\d+\.tmp", name) for known in CONTENT)
