"""Signals of mean-field regions, alone and beside neurons: read-outs of what is recorded, in any division."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dtbsim
from dtbsim.atlas import load_atlas
from dtbsim.atlas.lead_fields import load_lead_field
from dtbsim.config import load_config_text
from dtbsim.errors import InputError
from dtbsim.models.region_registry import REGION_MODELS
from dtbsim.mpi import run_ranks
from dtbsim.report import write_report
from dtbsim.testing import stored_results

NEURONS = ("Precentral_L", "Precentral_R")
MEAN_FIELDS = ("Calcarine_L", "Calcarine_R", "Cuneus_L", "Cuneus_R", "Lingual_L")
CONFIG = """\
name: both
seed: 3
atlas: aal2
simulation: {dt_ms: 0.5, duration_ms: 800, threads: 1, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 20, regions: [Precentral_L, Precentral_R]}
  field:
    model: hopf
    regions: [Calcarine_L, Calcarine_R, Cuneus_L, Cuneus_R, Lingual_L]
    parameters: {a: -0.02}
    noise: {x: {sigma: 0.02}, y: {sigma: 0.02}}
couplings:
  fields: {source: field, target: field, strength: 0.05}
drives:
  background: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}
bold: {population: field, tr_ms: 40}
record:
  states:
    - {population: E, variables: [I_syn_ex_pA, I_syn_in_pA], neurons: 20, interval_ms: 4}
    - {population: field, variables: [x, y], interval_ms: 4}
signals:
  eeg: {kind: eeg, population: [E, field], dipole_nAm_per_unit: 5, neurons_per_neuron: 100, start_ms: 100}
  meg: {kind: meg, population: field}
  lfp: {kind: lfp, population: field, interval_ms: 4}
  imaginary: {kind: source, population: field, variable: y}
  band: {kind: band, of: lfp, low_hz: 20, high_hz: 40, output: amplitude}
  order: {kind: kuramoto_order, of: lfp, low_hz: 20, high_hz: 40}
  plv: {kind: plv, of: lfp, low_hz: 20, high_hz: 40}
  spectrum: {kind: spectrum, of: eeg, segment_ms: 200}
  fc: {kind: fc}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return dtbsim.run(load_config_text(CONFIG), out=tmp_path_factory.mktemp("both") / "run").open()


@pytest.mark.nightly
def test_eeg_is_that_of_neurons_and_of_mean_fields_together(run: Any) -> None:
    states = run.states(0)
    size_pA = sum(np.abs(states[name].values.astype(float)) for name in ("I_syn_ex_pA", "I_syn_in_pA"))
    neurons_nAm = 0.3e-4 * size_pA.reshape(len(size_pA), 2, -1).sum(axis=2)
    fields_nAm = 5 * run.states(1)["x"].values.astype(float)
    atlas = load_atlas("aal2")
    field = load_lead_field(atlas, "bem")
    values = field.of([*NEURONS, *MEAN_FIELDS])
    values = values - values.mean(axis=0)
    want_uV = 1e-3 * np.concatenate([neurons_nAm, fields_nAm], axis=1)[25:] @ values.T
    eeg = run.eeg()
    assert eeg["time_ms"][0] == 104
    np.testing.assert_allclose(eeg.values, want_uV, atol=1e-5 * want_uV.std())
    for part in (neurons_nAm[25:] @ values[:, :2].T, fields_nAm[25:] @ values[:, 2:].T):
        assert 1e-3 * part.std() > 0.02 * want_uV.std(), "both are there"


@pytest.mark.nightly
def test_field_potentials_and_series_are_the_variables_of_the_model(run: Any) -> None:
    states = run.states(1)
    np.testing.assert_array_equal(run.lfp().values, states["x"].values)
    np.testing.assert_array_equal(run.signal("imaginary").values, states["y"].values)
    assert run.lfp()["channel"].values.tolist() == list(MEAN_FIELDS)
    np.testing.assert_allclose(run.fc().values, np.corrcoef(run.bold().values.T), atol=1e-9)


@pytest.mark.nightly
def test_the_report_shows_them(run: Any) -> None:
    page = write_report(run.path).read_text(encoding="utf-8")
    assert "Proxy of the field potential" in page
    assert "its panel failed" not in page


