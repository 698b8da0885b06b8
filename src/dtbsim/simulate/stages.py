"""The stages of a run, one after the other, with the time and the memory that each took on this rank."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dtbsim.runtime.progress import ProgressSink


class Stages:
    """Seconds per stage, and the peak of resident memory (bytes) by its end; `stage` also tells the progress."""

    def __init__(self, progress: ProgressSink) -> None:
        self._progress = progress
        self.seconds: dict[str, float] = {}
        self.peak_bytes: dict[str, int] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside; a name that comes again adds up."""
        self._progress.stage(name)
        begin_s = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin_s
            self.peak_bytes[name] = peak_rss_bytes()


def peak_rss_bytes() -> int:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
