"""What `dtbsim estimate` says of a job before it is submitted: refused where the run would be, else what to mind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dtbsim.api import estimate
from dtbsim.cluster.request import Request
from dtbsim.errors import EXIT_MEMORY
from dtbsim.estimation.result import Estimate

NAME_IT = "name the nodes with --machine (a profile of `dtbsim calibrate`, or one that comes with dtbsim)"


def forecast(
    config: Path, overrides: Sequence[str], request: Request, machine: str | None, *, resumes: bool
) -> tuple[str, ...]:
    """Sentences on how the run of a job would go; `resumes`: at its limit the job goes on later.

    The nodes are those of the profile `machine`. Without one nobody knows how much memory they have: what this machine
    has not refuses nothing, and times are compared with the limit by their lower bound. Raises the error that the run
    would end with: InputError, MemoryPlanError, StorageError.
    """
    gpus = None if machine is None else request.gpus_per_node
    found = estimate(
        config,
        request.ranks,
        ranks_per_node=request.ranks_per_node,
        gpus_per_node=gpus,
        threads=request.cpus_per_rank,
        machine=machine,
        set=list(overrides),
    )
    for refusal in found.refusals:
        if machine is not None or refusal.exit_code != EXIT_MEMORY:
            raise refusal.error
    return tuple(_notes(found, request, machine, resumes=resumes))


def _notes(found: Estimate, request: Request, machine: str | None, *, resumes: bool) -> Iterator[str]:
    if machine is not None:
        yield from found.warnings
    elif request.gpus_per_node is not None:
        yield f"memory and time on GPUs were not estimated: {NAME_IT}"
        return
    elif found.refusals:
        yield f"{found.refusals[0].message}, which is this machine: {NAME_IT}"
    run_s = found.time.run_s
    takes = run_s.low if machine is None else run_s.expected
    if takes > request.seconds:
        then = "it will be requeued to go on" if resumes else "it will not be done when the job ends"
        yield f"the run takes about {_hours(takes)}, and --time is {_hours(request.seconds)}: {then}"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.3g} h" if seconds >= 3600 else f"{seconds / 60:.3g} min"
