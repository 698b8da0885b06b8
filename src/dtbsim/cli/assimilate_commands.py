"""`dtbsim assimilate` with its options, in the way of `dtbsim.cli.app`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dtbsim.cli.app import app
from dtbsim.cli.options import AsJson, ConfigPath, NoReport, Overrides, Work

ASSIMILATE = "assimilate"


class Scheme(StrEnum):
    """Which observations move what."""

    own = "own"
    diffusion = "diffusion"
    local = "local"
    everywhere = "global"


class Variant(StrEnum):
    """Whether observations are perturbed."""

    stochastic = "stochastic"
    square_root = "square_root"


class Units(StrEnum):
    """What the measured series is in."""

    matched = "matched"
    model = "model"


@app.command(ASSIMILATE)
def _assimilate(
    config: ConfigPath,
    to: Annotated[
        Path,
        typer.Option(metavar="BOLD", show_default=False, help="measured series: .csv, .npz, .mat, .ptseries.nii ..."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", show_default=False, help="folder of the results, new or empty")],
    free: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=LOW:HIGH[:log]", show_default=False, help="a parameter of every region; repeatable"),
    ] = None,
    free_global: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=LOW:HIGH[:log]", show_default=False, help="one with one value for all regions"),
    ] = None,
    tr: Annotated[
        float | None,
        typer.Option(metavar="S", show_default=False, help="time between volumes, if BOLD does not say it"),
    ] = None,
    hold_out: Annotated[
        float | None,
        typer.Option(metavar="S", show_default=False, help="time at the end to forecast, unseen; default: a quarter"),
    ] = None,
    members: Annotated[int, typer.Option(metavar="N", help="simulations side by side")] = 32,
    scheme: Annotated[Scheme, typer.Option(help="which observations move a region")] = Scheme.diffusion,
    variant: Annotated[Variant, typer.Option(help="whether observations are perturbed")] = Variant.stochastic,
    noise: Annotated[float, typer.Option(metavar="SD", help="of observations, in those of the series")] = 0.5,
    walk: Annotated[float, typer.Option(metavar="SD", help="of a parameter's step, where its prior has 1")] = 0.03,
    pooling: Annotated[float, typer.Option(metavar="P", help="pull of regions to their mean, per volume")] = 0.0,
    inflation: Annotated[float, typer.Option(metavar="F", help="of deviations before an analysis")] = 1.0,
    relaxation: Annotated[float, typer.Option(metavar="P", help="share of lost spread that is given back")] = 0.3,
    radius: Annotated[float, typer.Option(metavar="MM", help="of scheme local")] = 40.0,
    units: Annotated[Units, typer.Option(help="units of its own, or BOLD as the model has it")] = Units.matched,
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with what a killed process left in --out")] = False,
    no_report: NoReport = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress, and only the folder on stdout")] = False,
) -> Work:
    """Let a network follow measured BOLD, and forecast it.

    Estimates hidden states and free parameters by an ensemble Kalman filter, volume by volume; the last part of the
    series is held out and forecast. Under mpiexec, ranks share the members.
    """
    from dtbsim.cli.assimilate import Options, assimilate

    options = Options(
        config, to, out, tuple(free or ()), tuple(free_global or ()), tr, hold_out, tuple(overrides or ()), resume,
        not no_report, as_json, quiet,
        {
            "members": members, "scheme": scheme.value, "variant": variant.value, "noise": noise, "walk": walk,
            "pooling": pooling, "inflation": inflation, "relaxation": relaxation, "radius_mm": radius,
            "units": units.value,
        },
    )  # fmt: skip
    return lambda: assimilate(options)
