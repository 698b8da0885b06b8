"""`dtbsim submit`, `status` and `cancel` with their options, in the way of `dtbsim.cli.app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dtbsim.cli.app import app
from dtbsim.cli.complete import machine_names
from dtbsim.cli.options import AsJson, NoReport, Overrides, Work


@app.command("submit")
def _submit(
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", show_default=False, help="configuration, a YAML file")
    ] = None,
    nodes: Annotated[int, typer.Option(metavar="N", help="nodes")] = 1,
    time: Annotated[
        str | None, typer.Option(metavar="T", show_default=False, help="limit: minutes, or 1-12:30:00")
    ] = None,
    ranks_per_node: Annotated[
        int | None, typer.Option(metavar="N", show_default=False, help="default: 1, or one for each GPU")
    ] = None,
    cpus_per_rank: Annotated[
        int | None, typer.Option(metavar="N", show_default=False, help="cores, and threads; default: the template's")
    ] = None,
    gpus_per_node: Annotated[int | None, typer.Option(metavar="N", show_default=False, help="GPUs")] = None,
    partition: Annotated[str | None, typer.Option(metavar="NAME", show_default=False, help="of the cluster")] = None,
    account: Annotated[str | None, typer.Option(metavar="NAME", show_default=False, help="to be charged")] = None,
    sbatch: Annotated[
        list[str] | None,
        typer.Option(metavar="OPTION", show_default=False, help="a further option of sbatch: --sbatch=--qos=long"),
    ] = None,
    array: Annotated[
        list[str] | None,
        typer.Option(metavar="VALUES", show_default=False, help="a run each: seeds 0-9, or KEY=V,V,...; %N at a time"),
    ] = None,
    overrides: Overrides = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", show_default=False, help="run folder, new or empty; default: runs/NAME-DATE-TIME"),
    ] = None,
    template: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="batch script of your site")
    ] = None,
    print_template: Annotated[
        bool, typer.Option("--print-template", help="print the batch script, to be edited")
    ] = False,
    machine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            show_default=False,
            help="profile of the nodes: laptop, cluster, a100, h200, or a file",
            autocompletion=machine_names,
        ),
    ] = None,
    no_estimate: Annotated[
        bool, typer.Option("--no-estimate", help="do not work out first whether the run fits the nodes and the time")
    ] = False,
    no_report: NoReport = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the script; submit and write nothing")] = False,
    as_json: AsJson = False,
) -> Work:
    """Submit a run, or an array of runs, to Slurm.

    The configuration is checked first, and how the run would go is estimated. At its time limit a run with `checkpoint`
    in its configuration leaves a checkpoint, and the job is requeued and goes on.
    """
    from dtbsim.cli.slurm import SubmitOptions, show_template, submit

    if print_template:
        return show_template
    options = SubmitOptions(
        config=config,
        time=time,
        nodes=nodes,
        ranks_per_node=ranks_per_node,
        cpus_per_rank=cpus_per_rank,
        gpus_per_node=gpus_per_node,
        partition=partition,
        account=account,
        sbatch=tuple(sbatch or ()),
        array=tuple(array or ()),
        overrides=tuple(overrides or ()),
        out=out,
        template=template,
        report=not no_report,
        machine=machine,
        estimated=not no_estimate,
        dry_run=dry_run,
        as_json=as_json,
    )
    return lambda: submit(options)


@app.command("status")
def _status(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[RUN|JOB]", show_default=False, help="folder of a run, or a job; default: all jobs"),
    ] = None,
    as_json: AsJson = False,
) -> Work:
    """Say how far a run is, and how its job in Slurm stands."""
    from dtbsim.cli.slurm import status

    return lambda: status(name, as_json=as_json)


@app.command("cancel")
def _cancel(
    name: Annotated[str, typer.Argument(metavar="RUN|JOB", show_default=False, help="folder of a run, or a job")],
) -> Work:
    """Cancel the job of a run in Slurm.

    The run stops cleanly, and leaves a checkpoint where one is configured.
    """
    from dtbsim.cli.slurm import cancel

    return lambda: cancel(name)
