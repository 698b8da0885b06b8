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


@contextlib.contextmanager
def new_model(out: Path, overwrite: bool) -> Iterator[tuple[Path, Path]]:
    """Give a configuration and a folder for what it names, which get their names at the end: `out`, and `out` without
    its suffix. Both are removed if anything fails.

    Raises InputError where `out` is no .yaml, or one of both is there and not `overwrite`.
    """
    if out.suffix not in (".yaml", ".yml"):
        raise InputError("the name of a configuration ends with .yaml", where=str(out), remedy=f"--out {out}.yaml")
    if not out.parent.is_dir():
        raise InputError("there is no such folder", where=str(out.parent), remedy="make it, or choose another one")
    folder = out.with_suffix("")
    there = next((path for path in (out, folder) if path.exists()), None)
    if there is not None and not overwrite:
        raise InputError("this exists already", where=str(there), remedy="choose another name, or add --overwrite")
    if folder.exists() and not folder.is_dir():
        raise InputError("this is no folder", where=str(folder), remedy="choose another name")
    temporary = out.with_name(f".{out.stem}.{os.getpid()}.tmp")
    with storage_errors(out):
        try:
            (temporary / "files").mkdir(parents=True)
            yield temporary / "model.yaml", temporary / "files"
            if folder.exists():
                shutil.rmtree(folder)
            (temporary / "files").replace(folder)
            (temporary / "model.yaml").replace(out)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
