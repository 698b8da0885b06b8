"""The stages of a run, one after the other, with the time and the memory that each took on this rank."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dtbsim.runtime.progress import ProgressSink

LOAD, OTHER = "load", "other"


class Stages:
    """Seconds per stage, and the peak of resident memory (bytes) by its end; `stage` also tells the progress.

    Every moment since `began_s` (`time.perf_counter`) belongs to one stage: to `load` before the first one, to `other`
    between two, so that the seconds of all stages add up to `elapsed_s`.
    """

    def __init__(self, progress: ProgressSink, began_s: float | None = None) -> None:
        self.progress = progress
        self._began_s = self._since_s = time.perf_counter() if began_s is None else began_s
        self._open = [LOAD]
        self.seconds: dict[str, float] = {}
        self.peak_bytes: dict[str, int] = {}

    @contextmanager
    def stage(self, name: str, *, shown: bool = True) -> Iterator[None]:
        """Time what happens inside; a name that comes again adds up. Not `shown`: the progress is not told."""
        self._charge()
        self._open[0] = OTHER
        self._open.append(name)
        if shown:
            self.progress.stage(name)
        try:
            yield
        finally:
            self._charge()
            self.peak_bytes[name] = peak_rss_bytes()
            self._open.pop()

    def elapsed_s(self) -> float:
        """Seconds since the beginning, all of them given to stages."""
        self._charge()
        return self._since_s - self._began_s

    def _charge(self) -> None:
        now_s, name = time.perf_counter(), self._open[-1]
        self.seconds[name] = self.seconds.get(name, 0.0) + now_s - self._since_s
        self._since_s = now_s


def process_began_s() -> float:
    """When this process started, on the scale of `time.perf_counter`; now, where that is not known."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        age_s = 0.0
    return time.perf_counter() - max(0.0, age_s)


def peak_rss_bytes() -> int:
    """Largest resident memory of this process so far; `ru_maxrss` would count that of the process that started it."""
    with suppress(OSError, StopIteration), Path("/proc/self/status").open(encoding="utf-8") as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
