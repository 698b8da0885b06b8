"""From run folders to reports: the numbers shown are those stored, parts may be missing, damage is an InputError."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import report_folder as folder
from report_found import collect

from dtbsim.analysis.fc import fc_correlation, functional_connectivity
from dtbsim.atlas import load_atlas
from dtbsim.errors import InputError, StorageError
from dtbsim.report import write_report
from dtbsim.report.collect import MOST_SHOWN, _beginning
from dtbsim.report.collect_activity import MOST_BINS
from dtbsim.report.collect_spikes import MOST_RASTER_SPIKES
from dtbsim.report.data import ReportData
from dtbsim.store import open_run


@pytest.fixture(scope="module")
def brain_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder.whole_brain_run(tmp_path_factory.mktemp("runs") / "resting")


@pytest.fixture(scope="module")
def brain(brain_run: Path) -> ReportData:
    return collect(brain_run)


@pytest.fixture(scope="module")
def column_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder.microcircuit_run(tmp_path_factory.mktemp("runs") / "column")


@pytest.fixture
def column(column_run: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(column_run, tmp_path / "column", ignore=shutil.ignore_patterns("report.html")))


def test_report_is_written_into_the_run(column: Path) -> None:
    target = write_report(column)
    assert target == column / "report.html"
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert not list(column.glob(".report*"))
    assert write_report(column) == target


def test_rates_are_those_of_the_spikes(brain_run: Path, brain: ReportData) -> None:
    rates = brain.population_rates
    assert rates is not None
    assert (rates.start_s, rates.stop_s) == pytest.approx((0.4, 4.0))
    run = open_run(brain_run)
    for index in (0, 79, 80, 159):
        entry = run.network_table.populations[index]
        steps, _ = run.spike_steps(entry["name"], 400.0, 4000.0)
        assert rates.rate_hz[index] == pytest.approx(len(steps) / entry["size"] / 3.6)
    assert rates.regions[3] == load_atlas("aal2").region_names[3]
    assert not rates.published_hz


def test_rates_come_from_spikes_where_rates_were_not_recorded(brain: ReportData, tmp_path: Path) -> None:
    data = collect(folder.whole_brain_run(tmp_path / "run", rates=False))
    assert data.rate_course is None
    assert data.population_rates is not None
    assert brain.population_rates is not None
    assert data.population_rates.rate_hz == pytest.approx(brain.population_rates.rate_hz)
    assert any("rates over time" in reason for reason in data.absent)


def test_raster_shows_real_spikes_of_sampled_neurons(brain_run: Path, brain: ReportData) -> None:
    raster = brain.raster
    assert raster is not None
    assert 0 < len(raster.time_s) <= MOST_RASTER_SPIKES
    assert raster.shown_of == 1
    assert raster.families == ["E", "I"]
    assert raster.groups.edges[-1] == raster.n_rows
    assert raster.groups.labels[0] == "L visual"
    assert raster.row.max() < raster.n_rows
    assert (raster.time_s > raster.start_s).all()
    assert (raster.time_s <= raster.stop_s + 1e-9).all()
    duration = raster.stop_s - raster.start_s
    shown_rate = len(raster.time_s) / raster.n_rows / duration
    steps, _ = open_run(brain_run).spike_steps(None, 1e3 * raster.start_s, 1e3 * raster.stop_s)
    assert shown_rate == pytest.approx(len(steps) / 4000 / duration, rel=0.05)


def test_rows_of_a_small_network_are_its_neurons(column_run: Path) -> None:
    data = collect(column_run)
    run = open_run(column_run)
    assert data.raster is not None
    assert data.raster.n_rows == run.network_table.n_neurons
    steps, gids = run.spike_steps(None, 300.0, 3000.0)
    assert np.array_equal(np.sort(data.raster.row), np.sort(gids))
    assert np.allclose(np.sort(data.raster.time_s), 1e-3 * (steps + 1))
    assert data.raster.groups.labels == ["L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I"]


def test_published_rates_stand_beside_those_of_the_full_microcircuit(column_run: Path) -> None:
    data = collect(column_run)
    assert data.population_rates is not None
    assert data.population_rates.published_hz["L5I"] == 8.633
    page = write_report(column_run).read_text(encoding="utf-8")
    assert "microcircuit-PD14-model" in page


def test_single_neurons(brain: ReportData) -> None:
    neurons = brain.neurons
    assert neurons is not None
    assert [len(rates) for rates in neurons.rate_hz] == [80 * 40, 80 * 10]
    assert np.mean(neurons.rate_hz[0]) == pytest.approx(4.0, abs=0.3)
    assert np.mean(neurons.cv_isi[1]) == pytest.approx(0.95, abs=0.1)  # Poisson, shortened by the window


def test_rate_course_and_regions(brain: ReportData) -> None:
    course, image = brain.rate_course, brain.region_rates
    assert course is not None
    assert image is not None
    assert course.families == ["E", "I"]
    assert course.mean_hz.shape == (2, len(course.time_s))
    assert len(course.time_s) <= MOST_BINS
    assert course.low_hz is not None
    assert (course.low_hz <= course.mean_hz.max()).all()
    assert image.hz.shape == (80, len(image.time_s))
    assert image.family == "E"
    assert image.hz.mean() == pytest.approx(course.mean_hz[0].mean())


def test_bins_are_joined_to_round_lengths(tmp_path: Path) -> None:
    data = collect(folder.microcircuit_run(tmp_path / "long", duration_ms=20_000.0))
    assert data.rate_course is not None
    assert data.rate_course.bin_ms == 50.0
    assert len(data.rate_course.time_s) == 400


def test_fc_correlation_and_baselines(brain_run: Path, brain: ReportData) -> None:
    fc = brain.fc
    assert fc is not None
    atlas = load_atlas("aal2")
    expected = fc_correlation(functional_connectivity(open_run(brain_run).bold().values), np.asarray(atlas.fc))
    assert fc.correlation == pytest.approx(expected)
    values = {baseline.label: baseline for baseline in fc.baselines}
    assert values["structural connectivity"].value == pytest.approx(0.34, abs=0.01)
    assert values["log structural connectivity"].value == pytest.approx(0.46, abs=0.01)
    assert values["best linear network"].value == pytest.approx(0.68, abs=0.01)
    assert values["single subjects"].low == pytest.approx(0.78, abs=0.01)
    assert any("node strength" in line for line in fc.details)


def test_fcd_against_measured(brain: ReportData) -> None:
    fcd = brain.fcd
    assert fcd is not None
    assert fcd.window_s == pytest.approx(59.76)
    assert np.sum(fcd.density * np.diff(fcd.bin_edges)) == pytest.approx(1.0)
    assert fcd.empirical_density is not None
    assert np.sum(fcd.empirical_density * np.diff(fcd.bin_edges)) == pytest.approx(1.0)
    assert fcd.ks is not None
    assert 0 < fcd.ks < 1
    assert fcd.time_s[0] == pytest.approx(0.72 + 59.76 / 2)


def test_another_window_is_not_compared_with_the_measured_distribution(tmp_path: Path) -> None:
    config = {"analysis": {"statistics_start_ms": 0.0, "fcd_window_s": 30.0, "fcd_step_s": 2.16}}
    data = collect(folder.whole_brain_run(tmp_path / "run", duration_ms=500.0, config=config))
    assert data.fcd is not None
    assert data.fcd.ks is None
    assert data.fcd.empirical_density is None


def test_brain_values(brain: ReportData) -> None:
    assert brain.brain is not None
    labels = [value.label for value in brain.brain.values]
    assert labels[:4] == ["FC strength", "BOLD fluctuation", "measured FC strength", "FC fit of the region"]
    assert {"mean rate, E", "mean rate, I", "structural strength", "cortical thickness"} <= set(labels)
    assert "normal x" not in labels
    by_label = {value.label: value.values for value in brain.brain.values}
    assert brain.population_rates is not None
    assert by_label["mean rate, I"] == pytest.approx(brain.population_rates.rate_hz[80:])
    assert brain.fc is not None
    assert brain.fc.empirical is not None
    others = np.arange(80) != 11
    fit = np.corrcoef(brain.fc.simulated[11, others], brain.fc.empirical[11, others])[0, 1]
    assert by_label["FC fit of the region"][11] == pytest.approx(fit)
    assert by_label["FC strength"][11] == pytest.approx(brain.fc.simulated[11, others].mean())
    structural = brain.brain.edges[0]
    atlas = load_atlas("aal2")
    i, j = structural.pairs[0]
    assert max(atlas.weights[i, j], atlas.weights[j, i]) == np.max(atlas.weights)
    assert len(np.unique(np.sort(structural.pairs, axis=1), axis=0)) == len(structural.pairs)


def test_number_of_ranks_does_not_show(brain: ReportData, tmp_path: Path) -> None:
    data = collect(folder.whole_brain_run(tmp_path / "run", ranks=3))
    assert data.raster is not None
    assert brain.raster is not None
    assert np.array_equal(data.raster.row, brain.raster.row)
    assert np.array_equal(data.raster.time_s, brain.raster.time_s)


def test_a_constant_region_is_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    bold = folder.correlated_bold(np.asarray(load_atlas("aal2").fc), 300, rng)
    bold[:, 7] = 0.01
    data = collect(folder.whole_brain_run(tmp_path / "run", duration_ms=500.0, bold=bold))
    assert data.fc is not None
    assert data.fc.correlation is not None
    assert np.isnan(data.fc.simulated[7]).sum() >= 79
    assert data.brain is not None
    strength = data.brain.values[0].values
    assert np.isnan(strength[7])
    assert np.isfinite(np.delete(strength, 7)).all()
    assert write_report(tmp_path / "run").is_file()


def test_bold_that_is_not_a_number(tmp_path: Path) -> None:
    bold = np.full((100, 80), np.nan)
    data = collect(folder.whole_brain_run(tmp_path / "run", duration_ms=500.0, bold=bold))
    assert data.fc is None
    assert any("not numbers" in reason for reason in data.absent)
    assert write_report(tmp_path / "run").is_file()


def test_short_bold_has_no_fcd_but_a_report(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    bold = folder.correlated_bold(np.asarray(load_atlas("aal2").fc), 20, rng)
    data = collect(folder.whole_brain_run(tmp_path / "run", duration_ms=500.0, bold=bold))
    assert data.fcd is None
    assert data.fc is not None
    assert write_report(tmp_path / "run").is_file()


def test_one_region_is_too_few_for_fc(tmp_path: Path) -> None:
    bold = np.random.default_rng(0).normal(size=(50, 1))
    populations = [{"name": "E@a", "family": "E", "region": "a", "region_index": 0, "size": 50}]
    data = collect(folder.write_run(tmp_path / "one", populations, [5.0], duration_ms=500.0, regions=["a"], bold=bold))
    assert data.fc is None
    assert "functional connectivity (1 region with BOLD; at least 3 are needed)" in data.absent
    assert write_report(tmp_path / "one").is_file()


def test_bold_that_never_changes_has_no_image(tmp_path: Path) -> None:
    data = collect(folder.whole_brain_run(tmp_path / "run", duration_ms=500.0, bold=np.zeros((50, 80))))
    assert data.bold is not None
    page = write_report(tmp_path / "run").read_text(encoding="utf-8")
    assert "<h3>Traces</h3>" in page
    assert "<h3>All regions</h3>" not in page


def test_silent_network(tmp_path: Path) -> None:
    populations = [{"name": "E", "family": "E", "region": None, "region_index": -1, "size": 50}]
    run = folder.write_run(tmp_path / "silent", populations, [0.0], duration_ms=500.0)
    data = collect(run)
    assert data.raster is None
    assert any("no neuron fired" in reason for reason in data.absent)
    assert "no neuron fired" in write_report(run).read_text(encoding="utf-8")


def test_nothing_recorded(tmp_path: Path) -> None:
    run = folder.microcircuit_run(tmp_path / "run", spikes=False, rates=False)
    data = collect(run)
    assert data.raster is None
    assert data.population_rates is None
    assert data.neurons is None
    assert "they were not recorded" in write_report(run).read_text(encoding="utf-8")


def test_only_recorded_populations_are_shown(tmp_path: Path) -> None:
    config = {"record": {"spikes": {"populations": ["column.L4E"], "start_ms": 0.0, "stop_ms": None}}}
    data = collect(folder.microcircuit_run(tmp_path / "run", config=config))
    assert data.raster is not None
    assert data.raster.families == ["L4E"]
    assert data.neurons is not None
    assert data.neurons.families == ["L4E"]


def test_recording_window_bounds_the_statistics(tmp_path: Path) -> None:
    config = {"record": {"spikes": {"populations": "all", "start_ms": 1000.0, "stop_ms": 2000.0}}}
    path = folder.microcircuit_run(tmp_path / "run", config=config)
    data = collect(path)
    assert data.neurons is not None
    assert (data.neurons.start_s, data.neurons.stop_s) == (1.0, 2.0)
    assert data.raster is not None
    assert (data.raster.start_s, data.raster.stop_s) == (1.0, 2.0)
    steps, _ = open_run(path).spike_steps()
    inside = (steps >= 1000) & (steps < 2000)
    assert np.allclose(np.sort(data.raster.time_s), 1e-3 * (steps[inside] + 1))
    assert np.mean(np.concatenate(data.neurons.rate_hz)) * 767 == pytest.approx(inside.sum())


def test_statistics_of_a_stopped_run_end_where_it_was_stopped(tmp_path: Path) -> None:
    stopped = {"interrupted": True, "biological_s": 2.0}
    path = folder.microcircuit_run(tmp_path / "run", duration_ms=2000.0, summary=stopped)
    table = json.loads((path / "network.json").read_text(encoding="utf-8"))
    (path / "network.json").write_text(json.dumps(table | {"n_steps": 9000}), encoding="utf-8")
    data = collect(path)
    assert data.neurons is not None
    assert data.neurons.stop_s == 2.0
    assert data.raster is not None
    assert data.raster.stop_s == 2.0


def test_the_rest_is_reported_without_an_atlas_that_has_gone(tmp_path: Path) -> None:
    run = folder.whole_brain_run(tmp_path / "run", duration_ms=500.0)
    text = (run / "config.yaml").read_text(encoding="utf-8")
    (run / "config.yaml").write_text(text.replace("atlas: aal2", "atlas: mine/atlas.npz"), encoding="utf-8")
    data = collect(run)
    assert data.brain is None
    assert data.bold is not None
    assert data.fc is not None
    assert data.fc.empirical is None
    assert any("mine/atlas.npz" in reason for reason in data.absent)
    assert data.missing[0].startswith("the atlas mine/atlas.npz (there is no atlas ")
    with pytest.raises(InputError, match=r"report\.html: the report is written, but not complete; missing: the atlas"):
        write_report(run)
    assert "Missing: the atlas mine/atlas.npz" in (run / "report.html").read_text(encoding="utf-8")


def test_stages_fall_back_to_the_totals(column: Path) -> None:
    summary = json.loads((column / "summary.json").read_text(encoding="utf-8"))
    del summary["stages"]
    (column / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    performance = collect(column).performance
    assert performance is not None
    assert [(stage.name, stage.max_s) for stage in performance.stages] == [
        ("build", 0.4),
        ("compile", 2.0),
        ("simulate", 0.6),
    ]
    assert performance.stages[0].sum_s == pytest.approx(0.8)


NEEDED = ("config.yaml", "network.json", "provenance.json")


@pytest.mark.parametrize(
    ("name", "damage"),
    [*itertools.product(NEEDED, ("missing", "cut", "list")), ("summary.json", "cut"), ("summary.json", "list")],
)
def test_damaged_folders_are_input_errors(column: Path, name: str, damage: str) -> None:
    file = column / name
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        text = "a: [1," if name == "config.yaml" else file.read_text(encoding="utf-8")[:40]
        file.write_text(text, encoding="utf-8")
    else:
        file.write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        write_report(column)
    assert caught.value.remedy
    assert not (column / "report.html").exists()


def test_missing_store_of_a_rank_is_an_input_error(column: Path) -> None:
    shutil.rmtree(column / "stores" / "spikes" / "rank_00001.zarr")
    with pytest.raises(InputError, match="missing"):
        write_report(column)


def test_no_such_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such run folder"):
        write_report(tmp_path / "nothing")


def test_regions_that_are_no_list(column: Path) -> None:
    network = json.loads((column / "network.json").read_text(encoding="utf-8"))
    network["regions"] = {"a": 1}
    (column / "network.json").write_text(json.dumps(network), encoding="utf-8")
    with pytest.raises(InputError, match="list of names"):
        write_report(column)


def test_place_that_cannot_be_written(column: Path) -> None:
    (column / "report.html").mkdir()
    with pytest.raises(StorageError, match="could not be written"):
        write_report(column)
    assert not list(column.glob(".report*"))


def test_a_long_configuration_is_shown_in_part() -> None:
    line = "  p12_p13: {source: p12, target: p13}\n"
    shown = _beginning(line * 5000)
    assert len(shown) < MOST_SHOWN + 100
    kept, note = shown.rsplit("\n", 1)
    assert (line * 5000).startswith(kept + "\n")
    assert note == f"# and {5000 - len((kept + chr(10)).splitlines()):,} more lines in config.yaml of the run folder"
    assert _beginning(line) == line
