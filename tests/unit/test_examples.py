"""Every example does what it says: files are valid and run, scripts run as a user would start them (all cut short)."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dtbsim

EXAMPLES = Path(__file__).parents[2] / "examples"
SHORT = {
    "brunel.yaml": ["simulation.duration_ms=300"],
    "izhikevich.yaml": ["simulation.duration_ms=1000"],
    "microcircuit.yaml": ["simulation.duration_ms=300", "analysis.statistics_start_ms=100"],
    "own_model.yaml": ["simulation.duration_ms=1000"],
    "resting_state.yaml": ["simulation.duration_ms=6000", "simulation.settling_ms=1000", "record.spikes.stop_ms=2000"],
}
"""Overrides that make an example short; a new example needs an entry."""
RATES_HZ = {
    "brunel.yaml": {"E": (32, 42), "I": (32, 42)},
    "izhikevich.yaml": {"RS": (4, 10), "CH": (5, 11), "FS": (4, 11)},
    "microcircuit.yaml": {"column.L4E": (2, 8), "column.L5I": (4, 14)},
    "own_model.yaml": {"slow": (-1, 0.5), "tuned": (2, 15), "fast": (-1, 0.5)},
    "resting_state.yaml": {"cortex.E": (2, 8), "cortex.I": (4, 10)},
}
MEAN_FIELDS = {
    "alpha.yaml": ["simulation.duration_ms=10000"],
    "coupling_scan.yaml": [
        "simulation.duration_ms=30000",
        "simulation.settling_ms=5000",
        "ensemble.grid={couplings.long_range.strength: [0, 0.0165], seed: [1, 2]}",
    ],
    "hybrid.yaml": ["simulation.duration_ms=800", "simulation.settling_ms=300"],
    "hybrid_basal_ganglia.yaml": [
        "simulation.duration_ms=1000",
        "simulation.settling_ms=200",
        "drives.electrode.start_ms=500",
        "changes={}",
    ],
    "resting_dmf.yaml": ["simulation.duration_ms=40000", "simulation.settling_ms=10000"],
}
"""Examples of mean-field regions; the FC of ten minutes is looked at in tests/validation/test_regions.py."""
LONG = ["hybrid_basal_ganglia.yaml"]
"""Those that run at night: a model of their own is compiled."""
SCRIPTS = ["decision.py", "first_steps.py", "global_coupling.py", "multi_area.py", "signals.py"]
MODELS = ["basal_ganglia_models.py", "my_models.py"]


def start(script: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an example as its own process in `folder`, without MPI."""
    return subprocess.run(
        [sys.executable, str(EXAMPLES / script), *arguments],
        cwd=folder,
        env=os.environ | {"DTBSIM_MPI": "off"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_every_example_is_tested() -> None:
    assert {path.name for path in EXAMPLES.glob("*.yaml")} == SHORT.keys() | MEAN_FIELDS.keys()
    assert SHORT.keys() == RATES_HZ.keys()
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == sorted(SCRIPTS + MODELS)


@pytest.mark.parametrize("name", SHORT)
def test_an_example_is_valid_as_it_stands(name: str) -> None:
    network = dtbsim.validate(EXAMPLES / name)
    assert network.n_neurons >= 1000
    assert network.name == Path(name).stem
    assert dtbsim.load_config(EXAMPLES / name).description


@pytest.mark.parametrize("name", SHORT)
def test_a_short_run_fires_at_sensible_rates(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DTBSIM_MPI", "off")
    result = dtbsim.run(EXAMPLES / name, out=tmp_path / "run", set=SHORT[name])
    run = result.open()
    start_ms = run.config["analysis"]["statistics_start_ms"]
    rates = run.rates().sel(time_ms=slice(start_ms, None)).mean("time_ms")
    families = run.populations.family.to_numpy()
    for family, (low, high) in RATES_HZ[name].items():
        assert low < float(rates[families == family].mean()) < high, family
    if "bold" in run.config:
        assert -1 < result.summary["fc_correlation"] < 1


@pytest.mark.parametrize("name", LONG)
def test_a_long_example_is_valid_as_it_stands(name: str) -> None:
    network = dtbsim.validate(EXAMPLES / name)
    assert network.name == Path(name).stem
    assert network.regions is not None
    assert network.regions.n_nodes == 80
    assert network.n_neurons == 1200


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.nightly) if name in LONG else name for name in MEAN_FIELDS]
)
def test_an_example_of_mean_fields_does_what_it_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DTBSIM_MPI", "off")
    network = dtbsim.validate(EXAMPLES / name)
    assert network.regions is not None
    assert network.regions.n_nodes == (79 if name == "hybrid.yaml" else 80)
    assert network.name == Path(name).stem
    assert dtbsim.load_config(EXAMPLES / name).description
    result = dtbsim.run(EXAMPLES / name, out=tmp_path / "run", set=MEAN_FIELDS[name], report=False)
    run = result.open()
    if name == "alpha.yaml":
        spectrum = run.signal("spectrum").mean("channel").sel(frequency_hz=slice(2, 45))
        assert 8 < float(spectrum.idxmax()) < 12, "the alpha peak"
    elif name == "coupling_scan.yaml":
        r = np.reshape(result.summary["fc_correlation"], (2, 2))
        assert (r[0] < 0.1).all()
        assert (r[1] > 0.3).all()
    elif name == "hybrid.yaml":
        assert 1 < result.summary["mean_rate_hz"] < 40
    elif name == "hybrid_basal_ganglia.yaml":
        rates = run.rates()
        rest, stimulated = (rates.sel(time_ms=slice(*w)).mean("time_ms") for w in ((201, 500), (601, 1000)))
        change = {str(k): float(stimulated.sel(population=k) / rest.sel(population=k)) for k in rates.population.values}
        assert change["STN"] > 2.5
        assert change["GPe"] > 1.15
        assert change["GPi"] > 1.05
        assert change["thalamus"] < 0.8
    else:
        rates = run.states()["r_E_Hz"].sel(time_ms=slice(10_000, None)).mean("time_ms")
        assert 5 < float(rates.mean()) < 9
        assert 2 < float(rates.min()) < float(rates.max()) < 20
        assert 0.2 < result.summary["fc_correlation"] < 0.9


