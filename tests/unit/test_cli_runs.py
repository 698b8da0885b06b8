"""`dtbsim info`, `hash` and `report` of run folders as a simulation leaves them, whole, broken and half done."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_samples import Cli, is_one_error_line
from report_folder import microcircuit_run
from store_runs import make_run, spikes_of_a_run

from dtbsim.errors import EXIT_INPUT, EXIT_OK
from dtbsim.record.spike_hash import SpikeHasher
from dtbsim.runtime.process import process_start


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capfd)


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    return microcircuit_run(tmp_path / "column", duration_ms=300.0)


def gone_pid() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def set_status(folder: Path, **values: object) -> None:
    base = {"state": "running", "stage": "simulate", "step": 250, "n_steps": 1000, "eta_s": 30.0, "message": None}
    here = {"pid": os.getpid(), "host": socket.gethostname()}
    (folder / "status.json").write_text(json.dumps(base | here | values))


def digest(steps: np.ndarray, gids: np.ndarray) -> str:
    hasher = SpikeHasher()
    hasher.update(steps, gids)
    return hasher.hexdigest()


def lines_of(out: str) -> dict[str, str]:
    return {line[2:15].strip(): line[15:].strip() for line in out.splitlines()[1:]}


# -- info -----------------------------------------------------------------------------------------------------


def test_info_of_a_finished_run(cli: Cli, finished: Path) -> None:
    code, out, err = cli("info", finished)
    assert (code, err) == (EXIT_OK, "")
    assert out.splitlines()[0] == "column: done"
    shown = lines_of(out)
    assert shown["neurons"] == "767"
    assert shown["description"] == "A test run."
    assert shown["command"] == "dtbsim run column.yaml"
    assert shown["started"] == "2026-11-24T09:12:44+00:00 on bench-01"
    assert shown["seed"] == "0"
    assert shown["stores"] == "rates.zarr, spikes"
    assert shown["run folder"] == str(finished)
    assert "report" not in shown


def test_info_as_json(cli: Cli, finished: Path) -> None:
    (finished / "report.html").write_text("<html></html>\n")
    code, out, err = cli("info", finished, "--json")
    assert (code, err) == (EXIT_OK, "")
    known = json.loads(out)
    assert (known["run_dir"], known["state"], known["status"]) == (str(finished), "done", None)
    assert known["report"] == str(finished / "report.html")
    for piece in ("summary", "provenance", "network"):
        assert known[piece] == json.loads((finished / f"{piece}.json").read_text()), piece


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({}, "running"),
        ({"host": "another-machine", "pid": 1}, "running"),
        ({"state": "interrupted"}, "interrupted"),
        ({"state": "failed", "message": "a state is not finite"}, "failed"),
    ],
)
def test_info_of_a_run_without_a_summary(cli: Cli, finished: Path, status: dict[str, object], state: str) -> None:
    (finished / "summary.json").unlink()
    set_status(finished, **status)
    code, out, _ = cli("info", finished)
    assert code == EXIT_OK
    assert out.splitlines()[0] == f"column: {state}"
    shown = lines_of(out)
    assert shown["progress"] == "simulate: step 250 of 1,000 (25 %), 30 s left"
    assert shown["neurons"] == "767"
    assert shown.get("problem", "") == (status.get("message") or "")


def test_info_tells_a_killed_run_from_a_running_one(cli: Cli, finished: Path) -> None:
    (finished / "summary.json").unlink()
    set_status(finished, pid=gone_pid())
    assert cli("info", finished).out.startswith("column: killed\n")
    for started, state in ((process_start(os.getpid()), "running"), (None, "running"), ("boot/1", "killed")):
        set_status(finished, pid_started=started)
        assert cli("info", finished).out.startswith(f"column: {state}\n"), "the number of a process comes again"
    for pid in (0, -1, True, "1", 10**30):
        set_status(finished, pid=pid)
        assert cli("info", finished).code == EXIT_OK
    (finished / "status.json").unlink()
    assert cli("info", finished).out.startswith("column: unknown\n")


@pytest.mark.parametrize("command", ["info", "hash", "report"])
def test_what_is_not_a_run_folder_is_one_line(cli: Cli, tmp_path: Path, command: str) -> None:
    for folder, said in ((tmp_path / "none", "no such run folder"), (tmp_path, "it has no config.yaml")):
        code, out, err = cli(command, folder)
        assert (code, out) == (EXIT_INPUT, "")
        assert is_one_error_line(err), err
        assert said in err


def test_info_of_a_damaged_folder_names_the_file(cli: Cli, finished: Path) -> None:
    (finished / "provenance.json").write_text("{")
    code, out, err = cli("info", finished)
    assert code == EXIT_INPUT
    assert out.startswith("column: done\n"), "what is whole is shown"
    assert lines_of(out)["damaged"].startswith(f"{finished}/provenance.json: damaged")
    assert is_one_error_line(err)
    assert f"{finished}/provenance.json: damaged" in err


# -- hash -----------------------------------------------------------------------------------------------------


def test_hash_from_the_stores(cli: Cli, tmp_path: Path) -> None:
    steps, gids = spikes_of_a_run(1)
    folder = make_run(tmp_path / "run", steps, gids, ranks=2)
    assert cli("hash", folder) == (EXIT_OK, f"{digest(steps, gids)}\n", "")


def test_hash_from_the_summary_says_so(cli: Cli, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", *spikes_of_a_run(2), record="spikes: null")
    (folder / "summary.json").write_text(json.dumps({"spike_hash": "cd" * 32, "spike_hash_version": 2}))
    code, out, err = cli("hash", folder)
    assert (code, out) == (EXIT_OK, f"{'cd' * 32}\n")
    assert err == "dtbsim: the hash is that of summary.json: spikes were not stored\n"


def test_a_hash_that_contradicts_the_summary_is_an_error(cli: Cli, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", *spikes_of_a_run(3))
    (folder / "summary.json").write_text(json.dumps({"spike_hash": "cd" * 32, "spike_hash_version": 2}))
    code, out, err = cli("hash", folder)
    assert (code, out) == (EXIT_INPUT, "")
    assert is_one_error_line(err)
    assert "not what summary.json says" in err


# -- report ---------------------------------------------------------------------------------------------------


def test_report_is_written_and_named(cli: Cli, finished: Path) -> None:
    target = finished / "report.html"
    assert cli("report", finished) == (EXIT_OK, f"{target}\n", "")
    assert target.stat().st_size > 10_000
    assert f"\n  report       {target}\n" in cli("info", finished).out


def test_report_of_a_damaged_run_is_one_line(cli: Cli, finished: Path) -> None:
    (finished / "summary.json").write_text("{")
    code, out, err = cli("report", finished)
    assert (code, out) == (EXIT_INPUT, "")
    assert is_one_error_line(err)
    assert "summary.json" in err
