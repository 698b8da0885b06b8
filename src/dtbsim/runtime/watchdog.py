"""Ends a run that does not move: within `timeout_s` of the last progress of any rank, with the suspect named.

Every rank has a thread that looks at the board of its node. A rank makes progress by `tick()`, by finishing a
collective call and, outside of the time loop, by consuming a core, reading or writing: compiling, building and writing
take as long as they take. In the time loop (`stepping`) that is not enough, since an endless loop consumes a core, too.
Not moving at all is the criterion, because a rank that waits for a busy one is not stuck. The thread that fires names
the ranks that are stopped or busy while the others wait, asks them for their Python stacks, and aborts the job with
EXIT_FAULT.

One rank alone is watched only if a time limit is given: nobody waits for it, and its user sees whether it goes on.
Where it is, compiled code that loops with the interpreter lock is ended by the timer of `faulthandler`, which needs no
interpreter, with its stacks and exit status 1.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from dtbsim.errors import EXIT_FAULT
from dtbsim.mpi.comm import Comm, blank_row
from dtbsim.runtime import board as layout
from dtbsim.runtime.board import Board, Sign, open_board
from dtbsim.runtime.heartbeat import Heartbeat, describe
from dtbsim.runtime.liveness import LivenessSocket
from dtbsim.runtime.status import mark_failed
from dtbsim.runtime.streams import say
from dtbsim.runtime.supervisor import Work

DEFAULT_TIMEOUT_S = 120.0
"""Of several ranks."""
OUTPUT_DRAIN_S = 0.3
_STACK_SIGNAL = signal.SIGUSR2


class StuckClock:
    """Time without progress. A gap between two looks (the whole process was suspended) counts as one look at most."""

    def __init__(self, timeout_s: float, now_s: float) -> None:
        self.timeout_s = timeout_s
        self.idle_s = 0.0
        self._last_look_s = now_s
        self._last_count: int | None = None

    @property
    def period_s(self) -> float:
        """How often to look."""
        return min(0.25, self.timeout_s / 8)

    def look(self, count: int, now_s: float) -> bool:
        """Return True when `count` has not changed for `timeout_s`."""
        gap = now_s - self._last_look_s
        self._last_look_s = now_s
        if count != self._last_count:
            self._last_count = count
            self.idle_s = 0.0
        else:
            self.idle_s += min(gap, 4 * self.period_s)
        return self.idle_s >= self.timeout_s


class Watchdog:
    """Watches this process and its peers between `start()` and `close()`; both collective."""

    def __init__(self, comm: Comm, *, timeout_s: float | None = None) -> None:
        self._comm = comm
        self._board: Board | None = None
        self._row = blank_row()
        self._clock = self._new_clock(timeout_s)
        self._work: Work | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._started = False
        self._liveness: LivenessSocket | None = None
        self._heartbeat: Heartbeat | None = None
        self._before_stop: Any = None
        self._run_dir: Path | None = None

    @property
    def running(self) -> bool:
        """Whether `start()` has finished, so that there is a board."""
        return self._started

    @property
    def board(self) -> Board:
        """The board of this node."""
        if self._board is None:
            raise RuntimeError("the watchdog is not running")
        return self._board

    @property
    def row(self) -> memoryview:
        """This rank's int64 words; compiled code that waits for other ranks sets `dtbsim.runtime.board.WAITING`."""
        return self._row

    def tick(self, step: int | None = None) -> None:
        """Say that this rank makes progress; about 0.2 us. With a step: in the time loop, to the end of `stepping`."""
        row = self._row
        row[layout.TICKS] += 1
        row[layout.LAST_TICK_NS] = time.monotonic_ns()
        if step is not None:
            row[layout.STEP], row[layout.STEPPING] = step, 1

    def done(self, step: int) -> None:
        """Say that this rank has done all steps before `step`."""
        self._row[layout.STEP] = step
        self.tick()

    def configure(self, *, timeout_s: float | None = None, run_dir: Path | None = None) -> None:
        """Set the time limit and the run folder (it must exist), where the nodes leave signs of life for each other."""
        if run_dir is not None:
            self._run_dir = run_dir
            if self._board is not None and self._comm.node_rank == 0:
                self._board.note_folder(run_dir)
            if self._comm.node_count > 1:
                self._heartbeat = Heartbeat(run_dir, self._comm.node_index)
        if timeout_s is not None:
            self._clock = self._new_clock(timeout_s)
            self._begin_to_watch()

    @contextlib.contextmanager
    def stepping(self) -> Iterator[None]:
        """Within the `with` block, the time loop, this rank must `tick()` or meet others; the end is progress."""
        self._row[layout.STEPPING] = 1
        try:
            yield
        finally:
            self._row[layout.STEPPING] = 0
            self.tick()

    def _new_clock(self, timeout_s: float | None) -> StuckClock | None:
        if timeout_s is None and self._comm.size > 1:
            timeout_s = DEFAULT_TIMEOUT_S
        return None if timeout_s is None else StuckClock(timeout_s, time.monotonic())

    def start(self) -> Watchdog:
        """Map the board, start the supervisor and the thread."""
        if self._clock is not None:
            self._arm(self._clock)  # nobody watches yet
        self._board = open_board(self._comm)
        self._row = self._board.mine
        self._comm.attach_row(self._row)
        faulthandler.enable(file=2)
        faulthandler.register(_STACK_SIGNAL, file=2, all_threads=True)
        if self._comm.size == 1 and threading.current_thread() is threading.main_thread():
            self._before_stop = signal.signal(signal.SIGTSTP, self._suspend)
        if self._comm.size > 1:
            self._liveness = LivenessSocket(self._comm, self._board)
        self.tick()
        self._started = True
        self._begin_to_watch()
        _register(self)
        return self

    def _begin_to_watch(self) -> None:
        if self._clock is None or self._thread is not None or not self._started:
            return
        if self._comm.size == 1:
            self._work = Work(os.getpid())
            self._arm(self._clock)
        else:
            faulthandler.cancel_dump_traceback_later()
        self._thread = threading.Thread(target=self._watch, name="dtbsim watchdog", daemon=True)
        self._thread.start()

    def close(self, *, together: bool = True) -> None:
        """Stop watching. `together`: all ranks are here (else some leave by an error of their own)."""
        if self._board is None:
            return
        self._row[layout.STATE] = layout.DONE if together else layout.FAILED
        if together:
            self._comm.barrier()
            self._board.header[layout.HEADER_CLOSING] = 1
            self._comm.barrier()
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        faulthandler.cancel_dump_traceback_later()
        faulthandler.unregister(_STACK_SIGNAL)
        if self._before_stop is not None:
            signal.signal(signal.SIGTSTP, self._before_stop)
        if self._heartbeat is not None and self._comm.node_rank == 0:
            self._heartbeat.remove()
        if self._liveness is not None:
            self._liveness.close(together=together)
        _register(None)

    def __enter__(self) -> Watchdog:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(together=error is None)

    def _suspend(self, number: int, frame: FrameType | None) -> None:
        """Stop on Ctrl-Z without the timer, which would otherwise fire when the user continues after a long pause."""
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._suspend)
        if self._thread is not None and self._clock is not None:
            self._arm(self._clock)

    def _arm(self, clock: StuckClock) -> None:
        faulthandler.dump_traceback_later(1.25 * clock.timeout_s + 1.0, exit=True, file=2)
        self._armed_s = time.monotonic()

    def _watch(self) -> None:
        beat_s = time.monotonic()
        while (clock := self._clock) is not None and not self._stop.wait(clock.period_s):
            now_s = time.monotonic()
            if layout.DEAD in self.board.states():
                self._end()
            if self._heartbeat is not None and self._comm.node_rank == 0 and now_s >= beat_s:
                beat_s = now_s + min(max(clock.timeout_s / 10, 0.25), 10.0)
                self._beat(self._heartbeat)
            if self._work is not None:
                self._look_alone(clock, self._work, now_s)
            if clock.look(self.board.ticks() + self.board.header[layout.HEADER_REMOTE], now_s):
                self._fire(clock)

    def _look_alone(self, clock: StuckClock, work: Work, now_s: float) -> None:
        """What the supervisor and other ranks do where there are some."""
        if work.moved() and not self._row[layout.STEPPING]:
            self.board.header[layout.HEADER_WORK] += 1
        if now_s - self._armed_s > clock.timeout_s / 4:
            self._arm(clock)

    def _beat(self, heartbeat: Heartbeat) -> None:
        """Publish this node and read the others; a file system that hiccups must not end the run by itself."""
        with contextlib.suppress(OSError):
            heartbeat.write(self.board)
            self.board.header[layout.HEADER_REMOTE] = heartbeat.remote_ticks()

    def _fire(self, clock: StuckClock) -> None:
        if not self.board.claim():
            time.sleep(4 * OUTPUT_DRAIN_S)
            self._end()
        # Nodes speak one after the other; the first abort silences the rest.
        time.sleep(min(1.0 * self._comm.node_index, 5.0))
        signs = [sign for sign in self.board.signs() if sign.state == layout.RUNNING]
        suspects = find_suspects(signs)
        told = [describe(asdict(sign), socket.gethostname()) for sign in suspects]
        if not told and self._heartbeat is not None:
            told = self._heartbeat.remote_suspects()
        message = stuck_message(told, clock.timeout_s, alone=self._comm.size == 1)
        say(message)
        self.note_failure(message)
        time.sleep(OUTPUT_DRAIN_S / 2)  # stacks come by another pipe of the launcher: they would cut the line in two
        for sign in suspects:
            if not sign.stopped:
                with contextlib.suppress(OSError):
                    os.kill(sign.pid, _STACK_SIGNAL)
        self._end(message)

    def note_failure(self, message: str) -> None:
        """Leave the reason in status.json for those who poll it."""
        if self._run_dir is not None:
            mark_failed(self._run_dir, message)

    def _end(self, message: str | None = None) -> None:
        time.sleep(OUTPUT_DRAIN_S)
        if message is not None:  # again: the signal may have woken the suspect, and rank 0 have written that it runs
            self.note_failure(message)
        self.board.header[layout.HEADER_CLOSING] = 1
        # Should the library hang in its own abort, this timer ends the process.
        faulthandler.dump_traceback_later(5.0, exit=True, file=2)
        self._comm.abort(EXIT_FAULT)


