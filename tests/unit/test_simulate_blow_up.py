"""A model that becomes infinite by itself ends the run: who, which state and when is told, what was recorded stays."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_samples import Cli, is_one_error_line
from tests.helpers import blow_up

import dtbsim
from dtbsim.config import load_located
from dtbsim.errors import EXIT_NUMERICS, DtbsimError, NumericsError
from dtbsim.mpi import run_ranks
from dtbsim.simulate import run as conduct

MESSAGE = (
    r"population X: (?P<rank>\[rank \d\] )?state x of neuron (?P<neuron>\d+) became NaN or infinite "
    r"after step (?P<after>\d+), by step (?P<by>\d+) \(use a shorter dt_ms, or check parameters and weights\)"
)
LIMIT = 5000


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return blow_up.write(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="module")
def invalid_from(config: Path) -> Any:
    """The step after which each neuron of X is not finite: a handful of them, long after the first chunks."""
    run = dtbsim.run(config, out=config.with_suffix(".one"), set=["simulation.duration_ms=0.1"]).open()
    found = blow_up.first_invalid_steps(run.states().x.to_numpy()[0], LIMIT)
    assert 0 < (found < LIMIT).sum() < 10
    assert found.min() > 500
    return found


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_run_that_becomes_invalid_tells_where_and_keeps_what_it_has(
    config: Path, tmp_path: Path, invalid_from: Any, ranks: int
) -> None:
    located = load_located(config)
    out = tmp_path / "run"

    def work(comm: Any) -> DtbsimError:
        with pytest.raises(DtbsimError) as caught:
            conduct(located.config, out=out, base_dir=located.base_dir, comm=comm, report=False)
        return caught.value

    errors = run_ranks(ranks, work)
    assert {error.exit_code for error in errors} == {EXIT_NUMERICS}
    assert any(isinstance(error, NumericsError) for error in errors)
    (message,) = {str(error) for error in errors}
    found = re.fullmatch(MESSAGE, message)
    assert found is not None, message
    after, by = int(found["after"]), int(found["by"])
    assert (found["rank"] is None) == (ranks == 1)
    assert after < invalid_from[int(found["neuron"])] <= by
    assert after < invalid_from.min() <= by, "at the first chunk with any"
    status = json.loads((out / "status.json").read_text())
    assert (status["state"], status["message"]) == ("failed", message)
    assert not (out / "summary.json").exists()

    run = dtbsim.open_run(out)
    assert run.spike_store.closed
    assert run.spike_store.complete_before == by
    whole = (
        dtbsim.run(config, out=tmp_path / "whole", set=[f"simulation.duration_ms={after / 10}"]).open().spike_steps("E")
    )
    steps, gids = run.spike_steps("E")
    kept = steps < after
    assert kept.sum() > 100
    np.testing.assert_array_equal(steps[kept], whole[0])
    np.testing.assert_array_equal(gids[kept], whole[1])


def test_on_the_command_line_it_is_one_line_and_exit_code_7(
    config: Path, tmp_path: Path, invalid_from: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DTBSIM_MPI", "off")
    code, out, err = Cli(capfd)("run", config, "--out", tmp_path / "run", "--quiet")
    assert (code, out) == (EXIT_NUMERICS, "")
    assert is_one_error_line(err)
    assert re.fullmatch(f"dtbsim: error: {MESSAGE}\n", err)
    assert not (tmp_path / "run" / "report.html").exists()
    code, out, _ = Cli(capfd)("info", tmp_path / "run")
    assert code == 0
    assert "failed" in out
