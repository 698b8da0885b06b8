"""The batch script, run with commands that stand in for Slurm and Python: what it starts, goes on with, and refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from building import ROOT

from dtbsim.cluster.script import own_template

SCRIPT = ROOT / "slurm" / "dtbsim.sbatch"
PYTHON = """\
echo "python $*" >>calls
case "$*" in *validate*) exit "${VALIDATE_EXIT:-0}" ;; esac
eval "${RUN:-:}"
exit "${RUN_EXIT:-0}"
"""
SRUN = """\
echo "srun $*" | head -n 1 >>calls
while [ "${1#--}" != "$1" ]; do shift; done
"$@"
"""
SQUEUE = """\
case "$*" in *--steps*) echo "$STEPS" ;; *%F*) printf '%s\\n' $QUEUED ;; *) echo "${JOB_STATE:-RUNNING}" ;; esac
"""
OUT = "runs/dtbsim-17"
CHECKPOINT = f"mkdir -p {OUT}/checkpoints/step_%s && : >{OUT}/checkpoints/step_%s/manifest.json"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of submission with stand-ins, which write down how they were called."""
    others = {"scancel": "", "scontrol": 'exit "${REQUEUE_EXIT:-0}"', "squeue": SQUEUE}
    commands = {f"bin/{name}": f'echo "{name} $*" >>calls\n{text}' for name, text in others.items()}
    for name, text in {"bin/srun": SRUN, ".venv/bin/python": PYTHON, **commands}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)
    return tmp_path


def environ(site: Path, variables: dict[str, str]) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "DTBSIM_"))}
    return kept | {
        "PATH": f"{site / 'bin'}:{os.environ['PATH']}",
        "SLURM_SUBMIT_DIR": str(site),
        "SLURM_JOB_NAME": "dtbsim",
        "SLURM_JOB_ID": "17",
        "SLURM_CPUS_PER_TASK": "16",
        **variables,
    }


