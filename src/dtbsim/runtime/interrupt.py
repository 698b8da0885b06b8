"""Ctrl-C (and SIGTERM) as a wish that the run honours between two windows; a second one ends it at once.

Signals belong to the process, so there is at most one active `Interrupt`. The simulate loop asks `agreed(comm)`,
because a signal may reach some ranks a window earlier than others and all of them must stop after the same step.
"""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

from dtbsim.errors import EXIT_INTERRUPTED, DtbsimError
from dtbsim.mpi.comm import Comm
from dtbsim.runtime.watchdog import say

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
            self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        _Active.interrupt = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _Active.interrupt = None
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if self._first_s is None:
            self._first_s = now_s
            if self._comm.is_root:
                say("dtbsim: stopping at the end of this window; what was recorded is kept (Ctrl-C again: at once)")
        elif now_s - self._first_s > AGAIN_AFTER_S:
            if self._comm.is_root:
                say("dtbsim: ended at once")
            self._comm.abort(EXIT_INTERRUPTED)


class _Active:
    interrupt: Interrupt | None = None


def active_interrupt() -> Interrupt | None:
    """Return the interrupt of this process, or None (a run from Python, where Ctrl-C raises KeyboardInterrupt)."""
    return _Active.interrupt


def interrupt_agreed(comm: Comm) -> bool:
    """Return on every rank whether the run is to stop here; collective. False where no interrupt is active."""
    interrupt = _Active.interrupt
    return interrupt.agreed(comm) if interrupt is not None else False
