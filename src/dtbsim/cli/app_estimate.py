"""The commands that say how a run would go, without the work (see `dtbsim.cli.app`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dtbsim.cli.options import AsJson, ConfigPath, GpusPerNode, MachineName, Overrides, RanksPerNode, Work


def estimate_command(
    config: ConfigPath,
    ranks: Annotated[int, typer.Option("--ranks", "-n", metavar="R", help="processes of the run")] = 1,
    ranks_per_node: RanksPerNode = None,
    gpus_per_node: GpusPerNode = None,
    threads: Annotated[
        int | None,
        typer.Option(metavar="T", show_default=False, help="threads per rank; default: its share of the cores"),
    ] = None,
    machine: MachineName = None,
    rate_hz: Annotated[
        float | None,
        typer.Option(
            "--rate", metavar="HZ", show_default=False, help="what neurons are taken to fire at; default: 4 Hz"
        ),
    ] = None,
    measure_ms: Annotated[
        float | None,
        typer.Option(
            "--measure",
            metavar="MS",
            show_default=False,
            help="also build the fullest rank here, alone, and step it for so many ms; spikes of the others are drawn",
        ),
    ] = None,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> Work:
    """Say how a run on so many ranks would go.

    Memory, exchange, time and results; without --measure nothing is built. Ends with the exit code that the run would
    end with before its first step. `dtbsim calibrate` measures a machine.
    """
    from dtbsim.cli.estimate import Wanted, estimate

    wanted = Wanted(ranks, ranks_per_node, gpus_per_node, threads, machine, rate_hz, measure_ms)
    return lambda: estimate(config, tuple(overrides or ()), wanted, as_json=as_json)


def calibrate_command(
    out: Annotated[Path, typer.Option(metavar="FILE", help="the profile, a YAML file")] = Path("machine.yaml"),
) -> Work:
    """Measure this machine for `dtbsim estimate`.

    In short runs of the engine itself; takes about half a minute on a machine that does nothing else.
    """
    from dtbsim.cli.estimate import calibrate

    return lambda: calibrate(out)
