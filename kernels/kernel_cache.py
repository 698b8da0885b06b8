"""Generated kernel sources on disk, importable, so that numba keeps their machine code beside them.

A file is named by the hash of its text and appears atomically, so any number of ranks may start at once. A cache that
cannot be used (not writable, damaged) is replaced by a temporary folder with one warning: slower, never wrong.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import importlib.util
import logging
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from dtbsim.errors import InputError
from dtbsim.runtime.paths import user_path

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


def usable_dir(folder: Path) -> Path:
    """Return `folder`, made if needed; a temporary one, with one warning, where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
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
    folder.mkdir(parents=True, exist_ok=True)
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
        Path(temporary).chmod(0o644)
        _publish(Path(temporary), path, text)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path


def _publish(temporary: Path, path: Path, text: str) -> None:
    """Prefer a hard link: it keeps the time stamp of a file that another process wrote first (numba compares it)."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        if path.read_text(encoding="utf-8", errors="replace") != text:
            temporary.replace(path)
    except OSError:
        temporary.replace(path)


def load(path: Path) -> ModuleType:
    """Import a generated source file."""
    name = f"dtbsim_generated.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def build(text: str, label: str, use: Callable[[ModuleType], _T]) -> _T:
    """Return use(module) for the module with source `text`, through the cache.

    `use` forces compilation. If it fails in the cache folder, the files of this kernel are dropped and it is tried
    once more there, then in a temporary folder; an error there is the kernel's own and is raised.
    """
    folder, name = cache_dir(), file_name(text, label)
    try:
        try:
            return use(load(write_once(folder, name, text)))
        except _DAMAGE:
            _drop(folder, name)
            return use(load(write_once(folder, name, text)))
    except _DAMAGE as error:
        fallback = _temporary_dir(folder)
        _warn_once(str(folder), f"{type(error).__name__}: {error}", str(fallback))
        return use(load(write_once(fallback, name, text)))


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
