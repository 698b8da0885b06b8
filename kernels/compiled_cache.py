"""Machine code on disk that is loaded only as it was written, by this user.

numba keeps what it compiles in two kinds of files: an index (.nbi) of signatures and, for each, a file of machine code
(.nbc), both pickled. Here every file begins with the SHA-256 of the rest, and holds the key that it was saved under. A
file that is damaged, is somebody else's or could have been written by others is as good as none: the function is
compiled again and the file replaced. Nothing is unpickled before its checksum was compared.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import pickle
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile

from dtbsim.errors import DtbsimError
from dtbsim.kernels.kernel_cache import made_dir, warn_unsaved

_LOG = logging.getLogger(__name__)
_DIGEST_BYTES = 32


class CompiledCache(FunctionCache):  # type: ignore[misc]
    """The cache of one function, in the folder that `folder` returns at the time.

    `stamp` stands for everything that the machine code depends on beside the function's own byte code.
    """

    def __init__(self, function: Any, folder: Callable[[], Path], stamp: str) -> None:
        self._name = repr(function)
        self._py_func = function
        self._impl = _Impl(function)
        self._folder, self._stamp = folder, stamp
        self._files: _CheckedFiles | None = None
        self.enable()

    @property
    def cache_path(self) -> str:
        """The folder of the files."""
        return str(self._folder())

    @property
    def _cache_file(self) -> _CheckedFiles:
        folder = str(self._folder())
        if self._files is None or self._files._cache_path != folder:
            self._files = _CheckedFiles(folder, self._impl.filename_base, self._stamp)
        return self._files

    def holds(self, sig: Any, target_context: Any) -> bool:
        """Return whether machine code for `sig` was saved; whether it is whole, loading it will show."""
        name = self._cache_file._load_index().get(self._index_key(sig, target_context.codegen()))
        return name is not None and Path(self._cache_file._data_path(name)).exists()

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        with _unusable(self._name):
            return super()._load_overload(sig, target_context)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save what was compiled; a disk that does not take it costs time, not the run."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            warn_unsaved(str(self._folder()), error.strerror or str(error))


class _Impl(CompileResultCacheImpl):  # type: ignore[misc]
    """How numba takes a compiled function apart and puts it together; where it is kept is said elsewhere."""

    def __init__(self, function: Any) -> None:
        code = function.__code__
        self._lineno = code.co_firstlineno
        self._locator = self
        self._py_file = code.co_filename
        name = f"{Path(code.co_filename).stem}.{function.__qualname__}".replace("<", "").replace(">", "")
        self._filename_base = self.get_filename_base(name, "")

    def get_disambiguator(self) -> str:
        """Return what tells functions of the same name apart."""
        return str(self._lineno)

    def ensure_cache_path(self) -> None:
        """Do nothing: the folder is there."""


def numba_version() -> str:
    """Return the version that begins every index: what another one has pickled is not looked at."""
    return str(numba.__version__)


class _CheckedFiles(IndexDataCacheFile):  # type: ignore[misc]
    """numba's files with checksums."""

    def load(self, key: Any) -> Any:
        """Return what was saved under `key`, None where there is nothing that can be used."""
        name = self._load_index().get(key)
        stored = None if name is None else self._load_data(name)
        if isinstance(stored, tuple) and len(stored) == 2 and stored[0] == key:
            return stored[1]
        return None

    def save(self, key: Any, data: Any) -> None:
        """Save under `key`; processes that start together may choose the same file, so that it holds its key."""
        super().save(key, (key, data))

    def _load_index(self) -> dict[Any, str]:
        content = read_own(Path(self._index_path))
        version = f"{numba_version()}\n".encode()
        if content is None or not content.startswith(version):
            return {}
        with _unusable(self._index_path):
            stamp, overloads = pickle.loads(content[len(version) :])
            if stamp == self._source_stamp:
                return dict(overloads)
        return {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        content = f"{numba_version()}\n".encode() + self._dump((self._source_stamp, overloads))
        write_own(Path(self._index_path), content)

    def _load_data(self, name: str) -> Any:
        content = read_own(Path(self._data_path(name)))
        return None if content is None else pickle.loads(content)

    def _save_data(self, name: str, data: Any) -> None:
        write_own(Path(self._data_path(name)), self._dump(data))


def read_own(path: Path) -> bytes | None:
    """Return the content that `write_own` wrote; None where there is none, it is damaged or not surely our own."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or about.st_mode & 0o022:
            return None
        try:
            content = file.read()
        except OSError:
            return None
    digest, content = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == digest else None


def write_own(path: Path, content: bytes) -> None:
    """Replace a file at once with a checksum and the content, readable for this user alone. May raise OSError."""
    made_dir(path.parent)
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _unusable(name: str) -> Iterator[None]:
    """Machine code that cannot be put together is compiled again: a pickle raises whatever its content makes it."""
    try:
        yield
    except (OSError, DtbsimError):  # of the folder
        raise
    except Exception as error:  # noqa: BLE001 - see above
        _LOG.debug("%s is compiled again: %s: %s", name, type(error).__name__, error)
