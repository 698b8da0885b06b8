"""The batch script, run with commands that stand in for Slurm and Python: what it starts, and what it refuses."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from building import ROOT

SCRIPT = ROOT / "slurm" / "dtbsim.sbatch"
ON_GPUS = ROOT / "slurm" / "dtbsim-gpu.sbatch"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of submission with a stand-in `srun` and `.venv/bin/python`; both write down how they were called."""
    for name, text in {
        "bin/srun": 'echo "srun $*" >>calls',
        ".venv/bin/python": 'echo "python $*" >>calls; exit "${VALIDATE_EXIT:-0}"',
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return tmp_path


def submit(
    site: Path, *arguments: str, script: Path = SCRIPT, **variables: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    environ = {
        "PATH": f"{site / 'bin'}:{os.environ['PATH']}",
        "SLURM_SUBMIT_DIR": str(site),
        "SLURM_JOB_NAME": "dtbsim",
        "SLURM_JOB_ID": "17",
        "SLURM_CPUS_PER_TASK": "16",
        **variables,
    }
    done = subprocess.run(["bash", script, *arguments], env=environ, capture_output=True, text=True)
    calls = site / "calls"
    return done, calls.read_text().splitlines() if calls.exists() else []


def test_the_run_is_checked_once_and_then_started_so_that_faults_end_it(site: Path) -> None:
    done, calls = submit(site, "net.yaml", "--set", "seed=3")
    assert done.returncode == 0, done.stderr
    assert calls[0] == "python -m dtbsim validate net.yaml"
    flags, _, command = calls[1].partition(" .venv/bin/python ")
    assert flags.split()[0] == "srun"
    assert {"--mpi=pmi2", "--kill-on-bad-exit=1", "--cpus-per-task=16"} <= set(flags.split())
    assert command == "-m mpi4py -m dtbsim run net.yaml --out runs/dtbsim-17 --threads 16 --set seed=3"


def test_on_gpus_each_rank_has_one_and_must_use_it(site: Path) -> None:
    done, calls = submit(site, "net.yaml", "--set", "seed=3", script=ON_GPUS)
    assert done.returncode == 0, done.stderr
    flags, _, command = calls[1].partition(" .venv/bin/python ")
    wanted = {"--mpi=pmi2", "--kill-on-bad-exit=1", "--gpus-per-task=1", "--gpu-bind=none", "--cpus-per-task=16"}
    assert wanted <= set(flags.split())
    assert command == "-m mpi4py -m dtbsim run net.yaml --out runs/dtbsim-17 --threads 16 --backend cuda --set seed=3"


@pytest.mark.parametrize("script", [SCRIPT, ON_GPUS])
def test_bad_input_starts_no_ranks(site: Path, script: Path) -> None:
    done, calls = submit(site, "net.yaml", script=script, VALIDATE_EXIT="2")
    assert done.returncode == 2
    assert not [call for call in calls if call.startswith("srun")]


def test_folders_and_mpi_type_can_be_named(site: Path) -> None:
    (site / ".venv").rename(site / "elsewhere")
    _, calls = submit(site, "net.yaml", DTBSIM_VENV="elsewhere", DTBSIM_OUT="/scratch/a", DTBSIM_MPI_TYPE="pmix")
    assert "--mpi=pmix" in calls[1]
    assert "elsewhere/bin/python -m mpi4py" in calls[1]
    assert "--out /scratch/a" in calls[1]


def test_no_configuration_and_no_environment_are_errors_with_a_remedy(site: Path) -> None:
    done, calls = submit(site)
    assert done.returncode == 2
    assert "usage: sbatch" in done.stderr
    (site / ".venv" / "bin" / "python").unlink()
    done, calls = submit(site, "net.yaml")
    assert done.returncode == 3
    assert "make install" in done.stderr
    assert not calls
