"""Panels of recorded states, weights and correlation histograms: what they show is what the stores hold."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from report_found import collect

import dtbsim
from dtbsim.errors import InputError
from dtbsim.report import collect_recordings, figures_recordings, write_report
from dtbsim.report.collect_recordings import MOST_SAMPLES, split_unit
from dtbsim.report.data import ReportData

START = {"distribution": "uniform", "low": -70, "high": -55}
TENTH = {"kind": "fixed_indegree", "indegree": 8}
CONFIG = {
    "name": "recorded",
    "seed": 3,
    "simulation": {"dt_ms": 0.1, "duration_ms": 400, "threads": 1},
    "populations": {
        "E": {
            "model": "iaf_psc_exp",
            "size": 80,
            "initial": {"V_m_mV": {"distribution": "uniform", "low": -70, "high": -55}},
        },
        "I": {"model": "iaf_psc_exp", "size": 20},
    },
    "projections": {
        "EE": {
            "source": "E",
            "target": "E",
            "rule": TENTH,
            "weight_pA": 80,
            "delay_ms": 1.5,
            "synapse": {"kind": "stdp", "learning_rate": 0.02, "weight_max": 200, "mu_plus": 0, "mu_minus": 0},
        },
        "EI": {
            "source": "E",
            "target": "I",
            "rule": TENTH,
            "weight_pA": 80,
            "delay_ms": 1.5,
        },
    },
    "drives": {"noise": {"kind": "poisson", "target": ["E", "I"], "rate_hz": 2000, "weight_pA": 80}},
    "record": {
        "states": [
            {
                "population": "E",
                "variables": ["V_m_mV", "I_syn_ex_pA"],
                "neurons": [3, 5, 7, 11, 13],
                "interval_ms": 0.5,
            },
            {"population": "I", "variables": ["V_m_mV"], "neurons": 1},
        ],
        "weights": [{"projection": "EE", "neurons": 10, "interval_ms": 50}, {"projection": "EE", "neurons": [0]}],
        "correlations": [
            {"first": "E", "second": "I", "tau_max_ms": 20},
            {"first": "E", "second": "E", "tau_max_ms": 20},
        ],
    },
    "analysis": {"statistics_start_ms": 100},
}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dtbsim.RunResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DTBSIM_MPI", "off")
        return dtbsim.run(CONFIG, out=tmp_path_factory.mktemp("runs") / "recorded")


@pytest.fixture(scope="module")
def data(result: dtbsim.RunResult) -> ReportData:
    return collect(result.run_dir)


def test_states_are_those_of_the_store(result: dtbsim.RunResult, data: ReportData) -> None:
    first, second = data.states
    stored = result.open().states(0).sel(time_ms=slice(100.001, None))
    assert (first.population, first.recorded, first.interval_ms) == ("E", 5, 0.5)
    assert first.neurons == ["E 3", "E 7", "E 13"]
    assert np.allclose(first.time_s, 1e-3 * stored.time_ms)
    assert [(trace.variable, trace.unit) for trace in first.traces] == [("V_m", "mV"), ("I_syn_ex", "pA")]
    for trace, name in zip(first.traces, ("V_m_mV", "I_syn_ex_pA"), strict=True):
        assert np.array_equal(trace.values, stored[name].values[:, [0, 2, 4]])
        assert trace.mean == pytest.approx(stored[name].values.mean(axis=1), rel=1e-5)
    assert second.neurons == ["I 0"]
    assert second.traces[0].mean is None
    assert len(second.time_s) == MOST_SAMPLES, "of many samples the first"
    assert second.time_s[0] == pytest.approx(0.1001)


def test_spikes_above_a_trace_are_its_own(result: dtbsim.RunResult, data: ReportData) -> None:
    steps, gids = result.open().spike_steps("E", 100.0)
    assert data.states[0].spikes_s is not None
    for neuron, times in zip((3, 7, 13), data.states[0].spikes_s, strict=True):
        assert np.allclose(times, 1e-4 * (steps[gids == neuron] + 1))
    ticks = [trace for trace in figures_recordings.states(data.states[0]).data if trace.mode == "markers"]
    top = max(trace.values.max() for trace in data.states[0].traces[:1])
    assert len(ticks) == 3
    assert all((np.asarray(tick.y) > top).all() for tick in ticks)


def test_without_all_spikes_of_the_window_none_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DTBSIM_MPI", "off")
    late = {**CONFIG["record"], "spikes": {"start_ms": 250}}
    found = collect(dtbsim.run({**CONFIG, "record": late}, out=tmp_path / "late").run_dir)
    assert found.states[0].spikes_s is None
    others = {**CONFIG["record"], "spikes": {"populations": ["I"]}}
    found = collect(dtbsim.run({**CONFIG, "record": others}, out=tmp_path / "others").run_dir)
    assert found.states[0].spikes_s is None
    assert found.states[1].spikes_s is not None


def test_weights_are_those_of_the_store(result: dtbsim.RunResult, data: ReportData) -> None:
    course, ends = data.weights
    stored = result.open().weights(0)
    assert (course.projection, course.unit, course.synapses) == ("EE", "pA", stored.sizes["synapse"])
    assert np.allclose(course.time_s, 1e-3 * stored.time_ms)
    assert np.allclose(course.median, np.median(stored, axis=1))
    assert np.allclose(course.low, np.quantile(stored, 0.1, axis=1))
    assert course.first.sum() == pytest.approx(1)
    assert course.last @ (0.5 * (course.bin_edges[1:] + course.bin_edges[:-1])) == pytest.approx(
        stored[-1].mean(), abs=2
    )
    assert ends.time_s.tolist() == [0.0, 0.4]
    assert course.delays_ms == (stored.delay_ms.min(), stored.delay_ms.max())


def test_of_many_weights_fewer_samples_are_read(result: dtbsim.RunResult, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = result.open().weights(0)
    monkeypatch.setattr(collect_recordings, "MOST_VALUES", 4 * stored.sizes["synapse"])
    course = collect(result.run_dir).weights[0]
    assert course.time_s.tolist() == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert course.median[1] == pytest.approx(float(np.median(stored.sel(time_ms=100.0))))


def test_correlations_are_those_of_the_store(result: dtbsim.RunResult, data: ReportData) -> None:
    cross, auto = data.correlations
    stored = result.open().correlation(0)
    assert (cross.first, cross.second, cross.bin_ms, cross.bins) == ("E", "I", 1.0, 400)
    assert np.array_equal(cross.covariance, stored.covariance)
    expected = stored["count"] / (stored.pairs * stored.attrs["spikes_first"] * stored.attrs["spikes_second"] / 400**2)
    assert np.allclose(cross.chance, expected)
    assert np.isnan(auto.covariance[20]), "every spike meets itself"
    assert np.isfinite(np.delete(auto.covariance, 20)).all()


def test_the_report_has_a_panel_for_each(result: dtbsim.RunResult) -> None:
    page = write_report(result.run_dir).read_text(encoding="utf-8")
    assert "<section id='recordings'>" in page
    for title in (
        "States of E",
        "States of I",
        "Weights of EE",
        "Distribution of weights, EE",
        "Correlation of E and I",
        "Autocorrelation of E",
    ):
        assert f"<h3>{title}</h3>" in page
    assert "V_m and I_syn_ex of 3 of 5 recorded neurons, a sample every 0.5 ms, from 0.1 to 0.4 s." in page
    assert "a spike of the target meets those of the source as if it came 1.5 ms later." in page


@pytest.mark.parametrize("gone", ["states/0", "weights/0", "correlations/0.zarr", "weights", "states"])
def test_what_was_not_stored_is_named_and_the_rest_shown(result: dtbsim.RunResult, gone: str, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(result.run_dir, tmp_path / "copy"))
    shutil.rmtree(copy / "stores" / gone)
    found = collect(copy)
    assert any("nothing was stored" in reason for reason in found.absent)
    assert found.correlations
    with pytest.raises(InputError, match="written, but not complete"):
        write_report(copy)
    assert "nothing was stored" in (copy / "report.html").read_text(encoding="utf-8")


def test_silent_populations_have_no_correlogram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DTBSIM_MPI", "off")
    silent = dtbsim.run({**CONFIG, "drives": {}}, out=tmp_path / "silent", set=["populations.E.initial={}"])
    found = collect(silent.run_dir)
    assert found.correlations == []
    assert any("no spikes in the bins" in reason for reason in found.absent)
    assert len(found.states) == 2
    assert write_report(silent.run_dir).is_file()


def test_units_are_taken_from_names() -> None:
    assert split_unit("V_m_mV") == ("V_m", "mV")
    assert split_unit("g_ex_nS") == ("g_ex", "nS")
    assert split_unit("u") == ("u", "")
    assert split_unit("V_m") == ("V_m", "")


def test_windows_of_states_and_weights_are_half_open(result: dtbsim.RunResult) -> None:
    run = result.open()
    states = run.states(0, 100.0, 101.0)
    assert states.time_ms.values == pytest.approx([100.5, 101.0])
    assert np.array_equal(states.V_m_mV, run.states(0).V_m_mV.sel(time_ms=[100.5, 101.0], method="nearest"))
    assert run.states(0, 500.0).sizes["time_ms"] == 0
    assert run.weights(0, 0.0, 100.0).time_ms.values.tolist() == [50.0, 100.0]
    assert run.weights(0, None, 0.0).time_ms.values.tolist() == [0.0]
