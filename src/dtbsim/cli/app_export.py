"""`dtbsim export` and `dtbsim import`: their arguments and options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dtbsim.cli.complete import export_formats, import_formats
from dtbsim.cli.options import Overrides, Work


def export_command(
    source: Annotated[
        Path, typer.Argument(metavar="RUN|CONFIG", show_default=False, help="folder of a run, or a configuration")
    ],
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|OUT",
            show_default=False,
            help="a signal: bold, rates, fc, fcd, or an entry of `signals`; with --to where the result goes",
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", show_default=False, help="of a signal; its end says the form: .csv .tsv .fif .nii .nii.gz"
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="FORMAT",
            show_default=False,
            help="write the network: sonata, pynn, nir, neuroml; or the run: nwb, neo, bids, mne, csv, sonata-...",
            autocompletion=export_formats,
        ),
    ] = None,
    start_ms: Annotated[
        float | None,
        typer.Option("--start", metavar="MS", show_default=False, help="of a signal or a run: what is after this time"),
    ] = None,
    stop_ms: Annotated[
        float | None, typer.Option("--stop", metavar="MS", show_default=False, help="and up to this time")
    ] = None,
    signals: Annotated[
        list[str] | None,
        typer.Option(
            "--signal",
            metavar="NAME",
            show_default=False,
            help="of a run: spikes, states, bold, ...; default: everything",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="of .nii and .nii.gz: the label image of the atlas"),
    ] = None,
    drives: Annotated[
        str | None,
        typer.Option(
            metavar="HOW", show_default=False, help="of networks: Poisson input as spikes (default) or poisson, or none"
        ),
    ] = None,
    reader: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="of nir: who will read it: norse, snntorch or spec"),
    ] = None,
    index: Annotated[bool, typer.Option("--index", help="of sonata: write the indices of edges, too")] = False,
    simulator: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help="of pynn: the backend of PyNN that the script takes (default: nest)",
        ),
    ] = None,
    lossy: Annotated[bool, typer.Option("--lossy", help="write it although spikes would differ")] = False,
    overrides: Overrides = None,
) -> Work:
    """Write a signal, a run or a network for other programs.

    \b
        dtbsim export RUN bold bold.csv
        dtbsim export CONFIG --to sonata DIR
        dtbsim export CONFIG --to pynn DIR
        dtbsim export CONFIG --to nir FILE --reader norse
        dtbsim export RUN --to nwb run.nwb
        dtbsim export RUN --to bids FOLDER --signal bold --start 2000

    Prints the path, and with --to a table of what is lost. Where spikes would differ it says so and writes nothing.
    .csv and .tsv are tables with a line for each sample; beside a .tsv a .json says units and sampling, as BIDS has it.
    .fif is for MNE (pip install 'dtbsim[mne]'), .nii an image of a series of regions (pip install 'dtbsim[nifti]').
    """
    options: dict[str, Any] = {"drives": drives, "index": index or None, "reader": reader, "simulator": simulator}
    if to is None:
        from dtbsim.cli.interchange import check_signal
        from dtbsim.cli.runs import export

        options |= {"signal": signals}
        chosen = check_signal(name, file, options=options, lossy=lossy, overrides=bool(overrides))
        return lambda: export(source, name, chosen(), start_ms, stop_ms, labels)
    from dtbsim.cli.interchange import export_to

    options |= {"start_ms": start_ms, "stop_ms": stop_ms, "signals": signals or None}
    others = {"--labels": labels, "FILE": file}
    return lambda: export_to(source, to, Path(name), tuple(overrides or ()), others, lossy=lossy, options=options)


def import_network_command(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", show_default=False, help="folder of a network, or its config.json")
    ],
    from_format: Annotated[
        str,
        typer.Option(
            "--from", metavar="FORMAT", show_default=False, help="sonata or nir", autocompletion=import_formats
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", show_default=False, help="configuration, .yaml; its lists lie in a folder beside"),
    ],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace what is there")] = False,
) -> Work:
    """Make a configuration of a network in another format.

    \b
        dtbsim import DIR --from sonata --out model.yaml
        dtbsim run model.yaml

    Synapses, and numbers that differ between neurons, go into the folder `model` beside `model.yaml`.
    """
    from dtbsim.cli.interchange import import_from

    return lambda: import_from(source, from_format, out, overwrite=overwrite)
