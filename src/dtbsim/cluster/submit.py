"""`dtbsim submit`: from a configuration to a job in the queue."""

from __future__ import annotations

import datetime
import shutil
import sys
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dtbsim.build.rank import plan_rank
from dtbsim.cluster import slurm
from dtbsim.cluster.array import Array
from dtbsim.cluster.forecast import forecast
from dtbsim.cluster.request import Request
from dtbsim.cluster.script import fill_in, read_template
from dtbsim.config import LocatedConfig, load_located
from dtbsim.config.overrides import as_mapping
from dtbsim.errors import InputError
from dtbsim.paths import user_path
from dtbsim.run_folder import check_run_folder
from dtbsim.run_folder.claim import RUNS
from dtbsim.run_folder.layout import SLURM
from dtbsim.simulate.streams import plan_streams
from dtbsim.spec import compile_network
from dtbsim.store.files import storage_errors, write_text
from dtbsim.sweeps.folder import NAME as SWEEP
from dtbsim.sweeps.folder import digest_of, open_sweep

SCRIPT, TASKS, JOBS = "job.sbatch", "tasks", "jobs"
"""In RUN/slurm: the script, the options of the tasks of an array, the numbers of all jobs of the run, a line each."""


@dataclass(frozen=True)
class Plan:
    """A job that can be submitted: the folder of its run, its script, and what the user should know."""

    folder: Path
    script: str
    notes: tuple[str, ...]


def plan_job(
    config: Path,
    overrides: Sequence[str],
    request: Request,
    *,
    array: Array | None = None,
    out: Path | None = None,
    template: Path | None = None,
    report: bool = True,
    machine: str | None = None,
    estimated: bool = True,
) -> Plan:
    """Check everything that can be checked without Slurm, and write the script; nothing is made.

    With `estimated`, what `forecast` says of the (first) run on nodes of the profile `machine` is in the notes.

    Raises InputError for a configuration that is wrong for the (first) run, more ranks than blocks, a folder that is
    in use, a template that is none; and what `forecast` raises.
    """
    text = read_template(template)
    located = load_located(config, overrides)
    _refuse_settings({*as_mapping(overrides), *(array.runs[0] if array is not None else ())}, request)
    first = located if array is None else _each_checked(config, overrides, array)
    _check_network(first, request)
    folder = _folder(out, located.config.name)
    name = "%A_%a" if array is not None else "%j"
    options = [
        f"--job-name={located.config.name}",
        f"--output={folder / SLURM / name}.out",
        f"--comment={slurm.MARK}{folder}",
        *request.lines(),
        *([array.option] if array is not None else []),
    ]
    variables = {"DTBSIM_PYTHON": sys.executable, "DTBSIM_OUT": str(folder), "DTBSIM_VALIDATED": "yes"}
    if array is not None:
        variables["DTBSIM_TASKS"] = str(folder / SLURM / TASKS)
    sets = [word for override in overrides for word in ("--set", override)]
    no_report = [] if report else ["--no-report"]
    script = fill_in(text, options, variables, [str(config.absolute()), *sets, *no_report])
    notes = [*first.locator.notices]
    if first.config.checkpoint is None:
        notes.append(
            "the configuration writes no checkpoints: at the time limit the run ends, and nothing of it can go on; "
            "--set checkpoint.every_min=30 writes them"
        )
    if estimated:
        of_first = [*overrides, *(() if array is None else array.sets[0])]
        notes += forecast(config, of_first, request, machine, resumes=first.config.checkpoint is not None)
    return Plan(folder, script, tuple(notes))


def submit_job(plan: Plan, array: Array | None, config: Path, overrides: Sequence[str]) -> str:
    """Submit a job and return its number; its folder then has `slurm` in it. Raises InputError, StorageError."""
    slurm.test_only(plan.script)
    with _made(plan.folder) as folder:
        if array is not None:
            write_text(folder / TASKS, array.task_lines())
            open_sweep(plan.folder, digest_of(load_located(config, overrides).config), array.runs)
        write_text(folder / SCRIPT, plan.script)
        number = slurm.submit(str(folder / SCRIPT))
        write_text(folder / JOBS, f"{number}\n")
    return number


@contextmanager
def _made(run: Path) -> Iterator[Path]:
    """The folder `slurm` of a new run folder; what was made goes away again where the job is not submitted."""
    check_run_folder(run)
    new = [path for path in (run, *run.parents) if not path.exists()]
    folder = run / SLURM
    try:
        with storage_errors(folder):
            folder.mkdir(parents=True)
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        (run / SWEEP).unlink(missing_ok=True)
        for path in new:
            with suppress(OSError):
                path.rmdir()
        raise


def _folder(out: Path | None, name: str) -> Path:
    if out is None:
        return Path.cwd() / RUNS / f"{name}-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    check_run_folder(out)
    return user_path(out).absolute()


def _each_checked(config: Path, overrides: Sequence[str], array: Array) -> LocatedConfig:
    """Check the configurations of all runs; returns that of the first."""
    found: list[LocatedConfig] = []
    for number, sets in enumerate(array.sets):
        try:
            located = load_located(config, [*overrides, *sets])
        except InputError as error:
            for mistake in error.mistakes:
                mistake.message = f"run {number} of the array: {mistake.message}"
            raise
        found = found or [located]
    return found[0]


def _refuse_settings(keys: Set[str], request: Request) -> None:
    """Raise InputError for what the batch script says itself."""
    for key, mine in (("simulation.threads", True), ("simulation.backend", request.gpus_per_node is not None)):
        if key in keys and mine:
            remedy = "use --cpus-per-rank" if key == "simulation.threads" else "with --gpus-per-node it is cuda"
            raise InputError("the batch script sets this itself", where=f"--set {key}", remedy=remedy)


def _check_network(located: LocatedConfig, request: Request) -> None:
    network = compile_network(located.config, located.base_dir, located.locator)
    plan_streams(network, located.locator)
    threads = located.config.simulation.threads or request.cpus_per_rank or 1
    plan_rank(network, 0, request.ranks, threads)
