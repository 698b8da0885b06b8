"""Where batches are evaluated: forked processes that stay for the whole study, or somebody else's executor."""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from dtbsim.errors import DtbsimError
from dtbsim.fitting.evaluate import Batch, evaluate, evaluate_in_child, failed
from dtbsim.fitting.journal import Record
from dtbsim.sweeps.pool import KILLED, begin_worker, stop_workers

Done = tuple[Batch, list[Record]]


class Processes:
    """Forked processes; one that is killed loses its batch, which is tried again, in the end one by one."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._before = set(multiprocessing.active_children())
        self._executor: concurrent.futures.ProcessPoolExecutor | None = None

    def run(self, batches: Iterable[Batch]) -> Iterator[Done]:
        """Evaluate; what is done comes as it is there."""
        waiting = deque(batches)
        while waiting:
            suspects: list[Batch] = []
            yield from self._until_one_is_killed(waiting, suspects)
            for batch in suspects:
                yield from self._alone(batch)

    def _until_one_is_killed(self, waiting: deque[Batch], suspects: list[Batch]) -> Iterator[Done]:
        running: dict[concurrent.futures.Future[list[Record]], Batch] = {}
        while (waiting or running) and not suspects:
            while waiting and len(running) < self.n:
                batch = waiting.popleft()
                try:
                    running[self._submit(batch)] = batch
                except BrokenProcessPool:
                    suspects.append(batch)
                    break
            ended, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for task in ended:
                batch = running.pop(task)
                try:
                    found = _result(task, batch)
                except BrokenProcessPool:
                    suspects.append(batch)
                else:
                    yield batch, found
        if suspects:
            suspects += running.values()
            self._drop()

    def _alone(self, batch: Batch) -> Iterator[Done]:
        """In a process of its own; where that is killed too, one by one."""
        with contextlib.ExitStack() as stack:
            alone = Processes(1)
            stack.callback(alone.close)
            try:
                found = _result(alone._submit(batch), batch)
            except BrokenProcessPool:
                alone._drop()
                found = [failed(batch.items[0], KILLED)] if len(batch.items) == 1 else []
        if found:
            yield batch, found
            return
        for item in batch.items:
            yield from self._alone(batch.of((item,)))

    def _submit(self, batch: Batch) -> concurrent.futures.Future[list[Record]]:
        if self._executor is None:
            context = multiprocessing.get_context("fork")
            self._executor = concurrent.futures.ProcessPoolExecutor(
                self.n, context, initializer=begin_worker, initargs=(os.getpid(),)
            )
        with warnings.catch_warnings():  # of threads at a fork: docs/adr/0046
            warnings.simplefilter("ignore", DeprecationWarning)
            return self._executor.submit(evaluate_in_child, batch)

    def _drop(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None

    def close(self) -> None:
        """The end of all of them."""
        self._drop()

    def stop(self) -> None:
        """The same after an error or an interrupt: what is being simulated is stopped."""
        stop_workers([child for child in multiprocessing.active_children() if child not in self._before])
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None


class Foreign:
    """An executor of others, such as mpi4py.futures, Dask or submitit; they close it."""

    def __init__(self, executor: Any, n: int) -> None:
        self._executor, self.n = executor, n

    def run(self, batches: Iterable[Batch]) -> Iterator[Done]:
        """Evaluate; what is done comes as it is there."""
        from dtbsim.sweeps.pool import as_they_end

        tasks = [(self._executor.submit(evaluate, batch), batch) for batch in batches]
        for task, batch in as_they_end(tasks):
            try:
                found = _result(task, batch)
            except BrokenProcessPool:
                found = [failed(item, KILLED) for item in batch.items]
            yield batch, found

    def close(self) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing: what was handed over goes on."""


def _result(task: Any, batch: Batch) -> list[Record]:
    try:
        found: list[Record] = task.result()
    except BrokenProcessPool:
        raise
    except DtbsimError as error:
        return [failed(item, str(error)) for item in batch.items]
    except Exception as error:  # noqa: BLE001 - what cannot be pickled, or whatever befalls an executor
        return [failed(item, f"{type(error).__name__}: {error}") for item in batch.items]
    return found


Pool = Processes | Foreign
Make = Callable[[], Pool]
