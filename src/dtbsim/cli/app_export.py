"""`dtbsim export`: its arguments and options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dtbsim.cli.options import RunFolder, Work


def export_command(
    run: RunFolder,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", show_default=False, help="bold, rates, fc, fcd, or an entry of `signals`"),
    ],
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", show_default=False, help="its end says the form: .csv .tsv .fif .nii .nii.gz"),
    ],
    start_ms: Annotated[
        float | None,
        typer.Option("--start", metavar="MS", show_default=False, help="samples after this time; default: all"),
    ] = None,
    stop_ms: Annotated[
        float | None, typer.Option("--stop", metavar="MS", show_default=False, help="samples up to this time")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="of .nii and .nii.gz: the label image of the atlas"),
    ] = None,
) -> Work:
    """Write a signal of a run to a file for other tools.

    Prints its path. .csv and .tsv are tables with a line for each sample; beside a .tsv a .json says units and
    sampling, as BIDS has it. .fif is for MNE (pip install 'dtbsim[mne]'), .nii an image of a series of regions (pip
    install 'dtbsim[nifti]').
    """
    from dtbsim.cli.runs import export

    return lambda: export(run, name, file, start_ms, stop_ms, labels)
