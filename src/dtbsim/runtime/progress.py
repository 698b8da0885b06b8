"""Where a run tells how far it is. Displays are for people: one that cannot be written to falls silent."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

from dtbsim.runtime import watchdog
from dtbsim.runtime.pace import Pace, Reading, duration

LINE_INTERVAL_S = 5.0
BAR_INTERVAL_S = 0.2


class ProgressSink(Protocol):
    """Receives the progress of a run. All calls are cheap; `advance` may come thousands of times per second."""

    def stage(self, name: str) -> None:
        """A stage begins; the one before has ended."""

    def advance(self, step: int, n_steps: int, dt_ms: float = 0.0) -> None:
        """`step` of `n_steps` parts of the stage are done; with `dt_ms` the parts are time steps."""

    def note(self, text: str) -> None:
        """Something worth a line."""

    def announce(self, text: str) -> None:
        """Something that takes long, which those want to know, too, who asked for no progress."""

    def close(self) -> None:
        """No more progress will come."""


class SilentProgress:
    """Shows nothing: ranks other than 0, and --quiet."""

    def stage(self, name: str) -> None:
        """Ignore."""

    def advance(self, step: int, n_steps: int, dt_ms: float = 0.0) -> None:
        """Ignore."""

    def note(self, text: str) -> None:
        """Ignore."""

    def announce(self, text: str) -> None:
        """Ignore."""

    def close(self) -> None:
        """Ignore."""


class TickProgress(SilentProgress):
    """Counts progress of any kind as a sign of life of this rank."""

    def stage(self, name: str) -> None:
        """Count it as progress."""
        watchdog.tick()

    def advance(self, step: int, n_steps: int, dt_ms: float = 0.0) -> None:
        """Count it as progress; of the simulation with its step."""
        if dt_ms > 0:
            watchdog.done(step)
        else:
            watchdog.tick()


class AnnouncedProgress(TickProgress):
    """Shows nothing but what takes long: runs from Python that asked for no progress."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def announce(self, text: str) -> None:
        """Say it."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"dtbsim: {text}\n")
            self._stream.flush()


class ProgressGroup:
    """Hands everything on to several sinks."""

    def __init__(self, *sinks: ProgressSink) -> None:
        self._sinks = sinks

    def stage(self, name: str) -> None:
        """Hand on."""
        for sink in self._sinks:
            sink.stage(name)

    def advance(self, step: int, n_steps: int, dt_ms: float = 0.0) -> None:
        """Hand on."""
        for sink in self._sinks:
            sink.advance(step, n_steps, dt_ms)

    def note(self, text: str) -> None:
        """Hand on."""
        for sink in self._sinks:
            sink.note(text)

    def announce(self, text: str) -> None:
        """Hand on."""
        for sink in self._sinks:
            sink.announce(text)

    def close(self) -> None:
        """Hand on."""
        for sink in self._sinks:
            sink.close()


class LineProgress:
    """A line for every stage, and one every few seconds within it: for logs and batch jobs."""

    def __init__(
        self, stream: TextIO, *, interval_s: float = LINE_INTERVAL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._interval_s = interval_s
        self._clock = clock
        self._start_s = self._stage_s = self._next_s = clock()
        self._stage: str | None = None
        self._pace = Pace(self._start_s)
        self._broken = False

    def stage(self, name: str) -> None:
        """Say how long the last stage took and that this one begins."""
        self._end_stage()
        now_s = self._clock()
        self._stage, self._stage_s, self._next_s = name, now_s, now_s + self._interval_s
        self._pace = Pace(now_s)
        self._print(f"{name} ...")

    def advance(self, step: int, n_steps: int, dt_ms: float = 0.0) -> None:
        """Say where the stage is, if it is time."""
        now_s = self._clock()
        if now_s < self._next_s:
            return
        self._next_s = now_s + self._interval_s
        reading = self._pace.look(now_s, step, n_steps, dt_ms)
        self._print(f"{self._stage or 'progress'} {100 * reading.fraction:.1f} %{describe_pace(reading)}")

    def note(self, text: str) -> None:
        """Say it."""
        self._print(text)

    announce = note

    def close(self) -> None:
        """Say how long the last stage took."""
        self._end_stage()

    def _end_stage(self) -> None:
        if self._stage is not None:
            self._print(f"{self._stage} took {self._clock() - self._stage_s:.1f} s")
            self._stage = None

    def _print(self, text: str) -> None:
        if self._broken:
            return
        try:
            self._stream.write(f"[{self._clock() - self._start_s:7.1f} s] {text}\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._broken = True


def describe_pace(reading: Reading) -> str:
    """Return `, 1.20 s of 10.00 s, RTF 0.84, 12 s left`, as far as it is known."""
    parts = []
    if reading.biological_ms > 0 and reading.step > 0:
        total_ms = reading.biological_ms / reading.step * reading.n_steps
        parts.append(f"{reading.biological_ms * 1e-3:.2f} s of {total_ms * 1e-3:.2f} s")
    if reading.rtf is not None:
        parts.append(f"RTF {reading.rtf:.3g}")
    if reading.eta_s is not None:
        parts.append(f"{duration(reading.eta_s)} left")
    return "".join(f", {part}" for part in parts)


class BarProgress:
    """A bar on a terminal with the time that is left and the current real-time factor."""

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self._clock = clock
        self._console = Console(file=stream)
        self._bar = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[pace]}"),
            console=self._console,
            refresh_per_second=4,
            transient=True,
        )
        self._task: Any = None
        self._stage: str | None = None
        self._stage_s = self._next_s = clock()
        self._pace = Pace(self._stage_s)
        self._broken = False
        self._draw(self._bar.start)

    def stage(self, name: str) -> None:
        """Replace the bar by a line that says how long the last stage took, and start anew."""
        self._end_stage()
        self._stage, self._stage_s, self._next_s = name, self._clock(), 0.0
        self._pace = Pace(self._stage_s)
        self._draw(self._new_task, name)

    def advance(self, step: int, n_steps: int, dt_ms: float = 0.0) -> None:
        """Move the bar, if it is time."""
        now_s = self._clock()
        if now_s < self._next_s:
            return
        self._next_s = now_s + BAR_INTERVAL_S
        reading = self._pace.look(now_s, step, n_steps, dt_ms)
        self._draw(self._move, reading)

    def note(self, text: str) -> None:
        """Print it above the bar."""
        self._draw(self._console.print, text, markup=False, highlight=False)

    announce = note

    def close(self) -> None:
        """Remove the bar."""
        self._end_stage()
        self._draw(self._bar.stop)

    def _new_task(self, name: str) -> None:
        self._task = self._bar.add_task(name, total=None, pace="")

    def _move(self, reading: Reading) -> None:
        if self._task is not None:
            pace = describe_pace(reading).removeprefix(", ")
            self._bar.update(self._task, completed=reading.step, total=reading.n_steps, pace=pace)

    def _end_stage(self) -> None:
        if self._stage is not None:
            took = f"{self._stage:<12} {self._clock() - self._stage_s:.1f} s"
            self._draw(self._console.print, took, markup=False, highlight=False)
            if self._task is not None:
                self._draw(self._bar.remove_task, self._task)
            self._stage, self._task = None, None

    def _draw(self, action: Callable[..., Any], *values: Any, **options: Any) -> None:
        if self._broken:
            return
        try:
            action(*values, **options)
        except (OSError, ValueError):
            self._broken = True


def make_progress(stream: TextIO | None, *, rank: int, quiet: bool) -> ProgressSink:
    """Return the progress of a rank: a bar on a terminal, lines elsewhere.

    Nothing is shown with `quiet`, on ranks above 0, and where there is no stream (stderr closed).
    """
    if rank != 0 or quiet or stream is None:
        return TickProgress()
    shown: ProgressSink = BarProgress(stream) if stream.isatty() else LineProgress(stream)
    return ProgressGroup(TickProgress(), shown)
