"""The connection of each rank to the supervisor of its node (`runtime.supervisor`): it breaks when the rank dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

from dtbsim.mpi.comm import Comm
from dtbsim.runtime.board import Board


class LivenessSocket:
    """Starts the supervisor on the first rank of each node and connects every rank to it; collective."""

    def __init__(self, comm: Comm, board: Board) -> None:
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._fd: int | None = None
        name: bytes | None = None
        if comm.node_rank == 0:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
                listener.bind("")
                listener.listen(comm.node_size)
                name = listener.getsockname()
                self._supervisor = _start(board, listener.fileno())
        names = comm.allgather((comm.node_index, name))
        mine = next(name for node, name in names if node == comm.node_index and name is not None)
        # A rank in a network namespace of its own cannot connect; it is then watched by its signs of life alone.
        with contextlib.suppress(OSError):
            self._fd = _connect(mine, comm.node_rank)

    def close(self, *, together: bool) -> None:
        """Let go; `together`: the board says that the run closes, so the supervisor leaves now."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        if self._supervisor is not None and together:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._supervisor.wait(2.0)


def _start(board: Board, listener_fd: int) -> subprocess.Popen[bytes]:
    if board.fd is None:
        raise RuntimeError("a board without a file has nobody to share it with")
    script = Path(__file__).with_name("supervisor.py")
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(script), str(board.fd), str(board.rows), str(listener_fd), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(board.fd, listener_fd),
        start_new_session=True,
    )


def _connect(name: bytes, node_rank: int) -> int:
    """Return a descriptor above all others: Linux closes those of a dying process from the highest down.

    The supervisor then hears of a death before the launcher, whose own connection breaks next, can kill other ranks.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(name)
        line.sendall(node_rank.to_bytes(4, "little"))
        high = max(min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 4096) - 16, 64)
        return fcntl.fcntl(line.fileno(), fcntl.F_DUPFD_CLOEXEC, high)
