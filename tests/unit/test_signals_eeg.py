"""EEG against a plain computation from the recorded states of all neurons, over ranks, threads and chunks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of
from tests.unit.config_samples import assert_for_people

import dtbsim
from dtbsim.atlas import load_atlas
from dtbsim.atlas.lead_fields import FOLDER, bundled_lead_fields, load_lead_field
from dtbsim.config import load_config_text
from dtbsim.errors import InputError
from dtbsim.mpi import run_ranks
from dtbsim.report.figures_panel import draw
from dtbsim.signals import Topography
from dtbsim.signals.currents import QUANTA_PER_PA
from dtbsim.signals.eeg import EEG
from dtbsim.signals.head import eeg_panel
from dtbsim.signals.sensors import signal_of
from dtbsim.store import Run
from dtbsim.store.inspection import inspect_run

REGIONS = ("Precentral_L", "Precentral_R", "Calcarine_L")
HALF_QUANTUM_PA = 2.0**-13
"""How far the current of a neuron is rounded at most."""
CONFIG = """\
name: eeg
seed: 5
atlas: aal2
simulation: {dt_ms: 0.5, duration_ms: 60, threads: 1, settling_ms: 10, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 20, regions: [Precentral_L, Precentral_R, Calcarine_L]}
  C:
    model: iaf_cond_exp
    size: 7
    regions: [Precentral_R]
    parameters: {E_ex_mV: {distribution: normal, mean: 0, sd: 3}}
  I: {model: iaf_psc_exp, size: 10, regions: [Precentral_L, Precentral_R, Calcarine_L]}
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
signals:
  eeg: {kind: eeg, population: [E, C], interval_ms: 2, neurons_per_neuron: 1000}
  inhibition: {kind: eeg, population: I, lead_field: sphere, reference: none, start_ms: 0, stop_ms: 30}
record:
  states:
    - {population: E, variables: [I_syn_ex_pA, I_syn_in_pA], neurons: 20, interval_ms: 2}
    - {population: C, variables: [g_ex_nS, g_in_nS, V_m_mV], neurons: 7, interval_ms: 2}
    - {population: I, variables: [I_syn_ex_pA, I_syn_in_pA], neurons: 10, interval_ms: 4}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("eeg")
    (path / "net.yaml").write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def recorded(folder: Path) -> Any:
    return dtbsim.run(folder / "net.yaml", out=folder / "one").open()


def sources(run: Any, k: int, start_ms: float, currents: Any) -> Any:
    """Sum of absolute currents (pA) of every region, [time, region], from the states of all neurons."""
    states = run.states(k, start_ms=start_ms)
    absolute = currents(states)
    regions = [str(name).partition("@")[2] for name in states["population"].values]
    return np.stack([absolute[:, [r == region for r in regions]].sum(axis=1) for region in REGIONS], axis=1)


def absolute_currents(states: Any) -> Any:
    return sum(np.abs(states[name].values.astype(float)) for name in ("I_syn_ex_pA", "I_syn_in_pA"))


def lead_field(which: str) -> Any:
    atlas = load_atlas("aal2")
    table = np.load(FOLDER / "aal2.npz")
    columns = [atlas.region_names.index(region) for region in REGIONS]
    return table[which][:, columns].astype(float)


def test_it_is_the_lead_field_times_the_sums_of_absolute_currents(recorded: Any) -> None:
    """With 1,000 cortical neurons for each, and a dipole of 0.3 mm; the mean of all electrodes is the reference."""

    def of_conductances(states: Any) -> Any:
        E_ex = np.array([recorded_E_ex(gid) for gid in states["gid"].values.tolist()])
        v = states["V_m_mV"].values.astype(float)
        ex, inh = (states[name].values.astype(float) for name in ("g_ex_nS", "g_in_nS"))
        return np.abs(ex * (v - E_ex)) + np.abs(inh * (v - -85.0))

    network = network_of(CONFIG)
    from dtbsim.build.kinds import neuron_values

    family = network.family_index("C")
    first = next(p.gid0 for p in network.populations if p.family == family)
    drawn: Any = neuron_values(network, family, 0, np.arange(first, first + 7), "parameters")["E_ex_mV"]
    assert drawn.std() > 1

    def recorded_E_ex(gid: int) -> float:
        return float(drawn[gid - first])

    total_pA = sources(recorded, 0, 10, absolute_currents)
    total_pA[:, 1] += of_conductances(recorded.states(1, start_ms=10)).sum(axis=1)
    assert (total_pA.min(axis=0) > 1000).all()
    field = lead_field("bem")
    field -= field.mean(axis=0)
    dipole_Am = total_pA * 1e-12 * 0.3e-3 * 1000
    eeg = recorded.eeg()
    assert eeg.dims == ("time_ms", "channel")
    assert eeg.attrs == {"units": "uV", "kind": "eeg", "interval_ms": 2.0}
    assert eeg["channel"].values[:4].tolist() == ["Fp1", "Fp2", "F3", "F4"]
    np.testing.assert_allclose(eeg["time_ms"], np.arange(12, 61, 2))
    rounding = 1e6 * HALF_QUANTUM_PA * 1e-12 * 0.3e-3 * 1000 * np.abs(field) @ [20, 27, 20]
    assert (np.abs(eeg.values - 1e6 * dipole_Am @ field.T) <= rounding + 1e-12).all()
    assert rounding.max() < 1e-5 * eeg.values.std()
    assert eeg.values.std() > 0.01
    np.testing.assert_allclose(eeg.values.mean(axis=1), 0, atol=1e-12)


