"""Compile parts of a step in other processes, while this one does other work: numba compiles one function at a time.

The list of parts is a pipe with a byte for each. Whoever is free, a helper or at the end this process, takes the next
byte and compiles that part; machine code goes through the kernel cache. A helper that fails or dies leaves its part to
those who need it: they do not find it in the cache and compile it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dtbsim.kernels.compile_worker import main
from dtbsim.kernels.jit import source_hash, static_dir
from dtbsim.kernels.parts import PARTS
from dtbsim.mpi.launch import environ_alone
from dtbsim.runtime.watchdog import tick

MOST_HELPERS = 2
STILL_S = 20.0
"""Helpers that have used no processor for so long are not waited for."""
_LOOK_S = 0.02


class Helpers:
    """Processes that compile parts, named in `names`, from now on; on `close` they end."""

    def __init__(self, names: Sequence[str]) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        places = list(PARTS)
        self._claims, feed = os.pipe()
        try:
            os.write(feed, bytes(places.index(name) for name in names))
        finally:
            os.close(feed)
        for _ in range(min(len(names), free_cores(), MOST_HELPERS)):
            self._start()

    def _start(self) -> None:
        """A process that cannot be started is done without."""
        arguments = os.getpid(), source_hash(), str(static_dir()), self._claims
        path = [entry for entry in sys.path if isinstance(entry, str)]
        code = f"import sys; sys.path[:] = {path!r}; from {main.__module__} import main; main(*{arguments!r})"
        if not sys.executable:
            return
        try:
            helper = subprocess.Popen(
                [sys.executable, "-c", code],
                env=environ_alone(os.environ),
                pass_fds=[self._claims],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            return
        self._processes.append(helper)

    @property
    def pids(self) -> list[int]:
        """The processes that were started."""
        return [helper.pid for helper in self._processes]

    def finish(self) -> None:
        """Compile what no helper has begun, and wait for what they have."""
        names = list(PARTS)
        while claim := os.read(self._claims, 1):
            PARTS[names[claim[0]]].compile()
        used, since_s = -1, time.monotonic()
        while any(helper.poll() is None for helper in self._processes) and time.monotonic() - since_s < STILL_S:
            tick()
            if (now := sum(map(_ticks, self.pids))) != used:
                used, since_s = now, time.monotonic()
            time.sleep(_LOOK_S)
        self.close()

    def close(self) -> None:
        """End the helpers, whatever they do."""
        if self._claims >= 0:
            os.close(self._claims)
            self._claims = -1
        for helper in self._processes:
            helper.kill()
            helper.wait()
        self._processes.clear()


def _ticks(pid: int) -> int:
    """Processor time that a child of this process has used, ended or not, until it is waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    except (OSError, ValueError, IndexError):
        return 0


def free_cores() -> int:
    """Cores that this process may use beside the one it computes on."""
    return len(os.sched_getaffinity(0)) - 1
