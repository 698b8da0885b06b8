"""A small process beside the ranks of a node that says which rank was killed, and which ones work.

A launcher takes all ranks down within milliseconds of the first death, so none of them lives to name it; others
(srun without `--kill-on-bad-exit`) do nothing. This process is outside the launcher's groups: every rank holds a
connection to it, and the first that breaks without the rank having said so names the rank on stderr and in status.json
and marks it DEAD on the board, which makes the survivors end the job. It leaves when the run closes or no rank is left.

It also looks at what the ranks consume: outside of the time loop, a rank that computes, reads or writes makes progress,
whatever it is busy with and even where it does not let its own threads run.
Run as a script with the standard library alone: it must start in milliseconds and hold little memory.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.util
import mmap
import os
import select
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from types import ModuleType

# The layout of dtbsim.runtime.board, repeated because this script imports nothing of the package; a test compares them.
ROW_WORDS = 16
PID, RANK, STEP, WAITING, STATE, STEPPING = 0, 1, 4, 5, 6, 7
HEADER_CLOSING, HEADER_FOLDER_BYTES, HEADER_WORK = 0, 2, 3
FOLDER_WORDS = 512
RUNNING, DEAD = 0, 3

HEARTBEAT = ".heartbeat"
"""As `dtbsim.runtime.heartbeat` calls it."""
CHECK_S = 0.25
WORK_EVERY_S = 0.5
WORK_SHARE = 0.04
"""Of a core: more than threads that draw a progress bar and watch, less than a rank that shares a core with many."""
WORK_BYTES = 1 << 16
_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


class Work:
    """What a process consumes: `moved` tells whether it computed, read or wrote in the last WORK_EVERY_S."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._then_s = time.monotonic()
        self._then = self._consumed()

    def moved(self) -> bool:
        """Return True, once per WORK_EVERY_S, if it did; also where the system does not tell what it consumes."""
        now_s = time.monotonic()
        passed_s = now_s - self._then_s
        if passed_s < WORK_EVERY_S:
            return False
        then, self._then, self._then_s = self._then, self._consumed(), now_s
        if then is None or self._then is None:
            return True
        return self._then[0] - then[0] > WORK_SHARE * passed_s or self._then[1] - then[1] > WORK_BYTES

    def _consumed(self) -> tuple[float, int] | None:
        """Seconds of all its threads, and bytes; None where /proc does not tell."""
        try:
            fields = Path(f"/proc/{self._pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2]
            counters = [line.split() for line in Path(f"/proc/{self._pid}/io").read_text(encoding="ascii").splitlines()]
        except OSError:
            return None
        user, system = fields.split()[11:13]
        moved = sum(int(value) for name, value in counters if name in _IO)
        return (int(user) + int(system)) * _TICK_S, moved


_IO = ("rchar:", "wchar:", "read_bytes:", "write_bytes:")


def cause(pid: int) -> str:
    """Return how a process ended if it is not reaped yet, from the last field of /proc/PID/stat."""
    try:
        status = int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").split()[-1])
    except (OSError, ValueError, IndexError):
        return "ended without a word (killed?)"
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"was killed by {name}{hint}"
    return f"ended with exit code {os.WEXITSTATUS(status)} without a word"


def checksum_module() -> ModuleType:
    """Return dtbsim.checksum, loaded by its path: the package cannot be imported here."""
    spec = importlib.util.spec_from_file_location("checksum", Path(__file__).parents[1] / "checksum.py")
    if spec is None or spec.loader is None:
        raise ImportError("checksum.py is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mark_failed(folder: str, message: str) -> None:
    """Say in status.json of a run that still counts as running why it ended, as `dtbsim.runtime.status` does."""
    path = Path(folder) / "status.json"
    checksum = checksum_module()
    with contextlib.suppress(OSError, ValueError):
        values = checksum.checked(path.read_bytes())
        if values.get("state") == "running":
            updated = datetime.datetime.now().astimezone().isoformat(timespec="milliseconds")
            values |= {"state": "failed", "message": message, "eta_s": None, "updated": updated}
            draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            draft.write_text(checksum.with_checksum(values), encoding="utf-8")
            draft.replace(path)


class Supervisor:
    """The connections of the ranks of a node, and the board that says what they are doing."""

    def __init__(self, words: memoryview, rows: int, listener: socket.socket, parent: int) -> None:
        self._words = words
        self._rows = rows
        self._listener = listener
        self._parent = parent
        self._message: str | None = None
        self._ranks: dict[int, tuple[socket.socket, memoryview]] = {}
        self._work: dict[int, Work] = {}
        # epoll reports in the order in which things happened, which tells the first death from those it caused.
        self._poll = select.epoll()
        self._poll.register(listener.fileno(), select.EPOLLIN)

    def watch(self) -> None:
        """Watch until the run closes or no rank is left."""
        self._until_the_end()
        if self._message is not None:  # again: rank 0 may have written that it runs before it ended
            time.sleep(CHECK_S)
            self._mark()
        if not self._words[HEADER_CLOSING] and (folder := self._folder()) is not None:
            shutil.rmtree(Path(folder) / HEARTBEAT, ignore_errors=True)  # ranks that were killed have left it

    def _until_the_end(self) -> None:
        while not self._words[HEADER_CLOSING]:
            for fd, _ in self._poll.poll(CHECK_S):
                if fd == self._listener.fileno():
                    self._accept()
                    continue
                row = self._drop(fd)
                if row[STATE] == RUNNING and not self._words[HEADER_CLOSING] and self._message is None:
                    self._report(row)
            self._look_at_work()
            if not self._ranks and os.getppid() != self._parent:
                return

    def _look_at_work(self) -> None:
        for fd, (_, row) in self._ranks.items():
            if self._work[fd].moved() and row[STATE] == RUNNING and not row[STEPPING] and not row[WAITING]:
                self._words[HEADER_WORK] += 1

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        index = int.from_bytes(connection.recv(4), "little")
        start = ROW_WORDS * (1 + index)
        row = self._words[start : start + ROW_WORDS]
        self._ranks[connection.fileno()] = (connection, row)
        self._work[connection.fileno()] = Work(row[PID])
        self._poll.register(connection.fileno(), select.EPOLLIN)

    def _drop(self, fd: int) -> memoryview:
        connection, row = self._ranks.pop(fd)
        del self._work[fd]
        self._poll.unregister(fd)
        connection.close()
        return row

    def _report(self, row: memoryview) -> None:
        pid, host = row[PID], socket.gethostname()
        self._message = f"[rank {row[RANK]}] process {pid} on {host} {cause(pid)}, at step {row[STEP]}; ending the run"
        os.write(2, f"{self._message}\n".encode())
        row[STATE] = DEAD
        self._mark()

    def _mark(self) -> None:
        """Leave the reason in the run folder, if there is one yet."""
        folder = self._folder()
        if folder is not None and self._message is not None:
            mark_failed(folder, self._message)

    def _folder(self) -> str | None:
        """The run folder, if there is one yet."""
        n, start = self._words[HEADER_FOLDER_BYTES], 8 * ROW_WORDS * (1 + self._rows)
        return os.fsdecode(bytes(self._words.cast("B")[start : start + n])) if n else None


def main() -> None:
    """Map the board and watch the ranks that connect; both are given by file descriptor."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    board_fd, rows, listener_fd, parent = (int(text) for text in sys.argv[1:5])
    words = memoryview(mmap.mmap(board_fd, 8 * (ROW_WORDS * (1 + rows) + FOLDER_WORDS))).cast("q")
    Supervisor(words, rows, socket.socket(fileno=listener_fd), parent).watch()


if __name__ == "__main__":
    main()
