"""The communicator of this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TypeVar

from dtbsim.errors import DtbsimError, InputError, MissingDependencyError, MultipleInputError
from dtbsim.mpi.comm import Comm, SerialComm
from dtbsim.mpi.launch import Launch, detect_launch

T = TypeVar("T")


class ElsewhereError(DtbsimError):
    """Rank 0 met an error and reports it; the other ranks leave with the same exit code, in silence."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def world_comm(environ: Mapping[str, str] | None = None) -> Comm:
    """Return the communicator of all ranks this process was started with: MPI only where a launcher says so.

    Raises MissingDependencyError when a launcher started several ranks and they cannot form one MPI world (mpi4py or
    the library missing, or `mpiexec` of one MPI with the library of another), never one run per rank.

    A process of a pool of `mpi4py.futures` is alone: the other ranks wait for tasks, and would not take part.
    """
    launch = detect_launch(os.environ if environ is None else environ)
    if not launch.parallel or in_pool():
        return SerialComm()
    try:
        from dtbsim.mpi.library import MpiComm, library_name
    except (ImportError, RuntimeError) as error:
        raise MissingDependencyError(
            f"started by {launch.launcher} as one of {launch.size or 'several'} ranks, but MPI cannot be used: {error}",
            remedy="pip install 'dtbsim[mpi]'",
        ) from error
    comm = MpiComm()
    _check_world(launch, comm.size, library_name())
    return comm


def in_pool() -> bool:
    """Whether this process is a worker of a pool of `mpi4py.futures`, or the master of `python -m mpi4py.futures`."""
    futures = sys.modules.get("mpi4py.futures")
    if futures is None:
        return False
    if getattr(sys.modules.get("mpi4py.futures._core"), "SharedPool", None) is not None:
        return True
    try:
        futures.get_comm_workers()
    except RuntimeError:
        return False
    return True


def _check_world(launch: Launch, size: int, library: str) -> None:
    if launch.size is not None and launch.size != size:
        raise MissingDependencyError(
            f"{launch.launcher} started {launch.size} ranks, but the MPI library of mpi4py ({library}) sees {size}",
            remedy="use the mpiexec that belongs to this library; `dtbsim doctor` shows both",
        )


def is_agreed(error: DtbsimError) -> bool:
    """Return whether every rank raises this error or its counterpart, by `on_root`."""
    return isinstance(error, ElsewhereError) or bool(vars(error).get("agreed"))


def on_root(comm: Comm, work: Callable[[], T]) -> T:
    """Run `work()` on rank 0 and return its (pickled) result on every rank; collective.

    If it raises a DtbsimError, rank 0 raises that error and every other rank ElsewhereError with the same exit code:
    all ranks leave together and one line is printed. Any other exception stays on rank 0.
    """
    if comm.size == 1:
        return work()
    outcome: tuple[bool, T | tuple[str, int]] | None = None
    failure: DtbsimError | None = None
    if comm.is_root:
        try:
            outcome = (True, work())
        except DtbsimError as error:
            failure = error
            vars(failure)["agreed"] = True
            outcome = (False, (str(error), error.exit_code))
    good, value = comm.bcast(outcome)
    if failure is not None:
        raise failure
    if not good:
        message, exit_code = value
        raise ElsewhereError(message, exit_code=exit_code)
    result: T = value
    return result


def first_on_node(comm: Comm, work: Callable[[], None]) -> None:
    """Run `work()` on the first rank of each node, then on all others; collective.

    For what is kept on a disk, such as compiled code: hundreds of ranks would otherwise make the same at once.
    """
    on_every_rank(comm, lambda: work() if comm.node_rank == 0 else None)
    on_every_rank(comm, lambda: work() if comm.node_rank > 0 else None)


def on_every_rank(comm: Comm, work: Callable[[], T], *, takes_part: bool = True) -> T:
    """Run `work()` on every rank and return its own result; collective.

    If it raises a DtbsimError on any rank, every rank raises the first one (by rank), named where it is not that of all
    who take part: all leave together with its exit code and one line is printed. Any other exception stays on its rank.
    """
    if comm.size == 1:
        return work()
    failure: DtbsimError | None = None
    result: T | None = None
    try:
        result = work()
    except DtbsimError as error:
        failure = error
    mine = None if failure is None else (_parts(failure), failure.exit_code)
    asked = comm.allgather((takes_part, mine))
    told = [entry for _, entry in asked]
    failed = [rank for rank, entry in enumerate(told) if entry is not None]
    if not failed:
        return result  # type: ignore[return-value]
    parts, exit_code = told[failed[0]]
    if any(entry != told[failed[0]] for part, entry in asked if part or entry is not None):
        parts = [(f"[rank {failed[0]}] {message}", where, remedy) for message, where, remedy in parts]
    shared = failure if failure is not None and len(parts) == 1 == len(_parts(failure)) else _from_parts(parts)
    shared.message, shared.where, shared.remedy = parts[0]
    shared.exit_code = exit_code
    vars(shared)["agreed"] = True
    raise shared


_Part = tuple[str, str | None, str | None]


def _parts(error: DtbsimError) -> list[_Part]:
    """Message, place and remedy of an error, or of each of several mistakes."""
    mistakes = error.mistakes if isinstance(error, InputError) else (error,)
    return [(mistake.message, mistake.where, mistake.remedy) for mistake in mistakes]


def _from_parts(parts: list[_Part]) -> DtbsimError:
    if len(parts) > 1:
        return MultipleInputError([InputError(message, where=where, remedy=remedy) for message, where, remedy in parts])
    message, where, remedy = parts[0]
    return DtbsimError(message, where=where, remedy=remedy)
