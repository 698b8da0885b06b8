"""`dtbsim export --to` and `dtbsim import`: networks and runs in the formats of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dtbsim.cli.needs import installed
from dtbsim.cli.output import show, table, write
from dtbsim.errors import EXIT_OK, InputError
from dtbsim.interchange.base import Written
from dtbsim.report.text import count


def check_signal(
    name: str, file: Path | None, *, options: Mapping[str, Any], lossy: bool, overrides: bool
) -> Callable[[], Path]:
    """Return what gives the file of a signal; InputError where there is none, or for options that belong to --to."""

    def chosen() -> Path:
        given = {**{f"--{key}": value for key, value in options.items()}, "--lossy": lossy, "--set": overrides}
        for option, value in given.items():
            if value:
                raise InputError(f"{option} belongs to --to FORMAT", where=option, remedy="add --to, or leave it out")
        if file is None:
            raise InputError(
                "of a signal its name and a file are needed: dtbsim export RUN NAME FILE", where=name,
                remedy="for a whole network or run add --to FORMAT",
            )  # fmt: skip
        return file

    return chosen


def export_to(
    source: Path,
    form: str,
    out: Path,
    overrides: tuple[str, ...],
    others: Mapping[str, Any],
    *,
    lossy: bool,
    options: Mapping[str, Any],
) -> int:
    """Write a network or a run, and print the path and what was lost.

    `others`: options of single signals, as they are written; `options`: those of formats, None: not given.
    """
    for option, value in others.items():
        if value is not None:
            raise InputError(f"{option} belongs to the export of a signal", where=str(value), remedy="leave it out")
    with installed():
        from dtbsim.interchange.functions import export

        given = {name: value for name, value in options.items() if value is not None}
        _print(export(source, to=form, out=out, set=overrides, lossy=lossy, **given))
    return EXIT_OK


def import_from(source: Path, form: str, out: Path, *, overwrite: bool) -> int:
    """Make a configuration, and print its path and what was lost."""
    with installed():
        from dtbsim.interchange.functions import import_network

        _print(import_network(source, form=form, out=out, overwrite=overwrite))
    return EXIT_OK


def _print(made: Written) -> None:
    write(f"{made.path}\n")
    if made.sizes:
        write(", ".join(f"{count(n)} {what}" for what, n in made.sizes.items()) + "\n")
    for note in made.notes:
        write(f"{note}\n")
    if made.losses:
        rows = [(loss.what, loss.where, loss.instead, "yes" if loss.spikes else "no") for loss in made.losses]
        show(table(("lost", "where", "written instead", "spikes differ"), rows))
    else:
        write("nothing was lost\n")
