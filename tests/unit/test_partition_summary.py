"""The measures of an assignment, its table, and what a block table and a traffic matrix accept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dtbsim.errors import InputError
from dtbsim.partition import BlockTable, Traffic, summarise


def small_table(**changed: Any) -> BlockTable:
    columns: dict[str, Any] = {
        "n_neurons": [30, 10, 20, 20],
        "work": [300.0, 100.0, 200.0, 200.0],
        "region": [0, 0, 1, -1],
        "population": [0, 1, 2, 3],
        "gid0": [0, 30, 40, 60],
    }
    return BlockTable(**{name: np.array(value) for name, value in (columns | changed).items()})


def test_counts_balance_and_regions() -> None:
    summary = summarise(small_table(), np.array([0, 1, 1, 0], np.int32))
    assert summary.blocks.tolist() == [2, 2]
    assert summary.neurons.tolist() == [50, 30]
    assert summary.work.tolist() == [500.0, 300.0]
    assert summary.regions.tolist() == [1, 2]
    assert (summary.split_regions, summary.n_regions) == (1, 2)
    assert summary.imbalance == 1.25
    assert summary.local_share is None


def test_local_share_by_region_counts_pairs_of_neurons() -> None:
    # Region 0 has 3/4 of its neurons on part 0 and 1/4 on part 1, where region 1 lies; -1 takes no part.
    traffic = Traffic(np.array([[8.0, 4.0], [2.0, 6.0]]), "region")
    summary = summarise(small_table(), np.array([0, 1, 1, 0], np.int32), traffic)
    inside = 8 * (0.75**2 + 0.25**2) + 4 * 0.25 + 2 * 0.25 + 6
    assert summary.local_share == pytest.approx(inside / 20)


def test_local_share_by_population_equals_a_sum_over_all_pairs() -> None:
    rng = np.random.default_rng(3)
    n = 50
    population = rng.integers(0, 7, n)
    blocks = BlockTable(rng.integers(1, 9, n), np.ones(n), np.full(n, -1), population, np.arange(n) * 10)
    part = rng.integers(0, 4, n)
    matrix = rng.random((8, 8))
    size = np.bincount(population, weights=blocks.n_neurons, minlength=8)
    share = blocks.n_neurons / size[population]
    pairs = matrix[np.ix_(population, population)] * np.outer(share, share)
    expected = pairs[part[:, None] == part[None, :]].sum() / pairs.sum()
    assert summarise(blocks, part, Traffic(matrix, "population")).local_share == pytest.approx(expected)


def test_no_traffic_at_all_is_local_and_no_work_at_all_is_balanced() -> None:
    summary = summarise(small_table(work=[0.0] * 4), np.array([0, 1, 1, 0]), Traffic(np.zeros((2, 2)), "region"))
    assert summary.local_share == 1.0
    assert summary.imbalance == 1.0
    assert "1.000" in summary.table()


def test_table_names_every_part_or_the_extremes_of_many() -> None:
    text = summarise(small_table(), np.array([0, 1, 1, 0]), Traffic(np.eye(2), "region")).table("thread")
    assert "2 threads, load imbalance 1.250" in text
    assert "1 of 2 regions split" in text
    assert "81.2 % of the traffic stays local" in text
    assert [line.split()[:2] for line in text.splitlines()[2:]] == [["thread", "0"], ["thread", "1"]]
    work = np.ones(100)
    work[70], work[80] = 9.0, 0.5
    many = BlockTable(np.full(100, 5), work, np.full(100, -1), np.zeros(100, int), np.arange(100) * 5)
    lines = summarise(many, np.arange(100)).table().splitlines()
    assert [line.split()[1] for line in lines[2:-1]] == [str(part) for part in (*range(14), 70, 80)]
    assert lines[-1].startswith("(and 84 more")


@pytest.mark.parametrize("assignment", [[0, 1], [0, 1, 1, -1], [[0, 1], [0, 1]]])
def test_an_assignment_that_does_not_fit_is_an_error(assignment: Any) -> None:
    with pytest.raises(InputError, match=r"assignment of shape .* for 4 block"):
        summarise(small_table(), np.array(assignment))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"work": [1.0, 2.0]}, "differ in length: .*work 2"),
        ({"n_neurons": [30, 0, 20, 20]}, "block 1 has n_neurons = 0; allowed: at least 1"),
        ({"work": [1.0, 2.0, float("nan"), 4.0]}, "block 2 has work = nan"),
        ({"work": [1.0, 2.0, 3.0, -4.0]}, "block 3 has work = -4.0"),
        ({"region": [0, -2, 0, 0]}, "block 1 has region = -2"),
        ({"population": [-1, 0, 0, 0]}, "block 0 has population = -1"),
        ({"gid0": [0, 30, 30, 60]}, "two blocks start at the same gid"),
        ({"region": [0, 2**40, 0, 0]}, "region of a block table does not fit int32"),
        ({"n_neurons": [1.5, 1.0, 1.0, 1.0]}, "n_neurons of a block table does not fit int64"),
        ({"work": [[1.0]]}, "work of a block table has 2 dimensions"),
    ],
)
def test_bad_block_tables_are_errors(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        small_table(**changed)


def test_a_block_table_keeps_its_own_values() -> None:
    work = np.array([300.0, 100.0, 200.0, 200.0])
    blocks = small_table(work=work)
    work[0] = -1.0
    assert blocks.work[0] == 300.0
    with pytest.raises(ValueError, match="read-only"):
        blocks.work[0] = 1.0


@pytest.mark.parametrize(
    ("matrix", "by", "message"),
    [
        (np.ones((2, 3)), "region", r"shape \(2, 3\)"),
        (np.array([[-1.0]]), "region", "negative or non-finite"),
        (np.array([[np.inf]]), "region", "negative or non-finite"),
        (np.ones((2, 2)), "lobe", "traffic by 'lobe'.*allowed: region, population"),
    ],
)
def test_bad_traffic_is_an_error(matrix: Any, by: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Traffic(matrix, by)


def test_traffic_that_lacks_a_region_is_an_error() -> None:
    with pytest.raises(
        InputError, match=r"2 rows, but the blocks name population 3.*one row and column per population"
    ):
        summarise(small_table(), np.zeros(4, np.int32), Traffic(np.ones((2, 2)), "population"))
