"""The definition of every connection rule: which Philox counter decides what, written down a second time in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import all_synapses, network_of, sorted_rows
from tests.helpers.small_atlas import save_small_atlas

from dtbsim.build.synapses import binomial_thresholds
from dtbsim.kernels.tasks import split_total
from dtbsim.numerics.philox import PURPOSE_COUNT, PURPOSE_SHIFT, PURPOSE_SOURCE, seed_key
from dtbsim.spec import Network

ENTRY, VALUES = 1, 2
"""Calls beside the first: the entry of the pool (of a target), weight and delay (of a pair or a total)."""

TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: 1, block_size: 16}
atlas: small.npz
seed: 99
populations:
  A: {model: izhikevich, size: 20, regions: all}
  B: {model: izhikevich, size: 37}
projections:
  P:
    source: SOURCE
    target: TARGET
    scope: SCOPE
    rule: RULE
    weight_mV: {distribution: normal, mean: 2, sd: 1}
    delay_ms: {distribution: uniform, low: 0.5, high: 9}
"""
NONE = "null"
CASES = {
    "in-degree": ("B", "A", NONE, "{kind: fixed_indegree, indegree: 9}"),
    "in-degree beyond a chunk": ("B", "B", NONE, "{kind: fixed_indegree, indegree: 1100}"),
    "without autapses": ("B", "B", NONE, "{kind: fixed_indegree, indegree: 9, autapses: false}"),
    "without multapses": ("B", "B", NONE, "{kind: fixed_indegree, indegree: 30, autapses: false, multapses: false}"),
    "from a pool": ("A", "A", "connectome", "{kind: fixed_indegree, indegree: 12}"),
    "distinct from a pool": ("A", "B", NONE, "{kind: fixed_indegree, indegree: 60, multapses: false}"),
    "total": ("A", "B", NONE, "{kind: fixed_total_number, total: 700}"),
    "total without autapses": ("B", "B", NONE, "{kind: fixed_total_number, total: 1700, autapses: false}"),
    "probability": ("A", "B", NONE, "{kind: pairwise_bernoulli, probability: 0.3}"),
    "high probability": ("B", "B", NONE, "{kind: pairwise_bernoulli, probability: 0.85, autapses: false}"),
    "everybody": ("B", "B", NONE, "{kind: all_to_all, autapses: false}"),
    "partners": ("A", "A", "same_region", "{kind: one_to_one}"),
}


def philox(counter: tuple[int, ...], seed: int) -> tuple[int, ...]:
    """Philox 4x32-10 in Python integers."""
    a, b, c, d = counter
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = p1 >> 32 ^ b ^ k0, p1 & 0xFFFFFFFF, p0 >> 32 ^ d ^ k1, p0 & 0xFFFFFFFF
        k0, k1 = k0 + 0x9E3779B9 & 0xFFFFFFFF, k1 + 0xBB67AE85 & 0xFFFFFFFF
    return a, b, c, d


