"""Results of runs in the formats of others: read back with libraries of these, every number is that of the run."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from tests.helpers.region_runs import small_atlas
from tests.unit.config_samples import assert_for_people
from tests.unit.store_runs import make_run, spikes_of_a_run

import dtbsim
from dtbsim.cli import main
from dtbsim.errors import EXIT_ENVIRONMENT, EXIT_INPUT, InputError, MissingDependencyError
from dtbsim.interchange.results.chosen import Chosen

OF_RUNS = {"nwb": "r.nwb", "neo": "r.nix", "bids": "r", "mne": "r_raw.fif", "csv": "r", "sonata-spikes": "r.h5",
           "sonata-reports": "r"}  # fmt: skip
WEIGHTS = np.array([[0.0, 0.4, 0.9], [0.3, 0.0, 0.7], [0.5, 0.2, 0.0]])


def hybrid(folder: Path) -> dict[str, Any]:
    """Neurons in a region, a source before them, mean-field regions; states of all, BOLD, rates, a series, FC."""
    return {
        "name": "hybrid.one",
        "atlas": str(small_atlas(folder, WEIGHTS, 30.0 * (WEIGHTS > 0))),
        "seed": 3,
        "simulation": {"dt_ms": 0.1, "duration_ms": 120.0, "threads": 1},
        "populations": {
            "S": {"model": "spike_source", "size": 3, "spikes": {"neuron": [0, 1, 1], "time_ms": [5.0, 9.0, 9.0]}},
            "nodes": {"model": "linear", "regions": ["r0", "r1"], "initial": {"x": 30.0}},
            "cells": {"model": "iaf_psc_exp", "size": 8, "regions": ["r2"]},
        },
        "drives": {"noise": {"kind": "poisson", "target": "cells", "rate_hz": 8000, "weight_pA": 60}},
        "couplings": {"in": {"source": "cells", "target": "nodes", "filter_tau_ms": 8.0, "delay_ms": 1.0}},
        "bold": {"population": ["nodes", "cells"], "tr_ms": 20},
        "record": {
            "rate_bin_ms": 5,
            "states": [
                {"population": "nodes", "variables": ["x"], "interval_ms": 2},
                {"population": "cells", "variables": ["V_m_mV"], "neurons": 4, "interval_ms": 0.3},
            ],
        },
        "signals": {"source": {"kind": "lfp", "population": "cells"}, "matrix": {"kind": "fc", "of": "bold"}},
    }  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("results")
    return dtbsim.run(hybrid(folder), out=folder / "run", report=False).open()


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("members")
    config = {
        "name": "members",
        "atlas": str(small_atlas(folder, WEIGHTS, 30.0 * (WEIGHTS > 0))),
        "simulation": {"dt_ms": 1, "duration_ms": 200, "threads": 1},
        "populations": {"x": {"model": "hopf", "regions": "all"}},
        "bold": {"population": "x", "tr_ms": 20, "series": True},
        "record": {"states": [{"population": "x", "variables": ["x", "y"], "interval_ms": 10}]},
        "ensemble": {"grid": {"populations.x.parameters.a": [-0.02, 0.01]}},
    }
    return dtbsim.run(config, out=folder / "run", report=False).open()


def table_in(path: Path, index: int | None = 0) -> Any:
    """Numbers as Python reads them: some versions of pandas round the last digit."""
    return pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",", index_col=index, dtype=str).astype(float)


def spikes(run: Any) -> list[tuple[int, int]]:
    """Steps and gids; the source has two spikes in one step."""
    return sorted(zip(*(part.tolist() for part in run.spike_steps()), strict=True))


# -- formats -------------------------------------------------------------------------------------------------------


def test_csv_has_every_number(run: Any, tmp_path: Path) -> None:
    made = dtbsim.export(run, to="csv", out=tmp_path / "csv")
    assert made.losses == ()
    table = pd.read_csv(tmp_path / "csv" / "spikes.csv")
    assert [*zip(table["step"], table["gid"], strict=True)] == spikes(run)
    assert np.array_equal(table["time_ms"], [float(Fraction(step + 1) / 10) for step in table["step"]])
    assert set(table["population"]) == {"S", "cells@r2"} <= set(run.network_table.names) | {"cells@r2"}
    for name, found in (("bold", run.bold()), ("source", run.lfp()), ("rates", run.rates())):
        series = table_in(tmp_path / "csv" / f"{name}.csv")
        assert np.array_equal(series.values, found.values), name
        assert list(series.columns) == [str(column) for column in found[found.dims[1]].values]
    states = pd.read_csv(tmp_path / "csv" / "states_1_V_m_mV.csv", index_col=0, dtype=np.float32)
    assert np.array_equal(states.values, run.states(1)["V_m_mV"].values)
    assert list(states.columns) == [f"cells@r2:{k}" for k in range(4)]
    fc = table_in(tmp_path / "csv" / "matrix.csv")
    assert np.array_equal(fc.values, run.fc("matrix").values)


def test_nwb_has_every_number_and_validates(run: Any, tmp_path: Path) -> None:
    pynwb = pytest.importorskip("pynwb", reason="needs the extra nwb")
    target = tmp_path / "run.nwb"
    made = dtbsim.export(run, to="nwb", out=target)
    assert made.losses == ()
    assert pynwb.validate(path=str(target)) == []
    with pynwb.NWBHDF5IO(target, "r") as io:
        file = io.read()
        assert file.session_start_time.isoformat() == run.provenance["started"]
        assert ["dtbsim", dtbsim.__version__] in [list(row) for row in file.was_generated_by[:]]
        units = file.units.to_dataframe()
        found = [
            (round(time / 1e-4) - 1, int(gid))
            for gid, times in zip(units["gid"], units["spike_times"], strict=True)
            for time in times
        ]
        assert sorted(found) == spikes(run)
        assert made.sizes["spikes"] == run.summary["spikes"]
        assert all(float(time) == (round(time * 1e4)) / 10_000 for times in units["spike_times"] for time in times)
        assert all(intervals.tolist() == [[0.0, 0.12]] for intervals in units["obs_intervals"])
        table = run.populations.set_index("name").loc[units["population"]]
        assert list(units["region"]) == list(table["region"].fillna(""))
        assert list(units["model"]) == list(table["model"])
        states = file.acquisition["states_1_V_m_mV"]
        assert np.array_equal(states.data[:], run.states(1)["V_m_mV"].values)
        assert (states.unit, states.conversion) == ("volts", 1e-3)
        assert (states.starting_time, states.rate) == (0.0003, 10_000 / 3)
        assert np.array_equal(file.processing["misc"]["states_1_V_m_mV_columns"]["gid"][:], run.states(1)["gid"].values)
        assert np.array_equal(file.acquisition["states_0_x"].data[:], run.states(0)["x"].values)
        bold = file.processing["ophys"]["bold"]
        assert np.array_equal(bold.data[:], run.bold().values)
        assert (bold.starting_time, bold.rate) == (0.02, 50.0)
        assert list(file.processing["ophys"]["bold_columns"]["region"][:]) == ["r0", "r1", "r2"]
        assert np.array_equal(file.processing["misc"]["matrix"]["values"][:], run.fc("matrix").values)


def test_nwb_of_a_window_of_some_things(run: Any, tmp_path: Path) -> None:
    pynwb = pytest.importorskip("pynwb", reason="needs the extra nwb")
    out = tmp_path / "run.nwb"
    dtbsim.export(run, to="nwb", out=out, start_ms=40, stop_ms=80, signals=["spikes", "states_1", "rates"])
    with pynwb.NWBHDF5IO(out, "r") as io:
        file = io.read()
        times = np.concatenate(file.units["spike_times"][:])
        assert times.size == len(run.spikes(start_ms=40, stop_ms=80).time_ms) > 0
        assert file.units["obs_intervals"][0].tolist() == [[0.04, 0.08]]
        states, expected = file.acquisition["states_1_V_m_mV"], run.states(1, 40, 80)["V_m_mV"]
        assert np.array_equal(states.data[:], expected.values)
        assert states.starting_time == pytest.approx(float(expected["time_ms"][0]) * 1e-3, rel=1e-15)
        assert np.array_equal(file.processing["misc"]["rates"].data[:], run.rates(40, 80).values)
        assert list(file.acquisition) == ["states_1_V_m_mV"]


def test_members_of_an_ensemble_are_columns_and_participants(ensemble: Any, tmp_path: Path) -> None:
    dtbsim.export(ensemble, to="bids", out=tmp_path / "bids")
    people = pd.read_csv(tmp_path / "bids" / "participants.tsv", sep="\t")
    assert list(people["participant_id"]) == ["sub-01", "sub-02"]
    assert list(people["populations_x_parameters_a"]) == [-0.02, 0.01]
    for member, person in enumerate(people["participant_id"]):
        stem = tmp_path / "bids" / person / "func" / f"{person}_task-members_seg-small_stat-"
        (series,) = stem.parent.glob("*_stat-mean_timeseries.tsv")
        found = table_in(series, index=None)
        assert np.array_equal(found.values, ensemble.bold().values[:, member])
        about = json.loads(series.with_suffix(".json").read_text())
        assert (about["SamplingFrequency"], about["StartTime"]) == (50.0, 0.02)
        (matrix,) = stem.parent.glob("*_stat-pearsoncorrelation_relmat.tsv")
        fc = pd.read_csv(matrix, sep="\t", index_col=0)
        np.testing.assert_allclose(fc.values, np.corrcoef(ensemble.bold().values[:, member].T), atol=1e-9)
    if find_spec("pynwb"):
        dtbsim.export(ensemble, to="nwb", out=tmp_path / "run.nwb")
    dtbsim.export(ensemble, to="csv", out=tmp_path / "csv")
    states = pd.read_csv(tmp_path / "csv" / "states_0_y.csv", index_col=0, dtype=np.float32)
    assert np.array_equal(states.values.reshape(20, 2, 3), ensemble.states(0)["y"].values)
    assert list(states.columns)[:4] == ["member0:r0", "member0:r1", "member0:r2", "member1:r0"]


def test_neo_has_every_number(run: Any) -> None:
    pytest.importorskip("neo", reason="needs the extra neo")
    from dtbsim.interchange import neo_block

    check_block(neo_block(run), run)


def test_a_nix_file_gives_the_block_back(run: Any, tmp_path: Path) -> None:
    neo_io = pytest.importorskip("neo.io", reason="needs the extra neo")
    pytest.importorskip("nixio", reason="needs the extra neo, with nixio")
    made = dtbsim.export(run, to="neo", out=tmp_path / "run.nix")
    assert [loss.what for loss in made.losses] == ["the signal 'matrix'"]
    io = neo_io.NixIO(str(tmp_path / "run.nix"), mode="ro")
    try:
        check_block(io.read_block(), run)
    finally:
        io.close()


def check_block(block: Any, run: Any) -> None:
    (segment,) = block.segments
    found = sorted(
        (round(float(time) / 0.1) - 1, int(train.annotations["gid"]))
        for train in segment.spiketrains
        for time in train.rescale("ms").magnitude
    )
    assert len(segment.spiketrains) == run.network_table.n_neurons
    assert found == spikes(run)
    assert segment.spiketrains[0].t_stop.rescale("ms").item() == pytest.approx(120.0)
    signals = {signal.name: signal for signal in segment.analogsignals}
    states = signals["states_1_V_m_mV"]
    assert states.dimensionality.string == "mV"
    assert np.array_equal(states.magnitude, run.states(1)["V_m_mV"].values)
    assert states.t_start.rescale("ms").item() == pytest.approx(0.3)
    assert states.sampling_period.rescale("ms").item() == pytest.approx(0.3)
    assert list(states.array_annotations["channel_names"]) == [f"cells@r2:{k}" for k in range(4)]
    assert np.array_equal(signals["bold"].magnitude, run.bold().values)
    assert np.array_equal(signals["states_0_x"].magnitude, run.states(0)["x"].values)


def test_sonata_files_are_in_the_order_of_time_and_number_nodes_as_the_network(run: Any, tmp_path: Path) -> None:
    dtbsim.export(run, to="sonata-spikes", out=tmp_path / "spikes.h5")
    with h5py.File(tmp_path / "spikes.h5") as file:
        neurons, source = file["spikes/neurons"], file["spikes/S"]
        assert neurons.attrs["sorting"] == source.attrs["sorting"] == 2
        times, nodes = neurons["timestamps"][()], neurons["node_ids"][()]
        assert source["node_ids"][()].tolist() == [0, 1, 1]
        assert source["timestamps"][()].tolist() == [5.0, 9.0, 9.0]
    assert (np.diff(times) >= 0).all()
    expected = [(step, gid - 3) for step, gid in spikes(run) if gid >= 3]
    assert [*zip((np.rint(times / 0.1) - 1).astype(int), nodes, strict=True)] == expected
    dtbsim.export(run, to="sonata-reports", out=tmp_path / "reports")
    with h5py.File(tmp_path / "reports" / "states_1_V_m_mV.h5") as file:
        assert list(file["report"]) == ["neurons"]
        report = file["report/neurons"]
        assert np.array_equal(report["data"][()], run.states(1)["V_m_mV"].values)
        assert report["mapping/node_ids"][()].tolist() == [0, 1, 2, 3]
        assert report["mapping/time"][()].tolist() == [0.3, 120.3, 0.3]


# -- mistakes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "out"), OF_RUNS.items())
def test_what_failed_leaves_nothing_and_the_old_file(
    form: str, out: str, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that ends in the middle of reading."""
    for package in {"nwb": ["pynwb"], "neo": ["neo", "nixio"], "mne": ["mne"]}.get(form, []):
        pytest.importorskip(package, reason=f"needs the extra {form}")
    target = tmp_path / out
    if "." in out:
        target.write_text("old")

    def broken(*_: Any, **__: Any) -> Any:
        raise InputError("broken", where="stores")

    monkeypatch.setattr("dtbsim.store.table_reader.TableReader.read", broken)
    with pytest.raises(InputError):
        dtbsim.export(dtbsim.open_run(run.path), to=form, out=target)
    assert [path.name for path in tmp_path.iterdir()] == ([out] if "." in out else [])
    assert "." not in out or target.read_text() == "old"


