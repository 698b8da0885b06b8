"""The ordered partitioner: what it must find on graphs whose best partition is known, balance, order, its options."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array
from tests.unit.test_partition import bottleneck, random_table, uniform_table

from dtbsim.kernels.graph_bisect import bisection_order
from dtbsim.kernels.graph_refine import refine_parts
from dtbsim.partition import BlockTable, MortonPartitioner, OrderedPartitioner, Traffic, summarise
from dtbsim.partition.curve import morton_order
from dtbsim.partition.graph import Graph, graph_of
from dtbsim.partition.ordered import interleaved


def traffic_of(pairs: list[tuple[int, int]], n: int) -> Traffic:
    """One event per second each way along every pair of regions."""
    source, target = np.array(pairs).T
    ends = np.r_[source, target], np.r_[target, source]
    return Traffic(coo_array((np.ones(2 * len(source)), ends), shape=(n, n)), "region")


def cut_between(pairs: list[tuple[int, int]], part: np.ndarray) -> int:
    return sum(part[a] != part[b] for a, b in pairs)


def grid(side: int, dimensions: int) -> tuple[list[tuple[int, int]], np.ndarray]:
    """Neighbours on a grid of regions, numbered at random, and where they are."""
    places = np.array(list(itertools.product(range(side), repeat=dimensions)))
    name = np.random.default_rng(0).permutation(len(places))
    index = {tuple(place): int(number) for place, number in zip(places, name, strict=True)}
    pairs = []
    for place in places:
        for axis in range(dimensions):
            there = place.copy()
            there[axis] += 1
            if tuple(there) in index:
                pairs.append((index[tuple(place)], index[tuple(there)]))
    xyz = np.empty((len(places), 3))
    xyz[:, dimensions:] = 0
    xyz[name, :dimensions] = places
    return pairs, xyz


@pytest.mark.parametrize("n_parts", [2, 3, 7, 16])
def test_communities_that_do_not_talk_are_found(n_parts: int) -> None:
    """Rings with chords, their members scattered over all gids: nothing has to be cut."""
    size = 20
    name = np.random.default_rng(n_parts).permutation(n_parts * size)
    pairs = [
        (int(name[k * size + i]), int(name[k * size + (i + step) % size]))
        for k in range(n_parts)
        for i in range(size)
        for step in (1, 3, 7)
    ]
    flow = traffic_of(pairs, n_parts * size)
    blocks = uniform_table(n_parts * size, 2)
    found = summarise(blocks, OrderedPartitioner().assign(blocks, n_parts, flow), flow)
    assert (found.imbalance, found.split_regions, found.local_share) == (1.0, 0, 1.0)


@pytest.mark.parametrize("n_parts", [2, 3, 5, 8])
def test_a_ring_is_cut_into_arcs(n_parts: int) -> None:
    name = np.random.default_rng(1).permutation(240)
    pairs = [(int(name[k]), int(name[(k + 1) % 240])) for k in range(240)]
    part = OrderedPartitioner().assign(uniform_table(240, 1), n_parts, traffic_of(pairs, 240))
    assert cut_between(pairs, part) <= n_parts + 1, "as a cut of scattered numbers would be some 240 (1 - 1 / n_parts)"


def test_a_square_is_cut_into_tiles() -> None:
    """32 x 32 regions on 16 ranks: the best tiles of 8 x 8 cut 192 of 1,984 pairs, rows of regions 480."""
    pairs, _ = grid(32, 2)
    blocks = uniform_table(1024, 1)
    part = OrderedPartitioner().assign(blocks, 16, traffic_of(pairs, 1024))
    assert summarise(blocks, part).imbalance <= 1.03 + 1e-9
    assert cut_between(pairs, part) <= 1.35 * 192


def test_consecutive_ranks_are_neighbours() -> None:
    """Of 1,024 ranks that each own a region of a square: most have the next rank among their own neighbours."""
    pairs, xyz = grid(32, 2)
    part = OrderedPartitioner().assign(uniform_table(1024, 1), 1024, traffic_of(pairs, 1024))
    row = xyz[np.argsort(part)]
    steps = np.abs(np.diff(row, axis=0)).sum(axis=1)
    assert np.median(steps) <= 2, "in a random order the median is 21"


@pytest.mark.parametrize("seed", range(40))
def test_the_load_exceeds_the_mean_by_a_block_at_most(seed: int) -> None:
    blocks = random_table(seed, 30)
    traffic = Traffic(np.random.default_rng(seed).random((6, 6)), "region")
    for partitioner in (OrderedPartitioner(), MortonPartitioner()):
        for n_parts in (2, 3, 7):
            mean = blocks.work.sum() / n_parts
            largest = bottleneck(blocks, partitioner.assign(blocks, n_parts, traffic))
            assert largest <= max(1.03 * mean, mean + blocks.work.max()) * (1 + 1e-9)


def test_regions_stay_whole_where_the_tolerance_allows() -> None:
    """Ten regions on three ranks: whole ones cost 20 %."""
    blocks = uniform_table(10, 6, families=2)
    split, whole = (summarise(blocks, OrderedPartitioner(tolerance=t).assign(blocks, 3)) for t in (0.03, 0.25))
    assert (split.imbalance, split.split_regions) == (1.0, 2)
    assert (whole.imbalance, whole.split_regions) == (pytest.approx(1.2), 0)


def test_families_of_a_region_are_shared_alike() -> None:
    """One region of 80 E and 20 I blocks on four ranks: each gets 20 and 5."""
    population = np.repeat([0, 1], [80, 20])
    blocks = BlockTable(np.full(100, 10), np.full(100, 3.0), np.zeros(100), population, np.arange(100) * 10)
    part = OrderedPartitioner().assign(blocks, 4)
    assert np.array_equal(np.bincount(part * 2 + population), [20, 5] * 4)
    groups = np.zeros(100, np.int64)
    row = interleaved(blocks, blocks.order(), groups, np.zeros(1, np.int64))
    assert [(population[row[k : k + 5]] == 1).sum() for k in range(0, 100, 5)] == [1] * 20


def test_morton_cuts_a_cube_into_octants() -> None:
    pairs, xyz = grid(8, 3)
    blocks = uniform_table(512, 1)
    placed = BlockTable(blocks.n_neurons, blocks.work, blocks.region, blocks.population, blocks.gid0, xyz)
    for part in (MortonPartitioner().assign(placed, 8, traffic_of(pairs, 512)), OrderedPartitioner().assign(placed, 8)):
        octant = (xyz >= 4) @ np.array([1, 2, 4])
        assert len({(int(a), int(b)) for a, b in zip(part, octant, strict=True)}) == 8


def test_points_in_one_place_keep_their_order() -> None:
    assert morton_order(np.ones((5, 3))).tolist() == [0, 1, 2, 3, 4]
    assert morton_order(np.zeros((0, 3))).tolist() == []
    assert morton_order(np.array([[0.0, 0, 1], [0, 0, 0], [0, 0, 0.5]])).tolist() == [1, 2, 0]


def random_graph(seed: int, least: int = 1) -> Graph:
    """Any graph, also of several components and with vertices that talk to nobody."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(least, 300)), int(rng.integers(0, 2000))
    ends = rng.integers(0, n, (2, m))
    keep = ends[0] != ends[1]
    one_way = csr_array((rng.integers(1, 1000, keep.sum()), ends[:, keep]), shape=(n, n))
    return graph_of(csr_array(one_way + one_way.T), rng.integers(0, 50, n).astype(np.int64))


@pytest.mark.parametrize("seed", range(30))
def test_every_graph_has_an_order(seed: int) -> None:
    graph = random_graph(seed)
    for parts in (1, 2, 5, 64):
        order = bisection_order(*graph.arrays, parts)
        assert np.array_equal(np.sort(order), np.arange(graph.load.size))
        assert np.array_equal(order, bisection_order(*graph.arrays, parts)), "the same again"


@pytest.mark.parametrize("seed", range(30))
def test_refinement_lowers_the_cut_and_counts_loads_right(seed: int) -> None:
    graph = random_graph(seed, 8)
    n = graph.load.size
    part = (np.arange(n) % 4).astype(np.int32)
    loads = np.zeros(4, np.int64)
    np.add.at(loads, part, graph.load)
    limit = int(loads.max())
    source = np.repeat(np.arange(n), np.diff(graph.start))
    before = int(graph.weight[part[source] != part[graph.other]].sum())
    refine_parts(*graph.arrays, part, loads, limit, 8)
    assert int(graph.weight[part[source] != part[graph.other]].sum()) <= before
    assert np.array_equal(loads, np.bincount(part, graph.load, 4))
    assert loads.max() <= limit
    assert (np.bincount(part, minlength=4) > 0).all()
