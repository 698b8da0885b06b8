"""`@cached_njit`: numba functions whose machine code is kept in the kernel cache, keyed by all kernel sources.

numba's own disk cache looks at one source file only, so it would keep code whose callees in other files have changed.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba as nb
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

from dtbsim.kernels.kernel_cache import cache_dir, usable_dir
from dtbsim.models.language import elementary


@functools.cache
def source_hash() -> str:
    """Hash of every Python source of the kernels, and of the language whose exp and log they use."""
    digest = hashlib.sha256()
    language = Path(elementary.__file__).resolve().parent
    for path in [*sorted(Path(__file__).resolve().parent.glob("*.py")), *sorted(language.glob("*.py"))]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:20]


class _Locator(_CacheLocator):  # type: ignore[misc]
    def __init__(self, py_func: Any, py_file: str) -> None:
        self._py_file = py_file
        self._lineno = py_func.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        return str(usable_dir(cache_dir() / f"static-{source_hash()}"))

    def get_source_stamp(self) -> str:
        return source_hash()

    def get_disambiguator(self) -> str:
        return str(self._lineno)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> _Locator:
        return cls(py_func, py_file)


class _Impl(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = [_Locator]  # noqa: RUF012


class _Cache(FunctionCache):  # type: ignore[misc]
    _impl_class = _Impl


def cached_njit(function: Callable[..., Any]) -> Any:
    """Compile without the GIL on first call, or load what an earlier process compiled."""
    dispatcher = nb.njit(nogil=True)(function)
    dispatcher._cache = _Cache(function)
    return dispatcher
