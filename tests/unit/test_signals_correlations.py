"""Cross-correlation histograms: the streamed sums against plain ones, any ranks, and known correlations."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.small_atlas import save_small_atlas
from tests.unit.config_samples import assert_for_people

import dtbsim
from dtbsim.errors import InputError
from dtbsim.mpi import run_ranks
from dtbsim.signals.correlations import CrossCorrelation
from dtbsim.store.series_writers import CorrelationWriter
from dtbsim.store.table_reader import TableReader

NETWORK = """\
seed: 8
atlas: small.npz
simulation: {dt_ms: 0.5, duration_ms: 150, threads: 1, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 40, regions: [A_L, B_L]}
  I: {model: iaf_psc_exp, size: 20}
projections:
  EI: {source: E, target: I, scope: all, rule: {kind: fixed_indegree, indegree: 20}, weight_pA: 90, delay_ms: 1}
drives:
  background: {kind: poisson, target: [E, I], rate_hz: 8000, weight_pA: 60}
record:
  rate_bin_ms: null
  correlations:
    - {first: E, second: I, tau_max_ms: 10}
    - {first: I, second: I, tau_max_ms: 6, bin_ms: 1.5, start_ms: 20, stop_ms: 130}
"""


def plain_sums(a: Any, b: Any, lags: int) -> list[int]:
    """One product after the other."""
    n = len(a)
    return [sum(int(a[t]) * int(b[t + m]) for t in range(n) if 0 <= t + m < n) for m in range(-lags, lags + 1)]


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 40), st.integers(1, 9), st.lists(st.integers(0, 15), max_size=4), st.integers(0, 99))
def test_pieces_of_any_length_give_the_sums_of_the_whole(n: int, lags: int, sizes: list[int], seed: int) -> None:
    pair = np.random.default_rng(seed).integers(0, 5, (n, 2))
    sums = CrossCorrelation(lags)
    at = 0
    for size in [*sizes, n]:
        sums.add(pair[at : at + size])
        at = min(n, at + size)
    assert sums.counts.tolist() == plain_sums(pair[:, 0], pair[:, 1], lags)
    assert sums.bins == n
    assert sums.spikes.tolist() == pair.sum(axis=0).tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs")
    save_small_atlas(path)
    (path / "net.yaml").write_text(NETWORK, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def recorded(folder: Path) -> Any:
    return dtbsim.run(folder / "net.yaml", out=folder / "one").open()


def counts_of(run: Any, low: int, high: int, bin_steps: int) -> Any:
    steps, gids = run.spike_steps()
    mine = (gids >= low) & (gids < high)
    return np.bincount(steps[mine] // bin_steps, minlength=300 // bin_steps)[: 300 // bin_steps]


def test_the_histogram_is_that_of_the_stored_spikes(recorded: Any) -> None:
    found = recorded.correlation()
    a, b = counts_of(recorded, 0, 80, 2), counts_of(recorded, 80, 100, 2)
    assert found["count"].values.tolist() == plain_sums(a, b, 10)
    assert found["count"].values.sum() > 1000
    np.testing.assert_allclose(found["tau_ms"], np.arange(-10, 11))
    assert found["pairs"].values.tolist() == [150 - abs(m) for m in range(-10, 11)]
    assert (found.attrs["first"], found.attrs["second"], found.attrs["bin_ms"]) == ("E", "I", 1.0)
    assert (found.attrs["bins"], found.attrs["spikes_first"], found.attrs["spikes_second"]) == (150, a.sum(), b.sum())
    expected = found["count"].values / found["pairs"].values - a.mean() * b.mean()
    np.testing.assert_allclose(found["covariance"], expected)


def test_whole_bins_of_the_window_count(recorded: Any) -> None:
    """Bins of 3 steps: those from 21 ms on and up to 129 ms."""
    found = recorded.correlation(1)
    b = counts_of(recorded, 80, 100, 3)[14:86]
    assert found["count"].values.tolist() == plain_sums(b, b, 4)
    assert (found["count"].values == found["count"].values[::-1]).all()
    assert (found.attrs["bins"], found.attrs["start_ms"]) == (72, 21.0)
    with pytest.raises(InputError, match=r"an entry of record\.correlations from 0 to 1"):
        recorded.correlation(2)


@pytest.mark.parametrize("n_ranks", [2, 3])
def test_ranks_do_not_matter(folder: Path, recorded: Any, n_ranks: int) -> None:
    out = folder / f"ranks{n_ranks}"
    run_ranks(n_ranks, lambda comm: dtbsim.run(folder / "net.yaml", out=out, comm=comm))
    for k in range(2):
        assert dtbsim.open_run(out).correlation(k).identical(recorded.correlation(k))


def test_short_chunks_do_not_matter(folder: Path, recorded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.simulate.chunks.MOST_STEPS", 7)
    monkeypatch.setattr("dtbsim.simulate.chunks.FIRST_STEPS", 1)
    monkeypatch.setattr(CorrelationWriter, "due", property(lambda writer: True))  # a snapshot after every chunk
    again = dtbsim.run(folder / "net.yaml", out=folder / "chunks").open()
    for k in range(2):
        assert again.correlation(k).identical(recorded.correlation(k))
        store = TableReader(again.path / "stores" / "correlations" / f"{k}.zarr", "correlation")
        assert store.rows > 40
        assert (np.diff(store.read("count"), axis=0) >= 0).all()
        assert store.read("bins")[-1] > store.read("bins")[20] > 0


# -- known correlations -----------------------------------------------------------------------------------------------

TRAINS = """\
simulation: {dt_ms: 0.1, duration_ms: 2000, threads: 1}
populations:
  P: {model: poisson_source, size: 20, parameters: {rate_hz: 40}}
  Q: {model: poisson_source, size: 30, parameters: {rate_hz: 30}}
  R: {model: parrot_neuron, size: 20}
