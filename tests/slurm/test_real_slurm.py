"""The batch script in a real Slurm: limits, lost ranks and nodes, arrays, and what is cancelled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.jobs import status_of
from tests.helpers.slurm import OneMachineSlurm, kill, needs_slurm, ranks_of

import dtbsim
from dtbsim.run_folder.checkpoints import list_checkpoints

pytestmark = [*needs_slurm, pytest.mark.nightly, pytest.mark.timeout(900)]

CONFIG = """\
name: job
seed: 3
simulation: {dt_ms: 0.1, duration_ms: 2000, block_size: 16}
populations: {E: {model: iaf_psc_exp, size: 160}, I: {model: iaf_psc_exp, size: 40}}
projections:
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 5}, weight_pA: 40, delay_ms: 1.5}
  IE: {source: I, target: E, rule: {kind: fixed_indegree, indegree: 4}, weight_pA: -20, delay_ms: 1}
drives: {background: {kind: poisson, target: [E, I], rate_hz: 8000, weight_pA: 60}}
checkpoint: {every_min: 60}
"""
RANKS = 3


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneMachineSlurm]:
    found = OneMachineSlurm(tmp_path_factory.mktemp("slurm"))
    yield found
    found.down()


@pytest.fixture(autouse=True)
def empty_queue(slurm: OneMachineSlurm) -> Iterator[None]:
    """What a test leaves behind is not in the way of the next one."""
    yield
    slurm.empty_the_queue()


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "net.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def submitted(slurm: OneMachineSlurm, config: Path, out: Path, *options: str, minutes: int = 20) -> str:
    """Submit a run and return the number of its job."""
    said = slurm.answer(
        "dtbsim", "submit", config, "--out", out, "--nodes", str(RANKS), "--cpus-per-rank", "1", "--time", str(minutes),
        *options, "--json", cwd=config.parent,
    )  # fmt: skip
    return str(json.loads(said)["job_id"])


def log_of(out: Path, job: str) -> Path:
    return out / "slurm" / f"{job}.out"


def simulates(out: Path) -> bool:
    return status_of(out).get("state") == "running" and status_of(out).get("step", 0) > 1000


def assert_as_if_never_interrupted(out: Path, config: Path, duration_ms: float, whole: Path) -> None:
    run = dtbsim.open_run(out)
    assert run.state == "done"
    assert run.summary["ranks"] == RANKS
    expected = dtbsim.run(config, out=whole, set={"simulation.duration_ms": duration_ms})
    assert run.spike_hash(recompute=True).digest == expected.spike_hash
    assert run.summary["spikes"] == expected.summary["spikes"]


def test_a_run_goes_on_over_its_time_limit(slurm: OneMachineSlurm, config: Path, tmp_path: Path) -> None:
    """A first job shows how far a run comes in a minute on this machine; a second one has to be requeued and ends."""
    first = tmp_path / "first"
    job = submitted(slurm, config, first, "--set", "simulation.duration_ms=10000000", minutes=1)
    slurm.wait_for(
        job, lambda: "PENDING" in slurm.states(job) and bool(list_checkpoints(first)), log_of(first, job), 180
    )
    slurm.answer("dtbsim", "cancel", first)
    assert status_of(first)["state"] == "interrupted"
    simulated = dtbsim.open_run(first).summary
    duration_ms = round(1e3 * simulated["biological_s"] * 75 / simulated["simulate_s"])  # 75 s of stepping

    out = tmp_path / "run"
    job = submitted(slurm, config, out, "--set", f"simulation.duration_ms={duration_ms}", minutes=1)
    log = log_of(out, job)
    slurm.wait_for_end(job, log, 600)
    assert_as_if_never_interrupted(out, config, duration_ms, tmp_path / "whole")
    starts = [entry["step"] for entry in dtbsim.open_run(out).provenance.get("resumed", [])]
    assert starts
    assert starts == sorted(set(starts))
    assert log.read_text(encoding="utf-8").count("the job goes on later") >= len(starts)


def test_a_killed_rank_ends_the_job_and_a_requeue_goes_on(slurm: OneMachineSlurm, config: Path, tmp_path: Path) -> None:
    """Also on the same nodes, where the killed step has left shared memory."""
    out, duration_ms = tmp_path / "run", 4000.0
    job = submitted(
        slurm, config, out, "--set", f"simulation.duration_ms={duration_ms}", "--set", "checkpoint.every_ms=500"
    )
    slurm.wait_for(job, lambda: bool(list_checkpoints(out)), log_of(out, job), 120)
    kill(ranks_of(out)[0])
    slurm.wait_for(job, lambda: slurm.states(job) == ["FAILED"], log_of(out, job), 60)
    slurm.answer("scontrol", "requeue", job)
    slurm.wait_for_end(job, log_of(out, job), 240)
    assert_as_if_never_interrupted(out, config, duration_ms, tmp_path / "whole")


def test_a_lost_node_costs_what_came_after_the_checkpoint(slurm: OneMachineSlurm, config: Path, tmp_path: Path) -> None:
    out, duration_ms = tmp_path / "run", 4000.0
    job = submitted(
        slurm, config, out, "--set", f"simulation.duration_ms={duration_ms}", "--set", "checkpoint.every_ms=500"
    )
    slurm.wait_for(job, lambda: bool(list_checkpoints(out)), log_of(out, job), 120)
    slurm.answer("scontrol", "update", "NodeName=n2", "State=DOWN", "Reason=test")
    try:
        slurm.wait_for(job, lambda: "PENDING" in slurm.states(job), log_of(out, job), 60)
        slurm.wait_for_end(job, log_of(out, job), 240)
    finally:
        slurm.call("scontrol", "update", "NodeName=n2", "State=RESUME")  # refused where it has come back by itself
    assert_as_if_never_interrupted(out, config, duration_ms, tmp_path / "whole")


def test_a_job_that_is_lost_before_its_first_checkpoint_begins_again(
    slurm: OneMachineSlurm, config: Path, tmp_path: Path
) -> None:
    out, duration_ms = tmp_path / "run", 2000.0
    job = submitted(slurm, config, out, "--set", f"simulation.duration_ms={duration_ms}")
    slurm.wait_for(job, lambda: simulates(out), log_of(out, job), 120)
    kill(ranks_of(out)[0])
    slurm.wait_for(job, lambda: slurm.states(job) == ["FAILED"], log_of(out, job), 60)
    slurm.answer("scontrol", "requeue", job)
    slurm.wait_for_end(job, log_of(out, job), 240)
    assert_as_if_never_interrupted(out, config, duration_ms, tmp_path / "whole")
    assert (out / "slurm" / "start_1" / "log.txt").exists()


def test_an_array_is_a_run_for_each_value(slurm: OneMachineSlurm, config: Path, tmp_path: Path) -> None:
    out = tmp_path / "array"
    said = slurm.answer(
        "dtbsim", "submit", config, "--out", out, "--nodes", "1", "--cpus-per-rank", "1", "--time", "5",
        "--array", "projections.EI.weight_pA=10,40", "--array", "seed=1,2", "--json", cwd=config.parent,
    )  # fmt: skip
    job = str(json.loads(said)["job_id"])
    slurm.wait_for_end(job, out / "slurm" / f"{job}_0.out", 240)
    grid = {"projections.EI.weight_pA": [10, 40], "seed": [1, 2]}
    table = dtbsim.sweep(config, grid, out=out, executor=_Refusing())
    assert len(table) == 4
    assert table.error.isna().all()
    assert table.spike_hash.nunique() == 4
    alone = dtbsim.run(config, temporary=True, set={"projections.EI.weight_pA": 40, "seed": 2})
    assert table.spike_hash[(table["projections.EI.weight_pA"] == 40) & (table.seed == 2)].item() == alone.spike_hash


class _Refusing:
    """An executor that has nothing to do, as all runs are there."""

    def submit(self, *arguments: object) -> None:
        raise AssertionError("everything has been simulated")


def test_what_is_cancelled_ends_and_is_not_requeued(slurm: OneMachineSlurm, config: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    job = submitted(slurm, config, out, "--set", "simulation.duration_ms=10000000")
    slurm.wait_for(job, lambda: simulates(out), log_of(out, job), 120)
    status = json.loads(slurm.answer("dtbsim", "status", out, "--json"))
    assert [entry["state"] for entry in status["jobs"]] == ["RUNNING"]
    assert status["runs"][0]["state"] == "running"
    assert job in slurm.answer("dtbsim", "status")
    slurm.answer("dtbsim", "cancel", out)
    slurm.wait_for(job, lambda: slurm.states(job) == ["CANCELLED"], log_of(out, job), 60)
    assert not ranks_of(out)
    assert status_of(out)["state"] == "interrupted"
    assert len(list_checkpoints(out)) == 1, "written while it was stopped"


def test_what_was_cancelled_can_be_submitted_again(slurm: OneMachineSlurm, config: Path, tmp_path: Path) -> None:
    out, duration_ms = tmp_path / "run", 4000.0
    first = submitted(
        slurm, config, out, "--set", f"simulation.duration_ms={duration_ms}", "--set", "checkpoint.every_ms=500"
    )
    slurm.wait_for(first, lambda: bool(list_checkpoints(out)), log_of(out, first), 120)
    slurm.answer("dtbsim", "cancel", first)
    slurm.wait_for(first, lambda: slurm.states(first) == ["CANCELLED"], log_of(out, first), 60)
    job = slurm.answer("sbatch", "--parsable", out / "slurm" / "job.sbatch")
    slurm.wait_for_end(job, log_of(out, job), 240)
    assert_as_if_never_interrupted(out, config, duration_ms, tmp_path / "whole")
    assert (out / "slurm" / "jobs").read_text().split() == [first, job]
    assert [entry["job_id"] for entry in json.loads(slurm.answer("dtbsim", "status", out, "--json"))["jobs"]] == [
        first,
        job,
    ]


def test_what_does_not_fit_is_refused_by_slurm_before_anything_is_written(
    slurm: OneMachineSlurm, config: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    done = slurm.call("dtbsim", "submit", config, "--out", out, "--nodes", "9", "--time", "5", cwd=config.parent)
    assert done.returncode == 2
    assert "Requested node configuration is not available" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()
