"""Ctrl-C, SIGTERM and SIGHUP, heard within two seconds whatever a run is doing.

Before a run has its folder a signal raises KeyboardInterrupt in the main thread. From then on it is a wish: before
anything is recorded the run has GRACE_S to stop in good order, else it is ended; once something is recorded (`keep`) it
stops at the end of its window, and a second signal after AGAIN_AFTER_S ends it at once. The simulate loop asks
`wish_agreed(comm)`, because a signal may reach some ranks a window earlier than others and all of them must stop after
the same step. SIGUSR1 asks for a checkpoint, nothing else; SIGTERM for one and the end, where checkpoints are written.

A thread ends what the main thread does not: that may be in compiled code for long, or in a callback of a compiler,
which swallows exceptions. It hears of signals through a socket to which Python's signal handler in C writes, so it does
not need the main thread; the interpreter lock it gets within half a second in every stage.
"""

from __future__ import annotations

import atexit
import contextlib
import enum
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from dtbsim.errors import EXIT_INTERRUPTED
from dtbsim.runtime.streams import say

if TYPE_CHECKING:
    from dtbsim.mpi.comm import Comm

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_AFTER_S = 1.0
"""Terminal and launcher may both deliver one Ctrl-C: a second within this time is the same wish."""
GRACE_S = 0.8
HELD_S = 20.0
"""So long signals wait at most for ranks to find each other."""
STOPPING = "dtbsim: stopping at the end of this window; what was recorded is kept (Ctrl-C again: at once)"
INTERRUPTED = "dtbsim: interrupted"
NOTHING_RECORDED = "interrupted before the simulation started; nothing was recorded"
KEPT = "dtbsim: interrupted; what was recorded is kept"
AT_ONCE = "dtbsim: ended at once"


class Wish(enum.IntEnum):
    """What a run is asked for between two chunks; of several wishes the largest counts."""

    NONE = 0
    SAVE = 1
    """Write a checkpoint and go on."""
    LEAVE = 2
    """Write a checkpoint and leave (SIGTERM, the end of the time that was given)."""
    STOP = 3
    """Stop (Ctrl-C, SIGHUP)."""


class _Phase(enum.Enum):
    FREE = enum.auto()
    BEGUN = enum.auto()
    KEEPING = enum.auto()


