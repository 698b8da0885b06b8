"""Properties that every partitioner promises, over many small random networks and some chosen ones."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from dtbsim.errors import EXIT_INPUT, InputError
from dtbsim.partition import (
    BlockTable,
    ContiguousPartitioner,
    GreedyPartitioner,
    Traffic,
    get_partitioner,
    summarise,
)


def random_table(seed: int, n_blocks: int | None = None) -> BlockTable:
    """Blocks of random work (some equal, some zero) in random regions, rows in random order."""
    rng = np.random.default_rng(seed)
    n = n_blocks or int(rng.integers(1, 40))
    kinds = [rng.lognormal(0, 1, n), rng.integers(0, 4, n).astype(float), np.full(n, 7.0), rng.pareto(1.0, n)]
    gid0 = np.cumsum(rng.integers(1, 300, n))
    return BlockTable(
        n_neurons=rng.integers(1, 300, n),
        work=kinds[seed % len(kinds)],
        region=rng.integers(-1, 6, n),
        population=rng.integers(0, 9, n),
        gid0=rng.permutation(gid0),
    )


def uniform_table(n_regions: int, blocks_per_region: int, families: int = 1) -> BlockTable:
    """Equal blocks; populations in the order of families, as a network has them."""
    region = np.tile(np.repeat(np.arange(n_regions), blocks_per_region), families)
    n = len(region)
    population = np.repeat(np.arange(n_regions * families), blocks_per_region)
    return BlockTable(np.full(n, 100), np.full(n, 50.0), region, population, np.arange(n) * 100)


def permuted(blocks: BlockTable, rows: np.ndarray) -> BlockTable:
    return BlockTable(
        blocks.n_neurons[rows], blocks.work[rows], blocks.region[rows], blocks.population[rows], blocks.gid0[rows]
    )


def bottleneck(blocks: BlockTable, assignment: np.ndarray) -> float:
    return float(np.bincount(assignment, weights=blocks.work).max())


def best_contiguous(work: np.ndarray, n_parts: int) -> float:
    """The smallest largest sum over all cuts into non-empty ranges, by trying each."""
    cuts = combinations(range(1, len(work)), n_parts - 1)
    return min(max(piece.sum() for piece in np.split(work, list(cut))) for cut in cuts)


def best_of_all(work: np.ndarray, n_parts: int) -> float:
    """The smallest largest load over all assignments."""
    choices = np.array(list(product(range(n_parts), repeat=len(work))))
    loads = np.stack([(choices == part) @ work for part in range(n_parts)])
    return float(loads.max(axis=0).min())


SEEDS = range(60)
NAMES = ["ordered", "morton", "contiguous", "greedy"]
"""Those that need no other library (tests/unit/test_partition_external.py has the others)."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_block_has_one_part_and_no_part_is_empty(name: str, seed: int) -> None:
    blocks = random_table(seed)
    for n_parts in {1, 2, 3, len(blocks) // 2, len(blocks) - 1, len(blocks)}:
        if not 1 <= n_parts <= len(blocks):
            continue
        assignment = get_partitioner(name).assign(blocks, n_parts)
        assert assignment.dtype == np.int32
        assert assignment.shape == (len(blocks),)
        assert np.array_equal(np.unique(assignment), np.arange(n_parts))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_does_not_matter(name: str, seed: int) -> None:
    blocks = random_table(seed, 30)
    rows = np.random.default_rng(seed + 1000).permutation(30)
    traffic = Traffic(np.random.default_rng(seed).random((6, 6)), "region")
    assignment = get_partitioner(name).assign(blocks, 4, traffic)
    assert np.array_equal(get_partitioner(name).assign(permuted(blocks, rows), 4, traffic), assignment[rows])


@pytest.mark.parametrize("seed", SEEDS)
def test_contiguous_is_a_range_of_gids_with_the_smallest_largest_work(seed: int) -> None:
    blocks = random_table(seed, 11)
    order = np.argsort(blocks.gid0)
    for n_parts in (1, 2, 3, 5, 11):
        assignment = ContiguousPartitioner().assign(blocks, n_parts)
        assert np.all(np.diff(assignment[order]) >= 0)
        expected = best_contiguous(blocks.work[order], n_parts)
        assert bottleneck(blocks, assignment) == pytest.approx(expected, rel=1e-12)


def test_contiguous_spreads_what_the_bottleneck_leaves_free() -> None:
    blocks = uniform_table(10, 1)
    sizes = np.bincount(ContiguousPartitioner().assign(blocks, 3))
    assert sorted(sizes) == [3, 3, 4]


@pytest.mark.parametrize("with_traffic", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_greedy_is_within_its_tolerance_or_as_good_as_contiguous(seed: int, with_traffic: bool) -> None:
    blocks = random_table(seed, 24)
    traffic = Traffic(np.random.default_rng(seed).random((9, 9)), "population") if with_traffic else None
    for n_parts in (2, 3, 7):
        greedy = bottleneck(blocks, GreedyPartitioner().assign(blocks, n_parts, traffic))
        contiguous = bottleneck(blocks, ContiguousPartitioner().assign(blocks, n_parts))
        limit = 1.05 * blocks.work.sum() / n_parts
        assert greedy <= max(limit, contiguous) * (1 + 1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_greedy_is_within_its_tolerance_or_a_third_of_the_optimum(seed: int) -> None:
    blocks = random_table(seed, 9)
    optimum = best_of_all(blocks.work, 3)
    greedy = bottleneck(blocks, GreedyPartitioner().assign(blocks, 3))
    assert optimum <= greedy * (1 + 1e-12)
    assert greedy <= max(1.05 * blocks.work.sum() / 3, (4 / 3 - 1 / 9) * optimum) * (1 + 1e-12)


def test_greedy_keeps_regions_whole_where_the_balance_allows() -> None:
    blocks = uniform_table(80, 1, families=2)
    for n_parts in (2, 3, 4, 5, 8, 16, 80):
        summary = summarise(blocks, GreedyPartitioner().assign(blocks, n_parts))
        assert summary.split_regions == 0
        assert summary.imbalance <= 1.05
    contiguous = summarise(blocks, ContiguousPartitioner().assign(blocks, 2))
    assert contiguous.split_regions == 80


def test_greedy_splits_only_the_regions_that_do_not_fit() -> None:
    blocks = uniform_table(80, 4)
    summary = summarise(blocks, GreedyPartitioner().assign(blocks, 64))
    assert summary.imbalance == 1.0
    assert summary.split_regions == 16


def test_a_tolerance_of_zero_gives_balance_and_a_large_one_whole_regions() -> None:
    blocks = uniform_table(5, 4)
    strict = summarise(blocks, GreedyPartitioner(tolerance=0.0, swap_tolerance=0.0).assign(blocks, 2))
    loose = summarise(blocks, GreedyPartitioner(tolerance=0.25).assign(blocks, 2))
    assert (strict.imbalance, strict.split_regions) == (1.0, 1)
    assert (loose.imbalance, loose.split_regions) == (1.2, 0)


def test_traffic_brings_together_what_talks_to_each_other() -> None:
    blocks = uniform_table(8, 2)
    matrix = np.zeros((8, 8))
    for a, b in ((0, 5), (1, 4), (2, 7), (3, 6)):
        matrix[a, b] = 10.0
        matrix[b, a] = 1.0
    traffic = Traffic(matrix, "region")
    blind = summarise(blocks, GreedyPartitioner().assign(blocks, 4), traffic)
    aware = summarise(blocks, GreedyPartitioner().assign(blocks, 4, traffic), traffic)
    assert blind.local_share == 0.0
    assert aware.local_share == 1.0
    assert aware.imbalance == 1.0


@pytest.mark.parametrize("seed", SEEDS)
def test_traffic_never_makes_whole_regions_less_local(seed: int) -> None:
    rng = np.random.default_rng(seed)
    work = rng.lognormal(0, 0.1, 40)
    blocks = BlockTable(np.full(40, 64), work, np.arange(40), np.arange(40), np.arange(40) * 64)
    traffic = Traffic(rng.lognormal(0, 2, (40, 40)), "region")
    blind = summarise(blocks, GreedyPartitioner().assign(blocks, 4), traffic)
    aware = summarise(blocks, GreedyPartitioner().assign(blocks, 4, traffic), traffic)
    assert blind.split_regions == aware.split_regions == 0
    assert blind.local_share is not None
    assert aware.local_share is not None
    assert aware.local_share > blind.local_share
    assert aware.imbalance <= max(blind.imbalance, 1.01) + 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_blocks_without_work_are_shared_by_their_neurons(name: str) -> None:
    blocks = BlockTable(np.array([10, 10, 20]), np.zeros(3), np.full(3, -1), np.arange(3), np.array([0, 10, 20]))
    assert np.bincount(get_partitioner(name).assign(blocks, 2), weights=blocks.n_neurons).tolist() == [20, 20]


@pytest.mark.parametrize("name", NAMES)
def test_one_heavy_block_leaves_no_part_empty(name: str) -> None:
    work = np.full(20, 1e-30)
    work[3] = 1.0
    blocks = BlockTable(np.full(20, 5), work, np.zeros(20, int), np.zeros(20, int), np.arange(20) * 5)
    assert set(get_partitioner(name).assign(blocks, 20)) == set(range(20))
    assert set(get_partitioner(name).assign(blocks, 6)) == set(range(6))


@pytest.mark.parametrize("name", NAMES)
def test_more_parts_than_blocks_is_an_error_with_numbers_and_remedy(name: str) -> None:
    with pytest.raises(InputError, match=r"5 ranks.*3 block.*at most 3 ranks.*smaller block_size") as caught:
        get_partitioner(name).assign(uniform_table(3, 1), 5)
    assert caught.value.exit_code == EXIT_INPUT
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="5 threads"):
        get_partitioner(name, unit="threads").assign(uniform_table(3, 1), 5)
    with pytest.raises(InputError, match="0 ranks: at least 1"):
        get_partitioner(name).assign(uniform_table(3, 1), 0)


def test_an_unknown_partitioner_is_an_error_with_the_names() -> None:
    with pytest.raises(InputError, match=r"unknown partitioner 'gredy'.*did you mean 'greedy'\?.*contiguous, greedy"):
        get_partitioner("gredy")


@pytest.mark.parametrize("tolerances", [(-0.1, 0.0), (1.0, 0.0), (0.05, 0.06), (float("nan"), 0.0)])
def test_tolerances_out_of_range_are_errors(tolerances: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="swap_tolerance <= tolerance < 1"):
        GreedyPartitioner(*tolerances)


@pytest.mark.parametrize("name", NAMES)
def test_a_million_blocks_take_seconds(name: str) -> None:
    n = 1_000_000
    rng = np.random.default_rng(5)
    region = np.arange(n) % 400
    blocks = BlockTable(np.full(n, 256), rng.lognormal(0, 0.5, n), region, region, np.arange(n) * 256)
    summary = summarise(blocks, get_partitioner(name).assign(blocks, 512))
    assert summary.imbalance < 1.06
    assert len(summary.neurons) == 512
