"""`dtbsim.sweep`: a grid of runs, or, with `vary`, as many evaluations as one likes in one table."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.arguments import flag, refuse, whole
from dtbsim.arguments import path as path_argument
from dtbsim.config.overrides import Overrides
from dtbsim.config.plain import plain
from dtbsim.errors import InputError
from dtbsim.fitting.evaluate import Item, Task
from dtbsim.fitting.journal import Journal
from dtbsim.fitting.prepared import check_keys, prepare
from dtbsim.fitting.simulated import Simulated
from dtbsim.fitting.space import points_of
from dtbsim.fitting.study import Study, conducted, digest_of_parts, opened, pool_of, progress_of
from dtbsim.fitting.table import frame_of, read_table, write_table
from dtbsim.fitting.target import Target, target_of
from dtbsim.given import Source
from dtbsim.sweeps import sweep as sweep_of_runs

if TYPE_CHECKING:
    import pandas as pd


def sweep(
    source: Source,
    grid: Any = None,
    *,
    vary: object = None,
    sample: str = "grid",
    points: int | None = None,
    seeds: int = 1,
    sample_seed: int = 1,
    resume: bool = False,
    out: str | os.PathLike[str] | None = None,
    set: Overrides = (),
    executor: Any = None,
    workers: int | None = None,
    measure: Callable[[Any], Mapping[str, Any]] | None = None,
    report: bool | None = None,
    take_over: bool = False,
    progress: bool = True,
) -> pd.DataFrame:
    """Simulate a configuration with many values, and return a table with a row for each evaluation.

        table = dtbsim.sweep("net.yaml", {"projections.EE.weight_pA": [40, 60, 80], "seed": range(5)}, out="runs/sweep")
        table = dtbsim.sweep("dmf.yaml", vary={"couplings.long_range.strength": (0.1, 0.6, 51)}, seeds=3)

    With `grid` every row is a run, which has a folder of its own in `out`. With `vary` nothing is kept of an evaluation
    but its row (rates, mean |FC|, FC correlation with the atlas), mean-field regions are simulated as members of
    ensembles, and `out` goes on after a kill. An evaluation that fails has its error in the table.

    Args:
        source: a `RunConfig`, the same as a mapping, or the path of a configuration file.
        grid: {"key.path": values}, of which every combination is a run, or a list with the overrides of each run.
            With neither, every member of the configuration's `ensemble` is a run.
        vary: {"key.path": (first, last, number)} or [values], or texts "key.path=first:last:number[:log]".
        sample: of `vary`: "grid" (every combination), or "sobol" or "latin", for which numbers are left out.
        points: how many of those.
        seeds: evaluations of each point, with the seed of the configuration, + 1, ...
        sample_seed: of the Sobol sequence or the Latin hypercube.
        resume: with `vary`: go on with the sweep in `out`. (With `grid` it always does.)
        out: the folder; without it nothing but the table stays.
        set: overrides for all, as of `run`.
        executor: any `concurrent.futures.Executor` with processes (default: a pool of `workers` processes).
        workers: how many processes (default: one for each `simulation.threads` cores); with `vary` and an executor how
            many that has, so that as many batches are made.
        measure: returns further columns, {name: value}; of `grid` it takes the `Run`, of `vary` a
            `dtbsim.fitting.Simulated`. A function that can be pickled, defined at the top of a module.
        report: with `grid`, report.html of each run (default: no); with `vary` that of the sweep (default: yes).
        take_over: with `grid`: runs in `out` that count as going on, on other machines, are known to be lost.
        progress: show on standard error how far it is.

    Returns:
        A pandas DataFrame in the order of the points: what was set, and what came of it; `error` is None for what went
        well.

    Raises:
        InputError: wrong arguments, a configuration that is wrong for the first point, a folder of something else.
        KeyboardInterrupt: after Ctrl-C.
    """
    if grid is not None and vary is not None:
        raise InputError("give grid, or vary, and not both", where="vary", remedy="vary={'key.path': (low, high, n)}")
    if vary is None:
        return sweep_of_runs(
            source, grid, out=out, set=set, executor=executor, workers=workers, measure=measure,
            report=False if report is None else report, take_over=take_over, progress=progress,
        )  # fmt: skip
    asked = Asked(vary, sample, points, seeds, sample_seed)
    found = sweep_points(
        source, asked, out=out, resume=resume, set=set, executor=executor, workers=workers, measure=measure,
        report=report is not False, progress=progress,
    )  # fmt: skip
    return found.table


@dataclass(frozen=True)
class Asked:
    """Which points a sweep has."""

    vary: object
    sample: str = "grid"
    points: int | None = None
    seeds: int = 1
    sample_seed: int = 1


@dataclass(frozen=True, eq=False)
class Swept:
    """What a sweep has left: counts, and the table, in a file or in memory."""

    evaluations: int
    failed: int
    folder: Path | None
    table_path: Path | None
    journal: Journal

    @property
    def table(self) -> pd.DataFrame:
        """All of it."""
        return frame_of(self.journal) if self.table_path is None else _none_errors(read_table(self.table_path))


def _none_errors(table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    table["error"] = pd.Series([None if pd.isna(one) else one for one in table["error"]], dtype=object)
    return table


def sweep_points(
    source: Source,
    asked: Asked,
    *,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    set: Overrides = (),
    executor: Any = None,
    workers: int | None = None,
    measure: Callable[[Simulated], Mapping[str, Any]] | None = None,
    report: bool = True,
    progress: bool = True,
) -> Swept:
    """As `sweep` with `vary`; nothing grows with the number of evaluations but the files."""
    if measure is not None and not callable(measure):
        raise refuse(measure, "measure", "a function that takes a dtbsim.fitting.Simulated")
    resume, progress = flag(resume, "resume"), flag(progress, "progress")
    n_seeds = whole(asked.seeds, "seeds", at_least=1)
    sample_seed = whole(asked.sample_seed, "sample_seed")
    points = points_of(asked.vary, asked.sample, asked.points, sample_seed)
    prepared = prepare(source, set, None)
    check_keys(prepared, points.corners)
    target = _of_atlas(prepared)
    task = Task(
        prepared.config, prepared.base_dir, prepared.together(points.keys), None, target, measure=measure, stage="sweep"
    )
    seeds = [prepared.config.seed + k for k in range(n_seeds)]
    told = {"kind": "sweep", "vary": [[key, *points.corners[key]] for key in points.keys], "points": points.count}
    told |= {"sample": asked.sample, "sample_seed": sample_seed, "seeds": seeds}
    config = plain(prepared.config)
    config["simulation"].pop("threads", None)
    named = None if measure is None else f"{measure.__module__}.{measure.__qualname__}"
    listed = [dict(one) for one, _ in zip(points, range(10_000), strict=False)]
    about = {**told, "digest": digest_of_parts({**told, "config": config, "measure": named, "first": listed})}
    folder = None if out is None else path_argument(out, "out").absolute()
    pool = pool_of(executor, workers, prepared.threads)
    path = None
    with opened(folder, resume, about) as journal:
        shown = progress_of("sweep", points.count * n_seeds, "fc", shown=progress)
        study = Study(task, journal, pool, shown)
        with conducted(pool, shown, folder):
            for _ in study.stream(Item(0, values, seed) for values in points for seed in seeds):
                pass
        if folder is not None:
            path = write_table(folder, journal)
            if report:
                from dtbsim.fitting.page import write_sweep_page

                write_sweep_page(folder / "report.html", prepared.given.name, points.keys, journal)
    return Swept(shown.done, shown.failed, folder, path, journal)


def _of_atlas(prepared: Any) -> Target | None:
    """The measured FC of the model's atlas, where it has one and BOLD is made."""
    if prepared.atlas is None or prepared.given.bold is None or prepared.atlas.fc is None:
        return None
    with contextlib.suppress(InputError):
        return target_of("atlas", prepared.regions, prepared.atlas)
    return None