class Interrupt:
    """The signals of this process; like a signal handler, there is one at a time.

    `owner`: the process is the command line's own, so it may be ended from here. A run from Python is a guest: it takes
    signals only while it has a folder, and those that it cannot honour in time go to whoever handled them before.
    `held`: signals wait for `release`, as within `held()`.
    """

    def __init__(self, *, owner: bool = False, speaks: bool = True, held: bool = False) -> None:
        self._owner, self.speaks = owner, speaks
        """Whether this process says what is to be said: the first rank."""
        self.end: Callable[[str | None], None] | None = None
        """Ends all ranks; the text is said before, None: what `last_words` says. Without it this process alone ends."""
        self._note: Callable[[str], None] | None = None
        self._phase = _Phase.FREE
        self._text = INTERRUPTED
        self._stopping: str | None = STOPPING
        self._first_s: float | None = None
        self._number = 0
        self._save = False
        self._held = held
        self._noted = self._pending = self._too_late = self._leaving = self._said = False
        self._lock = threading.Lock()
        self._before: dict[int, Any] = {}
        self._before_fd = -1
        self._before_hook: Callable[[Any], object] = sys.unraisablehook
        self._line: socket.socket | None = None
        self._thread: threading.Thread | None = None

    # -- what a run says and asks -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Within the `with` block signals wait for its end, so that a folder is not made and forgotten."""
        self._held = True
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """Let signals through from here on: raises KeyboardInterrupt if one came while they were held."""
        self._held = False
        if self._pending and self._phase is _Phase.FREE and not self._leaving:
            self._leave()

    @contextlib.contextmanager
    def begun(self, comm: Comm, note: Callable[[str], None]) -> Iterator[None]:
        """Within the `with` block there is a run: signals are wishes; `note` leaves in its folder why it ended."""
        self.speaks, self._note = comm.is_root, note
        self._text, self._phase = f"dtbsim: {NOTHING_RECORDED}", _Phase.BEGUN
        if not self._owner:
            if comm.size > 1:
                self.end = lambda text: _end_ranks(comm, text)
            self._install()
        try:
            yield
        finally:
            if not self._owner:
                self._restore()
            self._phase = _Phase.FREE

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Within the `with` block nothing runs: signals go to whoever handled them before."""
        if not self._owner:
            self._restore()
            _Active.interrupt = None
        try:
            yield
        finally:
            if not self._owner:
                _Active.interrupt = self
                self._install()
            self._first_s, self._noted, self._number = None, False, 0

    def keep(self, stopping: str | None = STOPPING) -> None:
        """From here on something is recorded; the first rank says `stopping` when it is asked to stop."""
        self._text, self._stopping = KEPT, stopping
        self._phase = _Phase.KEEPING

    @property
    def requested(self) -> bool:
        """Whether this rank has been asked to stop."""
        return self._first_s is not None

    def agreed(self, comm: Comm) -> bool:
        """Return on every rank whether any rank has been asked to stop; collective."""
        return comm.allreduce_max(float(self.requested)) > 0

    def wish(self) -> Wish:
        """Return what this rank has been asked for; a checkpoint only once."""
        if self.requested:
            return Wish.LEAVE if self._number == signal.SIGTERM else Wish.STOP
        save, self._save = self._save, False
        return Wish.SAVE if save else Wish.NONE

    def last_words(self, *, speak: bool | None = None) -> None:
        """Say that the work was interrupted; the second time nothing."""
        with self._lock:
            if not self._said and (self.speaks if speak is None else speak):
                say(self._text)
            self._said = True

    def note(self, text: str | None = None) -> None:
        """Leave in the folder of the run why it ended, if there is one."""
        if self._note is not None:
            self._note((text or self._text).removeprefix("dtbsim: "))

    def leave_at_once(self) -> NoReturn:
        """End the process with the exit code, not by the signal, and without waiting for threads that compute."""
        self.last_words()
        if "mpi4py.MPI" not in sys.modules:  # it would wait there for ranks that do not come
            atexit._run_exitfuncs()
        os._exit(EXIT_INTERRUPTED)

    # -- signals ------------------------------------------------------------------------------------------------

    @property
    def leaving(self) -> bool:
        """Whether KeyboardInterrupt was raised: whatever fails from then on is a consequence."""
        return self._leaving

    def __enter__(self) -> Interrupt:
        _Active.interrupt = self
        if self._owner:
            self._install()
            self._before_hook = sys.unraisablehook
            sys.unraisablehook = lambda failed: None if self._leaving else self._before_hook(failed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _Active.interrupt = None
        if self._owner and self._leaving:  # the thread goes on: this process must end in time
            return
        self._restore()
        if self._owner:
            sys.unraisablehook = self._before_hook

    def _install(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._line, ear = socket.socketpair()
        self._line.setblocking(False)
        self._thread = threading.Thread(target=self._listen, args=(ear,), name="dtbsim interrupt", daemon=True)
        self._thread.start()
        self._before_fd = signal.set_wakeup_fd(self._line.fileno(), warn_on_full_buffer=False)
        ignored = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else set()  # as by nohup
        self._before = {number: signal.signal(number, self._handle) for number in SIGNALS if number not in ignored}
        self._before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._ask_to_save)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
        if self._line is not None and self._thread is not None:
            signal.set_wakeup_fd(self._before_fd)
            self._line.close()
            self._thread.join()
            self._line = self._thread = None

    def _ask_to_save(self, number: int, frame: FrameType | None) -> None:
        self._save = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """In the main thread, as soon as it runs Python."""
        if self._leaving:
            return
        self._number = self._number or number
        if self._phase is not _Phase.FREE and self._first_s is None:
            self._first_s = time.monotonic()
        if self._owner:
            if self._held:
                self._pending = True
            elif self._phase is _Phase.FREE:
                self._leave()
        elif (self._too_late and self._phase is _Phase.BEGUN) or (self.end is None and self._again()):
            self._leaving = True
            if self._phase is _Phase.BEGUN:
                self.note()
            self._restore()
            signal.raise_signal(number)

    def _leave(self) -> NoReturn:
        self._leaving = True
        raise KeyboardInterrupt

    def _again(self) -> bool:
        return self._first_s is not None and time.monotonic() - self._first_s > AGAIN_AFTER_S

    def _listen(self, ear: socket.socket) -> None:
        """Take the numbers of signals, a byte each, until the other end is closed."""
        number, due_s = 0, None
        with ear:
            while True:
                ear.settimeout(None if due_s is None else max(due_s - time.monotonic(), 1e-3))
                try:
                    heard = ear.recv(1)
                except TimeoutError:
                    due_s = self._overdue(number)
                    continue
                if not heard:
                    return
                if heard[0] in SIGNALS:
                    number = heard[0]
                    self._number = self._number or number
                    wanted_s = self._hear()
                    due_s = wanted_s if due_s is None else due_s

    def _hear(self) -> float | None:
        """Note a signal; returns by when the main thread must have honoured it, None: no matter when."""
        now_s = time.monotonic()
        if self._phase is _Phase.FREE and not self._held:
            return now_s + GRACE_S if self._owner else None
        if not self._noted:
            self._noted = True
            self._first_s = self._first_s or now_s
            if self._phase is not _Phase.KEEPING:
                return now_s + GRACE_S
            self._announce()
        elif self._phase is _Phase.KEEPING and self._again() and (self._owner or self.end is not None):
            self._end(AT_ONCE)
        return None

    def _overdue(self, number: int) -> float | None:
        """The main thread has not honoured a signal in time; returns when to look again."""
        now_s = time.monotonic()
        if self._phase is _Phase.KEEPING and not self._leaving:  # it came between two phases
            self._first_s = self._first_s or now_s
            self._announce()
        elif self._held and now_s - (self._first_s or now_s) < HELD_S:
            return now_s + 0.1
        elif self._owner:
            self._end(None)
        elif self._phase is _Phase.BEGUN:
            self._too_late = True
            signal.pthread_kill(threading.main_thread().ident or 0, number)
        return None

    def _announce(self) -> None:
        if not self.speaks or not self._stopping:
            return
        if self._owner:
            say(self._stopping)
        else:  # a notebook shows what is printed, and not what is written past Python
            with contextlib.suppress(OSError, ValueError):
                print(self._stopping, file=sys.stderr)

    def _end(self, text: str | None) -> None:
        if self.end is not None:
            self.end(text)
        if text is None:
            self.last_words()
        elif self.speaks:
            say(text)
        self.note(text)
        end_children()
        os._exit(EXIT_INTERRUPTED)


def _end_ranks(comm: Comm, text: str | None) -> None:
    if text is not None and comm.is_root:
        say(text)
    comm.abort(EXIT_INTERRUPTED)


def end_children() -> None:
    """Kill the processes that this one has started: they would go on without it."""
    mine = os.getpid()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int((entry / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1])
            if parent == mine and b"supervisor.py" not in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)


class _Active:
    interrupt: Interrupt | None = None


def active_interrupt() -> Interrupt | None:
    """Return the interrupt of this process: the command line's, or that of a run from Python; None without either."""
    return _Active.interrupt


@contextlib.contextmanager
def some_interrupt() -> Iterator[Interrupt]:
    """The interrupt of the command line, which takes signals from its start on; else one for a run from Python."""
    if (active := active_interrupt()) is not None:
        yield active
    else:
        with Interrupt() as mine:
            yield mine


def wish_agreed(comm: Comm, own: Wish = Wish.NONE) -> Wish:
    """Return on every rank what the run is asked for here, by signals or by the `own` wish of a rank; collective."""
    interrupt = _Active.interrupt
    mine = Wish.NONE if interrupt is None else interrupt.wish()
    return Wish(int(comm.allreduce_max(float(max(mine, own)))))


def interrupt_agreed(comm: Comm) -> bool:
    """Return on every rank whether the run is to stop here; collective. False where no interrupt is active."""
    interrupt = _Active.interrupt
    return interrupt.agreed(comm) if interrupt is not None else False
