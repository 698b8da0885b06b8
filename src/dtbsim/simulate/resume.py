"""`resume`: go on with a run in its folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dtbsim.config import Overrides
from dtbsim.mpi import Comm, on_root, world_comm
from dtbsim.runtime.progress import ProgressSink
from dtbsim.simulate.conductor import conduct, result_of
from dtbsim.simulate.result import RunResult
from dtbsim.simulate.resuming import find_resumption


def resume(
    run: Path,
    *,
    overrides: Overrides = (),
    checkpoint: str | None = None,
    take_over: bool = False,
    comm: Comm | None = None,
    progress: ProgressSink | None = None,
    argv: Sequence[str] | None = None,
    report: bool = True,
    began_s: float | None = None,
    max_hours: float | None = None,
) -> RunResult:
    """Go on with the run in a folder from its last checkpoint; collective over all ranks of `comm`.

    Args:
        run: the folder.
        overrides: what changes in its configuration: keys of MAY_DIFFER in `simulation`, and `checkpoint`.
        checkpoint: the name of another checkpoint than the last.
        take_over: whether a run that counts as going on, on another machine, is known to have ended.
        comm, progress, argv, report, began_s, max_hours: as of `simulate.run`.

    Raises:
        InputError before anything is changed; further as `simulate.run`.
    """
    ranks = comm if comm is not None else world_comm()
    found = on_root(ranks, lambda: find_resumption(run.absolute(), overrides, checkpoint, take_over=take_over))
    given = argv if argv is not None else sys.argv
    located = found.located
    job = conduct(
        located.config, None, found.folder, located.locator, ranks, progress, given, False, began_s,
        report=report, resumed=found, max_hours=max_hours,
    )  # fmt: skip
    return result_of(job)