@pytest.mark.parametrize(
    ("form", "package", "extra"),
    [("nwb", "pynwb", "nwb"), ("neo", "neo", "neo"), ("neo", "nixio", "neo"), ("mne", "mne", "mne")],
)
def test_an_extra_that_is_not_installed_is_named(
    form: str, package: str, extra: str, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=rf"pip install 'dtbsim\[{extra}\]'") as caught:
        dtbsim.export(run, to=form, out=tmp_path / OF_RUNS[form])
    assert caught.value.exit_code == EXIT_ENVIRONMENT
    assert not list(tmp_path.iterdir())


def test_a_run_that_has_not_ended_is_refused_unless_its_part_will_do(tmp_path: Path) -> None:
    steps, gids = spikes_of_a_run(2, n=100)
    folder = make_run(tmp_path / "run", steps, gids, record="spikes: {}")
    with pytest.raises(InputError, match="has not ended") as caught:
        dtbsim.export(folder, to="csv", out=tmp_path / "csv")
    assert_for_people(caught.value)
    made = dtbsim.export(folder, to="csv", out=tmp_path / "csv", lossy=True)
    assert made.sizes["spikes"] == len(steps)
    assert made.losses[0].spikes


def test_a_forged_name_leads_nowhere(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", *spikes_of_a_run(2, n=100), record="spikes: {}")
    with (folder / "config.yaml").open("a") as file:
        file.write("signals: {../../forged: {kind: lfp, population: E}}\n")
    (folder / "stores" / "signals").mkdir()
    (folder / "forged.zarr").mkdir()
    with pytest.raises(InputError, match="is no name of a signal"):
        dtbsim.export(folder, to="csv", out=tmp_path / "csv", lossy=True)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


WRONG = {
    "suffix": (["--to", "nwb", "r.h5"], "must end with .nwb"),
    "no sensors": (["--to", "mne", "r_raw.fif"], "no EEG and no MEG"),
    "name": (["--to", "csv", "r", "--signal", "blod"], "did you mean 'bold'?"),
    "window": (["--to", "csv", "r", "--start", "50", "--stop", "20"], "must be before stop_ms"),
    "signal of sonata": (
        ["--to", "sonata-spikes", "r.h5", "--signal", "bold"],
        "--signal: the format sonata-spikes has no option",
    ),
    "folder": (["--to", "csv", "no/r"], "there is no such folder"),
    "drives": (["--to", "csv", "r", "--drives", "none"], "--drives: the format csv has no option"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_mistakes_are_one_line(
    name: str, run: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, message = WRONG[name]
    if arguments[1] == "mne":
        pytest.importorskip("mne", reason="needs the extra mne")
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(run.path), *arguments]) == EXIT_INPUT
    err = capfd.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_command_writes_and_says_what_is_lost(
    run: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        main(
            ["export", str(run.path), "--to", "csv", "tables", "--signal", "bold", "--signal", "states", "--stop", "50"]
        )
        == 0
    )
    said = capfd.readouterr().out
    assert "2 series" not in said
    assert "3 series" in said
    assert "nothing was lost" in said
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == [
        "bold.csv", "states_0_x.csv", "states_1_V_m_mV.csv",
    ]  # fmt: skip
    assert len((tmp_path / "tables" / "bold.csv").read_text().splitlines()) == 1 + 2
    assert main(["export", str(run.path), "--to", "csv", "tables"]) == EXIT_INPUT
    assert "exists already" in capfd.readouterr().err, "a folder with something in it is not replaced"


def test_spikes_are_observed_from_where_a_branch_begins(run: Any) -> None:
    branch = dtbsim.open_run(run.path)
    branch.provenance = run.provenance | {"branch": {"run": "x", "checkpoint": "y", "step": 300, "time_ms": 30.0}}
    assert Chosen(run, lossy=False).steps == (0, 1200)
    assert Chosen(branch, lossy=False).steps == (300, 1200)
    assert Chosen(branch, lossy=False, stop_ms=20).steps == (200, 200)


def test_several_ranks_write_the_same_files(run: Any, tmp_path: Path) -> None:
    from dtbsim.mpi import run_ranks
    from dtbsim.simulate import run as simulate

    config = dtbsim.RunConfig.model_validate(hybrid(tmp_path))
    results = run_ranks(2, lambda comm: simulate(config, out=tmp_path / "on2", comm=comm, report=False))
    for source, out in ((run, "one"), (results[0].run_dir, "two")):
        dtbsim.export(source, to="csv", out=tmp_path / out)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == [
        "bold.csv", "matrix.csv", "rates.csv", "source.csv", "spikes.csv", "states_0_x.csv", "states_1_V_m_mV.csv",
    ]  # fmt: skip
    for name in names:
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes(), name


def test_matrices_of_a_window_are_of_its_samples(run: Any, tmp_path: Path) -> None:
    made = dtbsim.export(run, to="csv", out=tmp_path / "some", signals="matrix", start_ms=20)
    assert made.losses == ()
    fc = table_in(tmp_path / "some" / "matrix.csv")
    np.testing.assert_allclose(fc.values, np.corrcoef(run.bold().values[1:].T), atol=1e-9)
    made = dtbsim.export(run, to="csv", out=tmp_path / "few", signals="matrix", start_ms=100)
    assert "a correlation needs" in made.losses[0].instead


def test_units_and_columns_are_those_of_models(run: Any, ensemble: Any) -> None:
    found = {one.name: one for one in Chosen(run, lossy=False).series}
    assert list(found) == ["bold", "rates", "source", "states_0_x", "states_1_V_m_mV"]
    assert {name: one.unit for name, one in found.items()} == {
        "bold": "1", "rates": "Hz", "source": "pA", "states_0_x": "1", "states_1_V_m_mV": "mV",
    }  # fmt: skip
    assert found["rates"].columns.regions == ["", "r2"]
    x = next(one for one in Chosen(ensemble, lossy=False).series if one.name == "states_0_x")
    assert x.columns.members.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.array_equal(x.of_member(1).values(), ensemble.states(0)["x"].values[:, 1])
