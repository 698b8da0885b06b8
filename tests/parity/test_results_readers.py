"""Results of runs in the programs of others: nwbinspector, Neo, elephant, MNE, pybv, libsonata, the BIDS validator.

All of them live with the pins of dtbsim:

    pip install -c constraints.txt 'dtbsim[nwb,neo,mne,bids]' nwbinspector elephant libsonata bids-validator-deno
    python -m pytest -m nightly tests/parity/test_results_readers.py
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dtbsim
from dtbsim.errors import InputError
from dtbsim.store.spike_writer import SpikeWriter

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]
REGIONS = ["Precentral_L", "Precentral_R", "Calcarine_L"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Long enough that every series has more samples than columns: nwbinspector takes the longer side for time."""
    config = {
        "name": "readers",
        "seed": 5,
        "atlas": "aal2",
        "simulation": {"dt_ms": 0.5, "duration_ms": 1600, "threads": 1},
        "populations": {
            "E": {"model": "iaf_psc_exp", "size": 8, "regions": REGIONS},
            "S": {"model": "spike_source", "size": 2, "spikes": {"neuron": [0, 1, 1], "time_ms": [5.0, 9.0, 9.0]}},
        },
        "drives": {"background": {"kind": "poisson", "target": "E", "rate_hz": 8000, "weight_pA": 60}},
        "bold": {"population": "E", "tr_ms": 20},
        "record": {
            "rate_bin_ms": 5,
            "states": [{"population": "E", "variables": ["V_m_mV"], "neurons": 2, "interval_ms": 1}],
        },
        "signals": {
            "eeg": {"kind": "eeg", "population": "E"},
            "field": {"kind": "meg", "population": "E"},
            "planar": {"kind": "meg", "population": "E", "sensors": "neuromag_gradiometers"},
            "lfp": {"kind": "lfp", "population": "E"},
            "matrix": {"kind": "fc", "of": "bold"},
        },
    }
    return dtbsim.run(config, out=tmp_path_factory.mktemp("readers") / "run", report=False).open()


def steps_by_gid(run: Any) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {gid: [] for gid in range(run.network_table.n_neurons)}
    for step, gid in zip(*(part.tolist() for part in run.spike_steps()), strict=True):
        found[gid].append(step)
    return found


def test_nwbinspector_finds_nothing_beyond_suggestions(run: Any, tmp_path: Path) -> None:
    inspector = pytest.importorskip("nwbinspector")
    pynwb = pytest.importorskip("pynwb")
    dtbsim.export(run, to="nwb", out=tmp_path / "run.nwb")
    assert pynwb.validate(path=str(tmp_path / "run.nwb")) == []
    found = [*inspector.inspect_nwbfile(nwbfile_path=str(tmp_path / "run.nwb"))]
    suggestion = inspector.Importance.BEST_PRACTICE_SUGGESTION
    assert [
        f"{one.check_function_name}: {one.message}" for one in found if one.importance.value > suggestion.value
    ] == []


def test_electrodes_of_eeg_are_in_nwb(run: Any, tmp_path: Path) -> None:
    pynwb = pytest.importorskip("pynwb")
    dtbsim.export(run, to="nwb", out=tmp_path / "run.nwb", signals=["eeg", "field"])
    with pynwb.NWBHDF5IO(tmp_path / "run.nwb", "r") as io:
        module = io.read().processing["ecephys"]
        eeg = module["eeg"]
        assert np.array_equal(eeg.data[:], run.eeg().values)
        assert eeg.conversion == 1e-6
        rows = eeg.electrodes.to_dataframe()
        assert list(rows["label"]) == [str(name) for name in run.eeg()["channel"].values]
        places = rows.set_index("label")[["head_x", "head_y", "head_z"]]
        np.testing.assert_allclose(places.loc["Cz"], [0, 0, 1], atol=1e-12)
        assert places.loc["T7", "head_x"] < -0.9, "left"
        sensors = module["field_columns"].to_dataframe().set_index("column")
        assert sensors.loc["MLT24", "head_x"] < -0.08


