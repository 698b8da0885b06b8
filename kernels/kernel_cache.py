"""The folder of the kernel cache, and the sources of generated kernels in it, beside which their machine code is kept.

A file is named by the hash of its text and appears atomically, so any number of ranks may start at once. A cache that
cannot be written to is replaced by a temporary folder with one warning: slower, never wrong. One that is not this
user's, or that others can write to, is refused: machine code from it is executed.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import logging
import os
import pickle
import pwd
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from dtbsim.errors import InputError
from dtbsim.paths import user_path

REMEDY = "set DTBSIM_CACHE_DIR to a folder of your own that nobody else can write to"
_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")
_DAMAGE = (OSError, EOFError, pickle.UnpicklingError, ImportError, AttributeError, KeyError, IndexError, ValueError,
           TypeError, SyntaxError, RuntimeError)  # fmt: skip


def configured_dir() -> Path:
    """Return the configured folder: DTBSIM_CACHE_DIR, else XDG_CACHE_HOME or ~/.cache, then dtbsim/kernels.

    Raises InputError where it is below a home folder that nobody knows.
    """
    given = os.environ.get("DTBSIM_CACHE_DIR")
    if given:
        try:
            return user_path(given)
        except InputError as error:
            error.where = f"DTBSIM_CACHE_DIR={given}"
            raise
    return user_path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "dtbsim" / "kernels"


def cache_dir() -> Path:
    """Return the configured folder; a temporary one, with one warning, for a user without a home folder.

    Raises InputError where DTBSIM_CACHE_DIR is below the home folder of a user that does not exist.
    """
    try:
        return configured_dir()
    except InputError as error:
        if os.environ.get("DTBSIM_CACHE_DIR"):
            raise
        fallback = _temporary_dir(Path(str(error.where)))
        _warn_once(str(error.where), error.message, str(fallback))
        return fallback


@functools.cache
def _temporary_dir(instead_of: Path) -> Path:
    """Make the folder; it goes when this process ends, and not when a fork of it does."""
    folder, owner = Path(tempfile.mkdtemp(prefix="dtbsim-kernels-")), os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == owner else None)
    return folder


def check_cache() -> None:
    """Raise InputError where the configured folder of the cache is not safe; one that is not there will be made."""
    if reason := unsafe(cache_dir()):
        raise _refused(cache_dir(), reason)


def unsafe(folder: Path) -> str:
    """Return why machine code from a folder must not be executed; empty where it may, or where there is no folder."""
    try:
        about = folder.stat()
    except OSError:
        return ""
    if about.st_uid != os.geteuid():
        return f"it belongs to {_user(about.st_uid)}"
    return f"others can write to it (mode {about.st_mode & 0o7777:04o})" if about.st_mode & 0o022 else ""


def _user(number: int) -> str:
    try:
        return f"the user {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"the user with number {number}"


def _refused(folder: Path, reason: str) -> InputError:
    return InputError(
        f"this folder cannot be the kernel cache: {reason}, and machine code from it is executed",
        where=str(folder),
        remedy=f"{REMEDY}, or remove it: it is made again as a folder of your own",
    )


def made_dir(folder: Path) -> Path:
    """Return `folder`, made with access for this user alone if it is not there; InputError where it is not safe.

    May raise OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if reason := unsafe(folder):
        raise _refused(folder, reason)
    return folder


def usable_dir(folder: Path) -> Path:
    """Return `folder`, made if needed; a temporary one, with one warning, where it cannot be written.

    Raises InputError where it, or the folder of the cache, is not safe.
    """
    try:
        if folder != cache_dir():
            made_dir(cache_dir())
        made_dir(folder)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        fallback = _temporary_dir(folder)
        _warn_once(str(folder), f"{type(error).__name__}: {error}", str(fallback))
        return fallback
    return folder


def file_name(text: str, label: str) -> str:
    """Return the name of the source file: a readable label and the hash of the text."""
    return f"{label}_{hashlib.sha256(text.encode()).hexdigest()[:20]}.py"


def write_once(folder: Path, name: str, text: str) -> Path:
    """Put `text` into folder/name unless it is there; atomic, safe for concurrent writers. May raise OSError."""
    made_dir(folder)
    path = folder / name
    try:
        if path.read_text(encoding="utf-8") == text:
            return path
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError):
        path.unlink(missing_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path


def load(path: Path, text: str) -> ModuleType:
    """Import a generated source, from the text and not from the file: what lies on the disk is not executed."""
    name = f"dtbsim_generated.{path.stem}"
    module = ModuleType(name, None)
    module.__file__ = str(path)
    sys.modules[name] = module
    exec(compile(text, str(path), "exec"), module.__dict__)
    return module


def build(text: str, label: str, use: Callable[[ModuleType], _T]) -> _T:
    """Return use(module) for the module with source `text`, through the cache.

    `use` forces compilation. If it fails in the cache folder, the files of this kernel are dropped and it is tried
    once more there, then in a temporary folder; an error there is the kernel's own and is raised.
    """
    folder, name = cache_dir(), file_name(text, label)
    try:
        try:
            return use(load(write_once(folder, name, text), text))
        except _DAMAGE:
            _drop(folder, name)
            return use(load(write_once(folder, name, text), text))
    except _DAMAGE as error:
        fallback = _temporary_dir(folder)
        _warn_once(str(folder), f"{type(error).__name__}: {error}", str(fallback))
        return use(load(write_once(fallback, name, text), text))


def _drop(folder: Path, name: str) -> None:
    """Remove a kernel's source and machine code."""
    stem = name.removesuffix(".py")
    for path in (folder / name, *(folder / "__pycache__").glob(f"{stem}*")):
        path.unlink(missing_ok=True)


@functools.cache
def _warn_once(folder: str, reason: str, fallback: str) -> None:
    _LOG.warning(
        "the kernel cache %s cannot be used (%s); compiling in %s for this run; "
        "set DTBSIM_CACHE_DIR to a writable folder",
        folder,
        reason,
        fallback,
    )


@functools.cache
def warn_unsaved(folder: str, reason: str) -> None:
    """Say once that compiled code could not be kept."""
    _LOG.warning("compiled code cannot be kept in %s (%s); the next run compiles it again", folder, reason)
