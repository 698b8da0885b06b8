"""Runs of several processes that are told to leave, or killed, and go on as other processes, of another number."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.jobs import Job, needs_mpiexec, run_job, status_of

import dtbsim
from dtbsim.errors import EXIT_INPUT, EXIT_INTERRUPTED, EXIT_OK, EXIT_RESUMABLE
from dtbsim.run_folder.checkpoints import find_checkpoint, list_checkpoints

pytestmark = needs_mpiexec

HARNESS = Path(__file__).parents[2] / "benchmarks" / "faults.py"
LIMIT_S = 90.0
LONG = """\
name: long
seed: 3
simulation: {dt_ms: 0.5, duration_ms: 10000000, block_size: 16, threads: 1}
populations: {E: {model: iaf_psc_exp, size: 60}, I: {model: iaf_psc_exp, size: 20}}
projections:
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 5}, weight_pA: 40, delay_ms: 1.5}
  IE:
    {source: I, target: E, rule: {kind: fixed_indegree, indegree: 4}, weight_pA: 20, delay_ms: 1,
     synapse: {kind: stdp, weight_max: 100}}
drives: {background: {kind: poisson, target: [E, I], rate_hz: 8000, weight_pA: 60}}
record:
  states: [{population: E, variables: [V_m_mV], neurons: 9, interval_ms: 10}]
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "long.yaml"
    path.write_text(LONG, encoding="utf-8")
    dtbsim.run(path, out=path.with_suffix(".run"), set={"simulation.duration_ms": 500})  # compiles what all others load
    return path


def started(config: Path, out: Path, ranks: int, *options: str) -> Job:
    return Job(["-m", "dtbsim", "run", config, "--out", out, "--quiet", *options], ranks=ranks)


def simulating(out: Path) -> bool:
    return status_of(out).get("step", 0) > 2000


def resumed_to_the_end(config: Path, out: Path, ranks: int, tmp_path: Path) -> None:
    """Go on for a second, and compare with a run that was never interrupted."""
    step = find_checkpoint(out).step
    until = f"simulation.duration_ms={step / 2 + 1000}"
    outcome = run_job(["-m", "dtbsim", "resume", out, "--set", until, "--json", "--no-report"], ranks=ranks)
    assert outcome.code == EXIT_OK, outcome.err
    summary = json.loads(outcome.out)
    whole = dtbsim.run(config, out=tmp_path / "whole", set=[until])
    assert summary["spike_hash"] == whole.spike_hash
    assert summary["resumed_at_ms"] == step / 2
    assert (summary["spikes"], summary["events"]) == (whole.summary["spikes"], whole.summary["events"])
    run, other = dtbsim.open_run(out), whole.open()
    assert run.spike_hash().digest == run.summary["spike_hash"]
    assert run.states().equals(other.states())
    assert run.rates().equals(other.rates())
    assert [entry["step"] for entry in run.provenance["resumed"]] == [step]


@pytest.mark.parametrize(("ranks", "then"), [pytest.param(2, 1, marks=pytest.mark.nightly), (1, 3)])
def test_sigterm_leaves_a_checkpoint_and_its_exit_code(config: Path, tmp_path: Path, ranks: int, then: int) -> None:
    out = tmp_path / "run"
    with started(config, out, ranks, "--set", "checkpoint={every_min: 60}") as job:
        job.wait_until(lambda: simulating(out), "the simulation")
        job.hit(signal.SIGTERM)
        outcome = job.finish(LIMIT_S)
    assert outcome.code == EXIT_RESUMABLE, outcome.err
    assert f"left after a checkpoint; to go on: dtbsim resume {out}" in outcome.err
    assert status_of(out)["state"] == "interrupted"
    assert len(list_checkpoints(out)) == 1
    resumed_to_the_end(config, out, then, tmp_path)


@pytest.mark.nightly
def test_sigusr1_writes_one_and_goes_on(config: Path, tmp_path: Path) -> None:
    """It reaches one rank; then all are killed."""
    out = tmp_path / "run"
    with started(config, out, 2) as job:
        job.wait_until(lambda: simulating(out), "the simulation")
        job.hit(signal.SIGUSR1, rank=1)
        job.wait_until(lambda: bool(list_checkpoints(out)), "the checkpoint")
        at = status_of(out)["step"]
        job.wait_until(lambda: status_of(out).get("step", 0) > at, "further steps")
        refused = run_job(["-m", "dtbsim", "resume", out])
        assert refused.code == EXIT_INPUT
        assert "the run in this folder goes on, as process" in refused.err
        assert refused.err.count("\n") == 1
    assert status_of(out)["state"] == "running"
    resumed_to_the_end(config, out, 3, tmp_path)


def test_ctrl_c_leaves_one_too_where_they_are_configured(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with started(config, out, 1, "--set", "checkpoint={keep: 1}") as job:
        job.wait_until(lambda: simulating(out), "the simulation")
        job.hit(signal.SIGINT)
        outcome = job.finish(LIMIT_S)
    assert outcome.code == EXIT_INTERRUPTED
    assert len(list_checkpoints(out)) == 1


def test_max_hours(config: Path, tmp_path: Path) -> None:
    """A run in three pieces, each as long as its time allows."""
    out = tmp_path / "run"
    first = run_job(["-m", "dtbsim", "run", config, "--out", out, "--quiet", "--max-hours", "0.0001"])
    assert first.code == EXIT_RESUMABLE, first.err
    step = find_checkpoint(out).step
    again = run_job(["-m", "dtbsim", "resume", out, "--quiet", "--max-hours", "0.0001"], ranks=2)
    assert again.code == EXIT_RESUMABLE, again.err
    assert find_checkpoint(out).step > step
    wrong = run_job(["-m", "dtbsim", "resume", out, "--max-hours", "-1"])
    assert (wrong.code, wrong.err.count("\n")) == (EXIT_INPUT, 1)


def _harness(*options: str) -> Any:
    outcome = run_job([HARNESS, *options], limit_s=3600.0)
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


KILLS = ("kill", "checkpoint", "shard")


def test_killed_while_it_steps_and_while_it_writes() -> None:
    found = _harness("--kills", "3", "--faults", ",".join(KILLS), "--duration-ms", "20000", "--longest-s", "3")
    assert found["kills"] == 3
    assert found["met"] == dict.fromkeys(KILLS, 1)


@pytest.mark.nightly
def test_killed_a_hundred_times_and_disturbed_in_every_way() -> None:
    found = _harness("--kills", "100", "--ranks", "3", "--duration-ms", "60000")
    assert found["kills"] == 100
    assert found["equal_runs"] > 0
    assert {"exception": 10, "stop": 10, "damage": 10}.items() <= found["met"].items()
    if "disk" in found["skipped"]:
        pytest.skip(f"everything but a full disk: {found['skipped']['disk']}")
    assert found["disk_full"] >= 10
