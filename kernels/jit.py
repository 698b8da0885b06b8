"""`@cached_njit`, `@cached_cfunc`: numba functions whose machine code is kept in the kernel cache.

numba's own disk cache looks at one source file only, so it would keep code whose callees in other files have changed;
and it trusts what it finds (`dtbsim.kernels.compiled_cache`).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba as nb
from numba.core.ccallback import CFunc
from numba.core.sigutils import normalize_signature

from dtbsim import numerics
from dtbsim.kernels.compiled_cache import CompiledCache
from dtbsim.kernels.kernel_cache import cache_dir, made_dir, usable_dir
from dtbsim.models.language import elementary


@functools.cache
def source_hash() -> str:
    """Hash of every Python source of the kernels, of their number formats, and of the exp and log that they use."""
    digest = hashlib.sha256()
    for source in (__file__, numerics.__file__, elementary.__file__):
        for path in sorted(Path(str(source)).resolve().parent.glob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:20]


def static_dir() -> Path:
    """Return the folder for the machine code of these sources."""
    return _Lent.folder or _static_dir(cache_dir())


class _Lent:
    folder: Path | None = None


def keep_in(folder: Path) -> None:
    """Keep the machine code of these sources in `folder`, which the process that started this one has checked."""
    _Lent.folder = folder


@functools.cache
def _static_dir(base: Path) -> Path:
    return usable_dir(base / f"static-{source_hash()}")


def cached_njit(function: Callable[..., Any]) -> Any:
    """Compile without the GIL on first call, or load what an earlier process compiled."""
    dispatcher = nb.njit(nogil=True)(function)
    dispatcher._cache = CompiledCache(function, static_dir, source_hash())
    return dispatcher


def cached_cfunc(signature: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function of a generated file to a C function now, or load its machine code from beside the file."""

    def compile_now(function: Callable[..., Any]) -> Any:
        file = Path(function.__code__.co_filename)
        compiled: Any = CFunc(function, normalize_signature(signature), locals={}, options=options)
        compiled._cache = CompiledCache(function, lambda: made_dir(file.parent / "__pycache__"), file.stem)
        compiled.compile()
        return compiled

    return compile_now
