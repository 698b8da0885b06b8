"""Ends of chunks: where something must happen, and not much later than a quarter of a second of wall time."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtbsim.simulate.chunks import CHUNK_S, FIRST_STEPS, MOST_STEPS, Chunks


def ends(chunks: Chunks, n_steps: int, seconds_per_step: float = 1e-3) -> list[int]:
    """The ends of all chunks of a run whose steps all take the same time."""
    found, step = [], 0
    while step < n_steps:
        stop = chunks.stop_after(step)
        chunks.note(stop - step, (stop - step) * seconds_per_step)
        found.append(stop)
        step = stop
    return found


def test_the_first_chunk_is_short_and_the_next_grow_fourfold() -> None:
    assert ends(Chunks(10_000, []), 10_000, 1e-6)[:4] == [32, 160, 672, 2720]


@pytest.mark.parametrize("seconds_per_step", [1e-4, 1e-3, 0.02])
def test_chunks_settle_at_a_quarter_of_a_second(seconds_per_step: float) -> None:
    lengths = [b - a for a, b in itertools.pairwise(ends(Chunks(100_000, []), 100_000, seconds_per_step))][:-1]
    assert lengths[-1] * seconds_per_step == pytest.approx(CHUNK_S, rel=0.1)
    assert len(set(lengths[-5:])) == 1


def test_a_chunk_never_gets_longer_than_its_limit() -> None:
    lengths = [b - a for a, b in itertools.pairwise(ends(Chunks(10**6, []), 10**6, 0.0))]
    assert max(lengths) == MOST_STEPS


def test_a_step_that_takes_longer_than_a_chunk_should_is_a_chunk() -> None:
    found = ends(Chunks(40, []), 40, 3.0)
    assert found == [32, *range(33, 41)]


def test_it_adapts_when_steps_become_slower_and_faster_again() -> None:
    chunks = Chunks(10**9, [])
    for _ in range(10):
        chunks.note(1000, 0.1)
    assert chunks.stop_after(0) == 2500
    chunks.note(2500, 2.5)
    assert chunks.stop_after(0) == 250
    for times in range(1, 5):
        chunks.note(250, 0.001)
        assert chunks.stop_after(0) == min(MOST_STEPS, 250 * 4**times)
    assert chunks.stop_after(0) == MOST_STEPS


def test_chunks_end_at_every_interval_and_at_the_end() -> None:
    found = ends(Chunks(1003, [100, 250]), 1003, 1e-6)
    must = {*range(100, 1003, 100), *range(250, 1003, 250), 1003}
    assert must <= set(found)
    assert found[:3] == [32, 100, 200]


@given(
    n_steps=st.integers(1, 5000),
    intervals=st.lists(st.integers(1, 900), max_size=3),
    seconds=st.lists(st.floats(0, 2), min_size=1, max_size=8),
)
def test_chunks_cover_the_run_and_cross_no_interval(n_steps: int, intervals: list[int], seconds: list[float]) -> None:
    chunks, step = Chunks(n_steps, intervals), 0
    for taken in itertools.cycle(seconds):
        stop = chunks.stop_after(step)
        assert step < stop <= n_steps
        for interval in intervals:
            assert (stop - 1) // interval == step // interval, "the end of an interval lies inside"
        chunks.note(stop - step, taken)
        step = stop
        if step == n_steps:
            break


def test_the_first_chunk_is_that_of_the_constant() -> None:
    assert Chunks(10**6, []).stop_after(0) == FIRST_STEPS