def test_neo_reads_the_nwb_file_and_elephant_the_trains(run: Any, tmp_path: Path) -> None:
    neo_io = pytest.importorskip("neo.io")
    pytest.importorskip("pynwb")
    dtbsim.export(run, to="nwb", out=tmp_path / "run.nwb")
    (block,) = neo_io.NWBIO(str(tmp_path / "run.nwb"), "r").read_all_blocks()
    trains = [train for segment in block.segments for train in segment.spiketrains]
    expected = steps_by_gid(run)
    assert len(trains) == len(expected)
    for gid, train in enumerate(trains):
        assert (np.rint(train.rescale("ms").magnitude / 0.5) - 1).astype(int).tolist() == expected[gid]
    statistics = pytest.importorskip("elephant.statistics")
    from dtbsim.interchange import neo_block

    (segment,) = neo_block(run).segments
    rates = [float(statistics.mean_firing_rate(train).rescale("Hz")) for train in segment.spiketrains]
    assert rates == pytest.approx([len(steps) / 1.6 for steps in expected.values()])


def test_mne_reads_eeg_and_meg_exactly(run: Any, tmp_path: Path) -> None:
    mne = pytest.importorskip("mne")
    target = tmp_path / "run_raw.fif"
    made = dtbsim.export(run, to="mne", out=target, signals=["eeg", "field", "planar"])
    assert made.sizes == {"channels": 64 + 274 + 204, "samples": 400}
    raw = mne.io.read_raw_fif(target, verbose="error")
    for name, kind, factor in (("eeg", "eeg", 1e-6), ("field", "mag", 1e-15), ("planar", "grad", 1e-13)):
        picked = raw.get_data(picks=kind if kind == "eeg" else list(map(str, run.signal(name)["channel"].values)))
        assert np.array_equal(picked, run.signal(name).values.T * factor), name
    assert raw.info["sfreq"] == 250
    assert raw.first_time == pytest.approx(0.004)
    assert raw.info["meas_date"].isoformat() == run.provenance["started"]
    assert raw.get_montage() is not None
    assert {kind: len(raw.copy().pick(kind).ch_names) for kind in ("mag", "grad")} == {"mag": 274, "grad": 204}
    assert all(np.isfinite(channel["loc"][:3]).all() for channel in raw.info["chs"])


def test_mne_refuses_what_has_other_times(run: Any, tmp_path: Path) -> None:
    pytest.importorskip("mne")
    with pytest.raises(InputError, match="no EEG and no MEG"):
        dtbsim.export(run, to="mne", out=tmp_path / "run_raw.fif", signals="bold")
    other = dtbsim.run(run.path / "config.yaml", set=["signals.planar.interval_ms=10"], temporary=True, report=False)
    with pytest.raises(InputError, match="'planar' has other times than 'eeg'"):
        dtbsim.export(other.open(), to="mne", out=tmp_path / "run_raw.fif")
    assert not list(tmp_path.iterdir())


def test_bids_recordings_are_read_back_and_the_validator_finds_no_error(run: Any, tmp_path: Path) -> None:
    mne = pytest.importorskip("mne")
    pytest.importorskip("pybv")
    made = dtbsim.export(run, to="bids", out=tmp_path / "bids")
    assert {loss.what for loss in made.losses} == {"spikes", "states_0_V_m_mV", "digits of eeg"}
    folder = tmp_path / "bids" / "sub-01"
    raw = mne.io.read_raw_brainvision(folder / "eeg" / "sub-01_task-readers_eeg.vhdr", verbose="error")
    expected = run.eeg().values.T
    np.testing.assert_allclose(raw.get_data() * 1e6, expected.astype(np.float32), rtol=1e-6, atol=1e-12)
    assert raw.ch_names == [str(name) for name in run.eeg()["channel"].values]
    field = mne.io.read_raw_fif(folder / "meg" / "sub-01_task-readers_acq-field_meg.fif", verbose="error")
    assert np.array_equal(field.get_data(), run.signal("field").values.T * 1e-15)
    command = shutil.which("bids-validator-deno", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if command is None:
        pytest.skip("all but the validator was tested: pip install bids-validator-deno")
    done = subprocess.run([command, str(tmp_path / "bids"), "--format", "json"], capture_output=True, text=True)
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue.get("severity") == "error"] == []


def test_libsonata_reads_spikes_and_reports(run: Any, tmp_path: Path) -> None:
    sonata = pytest.importorskip("libsonata")
    dtbsim.export(run, to="sonata-spikes", out=tmp_path / "spikes.h5")
    reader = sonata.SpikeReader(str(tmp_path / "spikes.h5"))
    assert sorted(reader.get_population_names()) == ["S", "neurons"]
    assert str(reader["neurons"].sorting) == "by_time"
    found = [(int(node), round(time / 0.5) - 1) for node, time in reader["neurons"].get()]
    expected = [(gid, step) for gid, steps in steps_by_gid(run).items() if gid < 24 for step in steps]
    assert sorted(found) == sorted(expected)
    dtbsim.export(run, to="sonata-reports", out=tmp_path / "reports")
    report = sonata.ElementReportReader(str(tmp_path / "reports" / "states_0_V_m_mV.h5"))["neurons"]
    states = run.states(0)["V_m_mV"]
    assert report.times == (1.0, 1601.0, 1.0)
    assert report.data_units == "mV"
    frame = report.get()
    assert np.array_equal(frame.data, states.values)
    assert [int(node) for node, _ in frame.ids] == [int(gid) for gid in states["gid"].values]
    np.testing.assert_allclose(frame.times, states["time_ms"].values)


