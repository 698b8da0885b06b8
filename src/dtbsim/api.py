"""`dtbsim.run` and `dtbsim.validate`: a run from Python, from a file, a mapping or configuration objects."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.config import Locator, RunConfig, check_references, load_config_data, load_located
from dtbsim.config.plain import plain
from dtbsim.runtime.progress import make_progress

if TYPE_CHECKING:
    from dtbsim.mpi import Comm
    from dtbsim.simulate import RunResult
    from dtbsim.spec import Network

Source = RunConfig | Mapping[str, Any] | str | Path


def run(
    source: Source,
    *,
    out: str | Path | None = None,
    set: Sequence[str] = (),
    comm: Comm | None = None,
    progress: bool = False,
    report: bool = False,
) -> RunResult:
    """Simulate and return the result; under an MPI launcher every rank calls this, with the same arguments.

    Args:
        source: a `RunConfig`, the same as a mapping, or the path of a configuration file.
        out: the run folder, new or empty (default: runs/NAME-TIME below the current folder).
        set: overrides, `key.path=value`, as on the command line.
        comm: the ranks (default: those that a launcher started, else this process alone).
        progress: show on standard error how far the run is.
        report: write report.html at the end.

    Raises:
        DtbsimError: everything that can go wrong; `exit_code` says what it would mean on the command line.
    """
    from dtbsim.mpi import world_comm
    from dtbsim.simulate import run as conduct

    config, base_dir, locator = resolve(source, set)
    ranks = comm if comm is not None else world_comm()
    shown = make_progress(sys.stderr, rank=ranks.rank, quiet=not progress)
    try:
        result = conduct(
            config,
            out=Path(out) if out is not None else None,
            base_dir=base_dir,
            locator=locator,
            comm=ranks,
            progress=shown,
            report=report,
        )
    finally:
        shown.close()
    if result.report_error is not None:
        raise result.report_error
    return result


def validate(source: Source, *, set: Sequence[str] = ()) -> Network:
    """Return the network that `source` means; nothing is built or simulated. InputError where something is wrong."""
    from dtbsim.spec import compile_network

    config, base_dir, locator = resolve(source, set)
    return compile_network(config, base_dir, locator)


def resolve(source: Source, overrides: Sequence[str] = ()) -> tuple[RunConfig, Path, Locator]:
    """The configuration that `source` means, the folder its relative paths start from, and where its values stand."""
    if isinstance(source, str | Path):
        from dtbsim.run_folder.repeat import check_repeat

        check_repeat(Path(source))
        located = load_located(source, overrides)
        return located.config, located.base_dir, located.locator
    if isinstance(source, RunConfig):
        if not overrides:
            check_references(source)
            return source, Path(), Locator()
        return load_config_data(plain(source), overrides), Path(), Locator()
    return load_config_data(source, overrides), Path(), Locator()
