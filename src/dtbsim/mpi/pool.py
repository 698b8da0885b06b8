"""The workers of `python -m mpi4py.futures`, as an executor."""

from __future__ import annotations

from typing import Any


def mpi_pool(n: int) -> Any:
    """Return an MPIPoolExecutor of `n` workers, a context manager."""
    from mpi4py.futures import MPIPoolExecutor

    return MPIPoolExecutor(max_workers=n)
