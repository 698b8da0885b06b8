"""Signs of life of the ranks of one node: a page of int64 words that all of them map, and their supervisor too.

Row 0 is the header, row 1 + node_rank belongs to one rank, and the path of the run folder follows. Only its owner
writes a row (the supervisor sets STATE of the dead; HEADER_WORK is its own), words are written whole, and nothing is
decided on a combination of words: no locking is needed. The file is deleted as soon as everyone has it open, so that
nothing is left behind however the job ends.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dtbsim.mpi.comm import ROW_LAST_TICK_NS, ROW_TICKS, ROW_WAITING, ROW_WORDS, Comm

PID, RANK, STEP, STATE, STEPPING = 0, 1, 4, 6, 7
TICKS, LAST_TICK_NS, WAITING = ROW_TICKS, ROW_LAST_TICK_NS, ROW_WAITING
HEADER_CLOSING, HEADER_REMOTE, HEADER_FOLDER_BYTES, HEADER_WORK = 0, 1, 2, 3
FOLDER_WORDS = 512
"""Words after the last row: the path of the run folder, as bytes, for the supervisor."""
RUNNING, FAILED, DONE, DEAD = 0, 1, 2, 3


@dataclass(frozen=True)
class Sign:
    """What the board says about one rank."""

    rank: int
    pid: int
    step: int
    waiting: bool
    state: int
    stopped: bool


class Board:
    """The rows of a node; `mine` is this rank's row."""

    def __init__(self, words: memoryview, rows: int, node_rank: int, fd: int | None) -> None:
        self._words = words
        self.rows = rows
        self.fd = fd
        self.header = words[:ROW_WORDS]
        self.mine = self.row(node_rank)

    def note_folder(self, run_dir: Path) -> None:
        """Tell the supervisor where status.json is; one process of the node does this. A longer path is left out."""
        path = os.fsencode(run_dir.absolute())
        if len(path) <= 8 * FOLDER_WORDS:
            start = 8 * ROW_WORDS * (1 + self.rows)
            self._words.cast("B")[start : start + len(path)] = path
            self.header[HEADER_FOLDER_BYTES] = len(path)

    def row(self, node_rank: int) -> memoryview:
        """Return the row of one rank of the node."""
        start = ROW_WORDS * (1 + node_rank)
        return self._words[start : start + ROW_WORDS]

    def signs(self) -> list[Sign]:
        """Return what every row says, with the process state from /proc."""
        found = []
        for node_rank in range(self.rows):
            row = self.row(node_rank)
            pid = row[PID]
            found.append(Sign(row[RANK], pid, row[STEP], bool(row[WAITING]), row[STATE], is_stopped(pid)))
        return found

    def ticks(self) -> int:
        """Return a number that changes whenever any rank of the node makes progress."""
        return self.header[HEADER_WORK] + sum(self.row(node_rank)[TICKS] for node_rank in range(self.rows))

    def states(self) -> list[int]:
        """Return the STATE of every row."""
        return [self.row(node_rank)[STATE] for node_rank in range(self.rows)]

    def claim(self) -> bool:
        """Return True in the one process of the node that asks first: the one that speaks."""
        if self.fd is None:
            return True
        try:
            fcntl.lockf(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)
        except OSError:
            return False
        return True


def open_board(comm: Comm) -> Board:
    """Map the board of this node; collective. A single process gets a page of its own."""
    nbytes = 8 * (ROW_WORDS * (1 + comm.node_size) + FOLDER_WORDS)
    if comm.size == 1:
        board = Board(_words(mmap.mmap(-1, nbytes)), 1, 0, None)
    else:
        made, path = _create(nbytes) if comm.node_rank == 0 else (-1, None)
        paths = comm.allgather((comm.node_index, path))
        mine = next(text for node, text in paths if node == comm.node_index and text is not None)
        fd = os.open(mine, os.O_RDWR | os.O_CLOEXEC)
        comm.barrier()
        if path is not None:
            Path(path).unlink()
            os.close(made)
        board = Board(_words(mmap.mmap(fd, nbytes)), comm.node_size, comm.node_rank, fd)
    board.mine[PID] = os.getpid()
    board.mine[RANK] = comm.rank
    comm.barrier()
    return board


def _words(pages: mmap.mmap) -> memoryview:
    return memoryview(pages).cast("q")


def _create(nbytes: int) -> tuple[int, str]:
    """Make the file; it stays open, so that nobody takes it for one that a killed job has left."""
    memory = Path("/dev/shm")
    folder = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    fd, name = tempfile.mkstemp(prefix="dtbsim-board-", dir=folder)
    os.ftruncate(fd, nbytes)
    return fd, name


def is_stopped(pid: int) -> bool:
    """Return whether a process of this node is stopped (SIGSTOP, a debugger); False where /proc does not tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[:1] in (["T"], ["t"])
