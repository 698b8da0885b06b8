"""Cores, memory, folders and graphics processors of this machine."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dtbsim.cli.findings import MISSING, OK, OPTIONAL, Finding, ask
from dtbsim.errors import InputError


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
    from dtbsim.kernels.kernel_cache import REMEDY, configured_dir, unsafe

    remedy = "set DTBSIM_CACHE_DIR to a folder that can be written to"
    try:
        folder = configured_dir()
    except InputError as error:
        yield Finding("kernel cache", OPTIONAL, f"{error.where}: {error.message}; every run compiles anew", remedy)
        return
    if danger := unsafe(folder):
        yield Finding("kernel cache", MISSING, f"{folder}: {danger}; machine code from it is executed", REMEDY)
        return
    problem = _cannot_write(folder, make=True)
    if problem:
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
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def gpu() -> Iterator[Finding]:
    """NVIDIA devices, CuPy, and whether this dtbsim can use them."""
    devices = _devices()
    if not devices:
        yield Finding("GPU", OPTIONAL, "no NVIDIA device with a driver; runs use the CPU")
        return
    yield Finding("GPU", OK, "; ".join(devices))
    yield _cuda_backend()


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


_OPEN = """
import json
from dtbsim.backends.cuda.choose import open_device
from dtbsim.errors import DtbsimError
try:
    print(json.dumps({"facts": dict(open_device(0).facts)}))
except DtbsimError as error:
    print(json.dumps({"problem": error.message, "remedy": error.remedy}))
"""


def _cuda_backend() -> Finding:
    """Whether a run could use the first device; in a process of its own, which a driver that does not fit may end."""
    good, text = ask([sys.executable, "-c", _OPEN], timeout_s=60)
    if not good:
        return Finding("CUDA backend", OPTIONAL, f"cannot be tried: {text}", "see whether `nvidia-smi` works")
    told = json.loads(text.splitlines()[-1])
    if "problem" in told:
        return Finding("CUDA backend", OPTIONAL, f"not possible: {told['problem']}", told["remedy"] or "")
    facts = told["facts"]
    versions = (
        f"CuPy {facts['cupy']}, CUDA {facts['cuda']}, NVRTC {facts['nvrtc']}, driver for CUDA {facts['driver_cuda']}"
    )
    memory = f"{facts['memory_bytes'] / 2**30:.0f} GiB"
    text = f"{facts['name']} ({memory}, compute capability {facts['compute_capability']}) is used by runs; {versions}"
    return Finding("CUDA backend", OK, text)