def test_another_window_population_lead_field_and_reference(recorded: Any) -> None:
    found = recorded.signal("inhibition")
    assert found.identical(recorded.inhibition())
    np.testing.assert_allclose(found["time_ms"], np.arange(4, 31, 4))
    total_pA = sources(recorded, 2, 0, absolute_currents)[:7]
    field = lead_field("sphere")
    rounding = 1e6 * HALF_QUANTUM_PA * 0.3e-15 * np.abs(field) @ [10, 10, 10]
    assert (np.abs(found.values - 1e6 * (total_pA * 0.3e-15) @ field.T) <= rounding + 1e-15).all()


def test_a_name_that_is_no_signal(recorded: Any) -> None:
    with pytest.raises(AttributeError, match="emg"):
        recorded.emg()
    with pytest.raises(InputError, match=r"this run has no MEG .*kind: meg"):
        recorded.meg()
    with pytest.raises(InputError, match=r"no signal 'egg'.*did you mean 'eeg'"):
        recorded.signal("egg")
    assert not hasattr(Run(recorded.path / "stores"), "shape"), "also where there is no configuration"


@pytest.mark.parametrize(("n_ranks", "threads"), [(2, 1), (3, 2)])
def test_ranks_threads_and_chunks_change_no_bit(
    folder: Path, recorded: Any, tmp_path: Path, n_ranks: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dtbsim.simulate.chunks.FIRST_STEPS", 7)
    monkeypatch.setattr("dtbsim.simulate.chunks.MOST_STEPS", 7)
    extra = [f"simulation.threads={threads}"]
    out = tmp_path / "run"
    run_ranks(n_ranks, lambda comm: dtbsim.run(folder / "net.yaml", out=out, set=extra, comm=comm, report=False))
    again = dtbsim.open_run(out)
    assert again.summary["spike_hash"] == recorded.summary["spike_hash"]
    for name in ("eeg", "inhibition"):
        assert again.signal(name).identical(recorded.signal(name)), name


def test_recording_it_changes_no_spike(folder: Path, recorded: Any, tmp_path: Path) -> None:
    result = dtbsim.run(folder / "net.yaml", out=tmp_path / "run", set=["signals={}", "record.states=[]"], report=False)
    assert result.spike_hash == recorded.summary["spike_hash"]
    assert not (tmp_path / "run/stores/signals").exists()


def test_a_chunk_holds_few_samples_of_many_neurons(monkeypatch: pytest.MonkeyPatch) -> None:
    from dtbsim.simulate.streams import plan_streams

    assert min(plan_streams(network_of(CONFIG)).intervals) > 120
    monkeypatch.setattr("dtbsim.signals.currents.MOST_SAMPLE_BYTES", 5 * 4 * (60 * 2 + 7 * 3))
    assert min(plan_streams(network_of(CONFIG)).intervals) == 5 * 4


def test_it_is_in_the_report(recorded: Any) -> None:
    from dtbsim.report import write_report

    page = write_report(recorded.path).read_text(encoding="utf-8")
    assert "EEG (eeg)" in page
    assert "EEG (inhibition)" in page
    assert "Potential at 6 of 64 electrodes" in page


def test_the_panel_has_a_map_of_the_power(recorded: Any) -> None:
    panel = EEG.panel(recorded, "eeg")
    assert panel is not None
    *_, power_map = panel.figures
    assert isinstance(power_map, Topography)
    eeg = recorded.eeg()
    assert list(power_map.names) == eeg["channel"].values.tolist()
    np.testing.assert_allclose(power_map.values, ((eeg - eeg.mean("time_ms")) ** 2).mean("time_ms").values)
    assert power_map.unit == "uV²"
    place = dict(zip(power_map.names, power_map.positions.tolist(), strict=True))
    assert place["Fpz"] == pytest.approx([0, 1])
    assert place["T7"] == pytest.approx([-1, 0])
    drawn = draw(power_map)
    assert [trace.type for trace in drawn.data] == ["heatmap", "scatter"]
    assert np.nanmax(drawn.data[0].z) <= np.float32(power_map.values.max()) * 1.0001
    for other in (eeg.isel(channel=slice(0, 6)), eeg.assign_coords(channel=[f"E{k}" for k in range(64)])):
        without = eeg_panel("eeg", other)  # of few electrodes, and of such whose places are not known
        assert without is not None
        assert not any(isinstance(shown, Topography) for shown in without.figures)


def test_the_store_is_one_of_the_run(recorded: Any) -> None:
    assert {"signals/eeg.zarr", "signals/inhibition.zarr"} <= set(recorded.expected_stores())
    assert inspect_run(recorded, values=True) == []


# -- parts ---------------------------------------------------------------------------------------------------------


def test_samples_at_once_or_one_by_one_give_the_same_bits() -> None:
    rng = np.random.default_rng(3)
    sums, matrix = rng.integers(0, 2**50, (40, 80)), rng.normal(size=(64, 80))
    whole = signal_of(sums / QUANTA_PER_PA, matrix)
    single = [signal_of(row[None] / QUANTA_PER_PA, matrix) for row in sums]
    np.testing.assert_array_equal(np.concatenate(single), whole)
    np.testing.assert_allclose(whole, sums / QUANTA_PER_PA @ matrix.T, rtol=1e-9)


@pytest.mark.parametrize("name", bundled_lead_fields())
def test_bundled_lead_fields_have_named_channels_and_the_regions_of_their_atlas(name: str) -> None:
    """10 nAm of a region give tenths of a microvolt at the nearest electrodes, and both head models agree."""
    atlas = load_atlas(name)
    bem, sphere = (load_lead_field(atlas, which) for which in ("bem", "sphere"))
    assert bem.regions == atlas.region_names
    assert len(bem.channels) == len(set(bem.channels)) == 64
    assert {"Fp1", "Cz", "Oz", "T7", "T8"} <= set(bem.channels)
    agreement = [np.corrcoef(a, b)[0, 1] for a, b in zip(bem.values.T, sphere.values.T, strict=True)]
    assert np.median(agreement) > 0.95
    largest_uV = 1e6 * 10e-9 * np.abs(bem.values).max(axis=0)
    assert 0.1 < np.median(largest_uV) < 2
    left = np.array([side == "L" for side in atlas.hemisphere])
    sides = {"L": ["C3", "T7", "P7", "F7"], "R": ["C4", "T8", "P8", "F8"]}
    power = {
        side: np.abs(bem.values[[bem.channels.index(c) for c in names]]).mean(axis=0) for side, names in sides.items()
    }
    assert (power["L"] > power["R"])[left].mean() > 0.7
    assert (power["R"] > power["L"])[~left].mean() > 0.7


# -- mistakes ------------------------------------------------------------------------------------------------------

WRONG = {
    "kind": ("eeg.kind=egg", "signals.eeg.kind", "unknown kind 'egg'"),
    "other kind": ("eeg.kind=spikes", "signals.eeg", "'spikes' has a key of its own; write record"),
    "no kind": ("x={population: E}", "signals.x", "`kind` is missing"),
    "population": ("eeg.population=X", "signals.eeg.population", "no population 'X'"),
    "one of them": ("eeg.population=[E, X]", "signals.eeg.population.1", "no population 'X'"),
    "field": ("eeg.lead_field=cone", "signals.eeg.lead_field", "allowed: bem | sphere | atlas"),
    "key": ("eeg.interval=2", "signals.eeg.interval", "interval_ms (milliseconds)"),
    "grid": ("eeg.interval_ms=0.7", "signals.eeg.interval_ms", "0.7 ms is not a whole number of steps"),
    "step": ("eeg.interval_ms=0.1", "signals.eeg.interval_ms", "less than one step"),
    "negative": ("eeg.interval_ms=-1", "signals.eeg.interval_ms", "above 0"),
    "late": ("eeg.start_ms=60", "signals.eeg.start_ms", "not before the end of the run"),
    "no sample": ("eeg.interval_ms=70", "signals.eeg.interval_ms", "there is no sample"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_mistakes_are_found_before_anything_is_built(
    folder: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dtbsim.backends.cpu_plan.build_rank", lambda *_: pytest.fail("it was built"))
    override, place, message = WRONG[name]
    with pytest.raises(InputError) as caught:
        dtbsim.run(folder / "net.yaml", out=tmp_path / "run", set=[f"signals.{override}"])
    text = str(caught.value)
    assert place in text
    assert message in text
    assert_for_people(caught.value)
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError) as validated:
        dtbsim.validate(folder / "net.yaml", set=[f"signals.{override}"])
    assert str(validated.value) == text


def test_a_model_without_known_currents_and_a_population_without_regions(folder: Path, tmp_path: Path) -> None:
    delta = ["populations.D={model: iaf_psc_delta, size: 5, regions: [Precentral_L]}", "signals.eeg.population=D"]
    with pytest.raises(InputError, match=r"signals\.eeg\.population: model 'iaf_psc_delta' does not say"):
        dtbsim.run(folder / "net.yaml", out=tmp_path / "run", set=delta)
    loose = ["populations.D={model: iaf_psc_exp, size: 5}", "signals.eeg.population=[E, D]"]
    with pytest.raises(InputError, match=r"signals\.eeg\.population\S*: D lives in no region"):
        dtbsim.run(folder / "net.yaml", out=tmp_path / "run", set=loose)


def test_an_atlas_without_lead_field(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"signals\.eeg\.lead_field: there is no computed lead field of atlas 'aal2_sub'"
    ):
        dtbsim.run(folder / "net.yaml", out=tmp_path / "run", set=["atlas=aal2_sub"])


def test_the_lead_field_of_the_atlas_itself(folder: Path, tmp_path: Path) -> None:
    override = ["signals={eeg: {kind: eeg, population: E, lead_field: atlas}}"]
    run = dtbsim.run(folder / "net.yaml", out=tmp_path / "run", set=override, report=False).open()
    assert run.eeg().sizes["channel"] == len(load_atlas("aal2").lead_field)  # type: ignore[arg-type]
    assert run.eeg().attrs["units"] == "lead field nA m"


def test_a_configuration_keeps_its_signals_when_it_is_written() -> None:
    config = load_config_text(CONFIG)
    again = load_config_text(dtbsim.dump_config(config))
    assert again == config
    assert again.signals["eeg"].start_ms == 10.0, "it follows the settling time"
    assert again.signals["inhibition"].start_ms == 0.0


def test_a_reversal_potential_that_changes_is_refused(folder: Path, tmp_path: Path) -> None:
    change = ["changes.drug={population: C, t_ms: 20, set: {E_ex_mV: 5}}"]
    with pytest.raises(
        InputError, match=r"signals\.eeg\.population\S*: E_ex_mV of C, which its currents are made of, changes"
    ):
        dtbsim.run(folder / "net.yaml", out=tmp_path / "run", set=change)


def test_a_resumed_run_has_the_same_signals(folder: Path, recorded: Run, tmp_path: Path) -> None:
    until = {"simulation.duration_ms": 41, "checkpoint": {}}
    dtbsim.run(folder / "net.yaml", out=tmp_path / "run", set=until)
    longer = {"simulation.duration_ms": 60}
    run_ranks(3, lambda comm: dtbsim.resume(tmp_path / "run", set=longer, comm=comm))
    run = dtbsim.open_run(tmp_path / "run")
    assert run.signal("eeg").sizes["time_ms"] == 25
    for name in ("eeg", "inhibition"):
        assert run.signal(name).identical(recorded.signal(name))
    for k in range(3):
        assert run.states(k).identical(recorded.states(k))
    dtbsim.resume(tmp_path / "run", out=tmp_path / "branch", at_ms=41, set=longer)
    branch = dtbsim.open_run(tmp_path / "branch")
    for name in ("eeg", "inhibition"):
        whole = recorded.signal(name)
        whole = whole[whole["time_ms"].values > 41 + 1e-9]
        np.testing.assert_array_equal(branch.signal(name).values, whole.values)
        np.testing.assert_allclose(branch.signal(name)["time_ms"].values, whole["time_ms"].values)
    assert branch.signal("eeg").sizes["time_ms"] == 10
    assert inspect_run(branch, values=True) == []
