"""`dtbsim submit`, `status` and `cancel`: hand over to `dtbsim.cluster`, and show what came of it."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.cli.needs import installed
from dtbsim.cli.output import pairs, show, table, write
from dtbsim.cli.validate import say_what_is_executed
from dtbsim.errors import EXIT_OK, InputError, MissingDependencyError
from dtbsim.report.text import count, is_number, milliseconds, plural, seconds
from dtbsim.runtime.streams import say

if TYPE_CHECKING:
    from dtbsim.cluster.jobs import RunState, Status
    from dtbsim.cluster.slurm import JobState

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class SubmitOptions:
    """What the user asked for."""

    config: Path | None
    time: str | None
    nodes: int
    ranks_per_node: int | None
    cpus_per_rank: int | None
    gpus_per_node: int | None
    partition: str | None
    account: str | None
    sbatch: tuple[str, ...]
    array: tuple[str, ...]
    overrides: tuple[str, ...]
    out: Path | None
    template: Path | None
    report: bool
    machine: str | None
    estimated: bool
    dry_run: bool
    as_json: bool


def show_template() -> int:
    """Print the batch script that comes with dtbsim."""
    from dtbsim.cluster.script import own_template

    write(own_template())
    return EXIT_OK


def submit(options: SubmitOptions) -> int:
    """Check, submit, and say which job it is; with `dry_run` only print the script."""
    with installed():
        from dtbsim.cluster import slurm
        from dtbsim.cluster.array import read_array
        from dtbsim.cluster.request import Request
        from dtbsim.cluster.submit import plan_job, submit_job
        from dtbsim.config import load_located

    if options.config is None:
        raise InputError("no configuration was given", where="submit", remedy="dtbsim submit CONFIG --nodes N --time T")
    if options.time is None:
        raise InputError("no limit was given", where="--time", remedy="give minutes, or such as 02:00:00")
    request = Request(
        nodes=options.nodes,
        time=options.time,
        ranks_per_node=options.ranks_per_node or options.gpus_per_node or 1,
        cpus_per_rank=options.cpus_per_rank,
        gpus_per_node=options.gpus_per_node,
        partition=options.partition,
        account=options.account,
        options=options.sbatch,
    )
    array = read_array(options.array) if options.array else None
    say_what_is_executed(options.config, load_located(options.config, options.overrides))
    plan = plan_job(
        options.config, options.overrides, request, array=array, out=options.out, template=options.template,
        report=options.report, machine=options.machine, estimated=options.estimated,
    )  # fmt: skip
    for note in plan.notes:
        _LOG.warning("%s", note)
    if options.dry_run:
        try:
            slurm.test_only(plan.script)
        except MissingDependencyError as error:
            say(f"dtbsim: Slurm was not asked whether it would take the job: {error.message}")
        write(plan.script)
        return EXIT_OK
    number = submit_job(plan, array, options.config, options.overrides)
    if options.as_json:
        from dtbsim.store.files import to_json

        write(to_json({"job_id": number, "run_dir": str(plan.folder), "runs": 1 if array is None else len(array.runs)}))
    else:
        runs = "" if array is None else f", {plural(len(array.runs), 'run')}"
        write(f"job {number}{runs}: {plan.folder}\n")
    return EXIT_OK


def status(name: str | None, *, as_json: bool) -> int:
    """Print how a run and its job are, or all jobs of the user."""
    with installed():
        from dtbsim.cluster.jobs import my_jobs, status_of
        from dtbsim.store.files import to_json

    if name is None:
        jobs = my_jobs()
        if as_json:
            write(to_json({"jobs": [asdict(job) for job in jobs]}))
        elif jobs:
            rows = [(job.job_id, job.name, job.state, job.elapsed, job.limit, job.folder or "") for job in jobs]
            show(table(("job", "name", "state", "elapsed", "limit", "run folder"), rows))
        else:
            write("no jobs of dtbsim in the queue\n")
        return EXIT_OK
    found = status_of(name)
    if as_json:
        runs = [{"run_dir": str(run.folder), "state": run.state, "status": run.values or None} for run in found.runs]
        folder = None if found.folder is None else str(found.folder)
        write(to_json({"run_dir": folder, "jobs": [asdict(job) for job in found.jobs], "runs": runs}))
    else:
        show(pairs(_rows(found), title=str(found.folder or f"job {name}")))
    return EXIT_OK


def cancel(name: str) -> int:
    """Cancel, and say which jobs."""
    with installed():
        from dtbsim.cluster import jobs

    numbers = jobs.cancel(name)
    write(f"cancelled: {', '.join(numbers)}\n")
    return EXIT_OK


def _rows(found: Status) -> list[tuple[str, str]]:
    rows = [(f"job {job.job_id}", _job(job)) for job in found.jobs]
    if not rows:
        gone = f"{found.numbers[-1]}, which Slurm does not know here or any more" if found.numbers else "none in Slurm"
        rows = [("job", gone)]
    if len(found.runs) == 1:
        return [*rows, ("run", _run(found.runs[0])), *_log(found.runs[0].folder)]
    if found.runs:
        numbers = Counter(run.state for run in found.runs)
        parts = ", ".join(f"{count(number)} {state}" for state, number in numbers.most_common())
        rows.append(("runs", f"{count(len(found.runs))}: {parts}"))
        rows += [(run.folder.name, _run(run)) for run in found.runs if run.state in ("running", "failed", "killed")]
    return rows


def _log(folder: Path) -> list[tuple[str, str]]:
    """The log of the last job of a run."""
    logs = sorted((folder / "slurm").glob("*.out"), key=lambda path: path.stat().st_mtime)
    return [("log", str(logs[-1]))] if logs else []


def _job(job: JobState) -> str:
    nodes = "" if job.nodes in ("", "0") else f", nodes: {job.nodes}"
    place = f" ({job.place})" if job.place and job.place != "None" else ""
    return f"{job.state}, {job.elapsed} of {job.limit}{nodes}{place}"


def _run(run: RunState) -> str:
    values: dict[str, Any] = run.values
    message = str(values.get("message") or "")
    if run.state in ("failed", "killed", "interrupted") and message:
        return f"{run.state}: {message}"
    step, steps = values.get("step"), values.get("n_steps")
    if not (is_number(step) and is_number(steps) and steps > 0) or run.state == "done":
        stage = f", {values['stage']}" if run.state == "running" and values.get("stage") else ""
        return f"{run.state}{stage}"
    left = f", {seconds(values['eta_s'])} left" if is_number(values.get("eta_s")) else ""
    done_ms = milliseconds(float(values.get("biological_ms") or 0.0))
    return f"{run.state}: {done_ms} simulated, {100 * step / steps:.0f} %{left}"
