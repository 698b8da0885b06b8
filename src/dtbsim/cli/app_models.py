"""The commands about models (see `dtbsim.cli.app`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dtbsim.cli.options import ModelName, Work


def list_command() -> Work:
    """List the models of neurons and of regions."""
    from dtbsim.cli.catalogue import list_all_models

    return list_all_models


def show_command(
    name: ModelName,
    no_picture: Annotated[bool, typer.Option("--no-picture", help="tables only; nothing is compiled or run")] = False,
    lems: Annotated[
        bool, typer.Option("--lems", help="print its equations as a ComponentType of LEMS, and nothing else")
    ] = False,
) -> Work:
    """Show equations, parameters, states and receptor ports of a model, and how it answers to a current."""
    from dtbsim.cli.catalogue import show_lems, show_model

    return (lambda: show_lems(name)) if lems else (lambda: show_model(name, picture=not no_picture))


def check_command(
    name: ModelName,
    as_c: Annotated[bool, typer.Option("--c", help="print the C text of the update function and nothing else")] = False,
) -> Work:
    """Say whether a model of your own can be run, or what is to be written differently.

    The file is executed, as by `python FILE.py`; nothing is simulated.
    """
    from dtbsim.cli.catalogue import check_model

    return lambda: check_model(name, as_c=as_c)


def plot_command(
    name: ModelName,
    states: Annotated[
        str | None, typer.Option(metavar="X,Y", show_default=False, help="states of the plane; default: the first two")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", show_default=False, help="a parameter; may be repeated"),
    ] = None,
    scan: Annotated[str | None, typer.Option(metavar="NAME", show_default=False, help="a parameter to scan")] = None,
    values: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", show_default=False, help="the range of the scan")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="page or picture (.html, .png, .svg, .pdf); default: NAME.html here",
        ),
    ] = None,
) -> Work:
    """Draw a model alone: a region's nullclines and points at rest, a scan of a parameter, a neuron's f-I curve."""
    from dtbsim.cli.plane import plot_model

    return lambda: plot_model(name, states=states, set_=set_, scan=scan, values=values, out=out)