projections:
  PR: {source: P, target: R, rule: {kind: one_to_one}, weight: 1, delay_ms: 2.3}
record:
  spikes: null
  correlations:
    - {first: P, second: Q, tau_max_ms: 20, bin_ms: 0.5}
    - {first: P, second: R, tau_max_ms: 5, bin_ms: 0.1}
    - {first: R, second: P, tau_max_ms: 5, bin_ms: 0.1}
"""


@pytest.fixture(scope="module")
def trains(folder: Path) -> Any:
    (folder / "trains.yaml").write_text(TRAINS, encoding="utf-8")
    return dtbsim.run(folder / "trains.yaml", out=folder / "trains").open()


def test_independent_trains_have_no_covariance(trains: Any) -> None:
    """The covariance of n pairs of independent Poisson numbers with means a and b has the variance a b / n."""
    found = trains.correlation(0)
    a, b = (20 * 40 * 0.5e-3, 30 * 30 * 0.5e-3)
    z = found["covariance"].values / np.sqrt(a * b / found["pairs"].values)
    assert np.abs(z).max() < 5
    assert abs((z**2).mean() - 1) < 5 * math.sqrt(2 / z.size)


def test_a_delay_is_a_peak_at_its_lag(trains: Any) -> None:
    """Every spike of P is one of R 23 steps later; what else there is at a lag is chance."""
    found = trains.correlation(1)
    counts = found["count"].values
    assert counts.argmax() == 50 + 23
    followed = found.attrs["spikes_second"]
    assert followed > 1000
    chance = found.attrs["spikes_first"] * followed / found.attrs["bins"]
    assert abs(counts[73] - followed - chance) < 5 * math.sqrt(chance)
    assert (trains.correlation(2)["count"].values == counts[::-1]).all()


# -- mistakes and killed runs -----------------------------------------------------------------------------------------

WRONG = {
    "name": ("{first: E, second: K, tau_max_ms: 5}", "no population 'K'", "record.correlations.0.second"),
    "bin": (
        "{first: E, second: I, tau_max_ms: 5, bin_ms: 0.7}",
        "0.7 ms is not a whole number of steps of 0.5",
        "bin_ms",
    ),
    "lag": (
        "{first: E, second: I, tau_max_ms: 5, bin_ms: 2}",
        "5 ms is not a whole number of bins of 2 ms",
        "tau_max_ms",
    ),
    "short": ("{first: E, second: I, tau_max_ms: 150}", "150 bins of 1 ms are too few", "record.correlations.0"),
    "start": ("{first: E, second: I, tau_max_ms: 5, start_ms: 150}", "150 ms is not before the end", "start_ms"),
    "order": (
        "{first: E, second: I, tau_max_ms: 5, start_ms: 9, stop_ms: 9}",
        "must be before stop_ms",
        "correlations.0",
    ),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_mistakes_are_told_before_anything_is_written(folder: Path, name: str) -> None:
    entry, said, where = WRONG[name]
    out = folder / f"wrong {name}"
    with pytest.raises(InputError) as caught:
        dtbsim.run(folder / "net.yaml", out=out, set=[f"record.correlations=[{entry}]"])
    assert said in caught.value.message
    assert (caught.value.where or "").endswith(where)
    assert_for_people(caught.value)
    assert not out.exists()


def test_a_run_that_was_killed_has_its_last_snapshot(folder: Path, recorded: Any, tmp_path: Path) -> None:
    """Before the first snapshot nothing was counted."""
    for name in ("config.yaml", "provenance.json", "network.json"):
        (tmp_path / name).write_bytes((recorded.path / name).read_bytes())
    path = tmp_path / "stores" / "correlations" / "0.zarr"
    writer = CorrelationWriter(path, ("E", "I"), 2, 1.0, 3)
    found = dtbsim.open_run(tmp_path).correlation()
    assert found["count"].values.tolist() == [0] * 5
    assert np.isnan(found["covariance"]).all()
    assert found.attrs["bins"] == 0
    writer.append(7, np.array([5, 6]), np.arange(5))
    writer.append(9, np.array([6, 8]), np.arange(5) + 1)
    writer._table.flush()
    found = dtbsim.open_run(tmp_path).correlation()
    assert found["count"].values.tolist() == [1, 2, 3, 4, 5]
    assert (found.attrs["bins"], found.attrs["spikes_first"], found.attrs["start_ms"]) == (9, 6, 3.0)
    with pytest.raises(ValueError, match="counts must have shape"):
        writer.append(9, np.array([6, 8]), np.arange(4))
