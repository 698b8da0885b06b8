"""Spikes per population and bin, counted chunk by chunk, against a plain count of all of them at once."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtbsim.mpi import Comm, SerialComm, run_ranks
from dtbsim.record import counts as activity
from dtbsim.record.counts import Activity, Bins

STARTS = np.array([0, 3, 4, 24, 25, 100], dtype=np.int64)
"""Five populations, two of them of one neuron."""


def spikes(n_steps: int, n: int, seed: int) -> tuple[Any, Any]:
    """Random spikes, steps int64 and gids uint32, in no order."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, n_steps, n), rng.integers(0, STARTS[-1], n, dtype=np.uint32)


def plain_count(steps: Any, gids: Any, unit: int, n_units: int) -> Any:
    """One spike after the other."""
    counts = np.zeros((n_units, STARTS.size - 1), dtype=np.int64)
    for step, gid in zip(steps.tolist(), gids.tolist(), strict=True):
        population = max(k for k, start in enumerate(STARTS[:-1].tolist()) if start <= gid)
        if step // unit < n_units:
            counts[step // unit, population] += 1
    return counts


def count_in_chunks(comm: Comm, unit: int, edges: list[int], steps: Any, gids: Any) -> list[Any]:
    counter = Activity(comm, STARTS, unit)
    parts = []
    for start, stop in itertools.pairwise(edges):
        inside = (steps >= start) & (steps < stop)
        parts.append(counter.add(start, stop, steps[inside], gids[inside]))
    return parts


@settings(max_examples=60, deadline=None)
@given(
    unit=st.integers(1, 40),
    cuts=st.sets(st.integers(1, 199), max_size=25),
    n=st.integers(0, 300),
    seed=st.integers(0, 10**6),
)
def test_counts_do_not_depend_on_where_chunks_end(unit: int, cuts: set[int], n: int, seed: int) -> None:
    steps, gids = spikes(200, n, seed)
    edges = [0, *sorted(cuts), 200]
    parts = count_in_chunks(SerialComm(), unit, edges, steps, gids)
    for start, stop, part in zip(edges[:-1], edges[1:], parts, strict=True):
        assert len(part) == stop // unit - start // unit, "units come out as soon as they are complete"
    np.testing.assert_array_equal(np.concatenate(parts), plain_count(steps, gids, unit, 200 // unit))


def test_a_unit_longer_than_the_run_never_comes_out() -> None:
    steps, gids = spikes(50, 80, 1)
    parts = count_in_chunks(SerialComm(), 51, [0, 20, 50], steps, gids)
    assert [part.shape for part in parts] == [(0, 5), (0, 5)]


@pytest.mark.parametrize("edges", [[0, 60], [0, 7, 8, 13, 27, 59, 60]])
def test_counts_are_those_of_all_ranks(edges: list[int]) -> None:
    steps, gids = spikes(60, 500, 2)
    owner = np.random.default_rng(3).integers(0, 3, 500)

    def work(comm: Comm) -> Any:
        mine = owner == comm.rank
        return np.concatenate(count_in_chunks(comm, 5, edges, steps[mine], gids[mine]))

    expected = plain_count(steps, gids, 5, 12)
    for found in run_ranks(3, work):
        np.testing.assert_array_equal(found, expected)


def test_the_population_of_a_gid_with_and_without_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    gids = np.arange(100, dtype=np.uint32)
    by_table = Activity(SerialComm(), STARTS, 1).populations(gids)
    monkeypatch.setattr(activity, "TABLE_NEURONS", 99)
    searched = Activity(SerialComm(), STARTS, 1).populations(gids)
    expected = np.repeat(np.arange(5), np.diff(STARTS))
    np.testing.assert_array_equal(by_table, expected)
    np.testing.assert_array_equal(searched, expected)


def test_the_search_counts_as_the_table_does(monkeypatch: pytest.MonkeyPatch) -> None:
    steps, gids = spikes(200, 300, 4)
    by_table = count_in_chunks(SerialComm(), 7, [0, 31, 200], steps, gids)
    monkeypatch.setattr(activity, "TABLE_NEURONS", 0)
    searched = count_in_chunks(SerialComm(), 7, [0, 31, 200], steps, gids)
    np.testing.assert_array_equal(np.concatenate(by_table), np.concatenate(searched))


@given(units=st.integers(1, 9), lengths=st.lists(st.integers(0, 12), max_size=12))
def test_bins_are_sums_of_units_however_they_come(units: int, lengths: list[int]) -> None:
    counts = np.random.default_rng(5).integers(0, 9, (sum(lengths), 3))
    bins = Bins(units, 3)
    parts, at = [np.zeros((0, 3), np.int64)], 0
    for length in lengths:
        parts.append(bins.add(counts[at : at + length]))
        at += length
        assert sum(len(part) for part in parts) == at // units, "whole bins come out at once"
    whole = len(counts) // units
    expected = [counts[k * units : (k + 1) * units].sum(axis=0) for k in range(whole)]
    np.testing.assert_array_equal(np.concatenate(parts), np.array(expected, np.int64).reshape(whole, 3))
