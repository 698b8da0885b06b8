"""All kinds of signals in one run: any ranks, threads and chunks, a checkpoint in between, give the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import welch

import dtbsim
from dtbsim.analysis.fcd import fcd_matrix
from dtbsim.config import load_config_text
from dtbsim.mpi import run_ranks
from dtbsim.report import write_report
from dtbsim.store.inspection import inspect_run
from dtbsim.testing import assert_independent, stored_results

REGIONS = ("Precentral_L", "Precentral_R", "Calcarine_L")
CONFIG = """\
name: signals
seed: 5
atlas: aal2
simulation: {dt_ms: 0.5, duration_ms: 640, threads: 1, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 12, regions: [Precentral_L, Precentral_R, Calcarine_L]}
  C: {model: iaf_cond_exp, size: 6, regions: [Precentral_R]}
  I: {model: iaf_psc_exp, size: 8, regions: [Precentral_L, Precentral_R, Calcarine_L]}
projections:
  IE:
    source: I
    target: E
    scope: same_region
    rule: {kind: fixed_indegree, indegree: 5}
    weight_pA: -80
    receptor: in
    delay_ms: 1
drives:
  background: {kind: poisson, target: [E, I], rate_hz: 8000, weight_pA: 60}
  conductance: {kind: poisson, target: C, rate_hz: 8000, weight_nS: 2, receptor: ex}
bold: {population: E, tr_ms: 40}
record:
  rate_bin_ms: 5
  states:
    - {population: E, variables: [I_syn_ex_pA, I_syn_in_pA], neurons: 12, interval_ms: 2}
    - {population: C, variables: [g_ex_nS, g_in_nS, V_m_mV], neurons: 6, interval_ms: 2}
signals:
  eeg: {kind: eeg, population: E}
  meg: {kind: meg, population: [E, C], start_ms: 100}
  gradiometers: {kind: meg, population: E, sensors: neuromag_gradiometers}
  lfp: {kind: lfp, population: [E, C], interval_ms: 2, start_ms: 20}
  currents: {kind: source, population: E}
  rate: {kind: source, population: [E, I], quantity: rate, interval_ms: 5}
  gamma: {kind: band, of: lfp, low_hz: 30, high_hz: 60}
  envelope: {kind: band, of: rate, low_hz: 20, high_hz: 40, output: amplitude, interval_ms: 15}
  phase: {kind: band, of: rate, low_hz: 20, high_hz: 40, output: phase}
  filtered: {kind: band, of: rates, low_hz: 20, high_hz: 40, output: filtered}
  order: {kind: kuramoto_order, of: rate, low_hz: 20, high_hz: 40}
  order_of_phase: {kind: kuramoto_order, of: phase}
  spectrum: {kind: spectrum, of: eeg, segment_ms: 200}
  plv: {kind: plv, of: rate, low_hz: 20, high_hz: 40}
  fc: {kind: fc}
  envelopes: {kind: fc, of: gamma}
  fcd: {kind: fcd, window_s: 0.2, step_s: 0.08}
