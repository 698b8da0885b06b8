"""Files whose libraries may run or grow without end are read by a process of its own, with bounds of time and memory.

The HDF5 library can run without end on a file made for it, and a file can name others to be read in its place; a .mat
file says in a few bytes that it unpacks to gigabytes. The other process (`dtbsim.files.child`) refuses what is no plain
array, and leaves the arrays as an .npz in memory, which is read as any other.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from dtbsim.errors import InputError, MissingDependencyError
from dtbsim.files.limits import MIB, most_array_bytes
from dtbsim.files.numpy_files import Table, read_npz
from dtbsim.files.regular import open_regular, size_of_file

BASE_CPU_S, BYTES_PER_CPU_S = 3, 10 * MIB
WALL_PER_CPU = 10
"""The wall clock runs on while other work has the processor: it only ends a process that waits for ever."""
_DAMAGED = "damaged or truncated: copy or export it again"


def read_hdf5(path: Path) -> Table:
    """Return the arrays of an HDF5 file by key (groups joined with `/`); texts as str arrays.

    Raises:
        InputError: not readable within bounds, or with links, virtual or external data, objects.
        OSError: it cannot be opened.
    """
    return _read(path, "dtbsim.files.hdf5_child", "HDF5")


def read_mat(path: Path) -> Table:
    """Return the arrays of a MATLAB file, version 4 to 7.3, by name as MATLAB shows them (rows first).

    Fields of a struct are `STRUCT/FIELD`, numeric entries of a cell array `CELL{1}`, `CELL{2}`, ...; char arrays and
    cell arrays of texts become str arrays, sparse matrices dense ones. Functions and objects are left out.

    Raises:
        InputError: not readable within bounds, or not a MATLAB file.
        OSError: it cannot be opened.
    """
    return _read(path, "dtbsim.files.mat_child", "MATLAB")


def _read(path: Path, module: str, format_name: str) -> Table:
    with open_regular(path) as file:
        size = size_of_file(file)
        memory = os.memfd_create("dtbsim-file")
        try:
            _run_child(module, format_name, (file.fileno(), memory), size, path)
            return read_npz(Path(f"/proc/self/fd/{memory}"))
        finally:
            os.close(memory)


def _run_child(module: str, format_name: str, files: tuple[int, int], size: int, path: Path) -> None:
    most = most_array_bytes(size)
    cpu_s = BASE_CPU_S + size // BYTES_PER_CPU_S
    command = [sys.executable, "-P", "-m", module, *map(str, (*files, most, cpu_s))]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=files,
            env=_environment(),
            timeout=cpu_s * WALL_PER_CPU,
        )
    except subprocess.TimeoutExpired:
        raise _endless(path, format_name, cpu_s) from None
    if done.returncode == 0:
        return
    if done.returncode < 0:  # ended by a signal: out of time, or the library broke
        raise _endless(path, format_name, cpu_s) if -done.returncode in (9, 24) else _broken(path, format_name)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    try:
        told = json.loads(lines[-1])
    except (IndexError, ValueError):
        raise _broken(path, format_name) from None
    if told.get("missing"):
        raise MissingDependencyError(told["missing"], remedy=f"pip install {told['package']}")
    raise InputError(told["message"], where=str(path), remedy=told.get("remedy") or _DAMAGED)


def _endless(path: Path, format_name: str, cpu_s: int) -> InputError:
    message = f"the {format_name} library does not come to an end with this file (stopped after {cpu_s} s)"
    return InputError(message, where=str(path), remedy=_DAMAGED)


def _broken(path: Path, format_name: str) -> InputError:
    return InputError(f"the {format_name} library fails on this file", where=str(path), remedy=_DAMAGED)


def _environment() -> dict[str, str]:
    """No launcher of ranks, one thread, no plug-ins, and no folder from which parts of a file would be read."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PMI", "OMPI_", "MPI_", "HDF5_"))}
    nowhere = {"HDF5_PLUGIN_PRELOAD": "::", "HDF5_PLUGIN_PATH": os.devnull, "HDF5_USE_FILE_LOCKING": "FALSE"}
    return kept | nowhere | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
