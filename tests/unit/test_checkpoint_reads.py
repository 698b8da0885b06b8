"""What a rank reads of a checkpoint, in bytes: what belongs to its own neurons, and little of what all must know."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dtbsim
from dtbsim.mpi import run_ranks
from dtbsim.run_folder import checkpoint_file
from dtbsim.run_folder.checkpoints import find_checkpoint
from dtbsim.simulate.saved import _overlap

CONFIG = """\
name: reads
simulation: {dt_ms: 0.5, duration_ms: 20, threads: 1, block_size: 64}
populations: {E: {model: iaf_psc_exp, size: 4096}}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 20}, weight_pA: 20, delay_ms: 1,
       synapse: {kind: stdp, weight_max: 100}}
drives: {background: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}}
checkpoint: {every_ms: 10, keep: 1}
"""
RANKS = 4


class Counted:
    """A file whose bytes are counted by the rank, a thread here, that reads them."""

    def __init__(self, file: Any, read: Counter[int]) -> None:
        self._file, self._read = file, read

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(size)
        self._read[threading.get_ident()] += len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Counted:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[int]]:
    """Bytes of files of checkpoints that every thread has read."""
    counts: Counter[int] = Counter()
    real = checkpoint_file.open_regular
    monkeypatch.setattr(checkpoint_file, "open_regular", lambda path: Counted(real(path), counts))
    return counts


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reads")
    (folder / "reads.yaml").write_text(CONFIG, encoding="utf-8")
    run_ranks(RANKS, lambda comm: dtbsim.run(folder / "reads.yaml", out=folder / "run", comm=comm), timeout_s=120)
    return folder / "run"


@pytest.mark.parametrize(("ranks", "shares"), [(RANKS, 1.0), (2 * RANKS, 1.0), (1, 4.0)])
def test_a_rank_reads_the_files_that_had_its_neurons(
    run: Path, tmp_path: Path, read: Counter[int], ranks: int, shares: float
) -> None:
    """Once to look whether the checkpoint is whole, each rank its share, and once what it goes on from."""
    files = [(run / "checkpoints").glob("*/*.ckpt")]
    sizes = [file.stat().st_size for found in files for file in found]
    total = sum(sizes)
    values = {"simulation.duration_ms": 30, "simulation.threads": 1}
    found = run_ranks(ranks, lambda comm: dtbsim.resume(run, out=tmp_path / "b", set=values, comm=comm), timeout_s=120)
    assert found[0].summary["spikes"] > 0
    common = 0.15 * total  # headers, spikes on their way
    per_rank = max(read.values())
    checked = -(-RANKS // ranks) * max(sizes)
    assert len(read) == ranks
    assert checked + shares * min(sizes) * (0.5 if ranks > RANKS else 0.9) < per_rank
    assert per_rank < checked + shares * max(sizes) + common
    if ranks >= RANKS:
        assert per_rank < 0.7 * total


def test_the_files_say_whose_neurons_they_hold(run: Path) -> None:
    headers: list[Any] = []
    find_checkpoint(run).read(lambda rank, header: headers.append(header) or ())
    ranges = sorted(piece for header in headers for piece in header.about["neurons"])
    assert sum(size for _, size in ranges) == 4096
    assert ranges[0][0] == 0
    assert all(first + size == after for (first, size), (after, _) in itertools.pairwise(ranges))


def test_overlap() -> None:
    other = [[10, 5], [30, 2]]
    for one, expected in (([[0, 10]], False), ([[14, 1]], True), ([[15, 15], [40, 1]], False), ([[5, 100]], True)):
        assert _overlap(one, other) is expected
        assert _overlap(other, one) is expected
