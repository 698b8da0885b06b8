"""What is recorded of a run, as configured, against everything that happened in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of
from tests.helpers.small_atlas import save_small_atlas

import dtbsim
from dtbsim.errors import InputError, StorageError
from dtbsim.mpi import SerialComm, run_ranks
from dtbsim.record.spike_hash import SpikeHasher
from dtbsim.signals.rates import RATES
from dtbsim.signals.stream import Plan, Stream
from dtbsim.simulate.streams import Planned, Streams, plan_streams
from dtbsim.store.run import Run

CONFIG = """\
name: recorded
seed: 5
atlas: small.npz
simulation: {dt_ms: 0.5, duration_ms: 200, threads: 1, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 40, regions: [A_L, B_L]}
  I: {model: iaf_psc_exp, size: 20}
projections:
  EI: {source: E, target: I, scope: all, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 80, delay_ms: 1}
drives:
  background: {kind: poisson, target: [E, I], rate_hz: 8000, weight_pA: 60}
record: {rate_bin_ms: 7}
"""
NAMES = ["E@A_L", "E@B_L", "I"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs")
    save_small_atlas(path)
    (path / "net.yaml").write_text(CONFIG, encoding="utf-8")
    return path


def run(folder: Path, name: str, *overrides: str) -> tuple[dict[str, Any], Run]:
    result = dtbsim.run(folder / "net.yaml", out=folder / name, set=overrides)
    return result.summary, result.open()


@pytest.fixture(scope="module")
def everything(folder: Path) -> tuple[dict[str, Any], Any, Any]:
    """Summary, steps and gids of the run of which all is recorded."""
    summary, reader = run(folder, "everything")
    steps, gids = reader.spike_steps()
    assert len(steps) > 800
    return summary, steps, gids


def test_rates_are_counts_of_all_spikes_in_whole_bins(folder: Path, everything: Any) -> None:
    """Bins of 14 steps: 28 whole ones in 400 steps, the rest is left out."""
    _, steps, gids = everything
    population = np.searchsorted([0, 40, 80], gids, side="right") - 1
    counts = np.zeros((29, 3), np.int64)
    np.add.at(counts, (steps // 14, population), 1)
    rates = dtbsim.open_run(folder / "everything").rates()
    assert rates.dims == ("time_ms", "population")
    assert rates.coords["population"].values.tolist() == NAMES
    np.testing.assert_allclose(rates.values, counts[:28] / (np.array([40, 40, 20]) * 0.007))


@pytest.mark.parametrize(
    ("record", "first", "last", "populations"),
    [
        ("{start_ms: 50}", 100, 400, NAMES),
        ("{stop_ms: 50}", 0, 100, NAMES),
        ("{start_ms: 49.5, stop_ms: 120.5}", 99, 241, NAMES),
        ("{start_ms: 60, stop_ms: 1000}", 120, 400, NAMES),
        ("{populations: [I]}", 0, 400, ["I"]),
        ("{populations: [E]}", 0, 400, ["E@A_L", "E@B_L"]),
        ("{populations: [I, E]}", 0, 400, NAMES),
        ("{populations: [E], start_ms: 60.5, stop_ms: 63}", 121, 126, ["E@A_L", "E@B_L"]),
    ],
)
def test_spikes_of_the_named_populations_within_the_window(
    folder: Path, tmp_path: Path, everything: Any, record: str, first: int, last: int, populations: list[str]
) -> None:
    expected, steps, gids = everything
    summary, reader = run(folder, str(tmp_path / "run"), f"record.spikes={record}")
    names = np.array(NAMES)[np.searchsorted([0, 40, 80], gids, side="right") - 1]
    keep = (steps >= first) & (steps < last) & np.isin(names, populations)
    assert keep.any()
    stored = reader.spike_steps()
    np.testing.assert_array_equal(stored[0], steps[keep])
    np.testing.assert_array_equal(stored[1], gids[keep])
    for key in ("spikes", "spike_hash", "mean_rate_hz"):
        assert summary[key] == expected[key], f"{key} is that of all spikes"
    assert reader.rates().identical(dtbsim.open_run(folder / "everything").rates()), "and so are the rates"


def test_nothing_recorded_leaves_no_stores(folder: Path, tmp_path: Path, everything: Any) -> None:
    summary, reader = run(folder, str(tmp_path / "run"), "record={spikes: null, rate_bin_ms: null}")
    assert not (tmp_path / "run/stores").exists()
    assert summary["spike_hash"] == everything[0]["spike_hash"]
    with pytest.raises(InputError, match=r"run with record\.spikes set"):
        reader.spike_steps()
    with pytest.raises(InputError, match=r"run with record\.rate_bin_ms set"):
        reader.rates()
    assert dtbsim.hash_run(tmp_path / "run").source == "summary"


def test_the_hash_is_that_of_the_sorted_spikes(everything: Any) -> None:
    summary, steps, gids = everything
    hasher = SpikeHasher()
    hasher.update(steps, gids)
    assert summary["spike_hash"] == hasher.hexdigest()


def test_ranks_share_the_records(folder: Path, tmp_path: Path, everything: Any) -> None:
    """Each rank stores its own spikes; together they are those of one process, and so is what rank 0 stores alone."""
    expected, steps, gids = everything
    config, out = folder / "net.yaml", tmp_path / "run"
    results = run_ranks(3, lambda comm: dtbsim.run(config, out=out, comm=comm))
    assert [result.summary["spike_hash"] for result in results] == [expected["spike_hash"]] * 3
    stores = sorted(path.name for path in (out / "stores/spikes").glob("*.zarr"))
    assert stores == ["rank_00000.zarr", "rank_00001.zarr", "rank_00002.zarr"]
    reader = dtbsim.open_run(out)
    np.testing.assert_array_equal(reader.spike_steps()[0], steps)
    np.testing.assert_array_equal(reader.spike_steps()[1], gids)
    assert reader.rates().identical(dtbsim.open_run(folder / "everything").rates())


def test_states_of_the_chosen_neurons(folder: Path, tmp_path: Path) -> None:
    some, one = "population: E, neurons: [0, 39], interval_ms: 3", "population: I"
    states = ", ".join(f"{{{chosen}, variables: [V_m_mV]}}" for chosen in (some, one))
    _, reader = run(folder, str(tmp_path / "run"), f"record.states=[{states}]")
    first, second = reader.states(0), reader.states(1)
    assert first.coords["gid"].values.tolist() == [0, 39, 40, 79]
    assert first.sizes["time_ms"] == 400 // 6
    assert second.coords["gid"].values.tolist() == [80]
    assert second.sizes["time_ms"] == 400
    assert np.isfinite(first["V_m_mV"].values).all()
    assert first["V_m_mV"].values.std(axis=0).min() > 0


# -- units and bins ------------------------------------------------------------------------------------------------

STAGES = "stages: [{start_ms: 0, eta: 0.1}]"
TONIC = f"{{kind: homeostatic_tonic, population: E, target_rate_hz: 4, interval_ms: 30, {STAGES}}}"


@pytest.mark.parametrize(
    ("overrides", "unit", "intervals"),
    [
        (["record.rate_bin_ms=null"], 0, []),
        ([], 14, []),
        (["record.rate_bin_ms=0.5"], 1, []),
        (["record.rate_bin_ms=10", f"controllers.tonic={TONIC}"], 20, [60]),
        (["record.rate_bin_ms=null", f"controllers.tonic={TONIC}"], 60, [60]),
        (["record.rate_bin_ms=10", "bold={population: E, tr_ms: 90}"], 4, []),  # BOLD: 36 steps
        (["record.rate_bin_ms=7", f"controllers.tonic={TONIC}", "bold={population: E, tr_ms: 90}"], 2, [60]),
    ],
)
def test_the_unit_of_counting_divides_all_that_is_counted(
    folder: Path, overrides: list[str], unit: int, intervals: list[int]
) -> None:
    network = network_of(CONFIG, *overrides, base_dir=folder)
    planned = plan_streams(network)
    assert planned.unit == unit
    assert [plan.interval for plan in planned.controllers] == intervals
    assert set(intervals) <= set(planned.intervals)


@pytest.mark.parametrize(("bin_ms", "steps"), [(0.5, 1), (7, 14), (1000.5, 2001)])
def test_the_bin_of_rates_in_steps(folder: Path, bin_ms: float, steps: int) -> None:
    (plan,) = RATES.plans(network_of(CONFIG, f"record.rate_bin_ms={bin_ms}", base_dir=folder))
    assert plan.unit == steps


def test_what_does_not_fit_is_told_before_the_network_is_built(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with its place in the file."""
    monkeypatch.setattr("dtbsim.backends.cpu_plan.build_rank", lambda *_: pytest.fail("it was built"))
    text = CONFIG + "bold:\n  population: E\n  tr_ms: 90.3\n"
    config = folder / "tr.yaml"
    config.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        dtbsim.run(config, out=tmp_path / "run")
    line = text.splitlines().index("  tr_ms: 90.3") + 1
    assert str(caught.value).startswith(f"{config}:{line}: bold.tr_ms: 90.3 ms is not a whole number of steps")
    bold = ["bold={population: E, tr_ms: 90}", "bold.population=I"]
    with pytest.raises(InputError, match=r"--set bold\.population: I live\(s\) in no region of an atlas"):
        dtbsim.run(folder / "net.yaml", out=tmp_path / "run", set=bold)
    assert not (tmp_path / "run").exists()