def test_what_a_nix_file_costs(tmp_path: Path) -> None:
    """The time that docs/interchange.md gives: Neo makes groups and attributes of HDF5 for every train."""
    pytest.importorskip("nixio")
    config = {
        "simulation": {"duration_ms": 100, "threads": 1},
        "populations": {"E": {"model": "iaf_psc_exp", "size": 400}},
        "drives": {"background": {"kind": "poisson", "target": "E", "rate_hz": 8000, "weight_pA": 60}},
    }
    run = dtbsim.run(config, out=tmp_path / "run", report=False).open()
    dtbsim.export(run, to="neo", out=tmp_path / "first.nix", signals="rates")
    began = time.perf_counter()
    dtbsim.export(run, to="neo", out=tmp_path / "run.nix", signals="spikes")
    per_neuron_ms = (time.perf_counter() - began) / 400 * 1e3
    print(f"{per_neuron_ms:.0f} ms for each neuron")
    assert per_neuron_ms < 250


MEASURED = """
import sys, time
from pathlib import Path
import dtbsim
def peak():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
kind, folder, out = sys.argv[1:]
run = dtbsim.open_run(folder)
run.spike_steps(stop_ms=1)
before, began = peak(), time.perf_counter()
made = dtbsim.export(run, to=kind, out=out, lossy=True)
print(made.sizes["spikes"], (peak() - before) / 1024, time.perf_counter() - began)
"""


@pytest.mark.parametrize(("form", "out"), [("nwb", "run.nwb"), ("sonata-spikes", "run.h5"), ("csv", "run")])
def test_memory_does_not_grow_with_spikes(form: str, out: str, tmp_path: Path) -> None:
    """8 and 24 million spikes of 20,000 neurons (64 and 192 MB), a third of them in a hundredth of the time."""
    if form == "nwb":
        pytest.importorskip("pynwb")
    grown = []
    for millions in (8, 24):
        folder = _many(tmp_path / f"{millions}", millions * 1_000_000)
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, form, str(folder), str(tmp_path / f"{millions}_{out}")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        n, mib, seconds = done.stdout.split()
        assert int(n) == millions * 1_000_000
        grown.append(float(mib))
        print(f"{form}: {millions} million spikes, {float(mib):.0f} MiB more, {float(seconds):.1f} s")
    assert grown[1] < grown[0] + 64, "16 million spikes more are 122 MiB"
    assert 0 < grown[1] < 400


def _many(folder: Path, n: int) -> Path:
    """The folder of a run of 20,000 neurons and 10 s with random spikes."""
    neurons, n_steps = 20_000, 100_000
    folder.mkdir()
    (folder / "config.yaml").write_text(
        "name: many\nsimulation: {duration_ms: 10000, dt_ms: 0.1}\nrecord: {spikes: {}}\n"
    )
    population = {
        "name": "E",
        "family": "E",
        "region": None,
        "region_index": -1,
        "model": "lif",
        "gid0": 0,
        "size": neurons,
    }
    network = {"dt_ms": 0.1, "n_steps": n_steps, "n_neurons": neurons, "populations": [population]}
    (folder / "network.json").write_text(json.dumps(network))
    (folder / "provenance.json").write_text(json.dumps({"ranks": 1, "started": "2026-01-01T00:00:00+00:00"}))
    rng = np.random.default_rng(1)
    burst = rng.integers(50_000, 51_000, n // 3)
    counts = np.bincount(np.concatenate([burst, rng.integers(0, n_steps, n - n // 3)]), minlength=n_steps)
    writer = SpikeWriter(folder / "stores/spikes", 0)
    for first in range(0, n_steps, 500):
        steps = np.repeat(np.arange(first, first + 500), counts[first : first + 500])
        gids = rng.integers(0, neurons, steps.size, dtype=np.uint32)
        order = np.lexsort((gids, steps))
        writer.append(steps[order], gids[order], stop_step=first + 500)
    writer.close()
    return folder
