"""What the supervisor of a node clears away after the ranks that it has watched."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from dtbsim.runtime import supervisor
from dtbsim.runtime.heartbeat import FOLDER


@pytest.mark.parametrize("closing", [False, True])
def test_signs_of_life_of_killed_ranks_go(tmp_path: Path, closing: bool) -> None:
    """Ranks that close do it themselves, and other nodes may still be running."""
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "node_00001.json").write_text("{}")
    assert supervisor.HEARTBEAT == FOLDER
    board = memoryview(bytearray(8 * (supervisor.ROW_WORDS * 2 + supervisor.FOLDER_WORDS)))
    name, start = os.fsencode(tmp_path), 8 * supervisor.ROW_WORDS * 2
    board[start : start + len(name)] = name
    words = board.cast("q")
    words[supervisor.HEADER_FOLDER_BYTES], words[supervisor.HEADER_CLOSING] = len(name), int(closing)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("")
        listener.listen()
        supervisor.Supervisor(words, 1, listener, parent=-1).watch()
    assert (tmp_path / FOLDER).exists() == closing
