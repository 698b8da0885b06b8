"""Every moment of a run belongs to a stage: the times of a summary add up to the wall time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dtbsim.runtime.progress import SilentProgress
from dtbsim.simulate import run, stages
from dtbsim.simulate.stages import Stages, process_began_s

NETWORK = """
simulation: {dt_ms: 0.5, duration_ms: 20, threads: 1}
populations: {E: {model: iaf_psc_exp, size: 30, parameters: {I_e_pA: 500}}}
projections: {EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 3}, weight_pA: 5, delay_ms: 1}}
"""


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(stages.time, "perf_counter", moved)
    return moved


def test_every_moment_belongs_to_one_stage(clock: Clock) -> None:
    times = Stages(SilentProgress(), began_s=90.0)
    with times.stage("network"):
        clock.now_s += 2
    clock.now_s += 1
    with times.stage("build"):
        clock.now_s += 3
        with times.stage("compile"):
            clock.now_s += 5
        clock.now_s += 7
    clock.now_s += 1
    assert times.elapsed_s() == 29.0
    assert times.seconds == {"load": 10.0, "network": 2.0, "other": 2.0, "build": 10.0, "compile": 5.0}


def test_a_stage_that_fails_is_timed(clock: Clock) -> None:
    times = Stages(SilentProgress())

    def fail() -> None:
        clock.now_s += 4
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), times.stage("build"):
        fail()
    clock.now_s += 1
    assert times.elapsed_s() == 5.0
    assert times.seconds == {"load": 0.0, "build": 4.0, "other": 1.0}


def test_the_start_of_this_process() -> None:
    age_s = time.perf_counter() - process_began_s()
    psutil = pytest.importorskip("psutil")
    assert age_s == pytest.approx(time.time() - psutil.Process().create_time(), abs=1.5)


def totals(summary: dict[str, Any]) -> tuple[float, float]:
    whole = sum(stage["max_s"] for name, stage in summary["stages"].items() if ": " not in name)
    parts = sum(stage["max_s"] for name, stage in summary["stages"].items() if name.startswith("simulate: "))
    return whole, parts


@pytest.mark.parametrize("report", [False, True])
def test_the_stages_of_a_run_add_up(tmp_path: Path, report: bool) -> None:
    """No wall time is held: sums of the same readings are compared."""
    from dtbsim.config import load_config_text

    result = run(load_config_text(NETWORK), out=tmp_path / "run", report=report)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert result.open().summary == result.summary
    whole, parts = totals(summary)
    assert whole == pytest.approx(summary["wall_s"], rel=1e-9)
    assert parts == pytest.approx(summary["simulate_s"], rel=1e-9)
    assert {"load", "network", "write", "compile", "build", "open", "simulate", "close"} <= summary["stages"].keys()
    assert ("report" in summary["stages"]) == report


def test_the_time_of_a_command_begins_with_its_process(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NETWORK)
    command = [sys.executable, "-m", "dtbsim", "run", "net.yaml", "--out", "run", "--json", "--no-report"]
    begin_s = time.perf_counter()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    taken_s = time.perf_counter() - begin_s
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert totals(summary)[0] == pytest.approx(summary["wall_s"], rel=1e-9)
    assert summary["stages"]["load"]["max_s"] < summary["wall_s"] < taken_s + 0.02
