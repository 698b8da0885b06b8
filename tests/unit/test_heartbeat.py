"""Signs of life between nodes: who hears of whose progress, and how many files that takes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dtbsim.runtime.board import RUNNING, Sign
from dtbsim.runtime.heartbeat import FOLDER, Heartbeat


def board(ticks: int, *signs: Sign) -> Any:
    return SimpleNamespace(ticks=lambda: ticks, signs=lambda: list(signs))


def beat(nodes: list[Heartbeat], ticks: list[int]) -> list[int]:
    """What every node hears, each after it has written its own."""
    heard = []
    for node, count in zip(nodes, ticks, strict=True):
        node.write(board(count))
        heard.append(node.remote_ticks())
    return heard


@pytest.mark.parametrize("moving", range(4))
def test_everybody_hears_of_progress_anywhere_and_of_its_end(tmp_path: Path, moving: int) -> None:
    nodes = [Heartbeat(tmp_path, index) for index in range(4)]
    ticks = [5, 5, 5, 5]
    for _ in range(3):
        before = beat(nodes, ticks)
    assert beat(nodes, ticks) == before, "nothing moves"
    ticks[moving] += 1
    beat(nodes, ticks)
    after = beat(nodes, ticks)
    assert all(now != then for k, (now, then) in enumerate(zip(after, before, strict=True)) if k != moving)
    assert beat(nodes, ticks) == after


def test_when_the_first_node_stands_still_nothing_is_heard_of_the_others(tmp_path: Path) -> None:
    """All of them wait for it then."""
    nodes = [Heartbeat(tmp_path, index) for index in range(3)]
    beat(nodes, [1, 1, 1])
    before = beat(nodes, [2, 2, 2])
    nodes[1].write(board(3))
    assert nodes[1].remote_ticks() == before[1]


@pytest.mark.parametrize("n_nodes", [10, 200])
def test_files_read_grow_with_the_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_nodes: int) -> None:
    nodes = [Heartbeat(tmp_path, index) for index in range(n_nodes)]
    beat(nodes, [1] * n_nodes)
    read = []
    original = Path.read_text

    def counted(path: Path, *arguments: Any, **more: Any) -> str:
        read.append(path)
        return original(path, *arguments, **more)

    monkeypatch.setattr(Path, "read_text", counted)
    beat(nodes, [2] * n_nodes)
    assert len(read) < 2.1 * n_nodes


def test_suspects_are_those_of_all_other_nodes(tmp_path: Path) -> None:
    def sign(rank: int, *, waiting: bool) -> Sign:
        return Sign(rank=rank, pid=100 + rank, state=RUNNING, step=7, waiting=waiting, stopped=False)

    nodes = [Heartbeat(tmp_path, index) for index in range(3)]
    for node, waiting in zip(nodes, (True, False, True), strict=True):
        node.write(board(1, sign(int(node._mine.stem[-1]), waiting=waiting)))
    for node in (nodes[0], nodes[2]):
        (suspect,) = node.remote_suspects()
        assert suspect.startswith("rank 1 (process 101 on ")
    assert nodes[1].remote_suspects() == []


def test_nothing_is_left(tmp_path: Path) -> None:
    nodes = [Heartbeat(tmp_path, index) for index in range(3)]
    beat(nodes, [1, 1, 1])
    for node in (nodes[2], nodes[0], nodes[1]):
        node.remove()
    assert not (tmp_path / FOLDER).exists()
