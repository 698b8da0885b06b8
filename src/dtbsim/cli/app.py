"""The commands and their options, without the work: every command returns what is to be done.

typer reads the arguments, nothing more. The work runs outside of it (`dtbsim.cli.entry`), because typer has exit codes
and messages of its own for interrupts and broken pipes.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import dtbsim
from dtbsim.cli.app_atlas import atlas_import_command, atlas_show_command, derive_command
from dtbsim.cli.app_chips import chips_list_command, chips_show_command, map_command
from dtbsim.cli.app_estimate import calibrate_command, estimate_command
from dtbsim.cli.app_export import export_command, import_network_command
from dtbsim.cli.app_models import check_command, list_command, plot_command, show_command
from dtbsim.cli.app_tune import tune_command
from dtbsim.cli.complete import kind_sorts
from dtbsim.cli.options import (
    AsJson,
    ConfigPath,
    MachineName,
    MaxHours,
    NoReport,
    Overrides,
    RanksPerNode,
    RunFolder,
    Work,
)
from dtbsim.errors import EXIT_CODES, EXIT_OK

RUN = "run"
RESUME = "resume"
ON_ALL_RANKS = (RUN, RESUME, "assimilate")
"""Commands in which all ranks take part."""

_EXIT_CODES = "\b\nExit codes:\n" + "\n".join(f"{code:>5}  {meaning}" for code, meaning in EXIT_CODES.items())
_HELP = {"help_option_names": ["-h", "--help"]}


class Backend(StrEnum):
    """Where neurons are computed."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


app = typer.Typer(
    name="dtbsim",
    help="Simulate spiking networks of brains, on one process or, under mpiexec, on many.",
    epilog=_EXIT_CODES,
    context_settings=_HELP,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
atlas_app = typer.Typer(
    help="Brain atlases that come with dtbsim, or your own.", invoke_without_command=True, rich_markup_mode=None
)
models_app = typer.Typer(
    help="Models of neurons and regions, their parameters and states.",
    invoke_without_command=True,
    rich_markup_mode=None,
)
chips_app = typer.Typer(
    help="Neuromorphic chips: their limits, each with its source.", invoke_without_command=True, rich_markup_mode=None
)
app.add_typer(atlas_app, name="atlas")
app.add_typer(models_app, name="models")
app.add_typer(chips_app, name="chips")


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="print the version and leave")] = False,
) -> None:
    if version:
        print(f"dtbsim {dtbsim.__version__}")
        raise typer.Exit(EXIT_OK)
    _help_without_command(context)


@atlas_app.callback()
def _atlas(context: typer.Context) -> None:
    _help_without_command(context)


@models_app.callback()
def _models(context: typer.Context) -> None:
    _help_without_command(context)


@chips_app.callback()
def _chips(context: typer.Context) -> None:
    _help_without_command(context)


def _help_without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        text = context.get_help()
        if text:  # with rich, typer has printed it already
            print(text)
        raise typer.Exit(EXIT_OK)


@app.command(RUN, epilog=_EXIT_CODES)
def _run(
    context: typer.Context,
    config: ConfigPath,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", show_default=False, help="run folder, new or empty; default: runs/NAME-DATE-TIME here"
        ),
    ] = None,
    overrides: Overrides = None,
    threads: Annotated[
        str | None,
        typer.Option(metavar="N", show_default=False, help="threads per rank; default: the cores that a rank may use"),
    ] = None,
    backend: Annotated[
        Backend | None, typer.Option(show_default=False, help="where neurons are computed; default: as configured")
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="no progress, and only the run folder on stdout")
    ] = False,
    no_report: NoReport = False,
    max_hours: MaxHours = None,
) -> Work:
    """Simulate a network and leave everything in a new run folder.

    On several processes: `mpiexec -n RANKS python -m mpi4py -m dtbsim run CONFIG`. Ctrl-C ends a run cleanly.
    """
    from dtbsim.cli.run import RunOptions, run

    options = RunOptions(
        config=config,
        out=out,
        overrides=tuple(overrides or ()),
        threads=threads,
        backend=None if backend is None else backend.value,
        as_json=as_json,
        quiet=quiet,
        report=not no_report,
        argv=("dtbsim", *context.obj),
        max_hours=max_hours,
    )
    return lambda: run(options)


@app.command(RESUME, epilog=_EXIT_CODES)
def _resume(
    context: typer.Context,
    run_folder: RunFolder,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            show_default=False,
            help="begin a branch in this folder, new or empty, which leaves RUN as it is",
        ),
    ] = None,
    at_ms: Annotated[
        float | None,
        typer.Option(
            "--at", metavar="MS", show_default=False, help="with --out: begin at the checkpoint of this biological time"
        ),
    ] = None,
    overrides: Overrides = None,
    threads: Annotated[
        str | None, typer.Option(metavar="N", show_default=False, help="threads per rank; default: as configured")
    ] = None,
    backend: Annotated[
        Backend | None, typer.Option(show_default=False, help="where neurons are computed; default: as configured")
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="a folder in RUN/checkpoints; default: the last one"),
    ] = None,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="the run counts as going on, on a machine that was lost")
    ] = False,
    as_json: AsJson = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="no progress, and only the run folder on stdout")
    ] = False,
    no_report: NoReport = False,
    max_hours: MaxHours = None,
) -> Work:
    """Go on with a run from a checkpoint, or begin others there.

    It stays in its folder; ranks and threads may be others than before. The results are those of a run that was never
    interrupted. A longer duration may be set: `--set simulation.duration_ms=20000`.

    With `--out DIR` a branch begins there: another run, which may differ in its duration, in what is recorded, and in
    changes and drives that begin at the checkpoint or later.
    """
    from dtbsim.cli.run import Resumed, RunOptions, run

    options = RunOptions(
        config=run_folder,
        out=out,
        overrides=tuple(overrides or ()),
        threads=threads,
        backend=None if backend is None else backend.value,
        as_json=as_json,
        quiet=quiet,
        report=not no_report,
        argv=("dtbsim", *context.obj),
        max_hours=max_hours,
        resumed=Resumed(checkpoint, take_over, at_ms),
    )
    return lambda: run(options)