def find_suspects(signs: list[Sign]) -> list[Sign]:
    """Return the ranks that hold the others up: the stopped ones, else those that work while others wait."""
    stopped = [sign for sign in signs if sign.stopped]
    return stopped or [sign for sign in signs if not sign.waiting]


def stuck_message(suspects: list[str], timeout_s: float, *, alone: bool) -> str:
    """Return the line that names the suspects."""
    if not suspects:
        return (
            f"[all ranks] every rank has been waiting for another for {timeout_s:g} s: they left the common order of "
            "calls, or a node is gone; ending the run"
        )
    names = "; ".join(suspects)
    head = "" if alone else f"[{', '.join(text.split(' (')[0] for text in suspects)}] "
    return f"{head}no progress for {timeout_s:g} s: {names}; ending the run"


class _Active:
    """The watchdog of this process, if one runs: like a signal handler, there is one per process."""

    watchdog: Watchdog | None = None


def _register(watchdog: Watchdog | None) -> None:
    _Active.watchdog = watchdog


def active_watchdog() -> Watchdog | None:
    """Return the running watchdog of this process, or None (a run from Python, a unit test)."""
    return _Active.watchdog


def stepping() -> contextlib.AbstractContextManager[None]:
    """Return `Watchdog.stepping` of the running watchdog; without one nothing is watched."""
    return _Active.watchdog.stepping() if _Active.watchdog is not None else contextlib.nullcontext()


def tick() -> None:
    """Count progress with the running watchdog, if there is one."""
    if _Active.watchdog is not None:
        _Active.watchdog.tick()


def done(step: int) -> None:
    """Tell the running watchdog, if there is one, that all steps before `step` are done."""
    if _Active.watchdog is not None:
        _Active.watchdog.done(step)
