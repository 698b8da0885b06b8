"""Whether the MPI library sends from and receives into the memory of NVIDIA GPUs; when in doubt it does not."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from typing import Any

SETTINGS = {"MPICH_GPU_SUPPORT_ENABLED": "1", "MV2_USE_CUDA": "1"}
"""Settings that switch it on in HPE Cray MPICH and in MVAPICH2, which do it only if asked."""


def takes_gpu_memory(handle: Any, environ: Mapping[str, str] = os.environ, library: Any = None) -> tuple[bool, str]:
    """Return whether buffers may lie in GPU memory, and what says so.

    Asked are the memory kinds of the communicator (MPI 4.1), `MPIX_Query_cuda_support` (Open MPI, MPICH and
    libraries made of it), and settings that other libraries have instead.
    """
    kinds = _memory_kinds(handle)
    if any(kind.split(":")[0] == "cuda" for kind in kinds):
        return True, f"mpi_memory_alloc_kinds is {','.join(kinds)}"
    query = getattr(_library() if library is None else library, "MPIX_Query_cuda_support", None)
    if query is not None:
        query.restype = ctypes.c_int
        answer = int(query())
        return answer == 1, f"MPIX_Query_cuda_support says {answer}"
    for name, value in SETTINGS.items():
        if environ.get(name) == value:
            return True, f"{name} is {value}"
    return False, "nothing says that the MPI library takes it"


def _memory_kinds(handle: Any) -> list[str]:
    info = handle.Get_info()
    try:
        return str(info.Get("mpi_memory_alloc_kinds") or "").split(",")
    finally:
        info.Free()


def _library() -> ctypes.CDLL:
    """What mpi4py has loaded: the search for a name goes on in the libraries of its module."""
    from mpi4py import MPI

    return ctypes.CDLL(MPI.__file__)
