"""Ranks: who they are, how they talk, and what a single process uses instead.

mpi4py is imported by `dtbsim.mpi.library` alone, and that only when an MPI launcher started this process. Names are
loaded when they are first used: whoever asks for the launcher (`dtbsim.mpi.launch`) needs no arrays.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dtbsim.mpi.comm import Comm, SerialComm
    from dtbsim.mpi.fake import FakeAbortError, FakeComm, FakeWorld, run_ranks
    from dtbsim.mpi.launch import Launch, detect_launch
    from dtbsim.mpi.world import ElsewhereError, on_root, world_comm

_MODULES = {
    "Comm": "dtbsim.mpi.comm",
    "ElsewhereError": "dtbsim.mpi.world",
    "FakeAbortError": "dtbsim.mpi.fake",
    "FakeComm": "dtbsim.mpi.fake",
    "FakeWorld": "dtbsim.mpi.fake",
    "Launch": "dtbsim.mpi.launch",
    "SerialComm": "dtbsim.mpi.comm",
    "detect_launch": "dtbsim.mpi.launch",
    "on_root": "dtbsim.mpi.world",
    "run_ranks": "dtbsim.mpi.fake",
    "world_comm": "dtbsim.mpi.world",
}

__all__ = [
    "Comm",
    "ElsewhereError",
    "FakeAbortError",
    "FakeComm",
    "FakeWorld",
    "Launch",
    "SerialComm",
    "detect_launch",
    "on_root",
    "run_ranks",
    "world_comm",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
