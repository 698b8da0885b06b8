"""`dtbsim sweep` and `dtbsim fit` from a shell: one line for a mistake, and the study resumed after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fit_samples import KEY, write_small

from dtbsim.cli.entry import run_command_line
from dtbsim.errors import EXIT_INPUT

SHORT = ["--set", "simulation.duration_ms=24000"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_small(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fit"], "what is to be fitted is not given"),
        (["fit", "--to", "atlas"], "there is no free parameter"),
        (["fit", "--to", "atlas", "--free", f"{KEY}=0.2:0.1"], "are not in order"),
        (["fit", "--to", "fc.csv", "--free", f"{KEY}=0.1:0.2"], "there is no file fc.csv"),
        (["fit", "--to", "other.csv", "--free", f"{KEY}=0.1:0.2"], "regions"),
        (["fit", "--to", "atlas", "--free", f"{KEY}=0.1:0.2", "--tr", "720"], "give seconds"),
        (["fit", "--to", "atlas", "--free", f"{KEY}=0.1:0.2", "--resume"], "name it: --out DIR"),
        (["fit", "--to", "broken.mat", "--free", f"{KEY}=0.1:0.2"], "broken.mat"),
        (["sweep"], "nothing varies"),
        (["sweep", "--vary", f"{KEY}=0:1:3", "--ranks", "0"], "allowed: a whole number from 1 on"),
        (["sweep", "--vary", f"{KEY}=0:1:3", "--ranks", "2", "--workers", "2"], "leave one of them out"),
        (["sweep", "--vary", f"{KEY}=0:1:3", "--workers", "0"], "workers"),
    ],
)
def test_a_mistake_is_one_line(config: Path, monkeypatch: Any, capfd: Any, arguments: list[str], said: str) -> None:
    monkeypatch.chdir(config.parent)
    np.savetxt(config.parent / "other.csv", np.eye(5), delimiter=",")
    (config.parent / "broken.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    before = sorted(path.name for path in config.parent.iterdir())
    assert run_command_line([arguments[0], str(config), *arguments[1:]]) == EXIT_INPUT
    lines = capfd.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert said in lines[0]
    assert sorted(path.name for path in config.parent.iterdir()) == before


@pytest.mark.nightly
def test_a_study_that_was_killed_goes_on(config: Path, tmp_path: Path) -> None:
    """SIGKILL of the conductor while it evaluates; with --resume the table has every evaluation once."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "dtbsim", "sweep", str(config), "--vary", f"{KEY}=0:0.1:40", "--out", str(out)]
    command += ["--workers", "1", "--no-report", "--quiet", *SHORT]
    environ = {**os.environ, "DTBSIM_MPI": "off"}
    process = subprocess.Popen(command, env=environ)
    journal = out / "journal.jsonl"
    end_s = time.monotonic() + 100
    while time.monotonic() < end_s and (not journal.is_file() or not journal.stat().st_size):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    kept = journal.read_bytes()
    assert 0 < kept.count(b"\n") < 40
    done = subprocess.run([*command, "--resume", "--json"], env=environ, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["evaluations"] == 40
    assert told["failed"] == 0
    whole = journal.read_bytes()
    assert whole.startswith(kept[: kept.rindex(b"\n") + 1])
    assert sorted(json.loads(line)["n"] for line in whole.splitlines()) == list(range(40))
