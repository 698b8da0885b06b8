"""Cores, memory, folders and graphics processors of this machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dtbsim.cli.findings import OK, OPTIONAL, Finding, ask

_CUPY = ("cupy-cuda13x", "cupy-cuda12x", "cupy")


def cores() -> Iterator[Finding]:
    """Cores that a run may use."""
    from dtbsim.backends.threads import usable_cores

    usable, there = usable_cores(), os.cpu_count() or 0
    of = "" if usable == there else f" of {there} (the rest is not for this process)"
    yield Finding("cores", OK, f"{usable}{of}; one process uses {usable} threads unless --threads says otherwise")


def memory() -> Iterator[Finding]:
    """Memory, and what of it is free."""
    import psutil

    from dtbsim.build.memory import available_bytes
    from dtbsim.report.text import size_of

    yield Finding("memory", OK, f"{size_of(psutil.virtual_memory().total)}, {size_of(available_bytes())} free")


def kernel_cache() -> Iterator[Finding]:
    """Whether compiled code can be kept for the next run."""
    from dtbsim.kernels.kernel_cache import cache_dir

    folder = cache_dir()
    problem = _cannot_write(folder, make=True)
    if problem:
        remedy = "set DTBSIM_CACHE_DIR to a folder that can be written to"
        yield Finding("kernel cache", OPTIONAL, f"{folder}: {problem}; every run compiles anew", remedy)
    else:
        yield Finding("kernel cache", OK, f"{folder} can be written to")


def working_folder() -> Iterator[Finding]:
    """Whether run folders can be made here."""
    problem = _cannot_write(Path.cwd(), make=False)
    if problem:
        yield Finding("this folder", OPTIONAL, f"{Path.cwd()}: {problem}", "name a run folder elsewhere with --out")
    else:
        yield Finding("this folder", OK, f"{Path.cwd()} can be written to")


def _cannot_write(folder: Path, *, make: bool) -> str:
    """Return why `folder` takes no file, or nothing."""
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def gpu() -> Iterator[Finding]:
    """NVIDIA devices, CuPy, and whether this dtbsim can use them."""
    if importlib.util.find_spec("dtbsim.backends.cuda") is None:
        yield Finding("CUDA backend", OPTIONAL, "not in this version of dtbsim: neurons are computed on the CPU")
    devices = _devices()
    if not devices:
        yield Finding("GPU", OPTIONAL, "no NVIDIA device with a driver; runs use the CPU")
        return
    yield Finding("GPU", OK, "; ".join(devices))
    yield _cupy()


def _devices() -> list[str]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    fields = "name,memory.total,driver_version"
    good, text = ask([program, f"--query-gpu={fields}", "--format=csv,noheader"])
    if not good:
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines() if line.count(",") == 2]
    return [f"{name}, {size}, driver {driver}" for name, size, driver in rows]


def _cupy() -> Finding:
    """CuPy is tried in a process of its own: a driver that does not fit may end it."""
    from importlib import metadata

    for package in _CUPY:
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
        program = "import cupy; print(cupy.cuda.runtime.getDeviceCount(), cupy.cuda.runtime.runtimeGetVersion())"
        good, text = ask([sys.executable, "-c", program], timeout_s=60)
        if not good:
            return Finding("CuPy", OPTIONAL, f"{package} {version} does not work: {text}", f"pip install {_CUPY[0]}")
        devices, runtime = text.split()
        return Finding("CuPy", OK, f"{package} {version}, CUDA {int(runtime) // 1000}, {devices} device(s)")
    return Finding("CuPy", OPTIONAL, "not installed", f"pip install {_CUPY[0]} (or {_CUPY[1]}, as the driver wants)")
