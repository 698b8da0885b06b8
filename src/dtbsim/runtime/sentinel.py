"""A small process beside the ranks of a node that says which rank was killed.

A launcher takes all ranks down within milliseconds of the first death, so none of them lives to name it; others
(srun without `--kill-on-bad-exit`) do nothing. This process is outside the launcher's groups: every rank holds a
connection to it, and the first that breaks without the rank having said so names the rank on stderr and marks it DEAD
on the board, which makes the survivors end the job. It leaves when the run closes or no rank is left. Run as a script
with the standard library alone: it must start in milliseconds and hold little memory.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import socket
import sys
from pathlib import Path

# The layout of dtbsim.runtime.board, repeated because this script imports nothing of the package; a test compares them.
ROW_WORDS = 16
PID, RANK, STEP, STATE = 0, 1, 4, 6
HEADER_CLOSING = 0
RUNNING, DEAD = 0, 3

CHECK_S = 0.25


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


class Sentinel:
    """The connections of the ranks of a node, and the board that says what they are doing."""

    def __init__(self, words: memoryview, rows: int, listener: socket.socket) -> None:
        self._words = words
        self._rows = rows
        self._listener = listener
        self._parent = os.getppid()
        self._ranks: dict[int, tuple[socket.socket, memoryview]] = {}
        # epoll reports in the order in which things happened, which tells the first death from those it caused.
        self._poll = select.epoll()
        self._poll.register(listener.fileno(), select.EPOLLIN)

    def watch(self) -> None:
        """Watch until the run closes or no rank is left."""
        reported = False
        while not self._words[HEADER_CLOSING]:
            for fd, _ in self._poll.poll(CHECK_S):
                if fd == self._listener.fileno():
                    self._accept()
                    continue
                row = self._drop(fd)
                if row[STATE] == RUNNING and not self._words[HEADER_CLOSING] and not reported:
                    reported = True
                    self._report(row)
            if not self._ranks and os.getppid() != self._parent:
                return

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        index = int.from_bytes(connection.recv(4), "little")
        start = ROW_WORDS * (1 + index)
        self._ranks[connection.fileno()] = (connection, self._words[start : start + ROW_WORDS])
        self._poll.register(connection.fileno(), select.EPOLLIN)

    def _drop(self, fd: int) -> memoryview:
        connection, row = self._ranks.pop(fd)
        self._poll.unregister(fd)
        connection.close()
        return row

    def _report(self, row: memoryview) -> None:
        pid, host = row[PID], socket.gethostname()
        line = f"[rank {row[RANK]}] process {pid} on {host} {cause(pid)}, at step {row[STEP]}; ending the run"
        os.write(2, f"{line}\n".encode())
        row[STATE] = DEAD


def main() -> None:
    """Map the board and watch the ranks that connect; both are given by file descriptor."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    board_fd, rows, listener_fd = (int(text) for text in sys.argv[1:4])
    words = memoryview(mmap.mmap(board_fd, 8 * ROW_WORDS * (1 + rows))).cast("q")
    Sentinel(words, rows, socket.socket(fileno=listener_fd)).watch()


if __name__ == "__main__":
    main()