"""
CHECKPOINTS = "checkpoint: {every_ms: 300, keep: 3}\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("signals")
    return dtbsim.run(load_config_text(CONFIG + CHECKPOINTS), out=folder / "run", report=False).open()


def synaptic(run: Any, k: int) -> tuple[Any, Any]:
    """Excitatory and inhibitory currents (pA) of all neurons of an entry of record.states, positive as is usual."""
    states = run.states(k)
    if k == 0:
        return states["I_syn_ex_pA"].values.astype(float), -states["I_syn_in_pA"].values.astype(float)
    v = states["V_m_mV"].values.astype(float)
    ex, inh = (states[name].values.astype(float) for name in ("g_ex_nS", "g_in_nS"))
    return -ex * (v - 0.0), inh * (v + 85.0)


def by_region(run: Any, currents: Any) -> Any:
    return currents.reshape(len(currents), len(REGIONS), -1).sum(axis=2)


# -- sources -------------------------------------------------------------------------------------------------------


def test_meg_is_its_lead_field_times_the_sums_of_absolute_currents(run: Any) -> None:
    from dtbsim.atlas import load_atlas
    from dtbsim.atlas.lead_fields import load_meg_field

    total_pA = by_region(run, sum(np.abs(part) for part in synaptic(run, 0)))
    total_pA[:, 1] += sum(np.abs(part) for part in synaptic(run, 1)).sum(axis=1)
    times_ms = run.states(0)["time_ms"].values
    chosen = (times_ms % 4 == 0) & (times_ms > 100)
    atlas = load_atlas("aal2")
    for name, unit, factor in (("meg", "fT", 1e15), ("gradiometers", "fT/cm", 1e13)):
        meg = run.meg(name)
        sensors = "ctf275" if name == "meg" else "neuromag_gradiometers"
        field = load_meg_field(atlas, sensors).of(list(REGIONS))
        assert meg.attrs["units"] == unit
        if name == "meg":
            np.testing.assert_allclose(meg["time_ms"], times_ms[chosen])
            np.testing.assert_allclose(
                meg, factor * (total_pA[chosen] * 0.3e-15) @ field.T, atol=1e-6 * meg.values.std()
            )
    assert run.meg("gradiometers").sizes["channel"] == 204
    assert run.meg().identical(run.signal("meg"))


def test_lfp_is_the_reference_weighted_sum(run: Any) -> None:
    """Excitatory currents 6 ms before, 1.65 times the inhibitory ones now, whichever way models have them."""
    excitatory, inhibitory = (by_region(run, part) for part in synaptic(run, 0))
    more = [part.sum(axis=1) for part in synaptic(run, 1)]
    excitatory[:, 1] += more[0]
    inhibitory[:, 1] += more[1]
    times_ms = run.states(0)["time_ms"].values
    lfp = run.lfp()
    first = int(np.searchsorted(times_ms, 20 + 2 + 6))
    np.testing.assert_allclose(lfp["time_ms"], times_ms[first:])
    want = excitatory[first - 3 : -3] + 1.65 * inhibitory[first:]
    np.testing.assert_allclose(lfp.values, want, rtol=1e-5, atol=0.02)
    assert lfp.attrs["units"] == "pA"
    assert lfp["channel"].values.tolist() == list(REGIONS)
    assert np.abs(inhibitory).mean() > 50, "both kinds of currents are there"


def test_sources_are_those_of_eeg_and_the_rates_of_regions(run: Any) -> None:
    total_pA = by_region(run, sum(np.abs(part) for part in synaptic(run, 0)))
    np.testing.assert_allclose(run.signal("currents").values, total_pA[1::2], rtol=1e-5, atol=0.01)
    rates = run.rates()
    rows = [[k for k, name in enumerate(rates["population"].values) if name in (f"E@{r}", f"I@{r}")] for r in REGIONS]
    sizes = rates["size"].values
    want = np.stack([rates.values[:, row] @ sizes[row] / sizes[row].sum() for row in rows], axis=1)
    np.testing.assert_allclose(run.signal("rate").values, want, rtol=1e-12)
    assert want.mean() > 5


# -- what follows them ---------------------------------------------------------------------------------------------


def test_a_spectrum_is_welchs_of_the_whole_series(run: Any) -> None:
    eeg = run.eeg()
    frequency, power = welch(eeg.values, 250.0, nperseg=50, axis=0)
    found = run.signal("spectrum")
    np.testing.assert_allclose(found["frequency_hz"], frequency)
    np.testing.assert_allclose(found.values[1:], power[1:], rtol=1e-9)
    assert found.attrs["units"] == "uV²/Hz"
    assert found.attrs["segments"] == 5


def test_fc_and_fcd_are_those_of_the_stored_series(run: Any) -> None:
    bold = run.bold()
    np.testing.assert_allclose(run.fc().values, np.corrcoef(bold.values.T), atol=1e-9)
    np.testing.assert_allclose(run.fcd().values, fcd_matrix(bold.values, 0.04, window_s=0.2, step_s=0.08), atol=1e-5)
    np.testing.assert_allclose(run.fcd(of="bold", window_s=0.2, step_s=0.08)["time_s"], run.fcd()["time_s"])
    gamma = run.signal("gamma")
    np.testing.assert_allclose(run.fc("envelopes").values, np.corrcoef(gamma.values.T), atol=1e-9)
    part = run.fc(start_ms=200, stop_ms=600)
    np.testing.assert_allclose(part.values, np.corrcoef(run.bold(200, 600).values.T), atol=1e-9)
    assert part.attrs["samples"] == 10


def test_power_amplitude_phase_and_order_belong_together(run: Any) -> None:
    phase, envelope, filtered = (run.signal(name) for name in ("phase", "envelope", "filtered"))
    np.testing.assert_allclose(np.diff(envelope["time_ms"]), 15.0)
    at = phase.sel(time_ms=envelope["time_ms"])
    assert np.abs(at.values).max() <= np.pi
    rate = run.signal("filtered")
    assert rate.attrs["units"] == filtered.attrs["units"] == "Hz"
    unit = np.exp(1j * phase.values)
    order = run.signal("order")
    np.testing.assert_allclose(order.values[:, 0], np.abs(unit.mean(axis=1)), rtol=1e-9)
    np.testing.assert_allclose(run.signal("order_of_phase").values, order.values, rtol=1e-9)
    assert order.attrs["synchrony"] == pytest.approx(order.values.mean())
    assert order.attrs["metastability"] == pytest.approx(order.values.std())
    locked = np.abs(np.einsum("ti,tj->ij", unit, unit.conj())) / len(unit)
    np.testing.assert_allclose(run.signal("plv").values, locked, rtol=1e-9)


# -- bits ----------------------------------------------------------------------------------------------------------


def test_ranks_threads_and_chunks_change_no_bit(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.simulate.chunks.FIRST_STEPS", 97)
    monkeypatch.setattr("dtbsim.simulate.chunks.MOST_STEPS", 97)
    config = load_config_text(CONFIG, overrides=["simulation.threads=2"])
    run_ranks(3, lambda comm: dtbsim.run(config, out=tmp_path / "run", comm=comm, report=False))
    found = stored_results(dtbsim.open_run(tmp_path / "run"))
    for name, values in stored_results(run).items():
        assert _same(found[name], values), name


@pytest.mark.nightly
def test_no_division_changes_a_bit() -> None:
    assert_independent(load_config_text(CONFIG), most_steps=(7, 97))


def test_a_branch_goes_on_with_filters_and_begins_with_sums(run: Any, tmp_path: Path) -> None:
    found = dtbsim.resume(run.path, out=tmp_path / "branch", at_ms=300).open()
    for name in ("eeg", "lfp", "gamma", "order", "rate"):
        both = found.signal(name)
        assert both.equals(run.signal(name).sel(time_ms=both["time_ms"])), name
        assert both["time_ms"][0] > 300
    fc = np.corrcoef(found.bold().values.T)
    np.testing.assert_allclose(found.fc().values, fc, atol=1e-9)


def _same(a: Any, b: Any) -> bool:
    return bool(a.identical(b)) if hasattr(a, "identical") else bool(np.array_equal(a, b))


def test_the_report_shows_each(run: Any) -> None:
    page = write_report(run.path).read_text(encoding="utf-8")
    for title in ("MEG (gradiometers)", "LFP (lfp)", "Source (rate)", "Band (gamma)", "Synchrony (order)",
                  "Spectrum (spectrum)", "Phase-locking value (plv)", "Functional connectivity (fc)",
                  "FC dynamics (fcd)"):  # fmt: skip
        assert title in page
    assert "its panel failed" not in page
    assert "from the left" in page, "the brain coloured in time"
    assert inspect_run(run, values=True) == []


@pytest.mark.nightly
def test_a_branch_begins_signals_that_its_run_had_not(run: Any, tmp_path: Path) -> None:
    """Samples are those of the run where they need nothing of before; what a filter does not know yet is NaN."""
    config = load_config_text(CONFIG + CHECKPOINTS, overrides=["signals={}", "bold=null"])
    dtbsim.run(config, out=tmp_path / "run", report=False)
    asked = load_config_text(CONFIG)
    new = {"bold": asked.bold, "signals": asked.signals}
    found = dtbsim.resume(tmp_path / "run", out=tmp_path / "branch", at_ms=300, set=new).open()
    for name in ("eeg", "meg", "currents", "rate"):
        part = found.signal(name)
        assert part.equals(run.signal(name).sel(time_ms=part["time_ms"])), name
        assert part["time_ms"][0] <= 305
    lfp = found.lfp()
    assert np.isnan(lfp.values[:3]).all()
    assert lfp[3:].equals(run.lfp().sel(time_ms=lfp["time_ms"][3:]))
    order = found.signal("order")
    assert np.isnan(order.values[0, 0])
    assert np.isfinite(order.values[-1, 0])
    assert found.signal("plv").attrs["samples"] == np.isfinite(order.values).sum()
    assert found.fc("envelopes").attrs["samples"] == np.isfinite(found.signal("gamma").values).all(axis=1).sum()


@pytest.mark.nightly
def test_an_interrupted_run_goes_on_with_other_ranks(run: Any, tmp_path: Path) -> None:
    config = load_config_text(
        CONFIG + "checkpoint: {}\n", overrides=["simulation.duration_ms=300", "signals.fcd.window_s=0.12"]
    )
    out = tmp_path / "run"
    dtbsim.run(config, out=out, report=False)
    again = {"simulation.duration_ms": 640}
    run_ranks(3, lambda comm: dtbsim.resume(out, set=again, comm=comm))
    whole = stored_results(run)
    for name, values in stored_results(dtbsim.open_run(out)).items():
        if name != "signals.fcd":
            assert _same(whole[name], values), name