def submit(site: Path, *arguments: str, **variables: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    done = subprocess.run(["bash", SCRIPT, *arguments], env=environ(site, variables), capture_output=True, text=True)
    return done, calls_of(site)


def calls_of(site: Path) -> list[str]:
    calls = site / "calls"
    return calls.read_text().splitlines() if calls.exists() else []


def checkpoint(site: Path, step: str) -> None:
    folder = site / OUT / "checkpoints" / f"step_{step}"
    folder.mkdir(parents=True)
    (folder / "manifest.json").touch()


def test_there_is_one_template() -> None:
    assert SCRIPT.read_text(encoding="utf-8") == own_template()
    assert [path.name for path in (ROOT / "slurm").glob("*.sbatch")] == ["dtbsim.sbatch"]


def test_the_run_is_checked_once_and_then_started_so_that_faults_end_it(site: Path) -> None:
    done, calls = submit(site, "net.yaml", "--set", "seed=3", "--no-report")
    assert done.returncode == 0, done.stderr
    assert calls[0] == "python -m dtbsim validate net.yaml --set seed=3"
    assert {"--mpi=pmi2", "--kill-on-bad-exit=1", "--cpus-per-task=16"} <= set(calls[1].split())
    assert calls[2:] == [f"python -m mpi4py -m dtbsim run net.yaml --out {OUT} --set seed=3 --no-report --threads 16"]
    assert (site / OUT / "slurm" / "jobs").read_text() == "17\n"


@pytest.mark.parametrize(
    ("variables", "flags"),
    [
        ({"SLURM_GPUS_PER_TASK": "1"}, {"--gpus-per-task=1", "--gpu-bind=none"}),
        ({"SLURM_GPUS_PER_NODE": "4"}, {"--gpu-bind=none"}),
    ],
)
def test_on_gpus_each_rank_must_use_one(site: Path, variables: dict[str, str], flags: set[str]) -> None:
    done, calls = submit(site, "net.yaml", **variables)
    assert done.returncode == 0, done.stderr
    assert {"--kill-on-bad-exit=1", "--cpus-per-task=16", *flags} <= set(calls[1].split())
    assert calls[2].endswith(" --threads 16 --backend cuda")


def test_bad_input_starts_no_ranks(site: Path) -> None:
    done, calls = submit(site, "net.yaml", VALIDATE_EXIT="2")
    assert done.returncode == 2
    assert calls == ["python -m dtbsim validate net.yaml"]
    assert not (site / "runs").exists()


def test_folders_and_mpi_type_can_be_named(site: Path) -> None:
    (site / ".venv").rename(site / "elsewhere")
    _, calls = submit(site, "net.yaml", DTBSIM_VENV="elsewhere", DTBSIM_OUT=str(site / "a b"), DTBSIM_MPI_TYPE="pmix")
    assert "--mpi=pmix" in calls[1]
    assert "elsewhere/bin/python -m mpi4py" in calls[1] or "--out" in calls[2]
    assert f"--out {site}/a b --threads" in calls[2]


def test_no_configuration_and_no_environment_are_errors_with_a_remedy(site: Path) -> None:
    done, calls = submit(site)
    assert done.returncode == 2
    assert "usage: sbatch" in done.stderr
    (site / ".venv" / "bin" / "python").unlink()
    done, calls = submit(site, "net.yaml")
    assert done.returncode == 3
    assert "make install" in done.stderr
    assert not calls


# -- going on ------------------------------------------------------------------------------------------------------


def test_a_run_that_leaves_with_75_is_requeued(site: Path) -> None:
    done, calls = submit(site, "net.yaml", RUN_EXIT="75", RUN=CHECKPOINT.replace("%s", "000000000100"))
    assert done.returncode == 75
    assert calls[-1] == "scontrol requeue 17"


@pytest.mark.parametrize("code", ["1", "6", "130", "137"])
def test_other_ends_are_not_requeued(site: Path, code: str) -> None:
    done, calls = submit(site, "net.yaml", RUN_EXIT=code, RUN=CHECKPOINT.replace("%s", "000000000100"))
    assert done.returncode == int(code)
    assert not [call for call in calls if call.startswith("scontrol")]


def test_a_job_that_was_cancelled_is_not_requeued(site: Path) -> None:
    done, calls = submit(
        site, "net.yaml", RUN_EXIT="75", RUN=CHECKPOINT.replace("%s", "000000000100"), JOB_STATE="COMPLETING"
    )
    assert (done.returncode, "Slurm has ended the job" in done.stdout) == (75, True)
    assert not [call for call in calls if call.startswith("scontrol")]


def test_a_site_that_forbids_requeueing_is_no_failure(site: Path) -> None:
    made = CHECKPOINT.replace("%s", "000000000100")
    done, _ = submit(site, "net.yaml", RUN_EXIT="75", RUN=made, REQUEUE_EXIT="1")
    assert (done.returncode, "submit it again" in done.stdout) == (75, True)


def test_a_restarted_job_resumes_with_another_step_number(site: Path) -> None:
    """The earlier start of it is over, whatever its status says; what it began with stays, the duration may change."""
    checkpoint(site, "000000000100")
    options = ("--set", "seed=3", "--set=simulation.duration_ms=5", "--set", "checkpoint.keep=3", "--no-report")
    done, calls = submit(site, "net.yaml", *options, SLURM_RESTART_COUNT="2")
    assert done.returncode == 0, done.stderr
    assert calls[:2] == ["srun --nodes=1 --ntasks=1 true"] * 2
    kept = "--set=simulation.duration_ms=5 --set checkpoint.keep=3 --no-report"
    assert calls[-1] == f"python -m mpi4py -m dtbsim resume {OUT} {kept} --take-over --threads 16"


def test_a_job_that_is_submitted_again_resumes_as_well(site: Path) -> None:
    checkpoint(site, "000000000100")
    _, calls = submit(site, "net.yaml")
    assert calls[-1] == f"python -m mpi4py -m dtbsim resume {OUT} --threads 16"


@pytest.mark.parametrize(("queued", "taken"), [("17 17", " --take-over"), ("17 16", ""), ("", "")])
def test_a_run_of_an_earlier_job_is_taken_over_when_that_has_ended(site: Path, queued: str, taken: str) -> None:
    """Its status may say `running` for ever, on a node that was lost."""
    checkpoint(site, "000000000100")
    (site / OUT / "slurm").mkdir()
    (site / OUT / "slurm" / "jobs").write_text("15\n16\n")
    _, calls = submit(site, "net.yaml", QUEUED=queued)
    assert "squeue --noheader --jobs=17,15,16 --format=%F" in calls
    assert calls[-1] == f"python -m mpi4py -m dtbsim resume {OUT}{taken} --threads 16"


def test_a_start_without_progress_is_the_last_one(site: Path) -> None:
    checkpoint(site, "000000000100")
    done, calls = submit(site, "net.yaml", RUN_EXIT="75", SLURM_RESTART_COUNT="1")
    assert done.returncode == 75
    assert "needs a longer --time" in done.stdout
    assert not [call for call in calls if call.startswith("scontrol")]


def test_what_a_start_without_a_checkpoint_has_left_is_kept_aside(site: Path) -> None:
    (site / OUT / "stores").mkdir(parents=True)
    (site / OUT / "log.txt").write_text("begun\n")
    _, calls = submit(site, "net.yaml", SLURM_RESTART_COUNT="1")
    assert calls[-1] == f"python -m mpi4py -m dtbsim run net.yaml --out {OUT} --threads 16"
    assert sorted(path.name for path in (site / OUT).iterdir()) == ["slurm"]
    assert sorted(path.name for path in (site / OUT / "slurm" / "start_1").iterdir()) == ["log.txt", "stores"]


def test_a_run_that_is_complete_is_not_begun_again(site: Path) -> None:
    (site / OUT).mkdir(parents=True)
    (site / OUT / "status.json").write_text('{\n  "format": 2,\n  "state": "done",\n')
    done, calls = submit(site, "net.yaml", SLURM_RESTART_COUNT="1")
    assert (done.returncode, calls) == (0, [])


DONE = f"""echo '  "state": "done",' >{OUT}/status.json"""


@pytest.mark.parametrize(
    ("code", "made", "expected", "said"),
    [
        ("75", CHECKPOINT.replace("%s", "000000000100"), 75, ""),
        ("130", ":", 130, "no checkpoint was written"),
        ("143", DONE, 0, ""),
    ],
    ids=["leaves", "too early", "complete"],
)
def test_near_the_limit_the_ranks_are_told_to_leave(site: Path, code: str, made: str, expected: int, said: str) -> None:
    """USR1 comes to the batch shell, which goes on waiting for the ranks."""
    steps = "17.batch\n17.0" if code == "75" else ""
    variables = {"STEPS": steps, "RUN": f"{made}; : >begun; until [ -e told ]; do sleep 0.02; done", "RUN_EXIT": code}
    (site / "bin" / "scancel").write_text('#!/bin/bash\necho "scancel $*" >>calls\n: >told\n')
    with subprocess.Popen(
        ["bash", SCRIPT, "net.yaml"], env=environ(site, variables), stdout=subprocess.PIPE, text=True
    ) as job:
        until = time.monotonic() + 60
        while not (site / "begun").exists() and time.monotonic() < until:
            time.sleep(0.02)
        job.send_signal(signal.SIGUSR1)
        out, _ = job.communicate(timeout=60)
    calls = calls_of(site)
    assert "scancel --signal=TERM 17.0" in calls
    assert job.returncode == expected
    assert ("scontrol requeue 17" in calls) == (code == "75")
    assert said in out


def test_a_limit_that_comes_before_the_ranks_starts_none(site: Path) -> None:
    validate = '#!/bin/bash\necho "python $*" >>calls\nkill -USR1 $PPID\n'
    (site / ".venv" / "bin" / "python").write_text(validate)
    done, calls = submit(site, "net.yaml")
    assert (done.returncode, "no checkpoint was written" in done.stdout) == (130, True)
    assert calls == ["python -m dtbsim validate net.yaml"]


# -- arrays --------------------------------------------------------------------------------------------------------

TASK = {"SLURM_JOB_ID": "21", "SLURM_ARRAY_JOB_ID": "17", "SLURM_ARRAY_TASK_ID": "3"}


def test_a_task_of_an_array_has_a_seed_and_a_folder_of_its_own(site: Path) -> None:
    made = CHECKPOINT.replace("%s", "000000000100").replace(OUT, f"{OUT}/00003")
    done, calls = submit(site, "net.yaml", **TASK, RUN_EXIT="75", RUN=made)
    assert done.returncode == 75
    assert calls[2] == f"python -m mpi4py -m dtbsim run net.yaml --out {OUT}/00003 --set seed=3 --threads 16"
    assert calls[-1] == "scontrol requeue 17_3"
    assert (site / OUT / "slurm" / "jobs").read_text() == "17\n"


def test_tasks_may_be_listed(site: Path) -> None:
    (site / "tasks").write_text("--set seed=1\n\n\n--set 'name=\"a $b\"' --set seed=4\n")
    _, calls = submit(site, "net.yaml", **TASK, DTBSIM_TASKS="tasks")
    assert calls[2] == (
        f'python -m mpi4py -m dtbsim run net.yaml --out {OUT}/00003 --set name="a $b" --set seed=4 --threads 16'
    )
