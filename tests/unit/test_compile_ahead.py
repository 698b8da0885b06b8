"""Parts of a step that other processes compile: the right ones, and whatever becomes of those processes."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import dtbsim
from dtbsim.backends.cpu import CpuBackend
from dtbsim.kernels import ahead, jit, parts
from dtbsim.kernels.ahead import Helpers
from dtbsim.kernels.garbage import rare_collections
from dtbsim.kernels.stages import STAGES, Stage
from dtbsim.kernels.window import SIGNATURE, run_window
from dtbsim.mpi import SerialComm
from dtbsim.simulate.compiling import expected_parts
from dtbsim.simulate.prepare import prepare

QUICK = ["procedural_deliver", "random"]
"""Parts that compile within two seconds."""
ONTO_E = {"source": "E", "target": "E", "rule": {"kind": "fixed_indegree", "indegree": 3}, "delay_ms": 1}


def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ["varied", *QUICK]:
        part = parts.PARTS[name]
        assert isinstance(part, Stage)
        monkeypatch.setitem(parts.PARTS, name, Stage(part._function))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty kernel cache, on a machine with two cores, and nothing compiled in this process."""
    fresh(monkeypatch)
    monkeypatch.setenv("DTBSIM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(ahead, "free_cores", lambda: 1)
    return tmp_path / "cache"


# -- which parts ---------------------------------------------------------------------------------------------------


def config_of(drives: dict[str, Any], projection: dict[str, Any] | None, source: str) -> dtbsim.RunConfig:
    populations: dict[str, Any] = {"E": {"model": "iaf_psc_exp", "size": 20}}
    if source:
        populations["S"] = {"model": source, "size": 20, "parameters": {"rate_hz": 5}}
    return dtbsim.RunConfig.model_validate(
        {
            "simulation": {"dt_ms": 1, "duration_ms": 10, "threads": 1},
            "populations": populations,
            "projections": {} if projection is None else {"EE": ONTO_E | {"weight_pA": 1} | projection},
            "drives": {name: {"target": "E"} | drive for name, drive in drives.items()},
        }
    )


POISSON = {"kind": "poisson", "rate_hz": 100, "weight_pA": 1}
NETWORKS: dict[str, tuple[dict[str, Any], dict[str, Any] | None, str, set[str]]] = {
    "nothing": ({}, None, "", set()),
    "static": ({}, {}, "", set()),
    "current": ({"d": {"kind": "dc", "amplitude": 5}}, {}, "", set()),
    "noise": ({"d": {"kind": "noise_current", "std": 5}}, {}, "", {"noise"}),
    "poisson": ({"d": POISSON}, {}, "", {"poisson"}),
    "poisson on some neighbours": ({"d": POISSON | {"neurons": [3, 4, 5]}}, {}, "", {"poisson"}),
    "poisson on some": ({"d": POISSON | {"neurons": [3, 7, 9]}}, {}, "", {"varied"}),
    "two kinds of poisson": ({"d": POISSON, "e": POISSON | {"neurons": [3, 7]}}, {}, "", {"poisson", "varied"}),
    "silent poisson": ({"d": POISSON | {"rate_hz": 0}}, {}, "", set()),
    "sources": ({}, {}, "poisson_source", {"random"}),
    "stdp": ({}, {"synapse": {"kind": "stdp", "weight_max": 5}}, "", {"dynamic"}),
    "depression": ({}, {"synapse": {"kind": "tsodyks_markram", "U": 0.5, "tau_rec_ms": 100}}, "", {"dynamic"}),
    "procedural": ({}, {"procedural": True, "rule": {"kind": "fixed_outdegree", "outdegree": 3}}, "", {"procedural"}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_parts_foreseen_are_those_that_lanes_call(name: str) -> None:
    """And no others: what a network lacks is not compiled for it."""
    drives, projection, source, expected = NETWORKS[name]
    whole = {part for part in parts.PARTS if any(part == x or part.startswith(f"{x}_") for x in expected)}
    prepared = prepare(config_of(drives, projection, source), SerialComm(), None, None)
    assert expected_parts(prepared.network) == {"window"} | whole
    assert expected_parts(prepared.network, shared_memory=True) == {"window", "exchange_spikes"} | whole
    backend = prepared.backend_plan.open(prepared.backend_plan.build(), prepared.exchange_plan, SerialComm())
    assert isinstance(backend, CpuBackend)
    table = backend.tables.table
    called = {part for part in parts.PARTS for count, _, stage in STAGES
              if parts.PARTS[part] is stage and table[:, count].any()}  # fmt: skip
    backend.close()
    assert called == whole


def test_every_stage_is_a_part() -> None:
    listed = {id(part) for part in parts.PARTS.values()}
    assert all(id(stage) in listed for _, _, stage in STAGES)
    assert len(parts.PARTS) == len(STAGES) + 2


def test_calls_of_the_window_have_the_signature_that_is_compiled_ahead(tmp_path: Path) -> None:
    """Else it would be compiled twice."""
    for threads in (1, 2):
        config = config_of({}, {}, "").model_copy(deep=True)
        config.simulation.threads = threads
        dtbsim.run(config, out=tmp_path / str(threads), report=False)
    assert list(run_window.overloads) == [SIGNATURE]


# -- helpers -------------------------------------------------------------------------------------------------------


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: Any, limit_s: float = 200.0) -> None:
    until_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > until_s:
            pytest.fail("it does not happen")
        time.sleep(0.05)


def test_a_helper_compiles_what_this_process_finds_in_the_cache(folder: Path) -> None:
    assert parts.missing(set(QUICK)) == ["random", "procedural_deliver"]
    helpers = Helpers(QUICK)
    assert len(helpers.pids) == 1
    wait_for(lambda: not parts.missing(set(QUICK)))
    helpers.finish()
    assert not helpers.pids
    assert {path.name.split("-")[0] for path in folder.rglob("*.nbc")} == {f"stages.{name}" for name in QUICK}


def test_without_another_core_this_process_compiles_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "free_cores", lambda: 0)
    compiled: list[str] = []
    for name in QUICK:
        monkeypatch.setitem(parts.PARTS, name, Noted(name, compiled))
    helpers = Helpers(QUICK)
    assert helpers.pids == []
    helpers.finish()
    assert compiled == QUICK


class Noted:
    """A part that only notes that it was compiled."""

    ready = False

    def __init__(self, name: str, compiled: list[str]) -> None:
        self._name, self._compiled = name, compiled

    def compile(self) -> None:
        self._compiled.append(self._name)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_parts_of_a_helper_that_dies_are_left_to_this_process(folder: Path, number: int) -> None:
    helpers = Helpers(["varied", *QUICK])
    (pid,) = helpers.pids
    wait_for(lambda: not is_left(helpers, 3))
    os.kill(pid, number)
    helpers.finish()
    assert parts.missing(set(QUICK)) == [], "nobody had begun them"
    assert "varied" in parts.missing({"varied"})
    assert not list(folder.rglob(".*")), "drafts"


def is_left(helpers: Helpers, n: int) -> bool:
    """Whether `n` parts are still waiting, looked up in the pipe without taking any."""
    import array
    import fcntl
    import termios

    waiting = array.array("i", [0])
    fcntl.ioctl(helpers._claims, termios.FIONREAD, waiting)
    return waiting[0] == n


def test_a_helper_that_hangs_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "STILL_S", 0.5)
    helpers = Helpers(["window", *QUICK])
    (pid,) = helpers.pids
    wait_for(lambda: not is_left(helpers, 3))
    os.kill(pid, signal.SIGSTOP)
    helpers.finish()
    assert not alive(pid)
    assert parts.missing(set(QUICK)) == []


