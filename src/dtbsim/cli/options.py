"""Arguments and options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from dtbsim.cli.complete import machine_names, model_names

Work = Callable[[], int]
"""Does what a command is for and returns the exit code."""

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", show_default=False, help="configuration, a YAML file")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", show_default=False, help="folder of a run")]
ModelName = Annotated[
    str,
    typer.Argument(
        metavar="NAME", show_default=False, help="name of a model, or FILE.py:CLASS", autocompletion=model_names
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", show_default=False, help="replace one value; may be repeated"),
]
NoReport = Annotated[bool, typer.Option("--no-report", help="do not write report.html")]
MaxHours = Annotated[
    float | None,
    typer.Option(
        metavar="H",
        show_default=False,
        help="after so many hours of wall time write a checkpoint and leave with exit code 75",
    ),
]
RanksPerNode = Annotated[
    int | None,
    typer.Option(metavar="N", show_default=False, help="ranks on a node; default: one for each GPU, or for the cores"),
]
GpusPerNode = Annotated[
    int | None, typer.Option(metavar="G", show_default=False, help="GPUs of a node; default: as in the profile")
]
MachineName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        show_default=False,
        help="a profile: laptop, cluster, a100, h200, or a file; default: this machine",
        autocompletion=machine_names,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else on stdout")]
