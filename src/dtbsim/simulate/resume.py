"""`resume`: go on with a run in its folder, or begin another with it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from dtbsim.config import LocatedConfig, Overrides
from dtbsim.errors import InputError
from dtbsim.mpi import Comm, on_root, world_comm
from dtbsim.mpi.world import on_every_rank
from dtbsim.runtime.progress import ProgressSink
from dtbsim.simulate.conductor import conduct, result_of
from dtbsim.simulate.given import given_on_nodes, outline_of
from dtbsim.simulate.pause import Conducted
from dtbsim.simulate.result import RunResult
from dtbsim.simulate.resuming import Resumption, find_branch, find_resumption


def resume(
    run: Path,
    *,
    overrides: Overrides = (),
    checkpoint: str | None = None,
    out: Path | None = None,
    at_ms: float | None = None,
    overwrite: bool = False,
    take_over: bool = False,
    comm: Comm | None = None,
    progress: ProgressSink | None = None,
    argv: Sequence[str] | None = None,
    report: bool = True,
    began_s: float | None = None,
    max_hours: float | None = None,
) -> RunResult:
    """Go on with the run in a folder from its last checkpoint; collective over all ranks of `comm`.

    With `out` it stays as it is, and a branch begins there, in a folder of its own.

    Args:
        run: the folder.
        overrides: what changes in its configuration: keys of MAY_DIFFER in `simulation`, and `checkpoint`; of a branch
            what `simulate.branching` allows.
        checkpoint: the name of another checkpoint than the last.
        out: the folder of a branch; must be new or empty, with `overwrite` that of a run that has ended.
        at_ms: the biological time of the checkpoint that a branch begins with.
        take_over: whether a run that counts as going on, on another machine, is known to have ended.
        comm, progress, argv, report, began_s, max_hours: as of `simulate.run`.

    Raises:
        InputError before anything is changed; further as `simulate.run`.
    """
    ranks = comm if comm is not None else world_comm()
    folder = run.absolute()

    def find() -> Resumption:
        if out is None:
            if at_ms is not None:
                message = "a run goes on in its folder from the last checkpoint"
                raise InputError(message, where="at_ms", remedy="give a branch a folder: out=..., --out DIR")
            return find_resumption(folder, overrides, checkpoint, take_over=take_over)
        return find_branch(folder, overrides, checkpoint, at_ms)

    found = found_on_ranks(ranks, find)
    given = argv if argv is not None else sys.argv
    located = found.located
    job = conduct(
        located.config, out, found.folder, located.locator, ranks, progress, given, overwrite, began_s,
        report=report, resumed=found, max_hours=max_hours,
    )  # fmt: skip
    return result_of(job)


def found_on_ranks(ranks: Comm, find: Callable[[], Resumption]) -> Resumption:
    """What rank 0 finds, on all ranks, the configuration as on nodes; each has looked at its part of the checkpoint."""
    on_rank_0: list[Resumption] = []

    def load() -> LocatedConfig:
        on_rank_0.append(find())
        return on_rank_0[0].located

    located = given_on_nodes(ranks, load)
    rest = on_root(ranks, lambda: replace(on_rank_0[0], located=outline_of(on_rank_0[0].located)))
    found = replace(rest, located=located)
    on_every_rank(ranks, lambda: found.checkpoint.check(ranks.rank, ranks.size))
    return found


def go_on_live(
    run: Path,
    out: Path | None,
    overrides: Overrides,
    comm: Comm,
    progress: ProgressSink,
    began_s: float,
    *,
    overwrite: bool = False,
) -> Conducted:
    """A run in pieces that goes on from the last checkpoint of the run in a folder, there or as a branch in `out`."""

    def find() -> Resumption:
        return find_resumption(run, overrides, live=True) if out is None else find_branch(run, overrides, live=True)

    found = found_on_ranks(comm, find)
    located = found.located
    return conduct(
        located.config, out, found.folder, located.locator, comm, progress, list(sys.argv), overwrite, began_s,
        live=True, resumed=found,
    )  # fmt: skip
