"""Windows of signals, what is computed of stored series, files for other tools, and mistakes with all of it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.unit.config_samples import assert_for_people

import dtbsim
from dtbsim.atlas import load_atlas
from dtbsim.atlas.lead_fields import MEG_FOLDER, bundled_meg_fields, load_meg_field, meg_sensor_positions
from dtbsim.cli import main
from dtbsim.errors import EXIT_ENVIRONMENT, EXIT_INPUT, InputError, MissingDependencyError
from dtbsim.signals.demodulator import Demodulator, delay_s, settling_samples

REGIONS = ["Precentral_L", "Precentral_R", "Calcarine_L"]
CONFIG: dict[str, Any] = {
    "seed": 5,
    "atlas": "aal2",
    "simulation": {"dt_ms": 0.5, "duration_ms": 400, "threads": 1, "block_size": 16},
    "populations": {"E": {"model": "iaf_psc_exp", "size": 8, "regions": REGIONS}},
    "drives": {"background": {"kind": "poisson", "target": "E", "rate_hz": 8000, "weight_pA": 60}},
    "bold": {"population": "E", "tr_ms": 20},
    "record": {"rate_bin_ms": 5},
    "signals": {
        "eeg": {"kind": "eeg", "population": "E"},
        "field": {"kind": "meg", "population": "E", "interval_ms": 10},
        "planar": {"kind": "meg", "population": "E", "interval_ms": 10, "sensors": "neuromag_gradiometers"},
        "lfp": {"kind": "lfp", "population": "E", "interval_ms": 2},
        "matrix": {"kind": "fc", "of": "lfp"},
    },
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("results")
    return dtbsim.run(dtbsim.config.load_config_data(CONFIG), out=folder / "run", report=False).open()


# -- windows -------------------------------------------------------------------------------------------------------


def test_windows_are_open_at_the_left_and_closed_at_the_right(run: Any) -> None:
    assert run.eeg(start_ms=100, stop_ms=112)["time_ms"].values.tolist() == [104, 108, 112]
    assert run.lfp("lfp", 100, 104)["time_ms"].values.tolist() == [102, 104]
    np.testing.assert_allclose(run.bold(100, 160)["time_s"], [0.12, 0.14, 0.16])
    assert run.rates(100, 115)["time_ms"].values.tolist() == [100, 105, 110], "bins, by their beginnings"
    assert run.rates(101, 114)["time_ms"].values.tolist() == [105]
    assert run.signal("lfp", 390).identical(run.lfp(start_ms=390))
    assert run.series("bold", stop_ms=60).sizes["time_s"] == 3
    with pytest.raises(InputError, match=r"start_ms \(5\) must be before stop_ms \(5\)"):
        run.eeg(start_ms=5, stop_ms=5)
    with pytest.raises(InputError, match="'matrix' was made of all samples"):
        run.signal("matrix", 100)


def test_units_are_there_in_pandas_and_xarray(run: Any) -> None:
    for name, unit in (("rates", "Hz"), ("bold", "1"), ("eeg", "uV"), ("field", "fT"), ("lfp", "pA")):
        assert run.series(name).attrs["units"] == unit
    table = run.lfp().to_pandas()
    assert table.columns.tolist() == REGIONS
    assert table.index[0] == 8.0


def test_fc_is_that_of_the_entry_or_of_a_stored_series(run: Any) -> None:
    assert run.fc().identical(run.signal("matrix"))
    lfp = run.lfp()
    np.testing.assert_allclose(run.fc().values, np.corrcoef(lfp.values.T), atol=1e-10)
    part = run.fc(start_ms=100, stop_ms=300)
    np.testing.assert_allclose(part.values, np.corrcoef(run.lfp(start_ms=100, stop_ms=300).values.T), atol=1e-10)
    of_bold = run.fc(of="bold", start_ms=100)
    np.testing.assert_allclose(of_bold.values, np.corrcoef(run.bold(100).values.T), atol=1e-9)
    assert run.fcd(of="bold", window_s=0.1, step_s=0.02).shape == (16, 16)
    with pytest.raises(InputError, match="needs windows of 3"):
        run.fcd(of="bold", start_ms=370)
    with pytest.raises(InputError, match="no signal 'lfps'"):
        run.fc(of="lfps")


def test_one_of_several_is_to_be_named(run: Any) -> None:
    with pytest.raises(InputError, match=r"several entries of kind meg: field, planar"):
        run.meg()
    assert run.meg("planar").attrs["units"] == "fT/cm"


# -- files ---------------------------------------------------------------------------------------------------------


def test_csv_and_tsv_hold_every_digit(run: Any, tmp_path: Path) -> None:
    run.export("eeg", tmp_path / "eeg.csv", 100, 200)
    table = pd.read_csv(tmp_path / "eeg.csv", index_col=0)
    eeg = run.eeg(start_ms=100, stop_ms=200)
    np.testing.assert_allclose(table.values, eeg.values, rtol=1e-12)
    assert table.index.name == "time_ms"
    run.export("bold", tmp_path / "bold.tsv")
    about = json.loads((tmp_path / "bold.json").read_text())
    assert about["SamplingFrequency"] == 50.0
    assert about["StartTime"] == pytest.approx(0.02)
    assert about["Units"] == "1"
    assert about["Columns"] == ["time_s", *REGIONS]
    assert about["GeneratedBy"] == [{"Name": "dtbsim", "Version": dtbsim.__version__}]
    lines = (tmp_path / "bold.tsv").read_text().splitlines()
    assert lines[0].split("\t") == about["Columns"]
    assert len(lines) == 21
    matrix = pd.read_csv(io.StringIO(run.export("matrix", tmp_path / "fc.csv").read_text()), index_col=0)
    np.testing.assert_array_equal(matrix.values, run.fc().values)


def test_mne_has_the_signal_in_si_units_and_sensors_at_their_places(run: Any, tmp_path: Path) -> None:
    mne = pytest.importorskip("mne")
    raw = run.to_mne("eeg")
    assert raw.info["sfreq"] == 250
    assert raw.first_time == pytest.approx(0.004)
    np.testing.assert_allclose(raw.get_data(), 1e-6 * run.eeg().values.T)
    assert raw.get_montage() is not None
    planar = run.to_mne("planar", 100)
    assert set(planar.get_channel_types()) == {"grad"}
    assert planar.info["chs"][0]["coil_type"] == 3012
    np.testing.assert_allclose(planar.get_data(), 1e-13 * run.meg("planar", 100).values.T)
    path = run.export("field", tmp_path / "field_raw.fif")
    read = mne.io.read_raw_fif(path, verbose="error")
    np.testing.assert_allclose(read.get_data(), 1e-15 * run.meg("field").values.T, rtol=1e-6)
    assert set(run.to_mne("lfp").get_channel_types()) == {"misc"}


def test_an_image_has_the_series_of_every_region(run: Any, tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    names = load_atlas("aal2").region_names
    voxels = np.zeros((4, 5, 6), np.int16)
    for k, name in enumerate(REGIONS):
        voxels[k + 1, 1:3] = names.index(name) + 1
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(voxels, affine), tmp_path / "labels.nii.gz")
    path = run.export("bold", tmp_path / "bold.nii.gz", 100, labels=tmp_path / "labels.nii.gz")
    image = nibabel.load(path)
    bold = run.bold(100)
    assert image.shape == (4, 5, 6, bold.sizes["time_s"])
    np.testing.assert_array_equal(image.get_fdata()[2, 2, 3], bold.values[:, 1].astype(np.float32))
    assert not image.get_fdata()[0].any()
    assert image.header.get_zooms()[3] == pytest.approx(0.02)
    voxels[3] = 0
    nibabel.save(nibabel.Nifti1Image(voxels, affine), tmp_path / "labels.nii.gz")
    with pytest.raises(InputError, match=r"region Calcarine_L .* have no voxel"):
        run.to_nifti("bold", tmp_path / "labels.nii.gz")
    with pytest.raises(InputError, match="'Fp1' is none of atlas 'aal2'"):
        run.to_nifti("eeg", tmp_path / "labels.nii.gz")


def test_what_is_not_installed_is_said_in_one_line(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mne", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'dtbsim\[mne\]'") as caught:
        run.to_mne("eeg")
    assert caught.value.exit_code == EXIT_ENVIRONMENT
    assert not list(tmp_path.iterdir())


def test_the_command_writes_the_same_and_refuses_the_rest(
    run: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "lfp.csv"
    assert main(["export", str(run.path), "lfp", str(target), "--start", "100"]) == 0
    assert capfd.readouterr().out == f"{target}\n"
    assert len(target.read_text().splitlines()) == 1 + 150
    for name, file, message in (
        ("lfp", "lfp.xls", "end its name with .csv"),
        ("lpf", "lfp.csv", "did you mean 'lfp'?"),
        ("lfp", "no/lfp.csv", "there is no such folder"),
        ("bold", "bold.nii", "needs the label image"),
    ):
        assert main(["export", str(run.path), name, str(tmp_path / file)]) == EXIT_INPUT
        err = capfd.readouterr().err
        assert message in err
        assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lfp.csv"]


# -- the filter ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("low_hz", "high_hz"), [(8.0, 12.0), (8.0, 30.0), (30.0, 80.0)])
def test_a_sine_has_its_amplitude_and_phase_whatever_it_stands_on(low_hz: float, high_hz: float) -> None:
    interval_s, middle_hz = 0.004, 0.5 * (low_hz + high_hz)
    t = interval_s * np.arange(1, 4001)
    phase = 2 * np.pi * middle_hz * t + 0.7
    demodulator = Demodulator(1, interval_s, low_hz, high_hz, 4)
    real, imaginary = demodulator.step(1, (1000 + 3 * np.cos(phase))[:, None])
    found = (real + 1j * imaginary)[settling_samples(low_hz, high_hz, 4, interval_s) :, 0]
    assert np.abs(np.abs(found) - 3).max() < 0.1
    assert np.abs(np.angle(found[-500:] * np.exp(-1j * phase[-500:]))).max() < 0.02


def test_an_envelope_comes_late_by_what_is_said() -> None:
    t = 0.004 * np.arange(20_000)
    envelope = 1 + 0.5 * np.sin(2 * np.pi * 0.1 * t)
    real, imaginary = Demodulator(1, 0.004, 8, 12, 4).step(0, (envelope * np.cos(2 * np.pi * 10 * t))[:, None])
    found = np.hypot(real, imaginary)[2000:, 0]
    late = max(range(100), key=lambda k: float(np.corrcoef(found, envelope[2000 - k : len(t) - k])[0, 1]))
    assert late * 0.004 == pytest.approx(delay_s(8, 12, 4), abs=0.005)


# -- lead fields ---------------------------------------------------------------------------------------------------


def sarvas_T(dipole_Am: Any, place_m: Any, sensors_m: Any, normals: Any) -> Any:
    """The field of a dipole in a sphere around 0 at sensors outside, along their normals (Sarvas 1987, eq. 25)."""
    a = sensors_m - place_m
    size, r = np.linalg.norm(a, axis=1), np.linalg.norm(sensors_m, axis=1)
    ar = np.einsum("ij,ij->i", a, sensors_m)
    f = size * (r * size + r**2 - sensors_m @ place_m)
    gradient = (size**2 / r + ar / size + 2 * size + 2 * r)[:, None] * sensors_m - (size + 2 * r + ar / size)[
        :, None
    ] * place_m
    cross = np.cross(dipole_Am, place_m)
    field = 1e-7 * (f[:, None] * cross - (sensors_m @ cross)[:, None] * gradient) / (f**2)[:, None]
    return np.einsum("ij,ij->i", field, normals)


@pytest.mark.parametrize("name", bundled_meg_fields())
def test_lead_fields_of_magnetometers_are_near_those_of_a_sphere(name: str) -> None:
    """By a formula of its own: the inner skull of the files is no sphere, so fields agree but for some percent."""
    atlas = load_atlas(name)
    field = load_meg_field(atlas, "neuromag_magnetometers")
    assert field.regions == atlas.region_names
    assert len(field.channels) == 102
    assert field.unit == "T"
    table = np.load(MEG_FOLDER / f"{name}.npz")
    chosen = table["neuromag306/units"] == "T"
    sensors = table["neuromag306/positions_m"][chosen].astype(float)
    centre_mm = np.array([0.0, -22.0, 8.0])  # of the inner skull, MNI
    places = (np.asarray(atlas.xyz_mm) - centre_mm) * 1e-3
    moments = np.stack([atlas.maps[f"normal_{axis}"] for axis in "xyz"], axis=1)
    normals = table["neuromag306/normals"][chosen].astype(float)
    agreement = [
        np.corrcoef(column, sarvas_T(moment, place, sensors, normals))[0, 1]
        for column, moment, place in zip(field.values.T, moments, places, strict=True)
    ]
    assert np.median(agreement) > 0.85
    largest_fT = 1e15 * 10e-9 * np.abs(field.values).max(axis=0)
    assert 20 < np.median(largest_fT) < 2000, "10 nAm make some hundred fT"


def test_sensors_surround_the_head() -> None:
    places = meg_sensor_positions()
    assert len(places) == 274 + 306
    distance = np.linalg.norm(np.array([*places.values()]), axis=1)
    assert 0.08 < distance.min() < distance.max() < 0.16
    assert places["MLT24"][0] < -0.08 < 0.08 < places["MRT24"][0], "left and right"


# -- mistakes ------------------------------------------------------------------------------------------------------

WRONG = {
    "nobody": ("x={kind: fc, of: eggs}", "signals.x.of", "no signal 'eggs'"),
    "itself": ("x={kind: band, of: x, low_hz: 8, high_hz: 12}", "signals.x.of", "x follows x"),
    "no series": ("x={kind: fc, of: matrix}", "signals.x.of", "no series of samples"),
    "band": ("x={kind: band, of: eeg, low_hz: 8, high_hz: 200}", "signals.x.high_hz", "half the sampling rate"),
    "turned": ("x={kind: band, of: eeg, low_hz: 12, high_hz: 8}", "signals.x.high_hz", "does not lie between"),
    "short": ("x={kind: band, of: eeg, low_hz: 8, high_hz: 9}", "signals.x.high_hz", "has settled"),
    "interval": (
        "x={kind: band, of: eeg, low_hz: 20, high_hz: 60, interval_ms: 6}",
        "signals.x.interval_ms",
        "no multiple of the interval",
    ),
    "phases": ("x={kind: plv, of: eeg}", "signals.x.low_hz", "it holds no phases"),
    "one edge": ("x={kind: plv, of: eeg, low_hz: 8}", "signals.x.high_hz", "a band has two edges"),
    "segment": ("x={kind: spectrum, of: bold}", "signals.x.segment_ms", "a segment needs 100 sample(s)"),
    "few": ("x={kind: spectrum, of: bold, segment_ms: 60}", "signals.x.segment_ms", "at least 8"),
    "window": ("x={kind: fcd}", "signals.x.window_s", "two windows needs"),
    "lag": ("lfp.interval_ms=4", "signals.lfp.excitatory_delay_ms", "no multiple of interval_ms"),
    "sensors": ("field.sensors=ctf", "signals.field.sensors", "allowed: ctf275"),
    "late": ("matrix.start_ms=399.5", "signals.matrix.start_ms", "a correlation needs 3"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_mistakes_are_found_before_anything_is_built(name: str, tmp_path: Path) -> None:
    override, place, message = WRONG[name]
    config = dtbsim.config.load_config_data(CONFIG)
    with pytest.raises(InputError) as caught:
        dtbsim.run(config, out=tmp_path / "run", set=[f"signals.{override}"])
    assert place in str(caught.value)
    assert message in str(caught.value)
    assert_for_people(caught.value)
    assert not (tmp_path / "run").exists()


def test_what_is_followed_must_be_recorded(tmp_path: Path) -> None:
    config = dtbsim.config.load_config_data(CONFIG)
    for override, of in (("record.rate_bin_ms=null", "rates"), ("bold=null", "bold")):
        with pytest.raises(InputError, match=r"signals\.x\.of: "):
            dtbsim.run(config, out=tmp_path / "run", set=[override, f"signals.x={{kind: fc, of: {of}}}"])


def test_an_atlas_without_meg(tmp_path: Path) -> None:
    config = dtbsim.config.load_config_data(CONFIG)
    with pytest.raises(InputError, match="no computed lead field of MEG of atlas 'aal2_sub'"):
        dtbsim.run(config, out=tmp_path / "run", set=["atlas=aal2_sub", "signals={field: {kind: meg, population: E}}"])
