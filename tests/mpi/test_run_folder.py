"""Two MPI jobs that want one run folder at the same time: one gets it, the other is refused and leaves it alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.helpers.jobs import Job, needs_mpiexec

import dtbsim
from dtbsim.errors import EXIT_INPUT, EXIT_OK, EXIT_STORAGE
from dtbsim.store.inspection import inspect_run

pytestmark = needs_mpiexec

SHORT = """\
name: short
simulation: {dt_ms: 0.1, duration_ms: 100, block_size: 16, threads: 1}
populations:
  E: {model: iaf_psc_exp, size: 100}
drives:
  b: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "short.yaml"
    path.write_text(SHORT, encoding="utf-8")
    dtbsim.run(path, out=path.with_suffix(".run"))  # compiles what the ranks then load
    return path


@pytest.mark.parametrize(
    ("ranks", "existing"),
    [
        ((1, 2), True),
        *(
            pytest.param(*case, marks=pytest.mark.nightly)
            for case in (((2, 2), False), ((2, 2), True), ((1, 2), False))
        ),
    ],
)
def test_of_two_jobs_one_is_whole_and_one_refused(
    config: Path, tmp_path: Path, ranks: tuple[int, int], existing: bool
) -> None:
    for attempt in range(2):
        out = tmp_path / f"run{attempt}"
        if existing:
            out.mkdir()
        jobs = [
            Job(["-m", "dtbsim", "run", config, "--out", out, "--quiet", "--set", f"seed={seed}"], ranks=n)
            for seed, n in enumerate(ranks)
        ]
        outcomes = []
        for job in jobs:
            with job:
                outcomes.append(job.finish(120))
        assert sorted(outcome.code for outcome in outcomes) == [EXIT_OK, EXIT_INPUT], outcomes
        winner = [outcome.code for outcome in outcomes].index(EXIT_OK)
        refused = outcomes[1 - winner]
        assert refused.out == ""
        assert refused.err.count("\n") == 1
        assert "another run has taken this folder" in refused.err or "exists and is not empty" in refused.err
        run = dtbsim.open_run(out)
        assert (run.state, run.config["seed"], run.ranks) == ("done", winner, ranks[winner])
        assert run.spike_hash(recompute=True).agrees
        assert inspect_run(run, values=True) == []
        assert (out / "report.html").exists()


LONG = SHORT.replace("duration_ms: 100,", "duration_ms: 10000000, stuck_timeout_s: 20,")


def test_a_folder_that_vanishes_ends_all_ranks(config: Path, tmp_path: Path) -> None:
    long, out = tmp_path / "long.yaml", tmp_path / "run"
    long.write_text(LONG)
    with Job(["-m", "dtbsim", "run", long, "--out", out, "--quiet"], ranks=2) as job:
        names = ("rates", "spikes/rank_00000", "spikes/rank_00001")
        job.wait_until(lambda: all((out / f"stores/{name}.published.json").exists() for name in names), "stores")
        out.rename(tmp_path / "elsewhere")
        outcome = job.finish(60)
        assert job.left_after() == []
    assert outcome.code == EXIT_STORAGE
    assert outcome.err.count("\n") == 1, outcome.err
    assert "removed" in outcome.err
    assert not out.exists()
    assert dtbsim.open_run(tmp_path / "elsewhere").spike_store.complete_before >= 0
