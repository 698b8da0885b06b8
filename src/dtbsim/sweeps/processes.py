"""Work in forked processes that may be killed, and on executors of others: the loop that sweeps and fits share."""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import multiprocessing
import os
import signal
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dtbsim.errors import EXIT_INTERRUPTED, DtbsimError

_PATIENCE_S = 60.0
"""For a run to close its stores and, where it is configured, to write a checkpoint, after an interrupt."""
_LOOK_S = 0.2
_PR_SET_PDEATHSIG = 1
KILLED = "its process was killed (the system may have run out of memory: give fewer workers)"

Work = TypeVar("Work")
Result = TypeVar("Result")


def _no_parts(_: Any) -> tuple[()]:
    return ()


@dataclass(frozen=True)
class Calls(Generic[Work, Result]):
    """What is done with a piece of work: `call` in another process, which must be picklable.

    `failed` makes the result of work whose process was killed, or that raised what the text says. `parts` gives what is
    tried one by one where a whole was killed twice.
    """

    call: Callable[[Work], Result]
    failed: Callable[[Work, str], Result]
    parts: Callable[[Work], Sequence[Work]] = _no_parts

    def result(self, task: Any, work: Work) -> Result:
        """The result of a task that has ended. Raises BrokenProcessPool where its process was killed."""
        try:
            found: Result = task.result()
        except BrokenProcessPool:
            raise
        except DtbsimError as error:
            return self.failed(work, str(error))
        except Exception as error:  # noqa: BLE001 - what cannot be pickled, or whatever befalls an executor
            return self.failed(work, f"{type(error).__name__}: {error}")
        return found


class Processes:
    """`n` forked processes at most, begun when there is work; they keep compiled code until they are closed."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._before = set(multiprocessing.active_children())
        self._executor: concurrent.futures.ProcessPoolExecutor | None = None

    def run(self, calls: Calls[Work, Result], works: Iterable[Work]) -> Iterator[tuple[Work, Result]]:
        """Do all; results come as they are there.

        Where a process is killed, what was being done is done again, each in a process of its own; what is killed
        there as well has failed.
        """
        waiting = deque(works)
        while waiting:
            suspects: list[Work] = []
            yield from self._until_one_is_killed(calls, waiting, suspects)
            for work in suspects:
                yield from _alone(calls, work)

    def _until_one_is_killed(
        self, calls: Calls[Work, Result], waiting: deque[Work], suspects: list[Work]
    ) -> Iterator[tuple[Work, Result]]:
        """Work off the queue; where a process is killed, what was being done become `suspects`."""
        running: dict[concurrent.futures.Future[Result], Work] = {}
        while (waiting or running) and not suspects:
            while waiting and len(running) < self.n:
                work = waiting.popleft()
                try:
                    running[self._submit(calls.call, work)] = work
                except BrokenProcessPool:
                    suspects.append(work)
                    break
            ended, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for task in ended:
                work = running.pop(task)
                try:
                    found = calls.result(task, work)
                except BrokenProcessPool:
                    suspects.append(work)
                else:
                    yield work, found
        if suspects:
            suspects += running.values()
            self.close()

    def _submit(self, call: Callable[[Work], Result], work: Work) -> concurrent.futures.Future[Result]:
        if self._executor is None:
            context = multiprocessing.get_context("fork")
            self._executor = concurrent.futures.ProcessPoolExecutor(
                self.n, context, initializer=_begin_worker, initargs=(os.getpid(),)
            )
        with warnings.catch_warnings():  # of threads at a fork: docs/adr/0046
            warnings.simplefilter("ignore", DeprecationWarning)
            return self._executor.submit(call, work)

    def close(self) -> None:
        """The end of all of them, after what they are doing."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None

    def stop(self) -> None:
        """The end after an error or an interrupt: what is being simulated is stopped cleanly."""
        _stop_workers([child for child in multiprocessing.active_children() if child not in self._before])
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None


@contextlib.contextmanager
def closing(processes: Processes) -> Iterator[Processes]:
    """Close processes at the end; stop them where it is an error, such as KeyboardInterrupt."""
    try:
        yield processes
    except BaseException:
        processes.stop()
        raise
    processes.close()


def _alone(calls: Calls[Work, Result], work: Work) -> Iterator[tuple[Work, Result]]:
    """In a process of its own; where that is killed too, part by part."""
    parts: Sequence[Work] = ()
    with closing(Processes(1)) as alone:
        try:
            found = calls.result(alone._submit(calls.call, work), work)
        except BrokenProcessPool:
            parts = calls.parts(work)
            found = calls.failed(work, KILLED)
    if len(parts) < 2:
        yield work, found
        return
    for part in parts:
        yield from _alone(calls, part)


def on_executor(executor: Any, calls: Calls[Work, Result], works: Iterable[Work]) -> Iterator[tuple[Work, Result]]:
    """Do all on somebody else's executor; results come as they are there, and an error cancels the rest."""
    tasks = [(executor.submit(calls.call, work), work) for work in works]
    try:
        for task, work in _as_they_end(tasks):
            try:
                found = calls.result(task, work)
            except BrokenProcessPool:
                found = calls.failed(work, KILLED)
            yield work, found
    except BaseException:
        for task, _ in tasks:
            if hasattr(task, "cancel"):
                task.cancel()
        raise


def _as_they_end(tasks: list[tuple[Any, Work]]) -> Iterator[tuple[Any, Work]]:
    """Yield tasks with what they are of, as they end."""
    if all(isinstance(task, concurrent.futures.Future) for task, _ in tasks):
        works = dict(tasks)
        for task in concurrent.futures.as_completed(works):
            yield task, works[task]
        return
    while tasks:
        ended = [entry for entry in tasks if entry[0].done()]
        yield from ended
        tasks = [entry for entry in tasks if entry not in ended]
        if not ended:
            time.sleep(_LOOK_S)


def _stop_workers(children: list[Any]) -> None:
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


def _begin_worker(parent: int) -> None:
    """A worker begins: Ctrl-C is for its parent, which tells it to stop; with its parent it ends."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(EXIT_INTERRUPTED)
