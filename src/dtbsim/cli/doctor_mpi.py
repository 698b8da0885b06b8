"""MPI: mpi4py, its library, `mpiexec`, and whether the two form one world of ranks."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from dtbsim.cli.findings import OK, OPTIONAL, Finding, ask
from dtbsim.errors import DtbsimError
from dtbsim.mpi.launch import detect_launch
from dtbsim.runtime.leftovers import remove_leftovers

INSTALL = "pip install 'dtbsim[mpi]'"
_LIBRARY = """\
import mpi4py
mpi4py.rc.initialize = False
from mpi4py import MPI
print(MPI.Get_library_version())
"""
_WORLD = "from dtbsim.mpi import world_comm; c = world_comm(); c.is_root and print(f'ranks {c.size}', flush=True)"
_OF_A_LAUNCHER = ("PMI", "OMPI_", "PMIX_", "MV2_", "HYDRA_", "HYDI_", "MPI_", "PRTE_", "I_MPI_")
_KINDS = {"MPICH": ("mpich", "hydra"), "Open MPI": ("open mpi", "openrte", "prrte", "prterun"), "Intel MPI": ("intel",)}


def mpi() -> Iterator[Finding]:
    """Everything that runs on several processes need; none of it is needed by one process."""
    try:
        version = metadata.version("mpi4py")
    except metadata.PackageNotFoundError:
        yield Finding("MPI", OPTIONAL, "mpi4py is not installed: one process, with threads, is possible", INSTALL)
        return
    good, library = ask([sys.executable, "-c", _LIBRARY])
    if not good:
        yield Finding("MPI library", OPTIONAL, f"mpi4py {version} finds no library: {library}", INSTALL)
        return
    yield Finding("MPI library", OK, f"{first_line(library)} (mpi4py {version})")
    mpiexec = find_mpiexec()
    if mpiexec is None:
        yield Finding("mpiexec", OPTIONAL, "not found: neither beside this Python nor on the search path", INSTALL)
        return
    yield from _launcher(mpiexec, library)


def leftovers() -> Iterator[Finding]:
    """Shared memory of killed jobs, which is removed here."""
    if sizes := remove_leftovers():
        text = f"removed {len(sizes)} segment(s) of killed MPI jobs, {sum(sizes) / 1e6:.1f} MB"
        yield Finding("shared memory", OK, text)


def _launcher(mpiexec: Path, library: str) -> Iterator[Finding]:
    good, text = ask([str(mpiexec), "--version"])
    theirs, ours = kind_of(text) if good else "", kind_of(library)
    yield Finding("mpiexec", OK if good else OPTIONAL, f"{mpiexec} ({theirs or first_line(text)})")
    on_path = shutil.which("mpiexec")
    if on_path is not None and not Path(on_path).samefile(mpiexec):
        remedy = f"call {mpiexec}, or activate the environment"
        yield Finding("mpiexec", OPTIONAL, f"the search path leads to another one, {on_path}", remedy)
    if theirs and ours and theirs != ours:
        text = f"mpiexec is of {theirs}, the library of {ours}: the ranks would not find each other"
        yield Finding("MPI world", OPTIONAL, text, f"use the mpiexec of {ours}, or build mpi4py for {theirs}")
        return
    yield _world(mpiexec)


def _world(mpiexec: Path) -> Finding:
    """Start two ranks: nothing else tells for sure."""
    try:
        inside = detect_launch(os.environ).launcher
    except DtbsimError as error:
        return Finding("MPI world", OPTIONAL, error.message, error.remedy or "")
    if inside is not None:
        return Finding("MPI world", OK, f"not tried: this process was itself started by {inside}")
    environ = {key: value for key, value in os.environ.items() if not key.startswith(_OF_A_LAUNCHER)}
    good, text = ask([str(mpiexec), "-n", "2", sys.executable, "-c", _WORLD], timeout_s=60, environ=environ)
    if good and text == "ranks 2":
        return Finding("MPI world", OK, "mpiexec started 2 ranks, and they found each other")
    problem = text.removeprefix("dtbsim.errors.MissingDependencyError: ") or "the ranks did not find each other"
    return Finding("MPI world", OPTIONAL, f"2 ranks could not be started: {problem}", INSTALL)


def find_mpiexec() -> Path | None:
    """Return the mpiexec of this environment, else that of the search path."""
    beside = Path(sys.executable).with_name("mpiexec")
    if beside.is_file():
        return beside
    found = shutil.which("mpiexec")
    return None if found is None else Path(found)


def kind_of(text: str) -> str:
    """Return which MPI a version text is of, or nothing."""
    lowered = text.lower()
    if "intel" in lowered and "mpi library" in lowered:
        return "Intel MPI"
    return next((kind for kind, signs in _KINDS.items() if any(sign in lowered for sign in signs)), "")


def first_line(text: str) -> str:
    """Return the first line, with single blanks."""
    lines = text.strip().splitlines()
    return " ".join(lines[0].split()) if lines else ""
