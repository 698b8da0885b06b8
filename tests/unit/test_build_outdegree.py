"""The rule fixed_outdegree: its definition a second time in Python, its statistics, and the tree of parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.helpers.networks import (
    SOURCE,
    TARGET,
    all_synapses,
    built_rank,
    network_of,
    population,
    sorted_rows,
    synapses_of,
)
from tests.helpers.small_atlas import WEIGHTS, save_small_atlas
from tests.unit.test_build_definition import Definition

from dtbsim.build import pairs
from dtbsim.kernels.outdegree import first_half
from dtbsim.numerics.philox import PURPOSE_OUT_SPLIT, PURPOSE_OUT_TARGET, seed_key
from dtbsim.spec import Network

TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: 1, block_size: 16}
atlas: small.npz
seed: 99
populations:
  A: {model: izhikevich, size: 20, regions: all}
  B: {model: izhikevich, size: 77}
projections:
  P:
    source: SOURCE
    target: TARGET
    rule: {kind: fixed_outdegree, outdegree: NUMBER, autapses: AUTAPSES}
    weight_mV: {distribution: normal, mean: 2, sd: 1}
    delay_ms: {distribution: uniform, low: 0.5, high: 9}
    scope: SCOPE
"""


def compiled(folder: Path, source: str, target: str, scope: str, number: int, autapses: bool = True) -> Network:
    save_small_atlas(folder)
    text = TEXT.replace("SOURCE", source).replace("TARGET", target).replace("NUMBER", str(number))
    return network_of(text.replace("AUTAPSES", str(autapses).lower()).replace("SCOPE", scope), base_dir=folder)


