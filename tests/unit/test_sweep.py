"""`dtbsim.sweep`: which runs a grid means, what comes of them, and what another call finds."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_samples import write_config
from tests.helpers.jobs import status_of

import dtbsim
from dtbsim.checksum import with_checksum
from dtbsim.config.grid import runs_of
from dtbsim.errors import InputError
from dtbsim.sweeps.worker import Outcome

WEIGHT = "projections.EI.weight_pA"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path)


class InThisProcess:
    """An executor without processes, whose tasks have nothing but `done` and `result`, as those of some packages."""

    def __init__(self) -> None:
        self.values: list[dict[str, Any]] = []

    def submit(self, function: Any, job: Any) -> InThisProcess.Task:
        self.values.append(job.values)
        return InThisProcess.Task(function, job)

    class Task:
        def __init__(self, function: Any, job: Any) -> None:
            self._ask = lambda: function(job)

        def done(self) -> bool:
            return True

        def result(self) -> Any:
            return self._ask()


def test_a_grid_is_every_combination_and_a_list_is_what_it_says() -> None:
    assert runs_of({"a.b": np.array([1.5, 2.0]), "c": range(2)}) == [
        {"a.b": 1.5, "c": 0},
        {"a.b": 1.5, "c": 1},
        {"a.b": 2.0, "c": 0},
        {"a.b": 2.0, "c": 1},
    ]
    assert runs_of([{"a": np.float64(1)}, ["a=[1, 2]", "b=x"], "c=3", {}]) == [
        {"a": 1.0}, {"a": [1, 2], "b": "x"}, {"c": 3}, {}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({}, "there is no run in it"),
        ({"seed": 3}, "grid 'seed': got 3 (allowed: a list of values"),
        ({"seed": "abc"}, "a list of values"),
        ({"seed": []}, "a list of values"),
        ({3: [1]}, "keys are paths"),
        ("seed=1", "allowed: a mapping"),
        ([3], "grid[0]: overrides: got 3"),
        (["seed"], "give KEY.PATH=VALUE"),
        ([{"seed": 1}, ["seed=1"]], "runs 0 and 1 are the same (seed=1)"),
        ({"a": range(2000), "b": range(2000)}, "these are 4,000,000 runs"),
    ],
)
def test_what_is_no_grid(grid: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        runs_of(grid)
    assert said in str(caught.value)


def test_a_table_has_a_row_for_each_run_and_failures_stop_nothing(config: Path, capfd: Any) -> None:
    grid = [{"seed": 1}, {"seed": 1, WEIGHT: 45}, {"seed": -1}, {"seed": 13}]
    table = dtbsim.sweep(config, grid, workers=2, measure=spikes_of_i)
    alone = dtbsim.run(config, temporary=True, set={"seed": 1})
    assert list(table.columns[:2]) == ["seed", WEIGHT]
    assert table.spike_hash[0] == alone.spike_hash
    assert table.spikes[0] == alone.summary["spikes"]
    assert table.mean_rate_hz[0] == alone.summary["mean_rate_hz"]
    run = alone.open()
    assert table["rate_hz.E"][0] == pytest.approx(len(run.spikes("E").time_ms) / 80 / 0.02)
    assert table.spikes_of_i[0] == len(run.spikes("I").time_ms)
    assert table.seconds[0] > 0
    assert "folder" not in table.columns
    assert table.error[0] is None
    assert list(table.error.isna()) == [True, True, False, False]
    assert "seed: got -1" in table.error[2]
    assert table.error[3].startswith("its process was killed")
    said = capfd.readouterr().err
    assert "sweep: 4 of 4 runs, 2 failed" in said
    assert "the first that failed was run 2" in said


def spikes_of_i(run: dtbsim.Run) -> dict[str, Any]:
    if run.config["seed"] == 13:
        os.kill(os.getpid(), signal.SIGKILL)  # a bad number
    return {"spikes_of_i": len(run.spikes("I").time_ms)}


def test_a_sweep_goes_on_in_its_folder(config: Path, tmp_path: Path) -> None:
    """What is finished is read, also where the grid has grown; what was killed or interrupted is simulated again."""
    out = tmp_path / "sweep"
    first = dtbsim.sweep(config, {"seed": [1, 2]}, out=out, executor=InThisProcess(), progress=False)
    for name in ("summary.json", "status.json"):
        (out / "00001" / name).unlink()
    again = InThisProcess()
    table = dtbsim.sweep(
        config, {"seed": [3, 2, 1]}, out=out, executor=again, set="simulation.threads=2", progress=False
    )
    assert [values["seed"] for values in again.values] == [3, 2]
    assert list(table.spike_hash[[2, 1]]) == list(first.spike_hash)
    assert table.folder[0] == str(out / "00002")
    assert table.loc[2].drop("seconds").to_dict() == first.loc[0].drop("seconds").to_dict()
    assert (out / "sweep.csv").read_text().count("\n") == 4
    nothing = InThisProcess()
    assert len(dtbsim.sweep(config, [{"seed": 2}], out=out, executor=nothing, progress=False, measure=spikes_of_i)) == 1
    assert nothing.values == []


def test_an_interrupted_run_with_a_checkpoint_goes_on_from_it(config: Path, tmp_path: Path) -> None:
    out, keep = tmp_path / "sweep", {"checkpoint": {"keep": 1}}
    short = {"simulation.duration_ms": 10, **keep}
    whole = dtbsim.run(config, temporary=True)
    dtbsim.sweep(config, [{}], out=out, executor=Leaving(out), set=keep, progress=False)
    assert dtbsim.open_run(out / "00000").state == "interrupted"
    table = dtbsim.sweep(config, [{}], out=out, executor=InThisProcess(), set=keep, progress=False)
    assert table.spike_hash[0] == whole.spike_hash
    assert dtbsim.open_run(out / "00000").summary["resumed_at_ms"] is not None
    with pytest.raises(InputError, match="a sweep of another configuration"):
        dtbsim.sweep(config, [{}], out=out, executor=InThisProcess(), set=short)


class Leaving(InThisProcess):
    """Stops a run as soon as it simulates, as SIGTERM does."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self.out = out

    def submit(self, function: Any, job: Any) -> InThisProcess.Task:
        from dtbsim.simulate import run

        config = dtbsim.load_config(job.source, job.values)
        run(config, out=job.out, report=False, max_hours=1e-9)
        return InThisProcess.Task(lambda job: Outcome(job.number, {}, "interrupted"), job)


