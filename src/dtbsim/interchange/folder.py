"""Files and folders that are there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from dtbsim.errors import InputError
from dtbsim.store.files import storage_errors


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder beside `target` that gets its name at the end, and is removed if anything fails.

    Raises InputError where `target` is there and is no empty folder, or where its parent is none.
    """
    if not target.parent.is_dir():
        raise InputError("there is no such folder", where=str(target.parent), remedy="make it, or choose another one")
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise InputError("this exists already", where=str(target), remedy="choose a new folder, or remove it first")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    with storage_errors(target):
        try:
            temporary.mkdir()
            yield temporary
            temporary.replace(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def new_file(target: Path, end: str = ".tmp") -> Iterator[Path]:
    """Give the path of a file beside `target` that takes its place at the end, and is removed if anything fails.

    Its name has the `end` by which a library knows what to write.
    """
    if not target.parent.is_dir():
        raise InputError("there is no such folder", where=str(target.parent), remedy="make it, or choose another one")
    if target.is_dir():
        raise InputError("this is a folder", where=str(target), remedy="name a file")
    temporary = target.with_name(f".{target.name}.{os.getpid()}{end}")
    with storage_errors(target):
        try:
            yield temporary
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
