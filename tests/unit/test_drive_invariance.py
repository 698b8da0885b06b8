"""Every kind of drive gives the same spikes for any ranks, threads, pauses, formats, and in the plain engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.continued import Division, stretch
from tests.helpers.drive_zoo import drive_zoo
from tests.helpers.networks import all_synapses, built_rank, simulate, simulate_ranks
from tests.helpers.reference_engine import ReferenceEngine

from dtbsim.kernels import layout as L


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drives")


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    spikes = simulate(drive_zoo(folder))
    assert len(spikes) > 1000
    return spikes


@pytest.mark.parametrize(("n_ranks", "threads"), [(1, 2), (2, 1), (3, 1), (2, 2), (3, 2)])
def test_ranks_and_threads(folder: Path, reference: Any, n_ranks: int, threads: int) -> None:
    assert np.array_equal(simulate_ranks(drive_zoo(folder), n_ranks, threads), reference)


@pytest.mark.parametrize("kind", [L.KIND_WIDE32, L.KIND_WIDE64])
def test_synapse_formats(folder: Path, reference: Any, kind: int) -> None:
    assert np.array_equal(simulate(drive_zoo(folder), kind=kind), reference)


@pytest.mark.parametrize("chunks", [(1,), (3, 7, 8, 9, 250), tuple(range(13, 500, 13))])
def test_pauses(folder: Path, reference: Any, chunks: Any) -> None:
    assert np.array_equal(simulate(drive_zoo(folder), threads=2, chunks=chunks), reference)


def test_more_lanes_than_threads(folder: Path, reference: Any) -> None:
    network = drive_zoo(folder)
    assert np.array_equal(simulate(network, threads=1, built=built_rank(network, threads=5)), reference)


@pytest.mark.nightly
def test_the_plain_engine_gives_the_same(folder: Path, reference: Any) -> None:
    network = drive_zoo(folder)
    assert np.array_equal(ReferenceEngine(network, all_synapses(network)).run(), reference)


@pytest.mark.parametrize("division", [Division(), Division(1, 3), Division(2), Division(3, 2), Division(2, board=True)])
def test_the_same_drives_set_again_change_nothing(folder: Path, reference: Any, division: Division) -> None:
    """Each process of noise with memory goes on where it was, and spikes of other ranks that have arrived stay."""
    network = drive_zoo(folder)
    steps = (0, 1, 77, 160, 161, 303, network.n_steps)
    found = stretch(network, division, steps, before=lambda backend, _: backend.set_drives(network.drives))
    assert np.array_equal(found.spikes, reference)


def test_every_drive_matters(folder: Path, reference: Any) -> None:
    """Without any one of them, or with another seed, the spikes differ."""
    network = drive_zoo(folder)
    for name in {drive.name for drive in network.drives}:
        assert not np.array_equal(simulate(drive_zoo(folder, f"drives.{name}.windows_ms=[[44.9, 45]]")), reference), (
            name
        )
    assert not np.array_equal(simulate(drive_zoo(folder, "seed=22")), reference)
