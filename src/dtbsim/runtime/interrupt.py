"""Ctrl-C (and SIGTERM) as a wish that the run honours between two windows; a second one ends it at once.

Signals belong to the process, so there is at most one active `Interrupt`. The simulate loop asks `agreed(comm)`,
because a signal may reach some ranks a window earlier than others and all of them must stop after the same step.

A thread hears of signals through a socket, since the main thread may be in compiled code that waits for a rank that
never comes: Python would not run a handler there, and not even the second signal would end the run.
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from types import FrameType, TracebackType
from typing import Any

from dtbsim.errors import EXIT_INTERRUPTED, DtbsimError
from dtbsim.mpi.comm import Comm
from dtbsim.runtime.streams import say

SIGNALS = (signal.SIGINT, signal.SIGTERM)
AGAIN_AFTER_S = 1.0
"""Terminal and launcher may both deliver one Ctrl-C: a second within this time is the same wish."""


class InterruptedRunError(DtbsimError):
    """The user stopped the run before there was anything to keep."""

    exit_code = EXIT_INTERRUPTED


class Interrupt:
    """While entered, the first signal sets `requested`; another after a second ends all ranks with EXIT_INTERRUPTED."""

    def __init__(self, comm: Comm) -> None:
        self._comm = comm
        self._first_s: float | None = None
        self._before: dict[int, Any] = {}
        self._before_fd = -1
        self._line: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def requested(self) -> bool:
        """Whether this rank has been told to stop."""
        return self._first_s is not None

    def agreed(self, comm: Comm) -> bool:
        """Return on every rank whether any rank has been told to stop; collective."""
        return comm.allreduce_max(float(self.requested)) > 0

    def raise_if_agreed(self, comm: Comm) -> None:
        """End the run on every rank if any has been told to stop; for the stages before the simulation; collective."""
        if self.agreed(comm):
            raise InterruptedRunError("interrupted before the simulation started; nothing was recorded")

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._line, ear = socket.socketpair()
            self._line.setblocking(False)
            self._thread = threading.Thread(target=self._listen, args=(ear,), name="dtbsim interrupt", daemon=True)
            self._thread.start()
            self._before_fd = signal.set_wakeup_fd(self._line.fileno(), warn_on_full_buffer=False)
            self._before = {number: signal.signal(number, _leave_it_to_the_thread) for number in SIGNALS}
        _Active.interrupt = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _Active.interrupt = None
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
        if self._line is not None and self._thread is not None:
            signal.set_wakeup_fd(self._before_fd)
            self._line.close()
            self._thread.join()
            self._line = self._thread = None

    def _listen(self, ear: socket.socket) -> None:
        """Take the numbers of signals, a byte each, until the other end is closed."""
        with ear:
            while heard := ear.recv(1):
                if heard[0] in SIGNALS:
                    self._note()

    def _note(self) -> None:
        now_s = time.monotonic()
        if self._first_s is None:
            self._first_s = now_s
            if self._comm.is_root:
                say("dtbsim: stopping at the end of this window; what was recorded is kept (Ctrl-C again: at once)")
        elif now_s - self._first_s > AGAIN_AFTER_S:
            if self._comm.is_root:
                say("dtbsim: ended at once")
            self._comm.abort(EXIT_INTERRUPTED)


def _leave_it_to_the_thread(number: int, frame: FrameType | None) -> None:
    """Python hands a signal on only where it has a handler."""


class _Active:
    interrupt: Interrupt | None = None


def active_interrupt() -> Interrupt | None:
    """Return the interrupt of this process, or None (a run from Python, where Ctrl-C raises KeyboardInterrupt)."""
    return _Active.interrupt


def interrupt_agreed(comm: Comm) -> bool:
    """Return on every rank whether the run is to stop here; collective. False where no interrupt is active."""
    interrupt = _Active.interrupt
    return interrupt.agreed(comm) if interrupt is not None else False