@pytest.mark.nightly
def test_ranks_threads_and_chunks_change_no_bit(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.simulate.chunks.FIRST_STEPS", 97)
    monkeypatch.setattr("dtbsim.simulate.chunks.MOST_STEPS", 97)
    config = load_config_text(CONFIG, overrides=["simulation.threads=2"])
    run_ranks(2, lambda comm: dtbsim.run(config, out=tmp_path / "run", comm=comm, report=False))
    found = stored_results(dtbsim.open_run(tmp_path / "run"))
    for name, values in stored_results(run).items():
        same = found[name].identical(values) if hasattr(values, "identical") else np.array_equal(found[name], values)
        assert same, name


def test_a_variable_or_a_source_that_the_model_lacks_is_refused(tmp_path: Path) -> None:
    for override, message in (
        ("signals.lfp.variable=z", r"signals\.lfp\.variable: model 'hopf' has no state or output 'z'"),
        ("signals.rate={kind: source, population: field, quantity: rate}", r"'hopf' declares no source of rate"),
        ("signals.lfp.population=[E, field]", r"'E' is a population of neurons, 'field' one of mean-field regions"),
        ("signals.meg.population=[nobody]", r"no population 'nobody'"),
    ):
        with pytest.raises(InputError, match=message):
            dtbsim.run(load_config_text(CONFIG), out=tmp_path / "run", set=[override])


def test_the_page_on_signals_says_what_every_model_declares() -> None:
    page = (Path(__file__).parents[2] / "docs/signals.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    for name in REGION_MODELS.names():
        model = REGION_MODELS.find(name)
        known = model() if isinstance(model, type) else model
        for read in known.reads:
            assert f"`{read.variable}`" in rows[name], f"docs/signals.md lacks {read.signal} of {name}"


@pytest.mark.nightly
def test_jansen_rit_on_aal2_has_a_resting_alpha_peak_in_eeg(tmp_path: Path) -> None:
    """With all columns at the input of the paper (0.22 per ms): between 8 and 12 Hz at every electrode."""
    text = """\
seed: 1
atlas: aal2
simulation: {dt_ms: 0.5, duration_ms: 20000, settling_ms: 2000}
populations: {cortex: {model: jansen_rit, regions: all, noise: {in_network: {sigma: 0.05}}}}
couplings: {long_range: {source: cortex, target: cortex, strength: 0.01}}
signals:
  eeg: {kind: eeg, population: cortex}
  spectrum: {kind: spectrum, of: eeg}
"""
    found = dtbsim.run(load_config_text(text), out=tmp_path / "run", report=False).open().signal("spectrum")
    inside = found.sel(frequency_hz=slice(2, 60))
    peaks = inside["frequency_hz"].values[inside.values.argmax(axis=0)]
    assert ((peaks >= 8) & (peaks <= 12)).all()
    top, beside = inside.sel(frequency_hz=slice(8, 12)).max("frequency_hz"), inside.sel(frequency_hz=slice(20, 30))
    assert (top > 20 * beside.mean("frequency_hz")).all()


@pytest.mark.nightly
def test_a_member_of_an_ensemble_has_the_signals_that_it_has_alone(tmp_path: Path) -> None:
    text = CONFIG.replace("[E, field]", "field").replace("E: {model", "unused: {model")
    text = "\n".join(
        line for line in text.splitlines() if not any(w in line for w in ("unused", "background", "population: E,"))
    )
    text = text.replace("drives:\n", "").replace(
        "fc: {kind: fc}", "fc: {kind: fc}\n  fcd: {kind: fcd, window_s: 0.2, step_s: 0.08}"
    )
    ensemble = "\nensemble: {grid: {populations.field.parameters.a: [-0.1, -0.02, 0.05]}}\n"
    both = dtbsim.run(load_config_text(text + ensemble), out=tmp_path / "both").open()
    assert "its panel failed" not in write_report(both.path).read_text(encoding="utf-8")
    for member, a in enumerate((-0.1, -0.02, 0.05)):
        alone = dtbsim.run(
            load_config_text(text, overrides=[f"populations.field.parameters.a={a}"]), out=tmp_path / str(a)
        ).open()
        for name in ("eeg", "meg", "lfp", "imaginary", "band", "order", "plv", "spectrum", "fc", "fcd"):
            found = both.signal(name).isel(member=member)
            np.testing.assert_array_equal(found.values, alone.signal(name).values, err_msg=name)
            assert found["populations.field.parameters.a"] == a
        np.testing.assert_array_equal(both.fc(of="bold").isel(member=member).values, alone.fc().values)
        assert both.signal("order").attrs["synchrony"][member] == pytest.approx(
            alone.signal("order").attrs["synchrony"]
        )
    with pytest.raises(InputError, match="is of 3 members of an ensemble"):
        both.export("eeg", tmp_path / "eeg.csv")