@app.command("validate")
def _validate(
    config: ConfigPath,
    overrides: Overrides = None,
    no_code: Annotated[
        bool, typer.Option("--no-code", help="do not execute files of models (FILE.py:CLASS); checks less")
    ] = False,
    ranks: Annotated[
        int | None,
        typer.Option(metavar="R", show_default=False, help="also whether a run of R processes would be refused"),
    ] = None,
    ranks_per_node: RanksPerNode = None,
    machine: MachineName = None,
) -> Work:
    """Check a configuration and print the sizes of its network.

    Atlas and network are worked out in full; nothing is simulated or written. A file of models that the configuration
    names is executed, as by `python FILE.py`: use --no-code for a configuration that you do not trust.
    """
    from dtbsim.cli.estimate import Wanted
    from dtbsim.cli.validate import validate

    wanted = None if ranks is None else Wanted(ranks, ranks_per_node, machine=machine)
    return lambda: validate(config, tuple(overrides or ()), code=not no_code, wanted=wanted)


app.command("estimate", epilog=_EXIT_CODES)(estimate_command)
app.command("calibrate")(calibrate_command)
app.command("tune", epilog=_EXIT_CODES)(tune_command)


@app.command("warm")
def _warm(
    configs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[CONFIG]...", show_default=False, help="configurations; without: all that is built in"),
    ] = None,
    overrides: Overrides = None,
) -> Work:
    """Compile now what runs would compile when they start.

    On a login node, say, for jobs that share its kernel cache. Files of models that a configuration names are
    executed. Nothing is simulated.
    """
    from dtbsim.cli.warm import warm

    return lambda: warm(list(configs or ()), tuple(overrides or ()))


@app.command("info")
def _info(
    run: RunFolder,
    as_json: AsJson = False,
    check: Annotated[bool, typer.Option("--check", help="read every recorded value, too; takes a while")] = False,
) -> Work:
    """Say what a run is, how far it came and what its folder holds.

    Exit code 2 where something of it is damaged or missing.
    """
    from dtbsim.cli.runs import info

    return lambda: info(run, as_json=as_json, check=check)


@app.command("hash")
def _hash(run: RunFolder) -> Work:
    """Print the hash of a run's spikes and of its regions' states.

    Equal hashes: equal spikes, equal states. That of spikes is computed from the stores where they hold all of them,
    else taken from the summary.
    """
    from dtbsim.cli.runs import run_hash

    return lambda: run_hash(run)


@app.command("report")
def _report(run: RunFolder) -> Work:
    """Write the report of a run, again if need be.

    Of a run that goes on or ended early it shows what was stored, and says so.
    """
    from dtbsim.cli.runs import report

    return lambda: report(run)


app.command("export", epilog=_EXIT_CODES)(export_command)
app.command("import", epilog=_EXIT_CODES)(import_network_command)


@atlas_app.command("list")
def _atlas_list() -> Work:
    """List the atlases that come with dtbsim."""
    from dtbsim.cli.atlases import list_all_atlases

    return list_all_atlases


atlas_app.command("show")(atlas_show_command)
atlas_app.command("import", epilog=_EXIT_CODES)(atlas_import_command)
atlas_app.command("derive", epilog=_EXIT_CODES)(derive_command)


app.command("map", epilog=_EXIT_CODES)(map_command)
chips_app.command("list")(chips_list_command)
chips_app.command("show")(chips_show_command)

models_app.command("list")(list_command)
models_app.command("show")(show_command)
models_app.command("check")(check_command)
models_app.command("plot")(plot_command)


@app.command("kinds")
def _kinds(
    sort: Annotated[
        str | None,
        typer.Argument(metavar="[SORT]", show_default=False, help="drives, rules, ...", autocompletion=kind_sorts),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", show_default=False, help="one of them: what it takes")
    ] = None,
) -> Work:
    """List what a configuration can name, also of other packages."""
    from dtbsim.cli.kinds import list_kinds, show_kind

    if sort is None or name is None:
        return lambda: list_kinds(sort)
    return lambda: show_kind(sort, name)


@app.command("schema")
def _schema() -> Work:
    """Print the JSON Schema of configuration files, for editors."""
    from dtbsim.cli.catalogue import schema

    return schema


@app.command("doctor", epilog=f"Exit code {EXIT_OK} when a run on the CPU is possible, else 3.")
def _doctor(as_json: AsJson = False) -> Work:
    """Say what this machine has, what is missing and how to get it."""
    from dtbsim.cli.doctor import doctor

    return lambda: doctor(as_json=as_json)