def test_a_helper_that_computes_is_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes, on a machine that is busy with other things."""
    monkeypatch.setattr(ahead, "STILL_S", 1.0)
    helpers = Helpers(["varied"])
    wait_for(lambda: is_left(helpers, 0))
    helpers.finish()
    assert parts.missing({"varied"}) == []


def test_closing_ends_a_busy_helper_and_is_final(folder: Path) -> None:
    helpers = Helpers(["window", *QUICK])
    (pid,) = helpers.pids
    wait_for(lambda: not is_left(helpers, 3))
    helpers.close()
    assert not alive(pid)
    helpers.close()


ORPHAN = """
import os, sys, time
from dtbsim.kernels import ahead
ahead.free_cores = lambda: 1
helpers = ahead.Helpers(["window", "varied"])
print(*helpers.pids, flush=True)
time.sleep(1)
os.kill(os.getpid(), 9)
"""


def test_a_helper_ends_when_the_process_that_started_it_is_killed(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL
    wait_for(lambda: not alive(int(done.stdout)))


def test_a_process_that_cannot_be_started_is_done_without(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    helpers = Helpers(QUICK)
    assert helpers.pids == []
    helpers.finish()
    assert parts.missing(set(QUICK)) == []


def test_a_helper_with_other_sources_compiles_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "source_hash", lambda: "of another version")
    helpers = Helpers(QUICK)
    (pid,) = helpers.pids
    wait_for(lambda: not alive(pid))
    assert not list(folder.rglob("*.nbc"))
    assert is_left(helpers, 2)
    helpers.close()


def test_a_cache_that_cannot_be_written_to_is_replaced_for_helpers_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh(monkeypatch)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DTBSIM_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(ahead, "free_cores", lambda: 1)
    helpers = Helpers(QUICK)
    wait_for(lambda: not parts.missing(set(QUICK)))
    helpers.finish()
    assert {path.suffix for path in jit.static_dir().iterdir()} >= {".nbi", ".nbc"}
    assert tmp_path not in jit.static_dir().parents


# -- the collector -------------------------------------------------------------------------------------------------


def test_the_collector_is_as_before_after_compiling() -> None:
    before = gc.get_threshold()
    try:
        gc.set_threshold(700, 10, 10)
        with rare_collections(), pytest.raises(ZeroDivisionError), rare_collections():
            1 / gc.get_threshold().count(700)
        assert gc.get_threshold() == (700, 10, 10)
        with rare_collections():
            gc.set_threshold(5, 6, 7)
        assert gc.get_threshold() == (5, 6, 7), "somebody else's wish"
        gc.set_threshold(0)
        with rare_collections():
            assert gc.get_threshold()[0] == 0, "they were off"
    finally:
        gc.set_threshold(*before)