class Definition:
    """Synapses of the only projection of a network, (source, target, channel, weight, delay)."""

    def __init__(self, network: Network) -> None:
        self.network, self.projection = network, network.projections[0]
        quantum = network.families[self.projection.target_family].channels[0].quantum
        assert self.projection.delay is not None
        self.weights = self.projection.weight.fixed_point(quantum, 8).tolist()
        self.delays = self.projection.delay.fixed_point(network.dt_ms, 16).tolist()
        self.found: list[tuple[int, int, int, int, int]] = []

    def words(self, c0: int, c1: int, c2: int, purpose: int = PURPOSE_SOURCE) -> tuple[int, ...]:
        return philox((c0, c1, c2, purpose << PURPOSE_SHIFT | self.projection.index), self.network.seed)

    def source(self, entry: int, high: int, low: int, target: int) -> int:
        """Uniform over the neurons of an entry, the target itself left out where autapses are off."""
        population = self.network.populations[self.projection.entry_source[entry]]
        own = target - population.gid0
        skip = not self.projection.autapses and 0 <= own < population.size
        index = (high << 32 | low) * (population.size - skip) >> 64
        return population.gid0 + index + (skip and index >= own)

    def add(self, source: int, target: int, weight_word: int, delay_word: int) -> None:
        values = []
        for fixed, bits, word in ((self.weights, 8, weight_word), (self.delays, 16, delay_word)):
            at = word >> 16
            exact = fixed[at] + ((fixed[at + 1] - fixed[at]) * (word & 0xFFFF) >> 16)
            values.append(exact + (1 << bits - 1) >> bits)
        self.found.append((source, target, 0, values[0], min(max(values[1], 1), 90)))

    def pair(self, entry: int, source: int, target: int) -> None:
        """Weight and delay of a pair, keyed by target gid, index of the source and its population."""
        population = int(self.projection.entry_source[entry])
        index = source - self.network.populations[population].gid0
        self.add(source, target, *self.words(target, index, population << 2 | VALUES)[:2])

    def synapses(self) -> Any:
        for piece, population in enumerate(self.projection.piece_target.tolist()):
            target = self.network.populations[population]
            gids = range(target.gid0, target.gid0 + target.size)
            entries = self.projection.entries(piece)
            pool = range(entries.start, entries.stop)
            if self.projection.rule.kind == "fixed_indegree":
                for gid in gids:
                    self.indegree(gid, pool, int(self.projection.piece_number[piece]))
                continue
            for entry in pool:
                if self.projection.rule.kind == "fixed_total_number":
                    self.total(entry, target)
                    continue
                first = self.network.populations[self.projection.entry_source[entry]]
                for gid in gids:
                    self.pairs(entry, first, gid, gid - target.gid0)
        return sorted_rows(np.array(self.found, np.int64))

    def indegree(self, gid: int, pool: range, number: int) -> None:
        attempt, seen = 0, set()
        left = number if len(pool) else 0
        while left:
            entry = pool[0]
            if len(pool) > 1:
                word = self.words(gid, attempt, ENTRY)[0]
                entry = next(e for e in pool if word <= self.projection.entry_cumulative[e])
            high, low, weight, delay = self.words(gid, attempt, 0)
            attempt += 1
            source = self.source(entry, high, low, gid)
            if not self.projection.multapses and source in seen:
                continue
            seen.add(source)
            self.add(source, gid, weight, delay)
            left -= 1

    def total(self, entry: int, target: Any) -> None:
        """The number of every block, then both ends of each synapse from (first gid of the block, its number)."""
        source, size = int(self.projection.entry_source[entry]), self.network.block_size
        starts = np.arange(0, target.size, size)
        sizes = np.minimum(size, target.size - starts)
        counts = np.zeros(sizes.size, np.int64)
        number, key = int(self.projection.entry_number[entry]), seed_key(self.network.seed)
        split_total(number, sizes, target.gid0, source, self.projection.index, *key, counts)
        for start, n, count in zip(starts.tolist(), sizes.tolist(), counts.tolist(), strict=True):
            gid0 = target.gid0 + start
            for k in range(count):
                high, low, where, _ = self.words(gid0, k, source << 2)
                gid = gid0 + (where * n >> 32)
                self.add(self.source(entry, high, low, gid), gid, *self.words(gid0, k, source << 2 | VALUES)[:2])

    def pairs(self, entry: int, first: Any, gid: int, index: int) -> None:
        everybody = range(first.gid0, first.gid0 + first.size)
        possible = [source for source in everybody if self.projection.autapses or source != gid]
        if self.projection.rule.kind == "pairwise_bernoulli":
            possible = self.drawn(entry, possible, gid)
        elif self.projection.rule.kind != "all_to_all":
            possible = [first.gid0 + index]
        for source in possible:
            self.pair(entry, source, gid)

    def drawn(self, entry: int, possible: list[int], gid: int) -> list[int]:
        """A binomial number of distinct sources; of those left out where they are fewer."""
        c2 = int(self.projection.entry_source[entry]) << 2
        first, thresholds = binomial_thresholds(len(possible), float(self.projection.entry_number[entry]))
        number = first + int((thresholds < self.words(gid, 0, c2, PURPOSE_COUNT)[0]).sum())
        inverted = 2 * number > len(possible)
        wanted, chosen, attempt = len(possible) - number if inverted else number, set(), 0
        while len(chosen) < wanted:
            high, low, _, _ = self.words(gid, attempt, c2)
            chosen.add(self.source(entry, high, low, gid))
            attempt += 1
        return [source for source in possible if (source in chosen) != inverted]


@pytest.mark.parametrize("name", list(CASES))
def test_synapses_are_those_of_the_definition(tmp_path: Path, name: str) -> None:
    source, target, scope, rule = CASES[name]
    save_small_atlas(tmp_path)
    text = TEXT.replace("SOURCE", source).replace("TARGET", target).replace("SCOPE", scope).replace("RULE", rule)
    text = text if scope != NONE else text.replace("    scope: null\n", "")
    if "in-degree beyond" in name:
        text = text.replace("size: 37", "size: 5")
    network = network_of(text, base_dir=tmp_path)
    expected = Definition(network).synapses()
    assert len(expected) > 90
    assert np.array_equal(all_synapses(network, n_ranks=2, threads=2 - ("beyond" in name)), expected)
