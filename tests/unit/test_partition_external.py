"""METIS and Mt-KaHyPar as partitioners: what the project makes of them, and what is said where they are missing."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from tests.unit.test_partition import random_table, uniform_table
from tests.unit.test_partition_ordered import traffic_of

from dtbsim.errors import MissingDependencyError
from dtbsim.partition import BlockTable, Traffic, get_partitioner, pieces, summarise
from dtbsim.partition.pieces import cut_pieces

LIBRARIES = {"metis": "pymetis", "km1": "mtkahypar"}


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_missing_library_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, LIBRARIES[name], None)
    with pytest.raises(MissingDependencyError) as caught:
        get_partitioner(name).assign(uniform_table(4, 2), 2)
    assert f"simulation.partitioner is {name}, but {LIBRARIES[name]} cannot be imported" in caught.value.message
    assert "dtbsim[partition]" in str(caught.value.remedy)


@pytest.mark.parametrize("name", LIBRARIES)
def test_communities_that_do_not_talk_are_found(name: str) -> None:
    pytest.importorskip(LIBRARIES[name])
    label = np.random.default_rng(4).permutation(4 * 20)
    pairs = [(int(label[k * 20 + i]), int(label[k * 20 + j])) for k in range(4) for i in range(20) for j in range(i)]
    flow, blocks = traffic_of(pairs, 80), uniform_table(80, 2)
    assignment = get_partitioner(name).assign(blocks, 4, flow)
    found = summarise(blocks, assignment, flow)
    assert (found.imbalance, found.split_regions, found.local_share) == (1.0, 0, 1.0)
    assert np.array_equal(get_partitioner(name).assign(blocks, 4, flow), assignment), "the same again"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", LIBRARIES)
def test_every_part_has_a_block(name: str, seed: int) -> None:
    pytest.importorskip(LIBRARIES[name])
    blocks, flow = random_table(seed, 30), Traffic(np.random.default_rng(seed).random((6, 6)), "region")
    for n_parts in (2, 7, 30):
        assert np.array_equal(np.unique(get_partitioner(name).assign(blocks, n_parts, flow)), np.arange(n_parts))


def test_pieces_keep_all_work_neurons_and_traffic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regions of unequal work in pieces of a fair share of E and I; by hand for the first two."""
    monkeypatch.setattr(pieces, "PER_PART", 4)
    region = np.repeat([0, 1], [12, 3])
    population = np.r_[np.repeat([0, 1], [8, 4]), np.full(3, 2)]
    blocks = BlockTable(np.full(15, 10), np.full(15, 5.0), region, population, np.arange(15) * 10)
    matrix = np.array([[60.0, 6, 3], [0, 0, 0], [0, 9, 12]])  # population 0 to itself 60, to 1 6, to 2 3, 2 to 1 9
    found = cut_pieces(blocks, 1, Traffic(matrix, "population"))
    assert found.neurons.tolist() == [30, 30, 30, 30, 30], "four pieces would be 3.75 blocks each: 4 of 3 and 1 of 3"
    for piece in range(4):
        assert sorted(population[found.piece == piece]) == [0, 0, 1]
    assert found.flow.toarray()[:4, :4] == pytest.approx(np.full((4, 4), 66 / 16))
    assert found.flow.toarray()[:4, 4] == pytest.approx(np.full(4, 3 / 4))
    assert found.flow.toarray()[4] == pytest.approx([9 / 4] * 4 + [12])
    assert int(found.work.sum()) == pytest.approx(2**52, rel=1e-12)
