"""Processes that stay from one sweep to the next."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from cli_samples import write_config

import dtbsim
from dtbsim.sweeps.pool import ProcessPool


def who(run: dtbsim.Run) -> dict[str, Any]:
    if run.config["seed"] == 13 and os.environ.get("DTBSIM_TEST_KILL") == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"pid": os.getpid()}


def test_processes_stay_and_are_replaced_when_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_config(tmp_path)
    monkeypatch.setenv("DTBSIM_TEST_KILL", "1")
    with ProcessPool(1) as pool:
        pids = set()
        for seed in (1, 2):
            table = dtbsim.sweep(config, {"seed": [seed]}, executor=pool, measure=who, progress=False)
            pids.add(int(table.pid[0]))
        assert len(pids) == 1
        assert pids != {os.getpid()}
        killed = dtbsim.sweep(config, {"seed": [13, 3]}, executor=pool, measure=who, progress=False)
        assert str(killed.error[0]).startswith("its process was killed")
        assert killed.error[1] is None
        assert int(killed.pid[1]) not in pids
        again = dtbsim.sweep(config, {"seed": [4]}, executor=pool, measure=who, progress=False)
        assert again.error[0] is None
        last = int(again.pid[0])
        os.kill(last, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(last, 0)


def interrupted(config: Path) -> None:
    with ProcessPool(1) as pool:
        table = dtbsim.sweep(config, {"seed": [1]}, executor=pool, measure=who, progress=False)
        raise KeyboardInterrupt(int(table.pid[0]))


def test_after_an_interrupt_no_process_is_left(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted(write_config(tmp_path))
    with pytest.raises(ProcessLookupError):
        os.kill(caught.value.args[0], 0)
