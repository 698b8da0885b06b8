"""Was this process started by an MPI launcher, and as which of how many ranks? Read from the environment, without MPI.

| launcher | variables |
| --- | --- |
| MPICH, Intel MPI (hydra), Slurm `--mpi=pmi2` | `PMI_RANK`, `PMI_SIZE` |
| Open MPI | `OMPI_COMM_WORLD_RANK`, `OMPI_COMM_WORLD_SIZE` |
| MVAPICH2 | `MV2_COMM_WORLD_RANK`, `MV2_COMM_WORLD_SIZE` |
| PMIx (Slurm `--mpi=pmix`, prun) | `PMIX_RANK`; the size from `SLURM_STEP_NUM_TASKS` if it is there |
| Slurm without an MPI interface | `SLURM_STEP_NUM_TASKS` alone: an error when more than 1 |

`DTBSIM_MPI=off` overrides all of it: a single process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dtbsim.errors import InputError

SWITCH = "DTBSIM_MPI"
_PAIRS = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "Open MPI"),
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", "MVAPICH2"),
    ("PMI_RANK", "PMI_SIZE", "PMI (mpiexec, or srun --mpi=pmi2)"),
)


@dataclass(frozen=True)
class Launch:
    """How this process was started; `size` is None when the launcher does not tell."""

    launcher: str | None
    rank: int
    size: int | None

    @property
    def parallel(self) -> bool:
        """Whether other ranks exist, or may exist."""
        return self.launcher is not None and self.size != 1


SINGLE = Launch(launcher=None, rank=0, size=1)


def detect_launch(environ: Mapping[str, str]) -> Launch:
    """Return how `environ` says this process was started.

    Raises InputError for several Slurm tasks without an MPI interface: each would silently do the whole run alone.
    """
    switch = environ.get(SWITCH, "auto").strip().lower()
    if switch == "off":
        return SINGLE
    if switch != "auto":
        raise InputError(f"{SWITCH}={switch} is not known", remedy="allowed: auto, off")
    for rank_key, size_key, launcher in _PAIRS:
        size = _number(environ, size_key)
        if size is not None:
            return Launch(launcher, _number(environ, rank_key) or 0, size)
    step_tasks = _number(environ, "SLURM_STEP_NUM_TASKS")
    rank = _number(environ, "PMIX_RANK")
    if rank is not None:
        return Launch("PMIx", rank, step_tasks)
    if step_tasks is not None and step_tasks > 1 and "SLURM_STEP_ID" in environ:
        raise InputError(
            f"srun started {step_tasks} tasks without an MPI interface, so each would be a run of its own",
            remedy=f"use `srun --mpi=pmi2` or `--mpi=pmix` for one run on all tasks, or {SWITCH}=off for separate runs",
        )
    return SINGLE


def several_ranks(environ: Mapping[str, str]) -> bool:
    """Return whether other ranks exist, or may exist; False where `detect_launch` has something to complain about."""
    try:
        return detect_launch(environ).parallel
    except InputError:
        return False


def environ_alone(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a process that this one starts and that is no rank."""
    return {key: value for key, value in environ.items() if not key.startswith(("PMI_", "OMPI_", "MPI_"))} | {
        SWITCH: "off"
    }


def _number(environ: Mapping[str, str], key: str) -> int | None:
    text = environ.get(key)
    if text is None:
        return None
    try:
        value = int(text)
    except ValueError:
        raise InputError(
            f"{key}={text} is not a number", where="environment", remedy=f"unset it, or set {SWITCH}=off"
        ) from None
    return value
