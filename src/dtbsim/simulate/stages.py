"""The stages of a run, one after the other, with the time that each took on this rank."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from dtbsim.runtime.progress import ProgressSink


class Stages:
    """Seconds per stage; `stage` also tells the progress."""

    def __init__(self, progress: ProgressSink) -> None:
        self._progress = progress
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside; a name that comes again adds up."""
        self._progress.stage(name)
        begin_s = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin_s
