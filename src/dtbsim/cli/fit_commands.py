"""`dtbsim sweep` and `fit` with their options, in the way of `dtbsim.cli.app`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dtbsim.cli.app import app
from dtbsim.cli.options import AsJson, ConfigPath, NoReport, Overrides, Work

Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", show_default=False, help="folder of the study, new or empty; default: runs/NAME-sweep or -fit"
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="go on with the study in --out")]
Workers = Annotated[
    int | None, typer.Option(metavar="W", show_default=False, help="processes; default: one for each core")
]
Ranks = Annotated[
    int | None,
    typer.Option(metavar="R", show_default=False, help="evaluate on R ranks that mpiexec starts, instead of processes"),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress, and only the folder on stdout")]


class Sample(StrEnum):
    """Where the points of a sweep are."""

    grid = "grid"
    sobol = "sobol"
    latin = "latin"


class Method(StrEnum):
    """Who asks for points."""

    grid = "grid"
    cmaes = "cmaes"
    tpe = "tpe"
    sbi = "sbi"
    enki = "enki"


@app.command("sweep")
def _sweep(
    context: typer.Context,
    config: ConfigPath,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=A:B:N",
            show_default=False,
            help="N values from A to B (:log), or KEY=V,V,...; may be repeated; with a sample KEY=A:B",
        ),
    ] = None,
    sample: Annotated[Sample, typer.Option(help="every combination, or points of a sequence")] = Sample.grid,
    points: Annotated[
        int | None, typer.Option(metavar="N", show_default=False, help="points of a sobol or latin sample")
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="K", help="evaluations of each point, with seeds in a row")] = 1,
    out: Out = None,
    resume: Resume = False,
    overrides: Overrides = None,
    workers: Workers = None,
    ranks: Ranks = None,
    no_report: NoReport = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> Work:
    """Simulate many values of a configuration.

    One table is left of all of them. Mean-field regions are members of ensembles, networks with neurons runs of their own.
    """
    from dtbsim.cli.fit import SweepOptions, sweep

    options = SweepOptions(
        config=config,
        vary=tuple(vary or ()),
        sample=sample.value,
        points=points,
        seeds=seeds,
        out=out,
        resume=resume,
        overrides=tuple(overrides or ()),
        workers=workers,
        ranks=ranks,
        report=not no_report,
        as_json=as_json,
        quiet=quiet,
        argv=tuple(context.obj),
    )
    return lambda: sweep(options)


@app.command("fit")
def _fit(
    context: typer.Context,
    config: ConfigPath,
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DATA", show_default=False, help="atlas, or a file with an FC or a series; repeated: people"
        ),
    ] = None,
    free: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=LOW:HIGH", show_default=False, help="a free parameter, with :log in its logarithm; repeated"
        ),
    ] = None,
    method: Annotated[Method, typer.Option(help="search, or sbi for a posterior")] = Method.cmaes,
    objective: Annotated[
        str, typer.Option(metavar="NAME", help="fc, fc_mse, fcd, rates(..), spectrum, bands, FILE.py:f; sums; a, b")
    ] = "fc",
    hold_out: Annotated[
        list[str] | None,
        typer.Option(metavar="half|DATA", show_default=False, help="what the fit does not see; may be repeated"),
    ] = None,
    tr: Annotated[
        float | None, typer.Option(metavar="S", show_default=False, help="time between samples of series, in seconds")
    ] = None,
    evaluations: Annotated[
        int | None, typer.Option(metavar="N", show_default=False, help="points at most; default: by method")
    ] = None,
    population: Annotated[int, typer.Option(metavar="N", help="points of a generation")] = 16,
    seeds: Annotated[int, typer.Option(metavar="K", help="evaluations of each point, with seeds in a row")] = 1,
    repeats: Annotated[int, typer.Option(metavar="K", help="evaluations of the best one with other seeds")] = 5,
    seed: Annotated[int, typer.Option(metavar="N", help="seed of the search")] = 1,
    out: Out = None,
    resume: Resume = False,
    overrides: Overrides = None,
    workers: Workers = None,
    ranks: Ranks = None,
    no_report: NoReport = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> Work:
    """Fit numbers of a configuration to measured data.

    The best configuration, a table of all evaluations and a report are left in a folder. Beside every score stand what
    needs no model, the spread over seeds, and the score on data that the fit has not seen (--hold-out).
    """
    from dtbsim.cli.fit import FitOptions, fit

    options = FitOptions(
        config=config,
        to=tuple(to or ()),
        free=tuple(free or ()),
        method=method.value,
        objective=objective,
        hold_out=tuple(hold_out or ()),
        tr_s=tr,
        evaluations=evaluations,
        population=population,
        seeds=seeds,
        repeats=repeats,
        seed=seed,
        out=out,
        resume=resume,
        overrides=tuple(overrides or ()),
        workers=workers,
        ranks=ranks,
        report=not no_report,
        as_json=as_json,
        quiet=quiet,
        argv=tuple(context.obj),
    )
    return lambda: fit(options)
