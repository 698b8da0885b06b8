"""Pairs of neurons with one probability, and a limit of the in-degree: the form of pairwise_bernoulli with a limit.

The number of sources of a target is binomial, cut at the limit; then so many distinct sources are drawn. That is what
drawing every pair, and then keeping a random part of the sources that are too many, would give: of a random set of a
given size, a random part is again a random set. All words belong to the target, so it cannot matter who asks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.models.connections.base import F64, I64, ConnectionRule, Ends, Listed, Listing, Words

CALL_NUMBER, CALL_SOURCE = 1, 2
"""The number of sources; the sources, and whenever one was drawn twice the next call."""
SLOTS_AT_ONCE = 1 << 22


class CappedBernoulliRule(ConnectionRule):
    """`item` has `probability`, `indegree_max` and `autapses`."""

    scopes = ("same_region", "all")

    @property
    def label(self) -> str:
        """Of messages."""
        return f"{self.kind} with indegree_max"

    def compile(self, item: Any, ends: Ends) -> Listing:
        """Compute the distribution of the in-degree."""
        if not isinstance(item.probability, int | float):
            raise InputError(
                "with indegree_max there is one probability, and not one by region or pair",
                remedy="leave indegree_max out, or connect in several projections, each with its own limit",
            )
        return CappedSynapses(ends, float(item.probability), int(item.indegree_max), bool(item.autapses))


def below(n: int, probability: float, most: int) -> F64:
    """Return P(K <= k) for k = 0 ... `most` - 1, K binomial of `n` and `probability`; float64[most]."""
    if probability <= 0.0 or n == 0:
        return np.ones(most)
    if probability >= 1.0:
        return (np.arange(most) >= n).astype(np.float64)
    numbers = range(min(most, n + 1))
    log_n, log_p, log_q = math.lgamma(n + 1.0), math.log(probability), math.log1p(-probability)
    logs = [log_n - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0) + k * log_p + (n - k) * log_q for k in numbers]
    sums = np.minimum(np.cumsum(np.exp(logs)), 1.0)
    return np.concatenate([sums, np.ones(most - sums.size)])


@dataclass(frozen=True, eq=False)
class CappedSynapses:
    """The synapses, drawn when asked for. Values are those of the projection."""

    ends: Ends
    probability: float
    most: int
    autapses: bool
    weight = delay = None

    @property
    def expected(self) -> F64:
        """Mean of the in-degree, in proportion to the neurons of each source region."""
        ends = self.ends
        sizes = ends.allowed * float(ends.source.size)
        if self._leaves_out_self:
            sizes[np.eye(len(sizes), dtype=bool)] -= 1.0
        result = np.zeros(sizes.shape)
        for row, size in enumerate(sizes):
            n = int(size.sum())
            mean = float((1.0 - below(n, self.probability, min(self.most, n))).sum())
            result[row] = ends.target.size * mean * size / max(n, 1)
        return result

    @property
    def _leaves_out_self(self) -> bool:
        return self.ends.same and not self.autapses

    def onto(self, targets: I64, words: Words) -> Listed:
        """Return the synapses onto the targets, ascending sources for each."""
        region = targets // self.ends.target.size
        found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
        for one in np.unique(region).tolist():
            allowed = np.flatnonzero(self.ends.allowed[one])
            size = self.ends.source.size
            sources = (allowed[:, None] * size + np.arange(size)).ravel()
            n = sources.size - self._leaves_out_self
            if n < 1:
                continue
            mine = targets[region == one]
            number = self._numbers(mine, n, words)
            step = max(1, SLOTS_AT_ONCE // n)
            for k in range(0, mine.size, step):
                row, place = _distinct(mine[k : k + step], number[k : k + step], n, words)
                target = mine[k : k + step][row]
                if self._leaves_out_self:
                    place = place + (place >= np.searchsorted(sources, target))
                found.append((sources[place], target))
        source, target = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return Listed(source, target)

    def _numbers(self, targets: I64, n: int, words: Words) -> I64:
        """In-degrees of targets that have `n` possible sources."""
        limit = min(self.most, n)
        drawn = _uniform(words(targets, np.zeros(targets.size, np.int64), CALL_NUMBER))
        return np.searchsorted(below(n, self.probability, limit), drawn, side="right").astype(np.int64)


def _uniform(word: NDArray[np.uint32]) -> F64:
    """float64[n] in [0, 1) with 53 bits, of words uint32[4, n]."""
    high, low = (word[0] >> np.uint32(5)).astype(np.float64), (word[1] >> np.uint32(6)).astype(np.float64)
    return np.asarray((high * 2.0**26 + low) * 2.0**-53)


def _distinct(targets: I64, number: I64, n: int, words: Words) -> tuple[I64, I64]:
    """Rows and places below `n`, ascending: of every target `number` distinct places, all sets as likely.

    Where most places are wanted, those that are left out are drawn. A place that was drawn twice is drawn again for the
    later of the two; all of that treats the places alike, so no set of them is preferred.
    """
    inverted = 2 * number > n
    drawn = np.where(inverted, n - number, number)
    row = np.repeat(np.arange(targets.size), drawn)
    slot = np.arange(row.size) - np.repeat(np.cumsum(drawn) - drawn, drawn)
    place = np.zeros(row.size, np.int64)
    again, call = np.arange(row.size), CALL_SOURCE
    while again.size:
        word = words(targets[row[again]], slot[again], call)
        place[again] = np.minimum((_uniform(word) * n).astype(np.int64), n - 1)
        order = np.lexsort((slot, place, row))
        same = (np.diff(row[order]) == 0) & (np.diff(place[order]) == 0)
        again, call = np.sort(order[1:][same]), call + 1
    marked = np.zeros((targets.size, n), dtype=bool)
    marked[inverted] = True
    marked[row, place] = ~inverted[row]
    rows, places = np.nonzero(marked)
    return rows.astype(np.int64), places.astype(np.int64)
