"""The commands about neuromorphic chips: their arguments and options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dtbsim.cli.complete import chip_names, map_formats
from dtbsim.cli.options import Overrides, Work


def chips_list_command() -> Work:
    """List the chips that networks can be mapped to."""
    from dtbsim.cli.chips import list_all_chips

    return list_all_chips


def chips_show_command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE", show_default=False, help="name of a chip, or its YAML file", autocompletion=chip_names
        ),
    ],
    as_yaml: Annotated[bool, typer.Option("--yaml", help="print the file, to begin one of your own with")] = False,
) -> Work:
    """Show the limits, the arithmetic and the energy of a chip, each number with its source."""
    from dtbsim.cli.chips import show_chip

    return lambda: show_chip(name, as_yaml=as_yaml)


def map_command(
    source: Annotated[
        Path,
        typer.Argument(metavar="CONFIG|MAP", show_default=False, help="a configuration, or the folder of a mapping"),
    ],
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="CHIP|FILE", show_default=False, help="a chip, or its YAML file", autocompletion=chip_names
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", show_default=False, help="the mapping, a new folder; with --export what is written"
        ),
    ] = None,
    partition: Annotated[
        str | None, typer.Option(metavar="HOW", show_default=False, help="regions (default), sequential or km1")
    ] = None,
    weight_bits: Annotated[
        int | None,
        typer.Option(metavar="N", show_default=False, help="bits of weights; default: as many as the chip has"),
    ] = None,
    rates: Annotated[
        Path | None,
        typer.Option(metavar="RUN", show_default=False, help="a run that tells the traffic; default: one of a second"),
    ] = None,
    chips: Annotated[
        int | None, typer.Option(metavar="N", show_default=False, help="how many chips; default: those of a board")
    ] = None,
    overrides: Overrides = None,
    run: Annotated[bool, typer.Option("--run", help="of a mapping: run the network as the chip would")] = False,
    against: Annotated[
        Path | None,
        typer.Option(metavar="RUN", show_default=False, help="with --run: compare with this run; default: one is made"),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(metavar="N", show_default=False, help="with --run: other seeds to compare with; default: 2"),
    ] = None,
    export: Annotated[
        str | None,
        typer.Option(
            "--export",
            metavar="FORMAT",
            show_default=False,
            help="of a mapping: write files for tools: sanafe, spynnaker or npz",
            autocompletion=map_formats,
        ),
    ] = None,
    lossy: Annotated[
        bool, typer.Option("--lossy", help="with --export: write it although spikes would differ")
    ] = False,
) -> Work:
    """Put a network onto a neuromorphic chip.

    \b
        dtbsim map CONFIG --to loihi --out MAP
        dtbsim map MAP --run
        dtbsim map MAP --export sanafe

    A mapping says which neuron is on which core, what goes between cores, and what it costs; it can be run as the chip
    would, and written for tools. Where a network does not fit, every limit that is broken has a line, and nothing is
    written.
    """
    from dtbsim.cli.map import MapOptions, work

    return lambda: work(
        MapOptions(
            source, to, out, partition, weight_bits, rates, chips, tuple(overrides or ()), run, against, seeds, export,
            lossy,
        )
    )  # fmt: skip
