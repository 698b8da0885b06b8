"""Spikes that did not fit into the packets of GPUs: a second round between all ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.mpi import Comm
from dtbsim.numerics.ranges import range_of

I64 = NDArray[np.int64]
PACKET_WORDS = 512


def second_round(comm: Comm, entries: I64, gid_starts: I64, needs: NDArray[np.bool_]) -> I64:
    """Send `entries`, none or those that did not fit into packets, to the ranks that need them; returns what comes."""
    population = range_of(gid_starts, entries & 0xFFFFFFFF)
    wanted = needs[:, population]
    wanted[comm.rank] = False
    parts = comm.alltoallv([entries[keep].astype(np.uint64) for keep in wanted])
    others = [part.view(np.int64) for rank, part in enumerate(parts) if rank != comm.rank]
    return np.concatenate([np.zeros(0, np.int64), *others])
