"""Where the runs of a sweep are simulated: the pool of processes that it has by default, and executors of others."""

from __future__ import annotations

import concurrent.futures
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from dtbsim.arguments import refuse
from dtbsim.errors import EXIT_INTERRUPTED, InputError
from dtbsim.sweeps.processes import Calls, Processes, closing, on_executor
from dtbsim.sweeps.worker import Job, Outcome, simulate


class Executor(Protocol):
    """What a sweep needs of an executor: tasks with `result()` and `done()`, such as `concurrent.futures.Executor`."""

    def submit(self, function: Callable[[Any], Any], job: Any, /) -> Any:
        """Hand over a task."""


def check_executor(executor: Any) -> Executor:
    """Raise InputError for what is no executor, or one that runs its tasks in threads of this process."""
    if isinstance(executor, concurrent.futures.ThreadPoolExecutor):
        raise InputError(
            "a ThreadPoolExecutor would run them in one process, which has one run at a time",
            where="executor",
            remedy="leave it out for a pool of processes, or give a ProcessPoolExecutor",
        )
    if isinstance(executor, type) or not callable(getattr(executor, "submit", None)):
        raise refuse(
            executor, "executor", "a concurrent.futures.Executor, such as ProcessPoolExecutor() or MPIPoolExecutor()"
        )
    found: Executor = executor
    return found


def _failed(job: Job, error: str) -> Outcome:
    return Outcome(job.number, {}, error)


def _simulate_in_child(job: Job) -> Outcome:
    outcome = simulate(job)
    if outcome.stopped:  # by the parent, which waits for the end of this process
        os._exit(EXIT_INTERRUPTED)
    return outcome


def simulated_on(executor: Executor, jobs: Sequence[Job]) -> Iterator[Outcome]:
    """Simulate on somebody else's executor; outcomes come as they are there."""
    for _, outcome in on_executor(executor, Calls(simulate, _failed), jobs):
        yield outcome


class ProcessPool:
    """Forked processes of this one; each simulates one run at a time and keeps its compiled code.

    As a context its processes stay from one call of `outcomes` to the next, and a sweep takes it as its `executor`.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._kept: Processes | None = None

    def __enter__(self) -> ProcessPool:
        self._kept = Processes(self._workers)
        return self

    def __exit__(self, *error: object) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            (kept.close if error[:1] == (None,) else kept.stop)()

    def outcomes(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """Simulate; outcomes come as they are there. A process that is killed fails its run, and no other one."""
        calls = Calls(_simulate_in_child, _failed)
        if self._kept is not None:
            try:
                for _, outcome in self._kept.run(calls, jobs):
                    yield outcome
            except BaseException:
                self.__exit__(*sys.exc_info())
                raise
        elif jobs:
            with closing(Processes(min(self._workers, len(jobs)))) as processes:
                for _, outcome in processes.run(calls, jobs):
                    yield outcome
