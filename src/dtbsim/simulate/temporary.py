"""Run folders that live as long as somebody uses what is in them."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path

from dtbsim.errors import InputError, StorageError
from dtbsim.mpi import Comm, on_root


class TemporaryFolder:
    """A folder that is removed when this object is no longer used, or at the end of the process.

    `path` is the run folder in it. Of several ranks, the first one owns the folder.
    """

    def __init__(self, folder: Path, name: str, *, owned: bool) -> None:
        self.path = folder / name
        self._finalizer = weakref.finalize(self, _remove, folder, os.getpid()) if owned else None

    def remove(self) -> None:
        """Remove the folder now."""
        if self._finalizer is not None:
            self._finalizer()


def temporary_folder(comm: Comm, name: str) -> TemporaryFolder:
    """Make a temporary folder for a run called `name`, the same on every rank; collective.

    Raises InputError for ranks on several nodes, which share no temporary folder, StorageError where none can be made.
    """
    if comm.node_count > 1:
        raise InputError(
            f"the ranks are on {comm.node_count} nodes, which share no temporary folder",
            where="temporary",
            remedy="name a folder that all of them see: out=FOLDER",
        )
    return TemporaryFolder(Path(on_root(comm, _make)), name, owned=comm.is_root)


def _make() -> str:
    try:
        return tempfile.mkdtemp(prefix="dtbsim-")
    except OSError as error:
        raise StorageError(
            f"no temporary folder can be made: {error.strerror or error}",
            where=tempfile.gettempdir(),
            remedy="set TMPDIR to a folder that can be written to",
        ) from error


def _remove(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # and not a process that was forked from it
        shutil.rmtree(folder, ignore_errors=True)
