"""The folder of a run: where it is made, what refuses it, and the record of what made the results.

The whole layout is described in docs/run_folder.md.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import dtbsim
from dtbsim.errors import InputError
from dtbsim.runtime.paths import user_path
from dtbsim.store.files import sync_to_disk, to_json, write_json, write_text

__all__ = [
    "check_run_folder",
    "create_run_folder",
    "now",
    "provenance",
    "remove_run_folder",
    "to_json",
    "write_json",
    "write_text",
]

_RECORDED_PACKAGES = (
    "numpy",
    "scipy",
    "numba",
    "llvmlite",
    "zarr",
    "numcodecs",
    "pydantic",
    "mpi4py",
    "mpich",
    "openmpi",
    "cupy-cuda12x",
    "cupy-cuda13x",
)
_PROBE_BYTES = 1 << 16
RUNS = "runs"


def create_run_folder(out: Path | None, name: str, *, base: Path) -> Path:
    """Make the folder of a run and return its absolute path. Called on rank 0 only.

    `out` is the folder that the user named; it may exist if it is empty. Without it the folder is
    `base`/runs/NAME-YYYYmmdd-HHMMSS, with -2, -3, ... after it when that exists.

    Raises InputError when the folder holds files already, cannot be made or cannot be written to; folders made on the
    way are removed again.
    """
    if out is None:
        stem = f"{name}-{datetime.datetime.now():%Y%m%d-%H%M%S}"
        runs = (base / RUNS).absolute()
        candidates = (runs / (stem if n == 1 else f"{stem}-{n}") for n in range(1, 1000))
        folder = _first_free(candidates)
    else:
        folder = user_path(out).absolute()
        _refuse_used(folder)
        _make(folder, exist_ok=True)
    return folder


def check_run_folder(out: Path | None) -> None:
    """Raise InputError if the folder that the user named cannot become a run folder; makes nothing."""
    if out is not None:
        _refuse_used(user_path(out).absolute())


def remove_run_folder(folder: Path) -> None:
    """Remove the folder of a run that ended before it recorded anything, so that nothing half-written is left."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # `runs` itself, where this was its first
        if folder.parent.name == RUNS:
            folder.parent.rmdir()


def _first_free(candidates: Iterator[Path]) -> Path:
    for folder in candidates:
        with contextlib.suppress(FileExistsError):
            _make(folder, exist_ok=False)
            return folder
    raise InputError("a thousand runs were started within this second", where="runs", remedy="name a folder with --out")


def _refuse_used(folder: Path) -> None:
    try:
        if folder.is_dir():
            used = next(folder.iterdir(), None) is not None
        elif folder.exists() or folder.is_symlink():
            raise InputError("this is not a folder", where=str(folder), remedy="choose another --out")
        else:
            used = False
    except OSError as error:
        raise _not_possible(folder, error) from error
    if used:
        remedy = "choose another --out, or remove the folder if its results are not needed"
        raise InputError("the run folder exists and is not empty", where=str(folder), remedy=remedy)


def _make(folder: Path, *, exist_ok: bool) -> None:
    """Make the folder and its parents and try whether it takes a file; undo everything if not."""
    made: list[Path] = []
    try:
        for part in [*reversed(folder.parents), folder]:
            if part == folder or not part.is_dir():
                try:
                    part.mkdir()
                    made.append(part)
                except FileExistsError:
                    if not part.is_dir() or (part == folder and not exist_ok):
                        raise
        _probe(folder)
    except OSError as error:
        for part in reversed(made):
            with contextlib.suppress(OSError):
                part.rmdir()
        if isinstance(error, FileExistsError) and not exist_ok and folder.exists():
            raise
        raise _not_possible(folder, error) from error


def _probe(folder: Path) -> None:
    """Write, sync and remove a small file: a full disk takes a folder but no file."""
    probe = folder / ".dtbsim-probe"
    try:
        probe.write_bytes(bytes(_PROBE_BYTES))
        sync_to_disk(probe)
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


def _not_possible(folder: Path, error: OSError) -> InputError:
    remedy = "choose a folder that can be written to with --out, or free some space"
    return InputError(f"the run folder cannot be made: {error.strerror}", where=str(folder), remedy=remedy)


def now() -> str:
    """Return the local time with its offset from UTC, ISO 8601, to the second."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def provenance(*, argv: Sequence[str], seed: int, ranks: int, threads: int, backend: str) -> dict[str, Any]:
    """Return the record of what makes the results: versions, commit, machine, command line, seed, division of work.

    `finished` is None until the run ends. `commit` is None for an installed package; `modified` tells whether the
    source differs from the commit.
    """
    commit, modified = _source_commit()
    return {
        "dtbsim": dtbsim.__version__,
        "commit": commit,
        "modified": modified,
        "command": shlex.join(argv),
        "directory": str(Path.cwd()),
        "seed": seed,
        "ranks": ranks,
        "threads": threads,
        "backend": backend,
        "started": now(),
        "finished": None,
        "host": platform.node(),
        "system": platform.platform(),
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": _nvidia_gpus(),
        "python": platform.python_version(),
        "python_executable": sys.executable,
        "packages": _package_versions(),
    }


def _package_versions() -> dict[str, str]:
    versions = {}
    for package in _RECORDED_PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _nvidia_gpus() -> list[str]:
    """Return the models that the driver lists; reading its files needs no CUDA library and no start-up time."""
    models = []
    for information in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        with contextlib.suppress(OSError):
            for line in information.read_text(encoding="utf-8").splitlines():
                if line.startswith("Model:"):
                    models.append(line.partition(":")[2].strip())
    return models


def _source_commit() -> tuple[str | None, bool | None]:
    """Return commit and whether the source was modified, if this file is tracked by a git repository."""
    source = Path(__file__).resolve()
    if not _git(source.parent, "ls-files", source.name):
        return None, None  # an environment inside someone else's repository is not our source
    status = _git(source.parent, "status", "--porcelain", "--untracked-files=no")
    return _git(source.parent, "rev-parse", "HEAD"), None if status is None else bool(status)


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
