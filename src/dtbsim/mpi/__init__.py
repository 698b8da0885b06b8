"""Ranks: who they are, how they talk, and what a single process uses instead.

mpi4py is imported by `dtbsim.mpi.library` alone, and that only when an MPI launcher started this process.
"""

from __future__ import annotations

from dtbsim.mpi.comm import Comm, PacketChannel, SerialComm
from dtbsim.mpi.fake import FakeAbortError, FakeComm, FakeWorld, run_ranks
from dtbsim.mpi.world import ElsewhereError, on_root, world_comm
from dtbsim.runtime.launch import Launch, detect_launch

__all__ = [
    "Comm",
    "ElsewhereError",
    "FakeAbortError",
    "FakeComm",
    "FakeWorld",
    "Launch",
    "PacketChannel",
    "SerialComm",
    "detect_launch",
    "on_root",
    "run_ranks",
    "world_comm",
]
