"""Shared memory of killed jobs goes at the next start; that of living ones is never touched, however it is held."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.by_day import by_day
from tests.helpers.jobs import Job, needs_mpiexec, status_of

from dtbsim.cli import doctor_mpi
from dtbsim.errors import EXIT_INTERRUPTED, EXIT_OK
from dtbsim.runtime import leftovers
from dtbsim.runtime.leftovers import SHARED_MEMORY, remove_leftovers

NAME = "mpich_shm_ab12_0"
HOLD = """\
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
if sys.argv[2] == "mapped":
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    assert libc.mmap(None, ctypes.c_size_t(4096), 3, 1, fd, ctypes.c_long(0)) not in (None, 2**64 - 1)
    os.close(fd)
print("held", flush=True)
sys.stdin.read()
"""
CONFIG = """\
name: long
simulation: {dt_ms: 0.1, duration_ms: DURATION, block_size: 16, threads: 1}
populations:
  E: {model: iaf_psc_exp, size: 160}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 40, delay_ms: 1}
"""


def old_file(folder: Path, name: str = NAME, size: int = 8192) -> Path:
    path = folder / name
    path.write_bytes(bytes(size))
    os.utime(path, (0, 0))
    return path


@pytest.fixture(params=["open", "mapped"])
def held(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file that another process has open, or has mapped and closed, as MPICH does."""
    path = old_file(tmp_path)
    command = [sys.executable, "-c", HOLD, str(path), request.param]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield path
        holder.kill()


def test_what_nobody_has_open_goes(tmp_path: Path) -> None:
    old_file(tmp_path)
    old_file(tmp_path, "dtbsim-board-x7", 100)
    assert sorted(remove_leftovers(tmp_path)) == [100, 8192]
    assert list(tmp_path.iterdir()) == []


def test_what_somebody_holds_stays(held: Path) -> None:
    assert remove_leftovers(held.parent) == []
    assert held.exists()


def test_other_files_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    young = tmp_path / "mpich_shm_young_0"
    young.write_bytes(b"just made")
    other = old_file(tmp_path, "somebody_elses")
    link = tmp_path / "mpich_shm_link_0"
    link.symlink_to(other)
    (tmp_path / "mpich_shm_folder_0").mkdir()
    os.mkfifo(tmp_path / "mpich_shm_pipe_0")
    before = sorted(tmp_path.iterdir())
    assert remove_leftovers(tmp_path) == []
    mine = old_file(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert remove_leftovers(tmp_path) == [], "that of another user"
    assert sorted(tmp_path.iterdir()) == sorted([*before, mine])
    assert remove_leftovers(tmp_path / "none") == []


def test_where_there_are_no_leases_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_leases(*_: object) -> int:
        raise OSError(22, "Invalid argument")

    path = old_file(tmp_path)
    monkeypatch.setattr(leftovers.fcntl, "fcntl", no_leases)
    assert remove_leftovers(tmp_path) == []
    assert path.exists()


# -- jobs ---------------------------------------------------------------------------------------------------------


def test_doctor_says_what_it_has_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_mpi, "remove_leftovers", lambda: [3_000_000, 500_000])
    (found,) = doctor_mpi.leftovers()
    assert (found.name, found.text) == ("shared memory", "removed 2 segment(s) of killed MPI jobs, 3.5 MB")
    monkeypatch.setattr(doctor_mpi, "remove_leftovers", lambda: [])
    assert list(doctor_mpi.leftovers()) == []


def start(folder: Path, name: str, duration_ms: float) -> tuple[Job, Path]:
    config = folder / f"{name}.yaml"
    config.write_text(CONFIG.replace("DURATION", f"{duration_ms:g}"), encoding="utf-8")
    out = folder / name
    return Job(["-m", "dtbsim", "run", config, "--out", out, "--no-report", "--quiet"], ranks=2), out


def segments() -> set[Path]:
    return set(SHARED_MEMORY.glob("mpich_shm_*"))


def mapped_by(job: Job) -> set[Path]:
    """Segments in the address spaces of the ranks."""
    lines = [line for pid in job.rank_pids().values() for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    return {Path(line.split()[-1]) for line in lines if "/mpich_shm_" in line and "(deleted)" not in line}


@needs_mpiexec[0]
@needs_mpiexec[1]
@pytest.mark.parametrize("cleaner", by_day(["run", "doctor"], ["run"]))
def test_segments_of_a_killed_job_go_and_those_of_a_living_one_stay(tmp_path: Path, cleaner: str) -> None:
    living, living_out = start(tmp_path, "living", 1e7)
    doomed, doomed_out = start(tmp_path, "doomed", 1e7)
    with living, doomed:
        for job, out in ((living, living_out), (doomed, doomed_out)):
            job.wait_until(lambda out=out: status_of(out).get("step", 0) > 0, "steps", 240)  # type: ignore[misc]
        kept, left = mapped_by(living), mapped_by(doomed)
        assert len(kept) == len(left) == 1
        assert not kept & left
        for pid in doomed.left():
            os.kill(pid, signal.SIGKILL)
        doomed.process.wait()
        time.sleep(leftovers.MIN_AGE_S)
        if cleaner == "doctor":
            for found in doctor_mpi.leftovers():  # none where another run has started meanwhile
                assert found.text.startswith("removed ")
        else:
            again, _ = start(tmp_path, "again", 20)
            with again:
                assert again.finish(240).code == EXIT_OK
        assert not left & segments()
        assert kept <= segments()
        living.hit(signal.SIGINT)
        assert living.finish(60).code == EXIT_INTERRUPTED
    assert not kept & segments(), "it removes its own at its end"