class Noted(Stream):
    """Notes that it was closed; fails where it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.closed = False
        self._error = error

    def close(self) -> None:
        self.closed = True
        if self._error is not None:
            raise self._error


class Opens(Plan):
    """Gives such a stream, or fails."""

    def __init__(self, stream: Stream | None) -> None:
        self._stream = stream

    def open(self, site: Any) -> Stream:
        if self._stream is None:
            raise StorageError("no room for this one")
        return self._stream


def planned(*streams: Stream | None) -> Planned:
    return Planned([("record", Opens(stream)) for stream in streams], ["x"] * len(streams), [], 0, [])


SITE: Any = type("Site", (), {"comm": SerialComm(), "stores": Path("stores")})


def test_every_store_is_closed_even_if_one_fails() -> None:
    made = [Noted(), Noted(StorageError("the disk is full")), Noted()]
    streams = Streams(planned(*made), SITE)
    with pytest.raises(StorageError, match="the disk is full"):
        streams.close()
    assert all(stream.closed for stream in made)


def test_where_one_cannot_be_opened_those_before_it_are_closed() -> None:
    first = Noted()
    with pytest.raises(StorageError, match="no room"):
        Streams(planned(first, None), SITE)
    assert first.closed


def test_warnings_of_all_streams_are_put_together() -> None:
    class Warns(Stream):
        def summary(self, steps: int) -> dict[str, Any]:
            return {"warnings": [f"after {steps}"], "own": steps}

    assert Streams(planned(Warns(), Stream(), Warns()), SITE).summary(7) == {
        "own": 7,
        "warnings": ["after 7", "after 7"],
    }
