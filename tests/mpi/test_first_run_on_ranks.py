"""A first run says that it compiles, once, on however many ranks; a later one says nothing."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tests.helpers.jobs import Job, needs_mpiexec

import dtbsim
from dtbsim.errors import EXIT_INTERRUPTED, EXIT_OK

pytestmark = needs_mpiexec

CONFIG = """\
name: short
simulation: {dt_ms: 0.1, duration_ms: 20, block_size: 16, threads: 1}
populations:
  E: {model: iaf_psc_exp, size: 160}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 40, delay_ms: 1}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "short.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.mark.parametrize("ranks", [pytest.param(1, marks=pytest.mark.nightly), 3])
def test_a_first_run_announces_that_it_compiles(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ranks: int
) -> None:
    """It is interrupted when the first function is compiled: what follows takes a minute."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("DTBSIM_CACHE_DIR", str(cache))
    with Job(["-m", "dtbsim", "run", config, "--out", tmp_path / "run"], ranks=ranks) as job:
        job.wait_until(lambda: any(cache.rglob("*.nbi")), "the first compiled function", 240)
        job.hit(signal.SIGINT)
        outcome = job.finish(60)
    assert outcome.code == EXIT_INTERRUPTED
    announced = [line for line in outcome.err.splitlines() if "first run" in line]
    assert len(announced) == 1, outcome.err
    line = f"first run on this machine: compiling takes up to half a minute; kept in {cache}"
    assert announced[0].partition("] ")[2] == line


@pytest.mark.parametrize("ranks", [1, 3])
def test_later_runs_do_not(config: Path, tmp_path: Path, ranks: int) -> None:
    dtbsim.run(config, out=tmp_path / "before")
    with Job(["-m", "dtbsim", "run", config, "--out", tmp_path / "run", "--no-report"], ranks=ranks) as job:
        outcome = job.finish(240)
    assert outcome.code == EXIT_OK
    assert "first run" not in outcome.err
    assert "compiling" not in outcome.err
