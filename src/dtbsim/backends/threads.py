"""A fixed team of threads that run one function each per call; the caller is the first of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue


class Team:
    """`n` threads. `run(work)` calls work(0) .. work(n - 1), each in its own thread, and waits for all."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._queues: list[SimpleQueue[Callable[[int], None] | None]] = [SimpleQueue() for _ in range(n - 1)]
        self._done: SimpleQueue[BaseException | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, args=(i + 1,), name=f"dtbsim-{i + 1}", daemon=True)
            for i in range(n - 1)
        ]
        for thread in self._threads:
            thread.start()

    def _serve(self, index: int) -> None:
        while (work := self._queues[index - 1].get()) is not None:
            try:
                work(index)
            except BaseException as error:  # noqa: BLE001 - handed to the caller of run
                self._done.put(error)
            else:
                self._done.put(None)

    def run(self, work: Callable[[int], None]) -> None:
        """Run `work` on all threads; the first exception of any is raised here."""
        for queue in self._queues:
            queue.put(work)
        failed: BaseException | None = None
        try:
            work(0)
        except BaseException as error:  # noqa: BLE001 - raised below, after the others have stopped
            failed = error
        for _ in self._queues:
            failed = self._done.get() or failed
        if failed is not None:
            raise failed

    def close(self) -> None:
        """Stop the threads."""
        for queue in self._queues:
            queue.put(None)


def usable_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0))