def shrink_parts(monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    """Cut populations into parts of at most `part` neurons."""
    plain = pairs.splits_of
    monkeypatch.setattr(pairs, "splits_of", lambda size: plain(size, part))


class Outdegree(Definition):
    """The rule in Python integers, with parts of at most `part` neurons."""

    def __init__(self, network: Network, part: int) -> None:
        super().__init__(network)
        self.part = part

    def synapses(self) -> Any:
        for piece, target_index in enumerate(self.projection.piece_target.tolist()):
            target = self.network.populations[target_index]
            splits = next(n for n in range(40) if -(-target.size // 2**n) <= self.part)
            begins = [p * target.size >> splits for p in range(2**splits + 1)]
            entries = self.projection.entries(piece)
            for entry in range(entries.start, entries.stop):
                source = self.network.populations[int(self.projection.entry_source[entry])]
                for gid in range(source.gid0, source.gid0 + source.size):
                    number = int(self.projection.entry_number[entry])
                    self.node(gid, target.gid0, begins, 0, 2**splits, number)
        return sorted_rows(np.array(self.found, np.int64))

    def node(self, gid: int, gid0: int, begins: list[int], first: int, stop: int, number: int) -> None:
        if stop - first == 1:
            self.leaf(gid, gid0 + begins[first], begins[stop] - begins[first], number)
            return
        middle = (first + stop) // 2
        bits = []
        for chunk in range(-(-number // 128)):
            words = self.words(gid, chunk, gid0 + begins[middle], PURPOSE_OUT_SPLIT)
            bits += [word >> bit & 1 for word in words for bit in range(32)]
        left = sum(bits[:number])
        self.node(gid, gid0, begins, first, middle, left)
        self.node(gid, gid0, begins, middle, stop, number - left)

    def leaf(self, gid: int, gid0: int, size: int, number: int) -> None:
        skip = not self.projection.autapses and gid0 <= gid < gid0 + size
        for i in range(number):
            high, low, weight, delay = self.words(gid, i, gid0, PURPOSE_OUT_TARGET)
            target = gid0 + ((high << 32 | low) * (size - skip) >> 64)
            self.add(gid, target + (skip and target >= gid), weight, delay)


@pytest.mark.parametrize("part", [1 << 20, 8])
@pytest.mark.parametrize(
    ("source", "target", "scope", "number", "autapses"),
    [
        ("B", "B", "all", 11, True),
        ("B", "B", "all", 150, False),
        ("A", "B", "all", 700, True),
        ("B", "A", "all", 5, True),
        ("A", "A", "connectome", 9, True),
        ("A", "A", "same_region", 9, False),
    ],
)
def test_synapses_are_those_of_the_definition(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    target: str,
    scope: str,
    number: int,
    autapses: bool,
    part: int,
) -> None:
    shrink_parts(monkeypatch, part)
    network = compiled(tmp_path, source, target, scope, number, autapses)
    expected = Outdegree(network, part).synapses()
    assert len(expected) > 90
    assert np.array_equal(all_synapses(network, n_ranks=2, threads=2), expected)
    numbers = network.entries.synapses
    assert numbers.sum() == len(expected)


def test_a_connectome_scales_the_outdegree_of_each_pair(tmp_path: Path) -> None:
    network = compiled(tmp_path, "A", "A", "connectome", 9)
    total = network.projections[0]
    assert total.entry_number.tolist() == np.rint(9 * WEIGHTS[np.nonzero(WEIGHTS)] / WEIGHTS.max()).tolist()
    synapses = all_synapses(network)
    for piece, target in enumerate(total.piece_target.tolist()):
        entries = total.entries(piece)
        for entry in range(entries.start, entries.stop):
            a, b = network.populations[int(total.entry_source[entry])], network.populations[target]
            found = synapses[(synapses[:, SOURCE] // 20 == a.gid0 // 20) & (synapses[:, TARGET] // 20 == b.gid0 // 20)]
            counts = np.bincount(found[:, SOURCE] - a.gid0, minlength=20)
            assert (counts == total.entry_number[entry]).all()


@pytest.mark.parametrize("part", [1 << 20, 12])
@pytest.mark.parametrize("autapses", [True, False])
def test_statistics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int, autapses: bool) -> None:
    shrink_parts(monkeypatch, part)
    network = compiled(tmp_path, "B", "B", "all", 3000, autapses)
    synapses = synapses_of(built_rank(network))
    gids = population(network, "B")
    counts = np.zeros((77, 77))
    np.add.at(counts, (synapses[:, SOURCE] - gids.start, synapses[:, TARGET] - gids.start), 1)
    assert (counts.sum(axis=1) == 3000).all(), "every source has exactly its out-degree"
    if not autapses:
        assert (np.diag(counts) == 0).all()
    # parts hold 9 or 10 neurons where there are 8 of them: a target's probability, from the parts
    splits = pairs.splits_of(77)
    begins = np.array([p * 77 >> splits for p in range(2**splits + 1)])
    part_of = np.searchsorted(begins, np.arange(77), side="right") - 1
    size = np.diff(begins)[part_of].astype(float)
    expected = np.tile(3000 / 2**splits / size, (77, 1))
    if not autapses:
        same = part_of[:, None] == part_of[None, :]
        expected = np.where(same, 3000 / 2**splits / (size - 1), expected)
        np.fill_diagonal(expected, 0)
    used = expected > 0
    assert stats.chisquare(counts[used] / 1.0, expected[used] * counts.sum() / expected.sum(), 76).pvalue > 1e-3
    assert splits == (0 if part > 77 else 3)


def test_part_sizes() -> None:
    assert pairs.PART == 1_048_576
    for size, splits in ((1, 0), (2**20, 0), (2**20 + 1, 1), (2**21, 1), (2**21 + 1, 2), (2**32 - 1, 12)):
        assert pairs.splits_of(size) == splits
        begins = np.array([p * size >> splits for p in range(2**splits + 1)])
        assert begins[-1] == size
        assert np.diff(begins).max() <= 2**20
        assert np.ptp(np.diff(begins)) <= 1
    assert pairs.splits_of(77, 12) == 3


@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 64, 100, 127, 128, 129, 1000])
def test_a_halving_is_binomial(n: int) -> None:
    key = seed_key(5)
    drawn = np.array([first_half(np.uint32(gid), n, 1234, 3, *key) for gid in range(4000)])
    assert drawn.min() >= 0
    assert drawn.max() <= n
    error = np.sqrt(n / 4 / len(drawn))
    assert abs(drawn.mean() - n / 2) <= 4 * error
    if n >= 31:
        assert drawn.var() == pytest.approx(n / 4, rel=4 * np.sqrt(2 / len(drawn)))
        bins = np.quantile(stats.binom(n, 0.5).ppf(np.linspace(0.1, 0.9, 9)), np.linspace(0, 1, 9))
        edges = np.concatenate([[-1], np.unique(np.round(bins)), [n]])
        observed = np.histogram(drawn, edges + 0.5)[0]
        assert stats.chisquare(observed, len(drawn) * np.diff(stats.binom(n, 0.5).cdf(edges))).pvalue > 1e-3


def test_neighbouring_counters_are_independent() -> None:
    key = seed_key(5)
    counts = np.array(
        [[first_half(np.uint32(g), 128, b, p, *key) for b, p in ((9, 0), (10, 0), (9, 1))] for g in range(900)]
    )
    correlation = np.corrcoef(counts.T)
    assert np.abs(correlation - np.eye(3)).max() < 4 / np.sqrt(900)
