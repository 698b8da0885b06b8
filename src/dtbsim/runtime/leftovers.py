"""Shared memory that killed MPI jobs have left behind: MPICH keeps a named segment of some MB while a job runs.

A file is removed only if nobody on this kernel has it open or mapped, in whatever container: the system grants a write
lease on a file to its one user alone, and holds everyone else off while it lasts.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
PREFIXES = ("mpich_shm_", "dtbsim-board-")
"""Of names: MPICH's, and the pages on which the ranks of a node show signs of life."""
MIN_AGE_S = 1.0
"""Younger files may be those of a job that just starts, should a library close and open one again."""


def remove_leftovers(folder: Path = SHARED_MEMORY) -> list[int]:
    """Remove what killed jobs of this user have left; returns the sizes in bytes. What cannot be removed stays."""
    sizes = []
    for path in _candidates(folder):
        with contextlib.suppress(OSError):
            size = _remove_if_unused(path)
            if size is not None:
                sizes.append(size)
    return sizes


def _candidates(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for path in entries:
        with contextlib.suppress(OSError):
            found = path.lstat()
            old = time.time() - found.st_mtime > MIN_AGE_S
            if path.name.startswith(PREFIXES) and stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and old:
                yield path


def _remove_if_unused(path: Path) -> int | None:
    """Return the size of what was removed, None for a file in use. Raises OSError where there are no leases."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        # Should someone open it now, a signal tells the holder of the lease; by default one that would end the process.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except BlockingIOError:
            return None
        path.unlink()
        return size
    finally:
        os.close(descriptor)
