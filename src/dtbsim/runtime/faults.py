"""How an error on one rank, or the same error on all of them, ends the job: named once, with its exit code, no hang.

Ranks that meet the same error at about the same time (a bad configuration) leave one by one with its exit code, and one
of them prints it. When a rank fails alone, the others may already wait for it in a collective call that will never
finish: it prints its line with its rank and aborts the job.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from dtbsim.errors import EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_MEMORY, DtbsimError
from dtbsim.mpi.comm import Comm
from dtbsim.mpi.world import is_agreed
from dtbsim.runtime import board as layout
from dtbsim.runtime.interrupt import Interrupt, active_interrupt, end_children
from dtbsim.runtime.leftovers import remove_leftovers
from dtbsim.runtime.streams import say
from dtbsim.runtime.watchdog import OUTPUT_DRAIN_S, Watchdog

EXIT_BROKEN_PIPE = 141
"""What a shell reports for a program whose reader went away (128 + SIGPIPE)."""

SETTLE_S = 1.0
_LOOK_S = 0.005
_ERROR = "dtbsim: error: "


def run_watched(comm: Comm, body: Callable[[Watchdog], int]) -> int:
    """Run `body(watchdog)` on every rank and return its exit code; errors end the job as described above.

    Returns on every rank together (the communicator is closed), or not at all.
    """
    watchdog = Watchdog(comm)
    interrupt = active_interrupt() or Interrupt(speaks=comm.is_root)
    interrupt.end = partial(end_interrupted, comm, watchdog, interrupt)
    try:
        if comm.node_rank == 0:
            remove_leftovers()
        watchdog.start()
        interrupt.release()
        code = body(watchdog)
        sys.stdout.flush()
        watchdog.close()
        comm.close()
    except BrokenPipeError:
        return _leave(comm, watchdog, None, EXIT_BROKEN_PIPE)
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - every error must end all ranks
        if not interrupt.leaving and isinstance(error, Exception):
            return _end_by_error(comm, watchdog, error)
        end_interrupted(comm, watchdog, interrupt, None)
        interrupt.last_words()
        watchdog.close(together=False)
        return EXIT_INTERRUPTED
    return code


def end_interrupted(comm: Comm, watchdog: Watchdog, interrupt: Interrupt, text: str | None) -> None:
    """End all ranks because of a signal, after rank 0 has said `text` or, with None, one of them its last words.

    Returns where there is one rank: the caller ends it.
    """
    if comm.size == 1:
        return
    if text is not None:
        if comm.is_root:
            say(text)
    elif not watchdog.running or watchdog.board.claim():
        time.sleep(SETTLE_S if comm.node_index > 0 else 0.0)
        interrupt.last_words(speak=True)
    else:
        time.sleep(3 * OUTPUT_DRAIN_S)  # for the one that speaks
    end_children()
    _abort(comm, watchdog, EXIT_INTERRUPTED, lambda: interrupt.note(text))


def _end_by_error(comm: Comm, watchdog: Watchdog, error: Exception) -> int:
    code, text = describe_error(error)
    if comm.size == 1:
        return _leave(comm, watchdog, text, code)
    if isinstance(error, DtbsimError) and watchdog.running and _settled(comm, watchdog, error):
        if comm.is_root:
            _tell(watchdog, "", text)
        watchdog.close(together=False)
        comm.close()
        return code
    first = not watchdog.running or watchdog.board.claim()
    return _leave(comm, watchdog, text if first else None, code, speaker=f"[rank {comm.rank}] ")


def _settled(comm: Comm, watchdog: Watchdog, error: DtbsimError) -> bool:
    """Return whether all ranks leave by an error now, so that nobody will be left waiting."""
    watchdog.board.mine[layout.STATE] = layout.FAILED
    if is_agreed(error):
        return True
    if comm.node_count > 1:
        # Ranks of other nodes cannot be seen: the first node speaks and aborts for all if the error is everyone's.
        time.sleep(SETTLE_S if comm.node_index > 0 else 0.0)
        return False
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        if all(state == layout.FAILED for state in watchdog.board.states()):
            return True
        time.sleep(_LOOK_S)
    return False


def _leave(comm: Comm, watchdog: Watchdog, text: str | None, code: int, *, speaker: str = "") -> int:
    """End all ranks from this one; a single process returns its exit code."""
    if text is not None:
        _tell(watchdog, speaker, text)
    if comm.size == 1:
        watchdog.close(together=False)
        return code
    _abort(comm, watchdog, code)


def _abort(comm: Comm, watchdog: Watchdog, code: int, last: Callable[[], None] = lambda: None) -> NoReturn:
    """End all ranks, once the launcher has read what was said: it drops output when the abort arrives."""
    if watchdog.running:
        watchdog.board.mine[layout.STATE] = layout.FAILED
    time.sleep(OUTPUT_DRAIN_S)
    last()
    if watchdog.running:
        watchdog.board.header[layout.HEADER_CLOSING] = 1
    comm.abort(code)


def _tell(watchdog: Watchdog, speaker: str, text: str) -> None:
    """Print the text after the name of the rank that speaks; its last line, the error itself, goes to status.json."""
    say("\n".join(f"{speaker}{line}" for line in text.splitlines()) if text.startswith(_ERROR) else f"{speaker}{text}")
    watchdog.note_failure(f"{speaker}{text.splitlines()[-1].removeprefix(_ERROR)}")


def describe_error(error: Exception) -> tuple[int, str]:
    """Return the exit code and what to print: one line for each mistake meant for the user, else the traceback."""
    if isinstance(error, DtbsimError):
        return error.exit_code, "\n".join(f"{_ERROR}{line}" for line in error.lines)
    if isinstance(error, MemoryError):
        reason = " ".join(str(error).split())
        return EXIT_MEMORY, f"{_ERROR}out of memory{': ' + reason if reason else ''}"
    return EXIT_INTERNAL, "".join(traceback.format_exception(error)).rstrip()
