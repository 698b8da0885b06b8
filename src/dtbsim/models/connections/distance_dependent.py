"""distance_dependent: the probability of a synapse follows the distance of its neurons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from dtbsim.config.bounds import Degree, Number
from dtbsim.config.parts import KIND, RuleConfig
from dtbsim.config.values import Flag
from dtbsim.errors import InputError
from dtbsim.models.connections.base import F64, I64, ConnectionRule, Ends, Listed, Listing, Span, Words

PAIRS_AT_ONCE = 1 << 21
SAMPLE = 256
"""Targets of a population from which its expected synapses are estimated."""
CALL_PAIR = 1


class DistanceDependent(RuleConfig):
    """Every pair of neurons is connected with a probability that falls with their distance d, once.

    `gaussian`: probability * exp(-d^2 / (2 width_mm^2)); `exponential`: probability * exp(-d / width_mm); `box`:
    probability where d <= width_mm, else 0. Both populations need `positions`, or regions of an atlas that has their
    centroids. With `indegree_max`, a target that would have more sources keeps so many of them, chosen at random.
    """

    kind: Literal["distance_dependent"] = Field(default="distance_dependent", description=KIND)
    probability: Number = Field(ge=0, le=1, description="probability at distance 0")
    profile: Literal["gaussian", "exponential", "box"] = Field(description="how it falls with distance, see above")
    width_mm: Number = Field(gt=0, description="standard deviation, length constant, or largest distance")
    indegree_max: Degree | None = Field(default=None, description="most synapses per target neuron; default: no limit")
    autapses: Flag = Field(default=True, description="a neuron may be its own source")


class DistanceDependentRule(ConnectionRule):
    """Every pair has a word of its own, so that nobody's synapses depend on who else is asked for."""

    config = DistanceDependent
    scopes = ("same_region", "all")
    needs_positions = True

    def compile(self, item: DistanceDependent, ends: Ends) -> Listing:
        """Estimate what to expect; nothing is drawn before the build."""
        for end in (ends.source, ends.target):
            if end.positions is None:
                raise InputError(
                    f"population '{end.name}' has no positions",
                    remedy="give it positions, or regions of an atlas that has their centroids",
                )
        assert ends.source.positions is not None
        assert ends.target.positions is not None
        if ends.source.positions.shape[1] != ends.target.positions.shape[1]:
            raise InputError(
                f"positions of '{ends.source.name}' have {ends.source.positions.shape[1]} coordinates, those of "
                f"'{ends.target.name}' {ends.target.positions.shape[1]}",
                remedy="give as many for both",
            )
        pairs = _Pairs(item, ends, ends.source.positions, ends.target.positions)
        return Distances(pairs, pairs.estimate())


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Probabilities of pairs of neurons."""

    item: DistanceDependent
    ends: Ends
    sources: F64
    targets: F64

    def probability(self, squared: F64) -> F64:
        """Return the probability at squared distances."""
        item = self.item
        if item.profile == "gaussian":
            return item.probability * np.exp(squared / (-2.0 * item.width_mm**2))
        distance = np.sqrt(squared)
        if item.profile == "exponential":
            return item.probability * np.exp(-distance / item.width_mm)
        return np.where(distance <= item.width_mm * (1 + 1e-12), item.probability, 0.0)

    def of(self, targets: I64) -> Iterator[tuple[I64, I64, F64]]:
        """Yield targets, all sources that they may have, and the probability of each pair, float64[targets, sources].

        Targets of one yield belong to one region.
        """
        ends = self.ends
        region = targets // ends.target.size
        for one in np.unique(region).tolist():
            allowed = np.flatnonzero(ends.allowed[one])
            sources = (allowed[:, None] * ends.source.size + np.arange(ends.source.size)).ravel()
            if not sources.size:
                continue
            there = self.sources[sources]
            mine = targets[region == one]
            step = max(1, PAIRS_AT_ONCE // sources.size)
            for k in range(0, mine.size, step):
                some = mine[k : k + step]
                squared = np.zeros((some.size, sources.size))
                for axis in range(there.shape[1]):
                    squared += (self.targets[some, axis][:, None] - there[:, axis]) ** 2
                found = self.probability(squared)
                if ends.same and not self.item.autapses:
                    found[some[:, None] == sources] = 0.0
                yield some, sources, found

    def estimate(self) -> F64:
        """Return float64[target regions, source regions]: expected synapses, from a sample of targets.

        Every pair of regions that may be connected has some, so that it is never left out.
        """
        ends = self.ends
        inside = np.unique(np.linspace(0, ends.target.size - 1, SAMPLE).astype(np.int64))
        regions = np.arange(ends.target.regions.size)
        sample = (regions[:, None] * ends.target.size + inside).ravel()
        expected = np.zeros(ends.allowed.shape)
        for some, sources, found in self.of(sample):
            each = found.sum(axis=1)
            most = np.inf if self.item.indegree_max is None else float(self.item.indegree_max)
            found *= np.minimum(1.0, most / np.maximum(each, 1e-300))[:, None]
            per_region = np.bincount(sources // ends.source.size, found.sum(axis=0), ends.source.regions.size)
            expected[some[0] // ends.target.size] += per_region
        return np.where(ends.allowed, np.maximum(expected * (ends.target.size / inside.size), 1e-6), 0.0)


@dataclass(frozen=True, eq=False)
class Distances:
    """The synapses, drawn when asked for."""

    pairs: _Pairs
    expected: F64
    weight: Span | None = None
    delay: Span | None = None

    def onto(self, targets: I64, words: Words) -> Listed:
        """Return the synapses onto the targets, ascending sources for each."""
        most = self.pairs.item.indegree_max
        source, target = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for some, sources, probability in self.pairs.of(targets):
            threshold = np.rint(probability * 2.0**32).astype(np.uint64)
            row, column = np.nonzero(threshold)
            drawn = words(some[row], sources[column], CALL_PAIR)
            chosen = drawn[0].astype(np.uint64) < threshold[row, column]
            row, column, rank = row[chosen], column[chosen], drawn[1][chosen]
            if most is not None:
                kept = _smallest(row, rank, most)
                row, column = row[kept], column[kept]
            source.append(sources[column])
            target.append(some[row])
        return Listed(np.concatenate(source), np.concatenate(target))


def _smallest(row: I64, rank: np.ndarray, most: int) -> I64:
    """Places of the `most` items of each row with the smallest rank, ascending."""
    order = np.lexsort((rank, row))
    first = np.searchsorted(row[order], row[order], side="left")
    return np.sort(order[np.arange(row.size) - first < most])
