"""`dtbsim.export` and `dtbsim.import_network`: the same as the commands, from Python."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.arguments import flag, text
from dtbsim.arguments import path as path_argument
from dtbsim.errors import InputError, did_you_mean
from dtbsim.given import Source
from dtbsim.interchange.base import Exporter, Written
from dtbsim.interchange.registry import EXPORTERS, IMPORTERS

if TYPE_CHECKING:
    from dtbsim.build.as_built import BuiltNetwork
    from dtbsim.config import Overrides
    from dtbsim.store import Run


_WRITTEN = {"start_ms": "--start", "stop_ms": "--stop", "signals": "--signal"}
"""Options as the command has them."""


def export(
    source: Source | BuiltNetwork | Run,
    *,
    to: str,
    out: str | os.PathLike[str],
    set: Overrides = (),
    lossy: bool = False,
    **options: Any,
) -> Written:
    """Write a network, or a run, in the format of other programs; `losses` of the result says what it cannot hold.

        dtbsim.export("net.yaml", to="sonata", out="circuit")
        dtbsim.export("runs/first", to="nwb", out="first.nwb", signals=["spikes", "bold"], start_ms=2000)

    Args:
        source: a configuration, as of `build`, or what `build` returned; for formats of results the folder of a run,
            or what `open_run` returned.
        to: name of the format: sonata, pynn, nir, neuroml; of runs nwb, neo, bids, mne, csv, sonata-spikes,
            sonata-reports; or one that another package adds.
        out: the file or folder; a folder must be new or empty, a file is replaced.
        set: overrides of a configuration.
        lossy: write it although spikes would differ, or what is stored of a run that has not ended.
        options: of the format. sonata: `drives`, what becomes of Poisson drives: "spikes" (default), "poisson" for
            generators of NEST, "none" for no input at all; `index`, whether to write indices of edges. pynn: `drives`;
            `simulator`, the backend of PyNN that the script takes. nir: `reader`, who will read it: "norse",
            "snntorch", or "spec" for the equations. Results: `start_ms` and `stop_ms`, for start_ms < t <= stop_ms;
            `signals`, a name or several of what is written ("spikes", "states", "states_0", "bold", "rates", entries
            of `signals`; default: everything).

    Raises:
        InputError: no such format or option; something is lost that changes spikes, and not `lossy`; a run that has
            not ended, or has not what is asked for. Nothing was written.
        MissingDependencyError: a format needs an extra that is not installed.
    """
    exporter = EXPORTERS.find(text(to, "to"), "--to")
    wrong = sorted(options.keys() - exporter.options)
    if wrong:
        raise InputError(
            f"the format {to} has no option '{wrong[0]}'", where=_WRITTEN.get(wrong[0], f"--{wrong[0]}"),
            remedy=did_you_mean(wrong[0], exporter.options) if exporter.options else "leave it out",
        )  # fmt: skip
    thing = _network(source, set) if exporter.takes == "network" else _run(source, set, exporter, to)
    return exporter.write(thing, path_argument(out, "out"), lossy=flag(lossy, "lossy"), **options)


def import_network(
    source: str | os.PathLike[str], *, form: str, out: str | os.PathLike[str], overwrite: bool = False
) -> Written:
    """Make a configuration of a network in the format of other programs.

        dtbsim.import_network("circuit", form="sonata", out="model.yaml")
        dtbsim.run("model.yaml")

    Args:
        source: the folder of the network, or its configuration.
        form: name of the format: sonata, nir, or one that another package adds.
        out: the configuration, .yaml; synapses and numbers of neurons go into a folder of that name without .yaml.
        overwrite: replace both.

    Raises:
        InputError: no such format, or something of the network that cannot be read or simulated: nothing was written.
    """
    importer = IMPORTERS.find(text(form, "form"), "--from")
    return importer.read(
        path_argument(source, "source"), path_argument(out, "out"), overwrite=flag(overwrite, "overwrite")
    )


def _network(source: Any, overrides: Overrides) -> BuiltNetwork:
    from dtbsim.api import build
    from dtbsim.build.as_built import BuiltNetwork

    if isinstance(source, BuiltNetwork):
        return source
    if isinstance(source, str | os.PathLike) and Path(source).is_dir() and (Path(source) / "config.yaml").exists():
        source = Path(source) / "config.yaml"
    return build(source, set=overrides)


def _run(source: Any, overrides: Overrides, exporter: Exporter, to: str) -> Run:
    from dtbsim.store import Run, open_run

    if overrides:
        raise InputError(
            f"the format {to} is of a run, which nothing can be set in", where="--set", remedy="leave it out"
        )
    if isinstance(source, Run):
        return source
    if not isinstance(source, str | os.PathLike) or not Path(source).is_dir():
        raise InputError(f"the format {to} is of a run", where=str(source), remedy="name the folder of a run")
    return open_run(Path(source))
