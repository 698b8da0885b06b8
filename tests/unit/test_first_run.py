"""The line that announces a long compilation: only where something is really compiled, and once."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli_samples import CONFIG
from numba.core import event

import dtbsim
from dtbsim.kernels import first_run
from dtbsim.kernels.jit import cached_njit
from dtbsim.kernels.kernel_cache import cache_dir
from dtbsim.kernels.tasks import run_tasks
from dtbsim.kernels.window import run_window
from dtbsim.mpi import run_ranks
from dtbsim.mpi.world import first_on_node
from dtbsim.runtime.progress import AnnouncedProgress, LineProgress, ProgressGroup, SilentProgress


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lines that were told; nothing has been told before."""
    monkeypatch.setattr(first_run._Told, "told", False)
    return []


def add(a: int, b: int) -> int:
    return a + b


def compile_as(module: str, folder: Path) -> None:
    """Compile a function as if it stood in a module of the kernels and its code were kept in a folder."""
    function = cached_njit(add)
    function._cache = SimpleNamespace(
        cache_path=str(folder), load_overload=lambda *_: None, save_overload=lambda *_: None, flush=lambda: None
    )
    function.py_func.__module__ = module
    try:
        assert function(1, 2) == 3
    finally:
        add.__module__ = __name__


@pytest.mark.parametrize("module", ["dtbsim.kernels.tasks", "dtbsim.kernels.window"])
def test_a_long_compilation_is_told_once_with_the_place_where_it_is_kept(told: list[str], module: str) -> None:
    with first_run.first_run_announced(told.append):
        for _ in range(2):
            compile_as(module, cache_dir() / "static-0")
    line = f"first run on this machine: compiling takes up to half a minute; kept in {cache_dir()}"
    assert told == [line]
    with first_run.first_run_announced(told.append):
        compile_as(module, cache_dir() / "static-0")
    assert told == [line], "once in the life of a process"


def test_what_is_compiled_for_this_run_alone_is_told_as_that(told: list[str], tmp_path: Path) -> None:
    with first_run.first_run_announced(told.append):
        compile_as("dtbsim.kernels.window", tmp_path)
    assert told == ["compiling takes up to half a minute; it is not kept for the next run, see `dtbsim doctor`"]


def test_short_compilations_and_those_outside_are_not_told(told: list[str]) -> None:
    with first_run.first_run_announced(told.append):
        compile_as("dtbsim_generated.update_mine", cache_dir())
    compile_as("dtbsim.kernels.window", cache_dir())
    assert told == []


def test_the_functions_that_take_long_are_in_the_modules_that_are_told() -> None:
    assert {function.py_func.__module__ for function in (run_tasks, run_window)} == set(first_run.LONG)


def test_numba_still_tells_when_it_compiles() -> None:
    """The event on which all of this rests."""
    with event.install_recorder(first_run.EVENT) as recorder:
        compile_as("anything", cache_dir())
    assert [item.data["dispatcher"].py_func.__name__ for _, item in recorder.buffer] == ["add", "add"]


def test_announcements_reach_lines_and_those_who_want_no_progress() -> None:
    lines, alone = io.StringIO(), io.StringIO()
    ProgressGroup(LineProgress(lines, clock=lambda: 0.0), SilentProgress()).announce("wait a minute")
    AnnouncedProgress(alone).announce("wait a minute")
    AnnouncedProgress(alone).note("of no interest")
    assert (lines.getvalue(), alone.getvalue()) == ("[    0.0 s] wait a minute\n", "dtbsim: wait a minute\n")
    closed = io.StringIO()
    closed.close()
    AnnouncedProgress(closed).announce("nobody hears it")


def test_the_first_rank_of_a_node_compiles_for_the_others() -> None:
    done: list[Any] = []
    run_ranks(3, lambda comm: first_on_node(comm, lambda: done.append((comm.node_rank, len(done)))))
    assert done[0] == (0, 0)
    assert sorted(rank for rank, _ in done) == [0, 1, 2]


# -- a whole run ---------------------------------------------------------------------------------------------------


def test_a_run_from_python_that_compiles_nothing_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "net.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    dtbsim.run(config, out=tmp_path / "first")
    capfd.readouterr()
    dtbsim.run(config, out=tmp_path / "second")
    assert capfd.readouterr() == ("", "")
