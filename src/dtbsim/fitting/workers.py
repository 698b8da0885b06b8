"""Where batches are evaluated: forked processes that stay for the whole study, or somebody else's executor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dtbsim.fitting.evaluate import Batch, evaluate, evaluate_in_child, failed
from dtbsim.fitting.journal import Record
from dtbsim.sweeps.processes import Calls, Processes, on_executor

Done = tuple[Batch, list[Record]]


def _failed(batch: Batch, error: str) -> list[Record]:
    return [failed(item, error) for item in batch.items]


def _parts(batch: Batch) -> list[Batch]:
    return [batch.of((item,)) for item in batch.items]


class Forked:
    """Forked processes; one that is killed loses its batch, which is tried again, in the end one by one."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._processes = Processes(n)

    def run(self, batches: Iterable[Batch]) -> Iterator[Done]:
        """Evaluate; what is done comes as it is there."""
        return self._processes.run(Calls(evaluate_in_child, _failed, _parts), batches)

    def close(self) -> None:
        """The end of all of them."""
        self._processes.close()

    def stop(self) -> None:
        """The same after an error or an interrupt: what is being simulated is stopped."""
        self._processes.stop()


class Foreign:
    """An executor of others, such as mpi4py.futures, Dask or submitit; they close it."""

    def __init__(self, executor: Any, n: int) -> None:
        self._executor, self.n = executor, n

    def run(self, batches: Iterable[Batch]) -> Iterator[Done]:
        """Evaluate; what is done comes as it is there."""
        return on_executor(self._executor, Calls(evaluate, _failed), batches)

    def close(self) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing: what was begun goes on, and what was not is cancelled."""


Pool = Forked | Foreign
