"""The command that brings a network to a working point, without the work (see `dtbsim.cli.app`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dtbsim.cli.options import AsJson, ConfigPath, NoReport, Overrides, Work


def tune_command(
    config: ConfigPath,
    rates: Annotated[
        list[str] | None,
        typer.Option(
            "--rates", metavar="POP=HZ", show_default=False, help="rates of populations, by commas or repeated"
        ),
    ] = None,
    knobs: Annotated[
        list[str] | None,
        typer.Option(
            "--knob",
            metavar="POP=KEY.PATH",
            show_default=False,
            help="number that is turned for the rate of a population; default: the rate of its Poisson drive",
        ),
    ] = None,
    couplings: Annotated[
        list[str] | None,
        typer.Option(
            "--coupling",
            metavar="KEY.PATH",
            show_default=False,
            help="number that is scanned, or `none`; may be repeated; default: all long-range couplings",
        ),
    ] = None,
    span: Annotated[
        str | None,
        typer.Option(
            "--range",
            metavar="LOW:HIGH",
            show_default=False,
            help="factors of the given coupling; default: 0.25:4, and further until there is an edge",
        ),
    ] = None,
    points: Annotated[int, typer.Option(metavar="N", help="couplings of the first scan")] = 9,
    below: Annotated[float, typer.Option(metavar="SHARE", help="how far below the edge the point is")] = 0.1,
    tolerance: Annotated[float, typer.Option(metavar="SHARE", help="relative tolerance of rates")] = 0.1,
    resolution: Annotated[float, typer.Option(metavar="SHARE", help="how closely the edge is found")] = 0.03,
    measure_ms: Annotated[
        float | None,
        typer.Option(
            "--measure",
            metavar="MS",
            show_default=False,
            help="biological time of a run after settling; default: as configured, at most 30 s, 300 s without neurons",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            show_default=False,
            help="folder of the result, new, empty or of an earlier call; default: runs/NAME-tuned-DATE-TIME here",
        ),
    ] = None,
    overrides: Overrides = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", show_default=False, help="runs at a time; default: one for each core"),
    ] = None,
    no_report: NoReport = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="do not say what is going on")] = False,
) -> Work:
    """Bring a network to a working point.

    Rates come to their targets, and long-range coupling below the edge at which regions move as one. The folder has
    the configuration with the new numbers (tuned.yaml), the scan (scan.csv) and a report. The same call goes on with
    what an earlier one has simulated.
    """
    from dtbsim.cli.tune import Asked, tune

    asked = Asked(
        config=config,
        rates=tuple(rates or ()),
        knobs=tuple(knobs or ()),
        couplings=tuple(couplings or ()),
        span=span,
        points=points,
        below=below,
        tolerance=tolerance,
        resolution=resolution,
        measure_ms=measure_ms,
        out=out,
        overrides=tuple(overrides or ()),
        workers=workers,
        report=not no_report,
        as_json=as_json,
        quiet=quiet,
    )
    return lambda: tune(asked)
