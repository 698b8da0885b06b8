"""Signs of life between nodes: one small file per node in the run folder, written by the node's first rank.

Clocks of different machines are never compared: a node is alive while its numbers change. The first node reads the
files of all and sums them up in one more, which the others read: as many reads as nodes, not as many for each node.
"""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dtbsim.runtime.board import RUNNING, Board

FOLDER = ".heartbeat"
SUM = "all.json"
"""Of the first node: the progress of all."""


class Heartbeat:
    """Writes the file of this node and reads what the others do."""

    def __init__(self, run_dir: Path, node_index: int) -> None:
        self.folder = run_dir / FOLDER
        self.folder.mkdir(exist_ok=True)
        self._mine = self.folder / f"node_{node_index:05d}.json"
        self._is_first = node_index == 0
        self._count = self._heard = 0

    def write(self, board: Board) -> None:
        """Publish the board of this node."""
        self._count += 1
        text = json.dumps(
            {
                "host": socket.gethostname(),
                "count": self._count,
                "ticks": board.ticks(),
                "signs": [asdict(sign) for sign in board.signs()],
            }
        )
        _publish(self._mine, text)

    def others(self) -> list[dict[str, Any]]:
        """Return what the other nodes published last; a file that cannot be read just now is left out."""
        found = []
        for path in sorted(self.folder.glob("node_*.json")):
            if path != self._mine:
                with contextlib.suppress(OSError, ValueError):
                    found.append(json.loads(path.read_text(encoding="ascii")))
        return found

    def remote_ticks(self) -> int:
        """Return a number that changes whenever a rank of another node makes progress, two calls later at most.

        The first node has to call it for the others to hear of it.
        """
        if self._is_first:
            mine = json.loads(self._mine.read_text(encoding="ascii"))
            self._heard = sum(int(node["ticks"]) for node in self.others())
            _publish(self.folder / SUM, json.dumps({"ticks": self._heard + int(mine["ticks"])}))
        else:
            with contextlib.suppress(OSError, ValueError):  # not there yet, or not to be read just now
                self._heard = int(json.loads((self.folder / SUM).read_text(encoding="ascii"))["ticks"])
        return self._heard

    def remote_suspects(self) -> list[str]:
        """Describe the ranks of other nodes that are stopped or work while everyone waits."""
        found = []
        for node in self.others():
            signs = [sign for sign in node["signs"] if sign["state"] == RUNNING]
            stopped = [sign for sign in signs if sign["stopped"]]
            busy = [sign for sign in signs if not sign["waiting"]]
            found += [describe(sign, node["host"]) for sign in stopped or busy]
        return found

    def remove(self) -> None:
        """Delete the file of this node, and the folder after the last one."""
        with contextlib.suppress(OSError):
            if self._is_first:
                (self.folder / SUM).unlink(missing_ok=True)
            self._mine.unlink()
            self.folder.rmdir()


def _publish(path: Path, text: str) -> None:
    """Write a file that is whole whenever somebody reads it."""
    draft = path.with_suffix(".tmp")
    draft.write_text(text, encoding="ascii")
    draft.replace(path)


def describe(sign: dict[str, Any], host: str) -> str:
    """Return `rank 3 (process 4711 on node7, stopped, last at step 1200)`."""
    doing = "stopped by a signal" if sign["stopped"] else ("waiting" if sign["waiting"] else "busy")
    return f"rank {sign['rank']} (process {sign['pid']} on {host}, {doing}, last at step {sign['step']})"
