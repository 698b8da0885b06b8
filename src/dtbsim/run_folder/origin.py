"""The record of what made the results of a run: versions, commit, machine, command line, seed, division of work."""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from dtbsim.version import VERSION

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
        "dtbsim": VERSION,
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
