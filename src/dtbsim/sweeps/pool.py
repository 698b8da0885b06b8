"""Executors: the pool of processes that a sweep has by default, and those of others."""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

from dtbsim.arguments import refuse
from dtbsim.errors import EXIT_INTERRUPTED, InputError
from dtbsim.sweeps.worker import Job, Outcome, simulate

_PATIENCE_S = 60.0
"""For a run to close its stores and, where it is configured, to write a checkpoint, after an interrupt."""
_LOOK_S = 0.2
_PR_SET_PDEATHSIG = 1
KILLED = "its process was killed (the system may have run out of memory: give fewer workers)"


Work = TypeVar("Work")


class Executor(Protocol):
    """What a sweep needs of an executor: tasks with `result()` and `done()`, such as `concurrent.futures.Executor`."""

    def submit(self, function: Callable[[Job], Outcome], job: Job, /) -> Any:
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


def on_executor(executor: Executor, jobs: Sequence[Job]) -> Iterator[Outcome]:
    """Simulate on somebody else's executor; outcomes come as they are there."""
    tasks = [(executor.submit(simulate, job), job) for job in jobs]
    try:
        for task, job in as_they_end(tasks):
            try:
                outcome = outcome_of(task, job)
            except BrokenProcessPool:
                outcome = Outcome(job.number, {}, KILLED)
            yield outcome
    except BaseException:
        for task, _ in tasks:
            if hasattr(task, "cancel"):
                task.cancel()
        raise


def outcome_of(task: Any, job: Job) -> Outcome:
    """The outcome of a task that has ended, also of one that its executor lost. Raises BrokenProcessPool."""
    try:
        outcome: Outcome = task.result()
    except BrokenProcessPool:
        raise
    except Exception as error:  # noqa: BLE001 - what cannot be pickled, or whatever befalls an executor
        return Outcome(job.number, {}, f"{type(error).__name__}: {error}")
    return outcome


def as_they_end(tasks: list[tuple[Any, Work]]) -> Iterator[tuple[Any, Work]]:
    """Yield tasks with what they are of, as they end."""
    if all(isinstance(task, concurrent.futures.Future) for task, _ in tasks):
        jobs = dict(tasks)
        for task in concurrent.futures.as_completed(jobs):
            yield task, jobs[task]
        return
    while tasks:
        ended = [entry for entry in tasks if entry[0].done()]
        yield from ended
        tasks = [entry for entry in tasks if entry not in ended]
        if not ended:
            time.sleep(_LOOK_S)


class ProcessPool:
    """Forked processes of this one; each simulates one run at a time and keeps its compiled code.

    As a context its processes stay from one call of `outcomes` to the next, and a sweep takes it as its `executor`.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._stay = False
        self._open = contextlib.ExitStack()
        self._submit: Callable[[Job], concurrent.futures.Future[Outcome]] | None = None

    def __enter__(self) -> ProcessPool:
        self._stay = True
        return self

    def __exit__(self, *error: object) -> None:
        self._stay = False
        self._leave(*error)

    def _leave(self, *error: object) -> None:
        """End the processes that stayed; after an error, such as KeyboardInterrupt, at once."""
        opened, self._open, self._submit = self._open, contextlib.ExitStack(), None
        opened.__exit__(*(error or (None, None, None)))  # type: ignore[arg-type]

    @contextlib.contextmanager
    def _processes(self, jobs: int) -> Iterator[Callable[[Job], concurrent.futures.Future[Outcome]]]:
        """Those that have stayed, or new ones."""
        if not self._stay:
            with _processes(min(self._workers, jobs)) as submit:
                yield submit
            return
        if self._submit is None:
            self._submit = self._open.enter_context(_processes(self._workers))
        try:
            yield self._submit
        except BaseException:
            self._leave(*sys.exc_info())
            raise

    def outcomes(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """Simulate; outcomes come as they are there. A process that is killed fails its run, and no other one."""
        waiting = deque(jobs)
        while waiting:
            suspects: list[Job] = []
            yield from self._until_one_is_killed(waiting, suspects)
            for job in suspects:
                yield from _alone(job)

    def _until_one_is_killed(self, waiting: deque[Job], suspects: list[Job]) -> Iterator[Outcome]:
        """Work off the queue; where a process is killed, the runs that were being simulated become `suspects`."""
        with self._processes(len(waiting)) as submit:
            running: dict[concurrent.futures.Future[Outcome], Job] = {}
            while (waiting or running) and not suspects:
                while waiting and len(running) < self._workers:
                    job = waiting.popleft()
                    try:
                        running[submit(job)] = job
                    except BrokenProcessPool:
                        suspects.append(job)
                        break
                ended, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                for task in ended:
                    job = running.pop(task)
                    try:
                        outcome = outcome_of(task, job)
                    except BrokenProcessPool:
                        suspects.append(job)
                    else:
                        yield outcome
            suspects += running.values() if suspects else ()
        if suspects:
            self._leave()


def _alone(job: Job) -> Iterator[Outcome]:
    """Simulate a run in a process of its own."""
    with _processes(1) as submit:
        try:
            outcome = outcome_of(submit(job), job)
        except BrokenProcessPool:
            outcome = Outcome(job.number, {}, KILLED)
        yield outcome


@contextlib.contextmanager
def _processes(workers: int) -> Iterator[Callable[[Job], concurrent.futures.Future[Outcome]]]:
    """A pool; where the context is left by an exception, such as KeyboardInterrupt, runs are stopped cleanly."""
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("fork")
    executor = concurrent.futures.ProcessPoolExecutor(
        workers, context, initializer=begin_worker, initargs=(os.getpid(),)
    )

    def submit(job: Job) -> concurrent.futures.Future[Outcome]:
        with warnings.catch_warnings():  # of threads at a fork: docs/adr/0046
            warnings.simplefilter("ignore", DeprecationWarning)
            return executor.submit(_simulate_in_child, job)

    try:
        yield submit
    except BaseException:
        stop_workers([child for child in multiprocessing.active_children() if child not in before])
        executor.shutdown(wait=False, cancel_futures=True)
        raise
    executor.shutdown(wait=True, cancel_futures=True)


def stop_workers(children: list[Any]) -> None:
    """Ask for a clean end, and wait for it; Ctrl-C again, or too long a wait, ends them at once."""
    try:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGTERM)
        end_s = time.monotonic() + _PATIENCE_S
        for child in children:
            child.join(max(0.0, end_s - time.monotonic()))
    finally:
        for child in children:
            if child.is_alive():
                child.kill()


def begin_worker(parent: int) -> None:
    """A worker begins: Ctrl-C is for its parent, which tells it to stop; with its parent it ends."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(EXIT_INTERRUPTED)


def _simulate_in_child(job: Job) -> Outcome:
    outcome = simulate(job)
    if outcome.stopped:  # by the parent, which waits for the end of this process
        os._exit(EXIT_INTERRUPTED)
    return outcome