def test_first_steps(tmp_path: Path) -> None:
    done = start("first_steps.py", tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(("E  ", "I  "))]
    assert [row[0] for row in rows] == ["E", "I"]
    for before, during, after in (map(float, row[1:]) for row in rows):
        assert during > 1.5 * max(before, after), "the stimulus raises the rates"
    (run,) = (tmp_path / "runs").iterdir()
    assert is_self_contained(run / "rates.html")


def test_decision(tmp_path: Path) -> None:
    done = start("decision.py", tmp_path, "--coherence", "51.2", "-51.2", "--trials", "1", "--csv", "decisions.csv")
    assert done.returncode == 0, done.stderr
    assert "coherence 51.2 %: A in 100% of 1 trials" in done.stdout
    assert "coherence -51.2 %: A in 0% of 1 trials" in done.stdout
    with (tmp_path / "decisions.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert float(first["A"]) > 15 > 8 > float(first["B"])
    assert float(second["B"]) > 15 > 8 > float(second["A"])
    assert list(tmp_path.iterdir()) == [tmp_path / "decisions.csv"], "run folders are temporary"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--trials", "0"], "at least 1"), (["--coherence", "120"], "100"), (["--csv", "no/d.csv"], "does not exist")],
)
def test_decision_refuses_before_it_simulates(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = start("decision.py", tmp_path, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert not done.stdout


def test_global_coupling_as_a_plot(tmp_path: Path) -> None:
    done = start(
        "global_coupling.py", tmp_path, "--values", "57", "0", "--duration-s", "6", "--seed", "3", "--out", "g.html"
    )
    assert done.returncode == 0, done.stderr
    assert is_self_contained(tmp_path / "g.html")
    _, _, table = done.stdout.partition("E rate (Hz)\n")
    assert [float(line.split()[0]) for line in table.splitlines()[:-1]] == [57.0, 0.0]
    assert "best linear network: 0.679\n" in done.stdout
    assert list(tmp_path.iterdir()) == [tmp_path / "g.html"], "run folders are temporary"


def test_global_coupling_as_a_table(tmp_path: Path) -> None:
    done = start(
        "global_coupling.py", tmp_path, "--values", "57", "--duration-s", "6", "--threads", "1", "--out", "g.csv"
    )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "g.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    example = dtbsim.load_config(EXAMPLES / "resting_state.yaml")
    assert float(row["weight_pA"]) == pytest.approx(example.projections["long_range"].weight_pA, abs=0.1)
    assert 1 < float(row["E_rate_hz"]) < 15
    assert -1 < float(row["r"]) < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "g.png"], "FILE.html or FILE.csv"),
        (["--out", "nowhere/g.csv"], "does not exist"),
        (["--duration-s", "1"], "at least 6 s"),
        (["--values", "-3"], "not negative"),
    ],
)
def test_global_coupling_refuses_before_it_simulates(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = start("global_coupling.py", tmp_path, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "G (mV)" not in done.stdout


def test_multi_area(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DTBSIM_MPI", "off")
    done = start("multi_area.py", tmp_path, "--out", "mam", "--scale", "0.005")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "mam/net.yaml\n"
    result = dtbsim.run(tmp_path / "mam/net.yaml", out=tmp_path / "run", set={"simulation.duration_ms": 700})
    assert 0.5 < result.summary["mean_rate_hz"] < 15
    sizes = result.open().populations.set_index("name")["size"]
    assert (sizes["L23E@V1"], sizes["L23E@MT"], sizes["L6I@V2"]) == (103, 62, 12)
    again = start("multi_area.py", tmp_path, "--out", "mam")
    assert again.returncode == 2
    assert "is not empty" in again.stderr


def is_self_contained(page: Path) -> bool:
    """Whether the page holds plotly itself, loads nothing and has no button that uploads."""
    text = page.read_text(encoding="utf-8")
    assert '"showSendToCloud": false' in text
    return "Plotly.newPlot" in text and len(text) > 1_000_000 and "<script src=" not in text


@pytest.mark.nightly
def test_signals(tmp_path: Path) -> None:
    """A posterior alpha rhythm: the peak of the spectrum is in the band, and electrodes over the occiput have it."""
    done = start("signals.py", tmp_path, "--duration-s", "15", "--out", "run")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    peak_hz = float(next(line for line in lines if line.startswith("EEG at Oz")).split()[-2])
    assert 8 <= peak_hz <= 12
    strongest = next(line for line in lines if line.startswith("most alpha power at")).removeprefix(
        "most alpha power at "
    )
    assert sum(name.startswith(("O", "PO", "P7", "P8", "P5", "P6")) for name in strongest.split(", ")) >= 4