def test_a_run_on_a_machine_that_was_lost_is_taken_over(config: Path, tmp_path: Path) -> None:
    """Whether it goes on cannot be seen from here, so it is said."""
    out = tmp_path / "sweep"
    first = dtbsim.sweep(config, [{}], out=out, executor=InThisProcess(), progress=False)
    (out / "00000" / "summary.json").unlink()
    lost = with_checksum({"state": "running", "stage": "simulate", "pid": 1, "pid_started": None, "host": "elsewhere"})
    (out / "00000" / "status.json").write_text(lost)
    table = dtbsim.sweep(config, [{}], out=out, executor=InThisProcess(), progress=False)
    assert "the run in this folder goes on" in table.error[0]
    table = dtbsim.sweep(config, [{}], out=out, executor=InThisProcess(), progress=False, take_over=True)
    assert list(table.spike_hash) == list(first.spike_hash)
    assert (out / "00000.lost_1" / "log.txt").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"executor": concurrent.futures.ThreadPoolExecutor()}, "a ThreadPoolExecutor would run them in one process"),
        ({"executor": "processes"}, "allowed: a concurrent.futures.Executor"),
        ({"executor": concurrent.futures.ProcessPoolExecutor}, "allowed: a concurrent.futures.Executor"),
        ({"workers": 0}, "workers: got 0"),
        ({"measure": 3}, "measure: got 3"),
        ({"report": "yes"}, "report: got 'yes'"),
        ({"set": {"sed": 3}}, "did you mean 'seed'"),
        ({"out": "."}, "the folder of the sweep exists and holds no sweep"),
    ],
)
def test_bad_arguments(config: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], said: str) -> None:
    monkeypatch.chdir(config.parent)
    with pytest.raises(InputError) as caught:
        dtbsim.sweep("net.yaml", {"seed": [1, 2]}, **options)
    assert said in str(caught.value)


def test_one_of_several_ranks_is_told_how(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DTBSIM_MPI", raising=False)
    monkeypatch.setenv("PMI_SIZE", "3")
    with pytest.raises(InputError, match=r"mpi4py\.futures"):
        dtbsim.sweep(config, {"seed": [1]})


LONG = """\
import dtbsim

changes = {"simulation.duration_ms": 1e7, "checkpoint": {"keep": 1}}
dtbsim.sweep("net.yaml", {"seed": [1, 2, 3, 4]}, workers=2, set=changes, out="sweep")
"""


def test_ctrl_c_stops_all_runs_cleanly(config: Path) -> None:
    out = config.parent / "sweep"
    with subprocess.Popen(
        [sys.executable, "-c", LONG], cwd=config.parent, stderr=subprocess.PIPE, text=True, preexec_fn=_listen
    ) as job:
        until = time.monotonic() + 120
        while time.monotonic() < until and not all(status_of(out / name).get("step") for name in ("00000", "00001")):
            time.sleep(0.05)
        workers = _children(job.pid)
        job.send_signal(signal.SIGINT)
        _, said = job.communicate(timeout=100)
    assert job.returncode != 0
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert "0 of 4 runs" in said
    states = {name: dtbsim.open_run(out / name).state for name in ("00000", "00001")}
    assert states == {"00000": "interrupted", "00001": "interrupted"}
    assert all(list((out / name / "checkpoints").iterdir()) for name in states)
    assert not (out / "00002").exists()
    assert len(workers) == 2
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


def _listen() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _children(pid: int) -> list[int]:
    stats = (entry / "stat" for entry in Path("/proc").iterdir() if entry.name.isdigit())
    found = []
    for stat in stats:
        try:
            text = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(text[1]) == pid:
            found.append(int(stat.parent.name))
    return [child for child in found if b"-c" in Path(f"/proc/{child}/cmdline").read_bytes()]
