"""Times of exported results, and spikes in pieces: by neuron, and of bursts."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.unit.store_runs import N_NEURONS, make_run, spikes_of_a_run

import dtbsim
from dtbsim.interchange.results.grid import Grid, decimal, spike_grid
from dtbsim.interchange.results.trains import counts_of, steps_by_neuron


@pytest.mark.parametrize("dt_ms", [0.1, 0.025, 0.5, 1 / 3, 0.1 + 0.2 - 0.2])
def test_times_are_the_nearest_numbers_and_give_their_steps_back(dt_ms: float) -> None:
    steps = np.array([0, 1, 2, 6, 299_999, 12_345_677, 2**31 - 2])
    grid = spike_grid(dt_ms)
    dt = decimal(dt_ms)
    for found, per in ((grid.ms(steps), 1), (grid.seconds(steps), 1000)):
        assert found.tolist() == [float((int(step) + 1) * dt / per) for step in steps]
        assert np.array_equal(np.rint(found * per / dt_ms).astype(np.int64) - 1, steps)
    assert spike_grid(0.1).seconds([122])[0] == 0.0123


def test_a_window_of_samples_is_half_open() -> None:
    grid = Grid(Fraction(4), Fraction(4))
    assert [grid.after(time) for time in (0.0, 3.9, 4.0, 7.9, 8.0)] == [0, 0, 1, 1, 2]


@pytest.mark.parametrize("ranks", [1, 3])
def test_spikes_by_neuron_are_the_same_however_few_are_in_memory(ranks: int, tmp_path: Path) -> None:
    steps, gids = spikes_of_a_run(5, n=400)
    steps, gids = np.append(steps, [399] * 40), np.append(gids, np.full(40, 49, np.uint32))  # several in a step
    folder = make_run(tmp_path / "run", steps, gids, ranks=ranks, record="spikes: {}", chunk_spikes=32)
    store = dtbsim.open_run(folder).spike_store
    counts = counts_of(store, 20, 400, N_NEURONS)
    inside = steps >= 20
    assert counts.tolist() == np.bincount(gids[inside], minlength=N_NEURONS).tolist()
    order = np.lexsort((steps[inside], gids[inside]))
    for at_once in (1 << 22, 100, 7, 1):
        pieces = [*steps_by_neuron(store, 20, 400, counts, tmp_path, at_once)]
        assert np.concatenate(pieces).tolist() == steps[inside][order].tolist(), at_once
        assert max(piece.size for piece in pieces) <= at_once
    assert [path.name for path in tmp_path.iterdir()] == ["run"], "nothing is left of what was put aside"


def test_pieces_of_a_burst_are_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All spikes in ten steps of 400: windows of equal length would hold nearly all of them."""
    monkeypatch.setattr("dtbsim.store.spike_reader._WINDOW_SPIKES", 256)
    steps, gids = np.repeat(np.arange(200, 210), N_NEURONS), np.tile(np.arange(N_NEURONS, dtype=np.uint32), 10)
    store = dtbsim.open_run(make_run(tmp_path / "run", steps, gids, record="spikes: {}")).spike_store
    windows = [*store.chunks()]
    assert max(window.gids.size for window in windows) <= 256 + 128 + N_NEURONS
    assert np.concatenate([window.steps for window in windows]).tolist() == steps.tolist()
