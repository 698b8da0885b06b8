"""`dtbsim submit`, `status` and `cancel` with small programs on the search path that answer as Slurm's do."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from cli_samples import CONFIG, Cli, is_one_error_line, write_config

import dtbsim
from dtbsim.checksum import with_checksum
from dtbsim.cluster.array import read_array
from dtbsim.cluster.request import Request, seconds_of
from dtbsim.cluster.script import PLACE, own_template
from dtbsim.errors import EXIT_ENVIRONMENT, EXIT_INPUT, EXIT_MEMORY, EXIT_OK, InputError

SBATCH = """\
case "$*" in
*--test-only*) cat >tested; failure=$REFUSED ;;
*) failure=$BROKEN ;;
esac
if [ -n "$failure" ]; then echo "sbatch: error: $failure" >&2; exit 1; fi
echo 17
"""
ANSWERS = {
    "sbatch": SBATCH,
    "squeue": '[ -e queue ] || { echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1; }; cat queue',
    "sacct": "cat accounts",
    "scancel": "",
}


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capfd)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a configuration `net.yaml` and the programs, which note how they were called."""
    for name, answer in ANSWERS.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/bash\necho "{name} $*" >>calls\n{answer}\n')
        path.chmod(0o755)
    for name in [name for name in os.environ if name.startswith("SLURM")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    text = CONFIG.replace("duration_ms: 20", "duration_ms: 20\n  block_size: 16") + "checkpoint: {every_min: 30}\n"
    write_config(tmp_path, text)
    return tmp_path


def calls_of(site: Path) -> list[str]:
    return (site / "calls").read_text().splitlines() if (site / "calls").exists() else []


def options_in(script: str) -> list[str]:
    """The options that the job adds to those of the template; the last of two counts."""
    return [
        line.removeprefix("#SBATCH ") for line in script.split(PLACE)[1].splitlines() if line.startswith("#SBATCH ")
    ]


# -- submit --------------------------------------------------------------------------------------------------------


def test_a_job_is_tried_and_submitted_and_known_by_the_run_folder(cli: Cli, site: Path) -> None:
    code, out, err = cli("submit", "net.yaml", "--nodes", "2", "--time", "02:00:00", "--set", "seed=3", "--out", "a b")
    assert (code, out, err) == (EXIT_OK, f"job 17: {site}/a b\n", "")
    folder = site / "a b" / "slurm"
    assert calls_of(site) == ["sbatch --test-only", f"sbatch --parsable {folder}/job.sbatch"]
    assert (folder / "jobs").read_text() == "17\n"
    script = (folder / "job.sbatch").read_text()
    assert (site / "tested").read_text() == script
    assert options_in(script) == [
        "--job-name=two_populations",
        f'--output="{folder}/%j.out"',
        f'--comment="dtbsim {site}/a b"',
        "--nodes=2",
        "--ntasks-per-node=1",
        "--time=02:00:00",
        "--signal=B:USR1@300",
    ]
    assert f"set -- {site}/net.yaml --set seed=3\n" in script
    assert subprocess.run(["bash", "-n", folder / "job.sbatch"]).returncode == 0
    assert script.replace(script.split(PLACE + "\n")[1].split("set -euo")[0], "") == own_template()


def test_gpus_partition_account_and_more_reach_sbatch(cli: Cli, site: Path) -> None:
    words = (
        "--gpus-per-node 4 --cpus-per-rank 8 --partition gpu --account lab --sbatch=--qos=long --time 10 --no-estimate"
    )
    code, out, err = cli("submit", "net.yaml", *words.split(), "--dry-run")
    assert (code, err) == (EXIT_OK, "")
    assert {"--gpus-per-node=4", "--ntasks-per-node=4", "--cpus-per-task=8"} <= set(options_in(out))
    assert {"--partition=gpu", "--account=lab", "--qos=long", "--signal=B:USR1@120"} <= set(options_in(out))
    assert calls_of(site) == ["sbatch --test-only"]
    assert not (site / "runs").exists()


def test_a_run_may_begin_in_the_folder_of_its_job_and_no_other_one(
    cli: Cli, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("submit", "net.yaml", "--time", "5", "--out", "run").code == EXIT_OK
    code, _, err = cli("submit", "net.yaml", "--time", "5", "--out", "run")
    assert (code, is_one_error_line(err)) == (EXIT_INPUT, True)
    with pytest.raises(InputError, match="submitted to Slurm"):
        dtbsim.run("net.yaml", out="run")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    result = dtbsim.run("net.yaml", out="run")
    assert {"slurm", "summary.json"} <= {path.name for path in result.run_dir.iterdir()}
    assert dtbsim.run("net.yaml", out="run", overwrite=True).spike_hash == result.spike_hash


def test_an_array_is_a_folder_of_runs(cli: Cli, site: Path) -> None:
    words = ["--array", "projections.EI.weight_pA=10,20%2", "--array", "seed=1-2", "--out", "sweep", "--json"]
    code, out, err = cli("submit", "net.yaml", "--time", "5", *words)
    assert (code, err) == (EXIT_OK, "")
    assert json.loads(out) == {"job_id": "17", "run_dir": str(site / "sweep"), "runs": 4}
    script = (site / "sweep" / "slurm" / "job.sbatch").read_text()
    assert "--array=0-3%2" in options_in(script)
    assert f"export DTBSIM_TASKS={site}/sweep/slurm/tasks\n" in script
    assert (site / "sweep" / "slurm" / "tasks").read_text().splitlines()[1] == (
        "--set projections.EI.weight_pA=10 --set seed=2"
    )
    assert json.loads((site / "sweep" / "sweep.json").read_text())["runs"]["00003"] == {
        "projections.EI.weight_pA": 20,
        "seed": 2,
    }
    status = json.loads(cli("status", "sweep", "--json").out)
    assert [run["state"] for run in status["runs"]] == ["not begun"] * 4


def test_what_slurm_refuses_leaves_nothing(cli: Cli, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REFUSED", "BROKEN"):
        monkeypatch.setenv(name, "Batch job submission failed: Invalid account")
        code, _, err = cli("submit", "net.yaml", "--time", "5", "--array", "0-2", "--out", "deep/run")
        assert (code, is_one_error_line(err)) == (EXIT_INPUT, True)
        assert "Slurm does not take the job: Batch job submission failed: Invalid account" in err
        assert not (site / "deep").exists()
        monkeypatch.delenv(name)
    (site / "empty").mkdir()
    monkeypatch.setenv("BROKEN", "Unable to contact slurm controller (connect failure)")
    code, _, err = cli("submit", "net.yaml", "--time", "5", "--array", "0-2", "--out", "empty")
    assert (code, is_one_error_line(err)) == (EXIT_ENVIRONMENT, True)
    assert not list((site / "empty").iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--nodes 2", "--time: no limit was given"),
        ("--time soon", "--time: got 'soon' (allowed: minutes"),
        ("--time 0", "--time: got '0' (allowed: a minute or more)"),
        ("--time 5 --nodes 0", "--nodes: got 0"),
        ("--time 5 --nodes 90", "90 ranks, but the network has only"),
        ("--time 5 --gpus-per-node 2 --ranks-per-node 3", "3 ranks on a node with 2 GPUs"),
        ("--time 5 --partition=", "--partition: got ''"),
        ("--time 5 --sbatch qos=long", "--sbatch: got 'qos=long'"),
        ("--time 5 --set populations.E.size=-1", "--set populations.E.size: got -1"),
        ("--time 5 --set simulation.threads=2", "the batch script sets this itself (use --cpus-per-rank)"),
        ("--time 5 --array simulation.threads=1,2", "the batch script sets this itself (use --cpus-per-rank)"),
        ("--time 5 --array 5-1", "--array: got '5-1'"),
        ("--time 5 --array seed=1,-2", "run 1 of the array: got -2"),
        ("--time 5 --array sed=1,2", "did you mean 'seed'"),
        ("--time 5 --array 1,1", "runs 0 and 1 are the same (seed=1)"),
        ("--time 5 --template net.yaml", f"it has no line `{PLACE}`"),
        ("--time 5 --template none.sbatch", "none.sbatch: cannot be read: No such file"),
        ("--time 5 --out net.yaml", "net.yaml: this is not a folder"),
    ],
)
def test_bad_input_is_one_line_and_slurm_is_not_asked(cli: Cli, site: Path, words: str, said: str) -> None:
    code, out, err = cli("submit", "net.yaml", *words.split(" "))
    assert (code, out) == (EXIT_INPUT, "")
    assert is_one_error_line(err), err
    assert said in err
    assert not calls_of(site)
    assert not (site / "runs").exists()


def test_without_checkpoints_the_user_is_told(cli: Cli, site: Path) -> None:
    code, _, err = cli("submit", "net.yaml", "--time", "5", "--set", "checkpoint=null", "--dry-run")
    assert (code, err.count("\n")) == (EXIT_OK, 1)
    assert "--set checkpoint.every_min=30" in err


def test_a_site_has_a_template_of_its_own(cli: Cli, site: Path) -> None:
    text = cli("submit", "--print-template").out
    assert text == own_template()
    (site / "site.sbatch").write_text(text.replace("# What the ranks need", "module load mpi\n# What the ranks need"))
    code, out, _ = cli("submit", "net.yaml", "--time", "5", "--template", "site.sbatch", "--dry-run")
    assert code == EXIT_OK
    assert out.index("set -- ") < out.index("module load mpi")
    (site / "site.sbatch").write_text(text.replace(f"{PLACE}\nset -euo pipefail", f"set -euo pipefail\n{PLACE}"))
    code, _, err = cli("submit", "net.yaml", "--time", "5", "--template", "site.sbatch", "--dry-run")
    assert (code, is_one_error_line(err)) == (EXIT_INPUT, True)


def test_without_slurm_there_is_one_line_and_a_dry_run(cli: Cli, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(site / "none"))
    for words in (["submit", "net.yaml", "--time", "5"], ["status"], ["status", "17"], ["cancel", "17"]):
        code, _, err = cli(*words)
        assert (code, is_one_error_line(err)) == (EXIT_ENVIRONMENT, True), err
        assert "Slurm is not on this machine (go to a login node" in err
    code, out, err = cli("submit", "net.yaml", "--time", "5", "--dry-run")
    assert (code, out.startswith("#!/usr/bin/env bash\n"), err.count("\n")) == (EXIT_OK, True, 1)
    assert not (site / "runs").exists()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 1800), ("5:30", 330), ("1:02:03", 3723), ("2-12", 216000), ("1-01:30", 91800), ("1-00:00:05", 86405)],
)
def test_times_are_those_of_slurm(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds
    assert Request(nodes=1, time=text).warning_s == min(300, seconds // 5)


def test_values_of_an_array() -> None:
    array = read_array(["0-8:4", "a.b=[1, 2],{c: d},x y%3"])
    assert [run["a.b"] for run in array.runs[:3]] == [[1, 2], {"c": "d"}, "x y"]
    assert (array.option, len(array.runs), array.runs[-1]["seed"]) == ("--array=0-8%3", 9, 8)
    assert array.task_lines().splitlines()[1] == """--set seed=0 --set 'a.b={"c": "d"}'"""


# -- status and cancel ---------------------------------------------------------------------------------------------

RUNNING = "17|RUNNING|0:10|5:00|2|n[1-2]|two_populations|dtbsim {}\n"


@pytest.fixture
def run(site: Path) -> Path:
    """The folder of a run on another machine, of job 17."""
    folder = site / "run"
    (folder / "slurm").mkdir(parents=True)
    (folder / "slurm" / "jobs").write_text("16\n17\n")
    status = {"state": "running", "stage": "simulate", "step": 50, "n_steps": 200, "biological_ms": 5.0, "eta_s": 3.0}
    (folder / "status.json").write_text(with_checksum({**status, "message": None, "pid": 1, "host": "n1"}))
    return folder


def test_status_of_a_run_is_that_of_its_job_and_how_far_it_is(cli: Cli, site: Path, run: Path) -> None:
    (site / "queue").write_text(RUNNING.format(run))
    (run / "slurm" / "17.out").touch()
    code, out, _ = cli("status", "run")
    assert code == EXIT_OK
    assert f"log     {run}/slurm/17.out" in out
    assert out.splitlines()[0] == str(run)
    assert "job 17  RUNNING, 0:10 of 5:00, nodes: 2 (n[1-2])" in out
    assert "running: 5 ms simulated, 25 %, 3 s left" in out
    assert calls_of(site)[-1].endswith("--jobs=16,17 --states=all")
    assert cli("status", "17").out == out, "the comment of the job names the folder"
    assert str(run) in cli("status").out


def test_a_run_whose_job_has_gone_was_killed(cli: Cli, site: Path, run: Path) -> None:
    """The queue has forgotten the job, the accounting has not."""
    (site / "accounts").write_text(f"17|CANCELLED by 1000|0:10|5:00|2|n[1-2]|x|dtbsim {run}\n")
    known = json.loads(cli("status", "run", "--json").out)
    assert (known["jobs"][0]["state"], known["runs"][0]["state"]) == ("CANCELLED", "killed")
    (site / "bin" / "sacct").unlink()
    assert "job  17, which Slurm does not know here or any more" in cli("status", "run").out
    code, _, err = cli("status", "17")
    assert (code, is_one_error_line(err)) == (EXIT_INPUT, True)


def test_status_of_a_run_without_a_job(cli: Cli, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(site / "none"))
    dtbsim.run("net.yaml", out="alone")
    code, out, _ = cli("status", "alone")
    assert (code, [line.split() for line in out.splitlines()[1:]]) == (
        EXIT_OK,
        [["job", "none", "in", "Slurm"], ["run", "done"]],
    )


def test_cancel_takes_a_run_or_a_job(cli: Cli, site: Path, run: Path) -> None:
    (site / "queue").write_text(RUNNING.format(run) + "16|COMPLETED|0:10|5:00|2|n[1-2]|x|\n")
    assert cli("cancel", "run") == (EXIT_OK, "cancelled: 17\n", "")
    assert calls_of(site)[-1] == "scancel 17"
    assert cli("cancel", "17_3").out == "cancelled: 17_3\n"
    (site / "queue").unlink()
    for words, said in (("run", "job 17 of this run is not in the queue"), ("rnu", "neither the folder of a run")):
        code, _, err = cli("cancel", words)
        assert (code, is_one_error_line(err), said in err) == (EXIT_INPUT, True, True)


# -- estimates before a job ---------------------------------------------------------------------------------------


def test_a_job_that_would_be_refused_is_not_submitted(cli: Cli, site: Path) -> None:
    large = ["--set", "populations.E.size=400000000", "--set", "simulation.block_size=65536"]
    code, out, err = cli("submit", "net.yaml", "--time", "5", "--machine", "laptop", *large)
    assert (code, out, is_one_error_line(err)) == (EXIT_MEMORY, "", True), err
    assert "GiB on this node (1 rank(s)), but" in err
    assert not calls_of(site)
    code, _, err = cli("submit", "net.yaml", "--time", "5", "--machine", "laptop", "--no-estimate", *large)
    assert (code, err) == (EXIT_OK, "")
    assert calls_of(site)[0].startswith("sbatch --test-only"), "Slurm is asked, too"


def test_what_the_nodes_have_is_not_known_without_a_profile(cli: Cli, site: Path) -> None:
    large = ["--set", "populations.E.size=400000000", "--set", "simulation.block_size=65536"]
    code, _, err = cli("submit", "net.yaml", "--time", "5", "--dry-run", *large)
    assert code == EXIT_OK
    assert "which is this machine: name the nodes with --machine" in err
    code, _, err = cli("submit", "net.yaml", "--time", "5", "--dry-run", "--gpus-per-node", "1")
    assert (code, err.count("\n")) == (EXIT_OK, 1)
    assert "memory and time on GPUs were not estimated: name the nodes with --machine" in err
    code, _, err = cli("submit", "net.yaml", "--time", "5", "--dry-run", "--gpus-per-node", "1", "--machine", "a100")
    assert code == EXIT_OK
    assert "not estimated" not in err


def test_a_run_that_is_longer_than_its_job(cli: Cli, site: Path) -> None:
    long = ["--set", "simulation.duration_ms=100000000", "--machine", "laptop"]
    code, _, err = cli("submit", "net.yaml", "--time", "5", "--dry-run", *long)
    assert code == EXIT_OK
    assert "and --time is 5 min: it will be requeued to go on" in err
    code, _, err = cli("submit", "net.yaml", "--time", "5", "--dry-run", *long, "--set", "checkpoint=null")
    assert "and --time is 5 min: it will not be done when the job ends" in err
