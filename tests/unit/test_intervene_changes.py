"""Changes at given times: as if the values had been there, the same on any ranks, threads and backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of
from tests.helpers.shim_device import GXX, ShimDevice
from tests.helpers.small_atlas import save_small_atlas

import dtbsim
from dtbsim.errors import InputError
from dtbsim.mpi import run_ranks

BASE = """\
simulation: {dt_ms: 0.1, duration_ms: 60, block_size: 16, threads: 1}
populations:
  E:
    model: iaf_psc_exp
    size: 100
    parameters: {tau_syn_in_ms: 4, I_e_pA: {distribution: uniform, low: 380, high: 560}}
    initial: {V_m_mV: -66}
  I: {model: iaf_psc_exp, size: 40, parameters: {tau_syn_in_ms: 4, I_e_pA: 420}}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 60, delay_ms: 0.8}
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 60, delay_ms: 0.8}
  IE: {source: I, target: E, rule: {kind: fixed_indegree, indegree: 8}, weight_pA: -200, delay_ms: 0.5}
drives:
  noise: {kind: poisson, target: E, rate_hz: 2000, weight_pA: 40}
"""
CHANGES = """\
changes:
  threshold: {population: E, neurons: {stop: 50}, t_ms: 12.3, set: {V_th_mV: -53, C_m_pF: 220}}
  leak: {population: [E, I], t_ms: 20, set: {E_L_mV: -68}}
  time_constant: {population: E, fraction: 0.4, t_ms: 20, set: {tau_m_ms: 8}}
  current: {population: I, times_ms: [10, 30, 45.5], values: {I_e_pA: [300, 500, 380]}}
  kick: {population: E, neurons: [77, 3, 5], t_ms: 31, set: {V_m_mV: [-70, -40, -56]}}
  drawn: {population: E, t_ms: 40, set: {I_e_pA: {distribution: normal, mean: 380, sd: 20}}}
  wave: {population: I, t_ms: 5, sine: {t_ref_ms: {mean: 2, amplitude: 1, frequency_hz: 30, interval_ms: 3.3}}}
record: {states: [{population: E, variables: [V_m_mV], neurons: 100, interval_ms: 0.5}]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("changes")
    save_small_atlas(path)
    return path


def run(folder: Path, text: str, *overrides: str, out: Path | None = None, **options: Any) -> Any:
    file = folder / f"net{len(list(folder.glob('net*')))}.yaml"
    file.write_text(text)
    if out is not None:
        return dtbsim.run(file, set=overrides, out=out, **options)
    return dtbsim.run(file, set=overrides, temporary=True, **options)


@pytest.fixture(scope="module")
def changed(folder: Path) -> Any:
    return run(folder, BASE + CHANGES)


def test_changes_change_something(changed: Any, folder: Path) -> None:
    assert changed.spike_hash != run(folder, BASE).spike_hash
    assert changed.summary["spikes"] > 300


@pytest.mark.parametrize(
    ("population", "name", "value"),
    [
        ("E", "V_th_mV", -53.0),
        ("E", "tau_m_ms", 7.3),
        ("E", "C_m_pF", 190.0),
        ("E", "t_ref_ms", 3.7),
        ("E", "E_L_mV", -69.0),
        ("E", "tau_syn_ex_ms", 1.3),
        ("E", "V_reset_mV", -71.5),
        ("I", "I_e_pA", 444.4),
    ],
)
def test_a_change_at_time_0_equals_the_value_in_the_configuration(
    population: str, name: str, value: float, folder: Path
) -> None:
    whole = run(folder, BASE, f"populations.{population}.parameters.{name}={value}")
    later = run(folder, BASE, f"changes.x={{population: {population}, set: {{{name}: {value}}}}}")
    assert later.spike_hash == whole.spike_hash
    assert later.spike_hash != run(folder, BASE).spike_hash


def test_a_drawn_value_is_the_one_that_would_have_been_drawn_at_the_start(folder: Path) -> None:
    drawn = "{distribution: normal, mean: -54, sd: 0.5}"
    whole = run(folder, BASE, f"populations.E.parameters.V_th_mV={drawn}")
    later = run(folder, BASE, f"changes.x={{population: E, set: {{V_th_mV: {drawn}}}}}")
    assert later.spike_hash == whole.spike_hash


def test_the_form_follows_what_occurs(folder: Path) -> None:
    """Time constants that are equal from the start on give the form with one current, and any others do not."""
    equal = "populations.E.parameters.tau_syn_in_ms=2"
    whole = run(folder, BASE, equal)
    later = run(folder, BASE, "changes.x={population: E, set: {tau_syn_in_ms: 2}}")
    assert later.spike_hash == whole.spike_hash
    same = run(folder, BASE, equal, "changes.x={population: E, t_ms: 20, set: {tau_syn_in_ms: 2}}")
    assert same.spike_hash == whole.spike_hash


@pytest.mark.parametrize("name", ["V_th_mV: -55", "tau_m_ms: 10", "E_L_mV: -70", "C_m_pF: 250", "t_ref_ms: 2"])
def test_a_change_to_the_same_value_changes_no_spike(name: str, folder: Path) -> None:
    changes = f"changes.x={{population: E, t_ms: 17.1, neurons: {{stop: 33}}, set: {{{name}}}}}"
    assert run(folder, BASE, changes).spike_hash == run(folder, BASE).spike_hash


def test_potentials_stay_where_they_are(folder: Path) -> None:
    """A leak that moves by 5 mV leaves the potential of a silent neuron, which then decays to the new value."""
    text = """\
simulation: {dt_ms: 0.1, duration_ms: 200, threads: 1}
populations: {E: {model: iaf_psc_exp, size: 2, parameters: {V_th_mV: 0}, initial: {V_m_mV: -60}}}
changes: {x: {population: E, neurons: [1], t_ms: 10, set: {E_L_mV: -65}}}
record: {states: [{population: E, variables: [V_m_mV], neurons: 2}]}
"""
    values = run(folder, text).open().states()["V_m_mV"].values
    t = 0.1 * np.arange(1, len(values) + 1)
    at_10 = -70 + 10 * np.exp(-1.0)
    expected = np.where(t <= 10 + 1e-6, -70 + 10 * np.exp(-t / 10), -65 + (at_10 + 65) * np.exp(-(t - 10) / 10))
    np.testing.assert_allclose(values[:, 0], -70 + 10 * np.exp(-t / 10), atol=1e-4)
    np.testing.assert_allclose(values[:, 1], expected, atol=1e-4)


def test_states_are_set_in_the_unit_of_the_user(changed: Any) -> None:
    voltages = changed.open().states()["V_m_mV"].values
    sample = round(31 / 0.5)  # the first after the change: half a millisecond later
    assert abs(voltages[sample, 77] - -70) < abs(voltages[sample - 1, 77] - -70)


@pytest.mark.parametrize("n_ranks", [2, 3])
def test_ranks_and_threads_do_not_matter(n_ranks: int, changed: Any, folder: Path, tmp_path: Path) -> None:
    def work(comm: Any) -> Any:
        return run(folder, BASE + CHANGES, "simulation.threads=2", out=tmp_path / "run", comm=comm)

    (folder / f"netr{n_ranks}.yaml").write_text("")
    results = run_ranks(n_ranks, work)
    assert {result.spike_hash for result in results} == {changed.spike_hash}
    found, expected = (result.open().states()["V_m_mV"].values for result in (results[0], changed))
    np.testing.assert_array_equal(found, expected)


def test_chunks_and_partitioner_do_not_matter(changed: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.simulate.chunks.MOST_STEPS", 7)
    found = run(folder, BASE + CHANGES, "simulation.partitioner=contiguous")
    assert found.spike_hash == changed.spike_hash


@pytest.mark.skipif(GXX is None, reason="g++ is not installed")
@pytest.mark.parametrize("plan", ["general", "persistent"])
def test_a_gpu_gives_the_same(plan: str, changed: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.backends.cuda.choose.open_device", lambda local_rank: ShimDevice())
    found = run(folder, BASE + CHANGES, "simulation.backend=cuda", f"simulation.gpu_plan={plan}")
    assert found.spike_hash == changed.spike_hash
    assert found.summary["gpu_plan"] == plan
    np.testing.assert_array_equal(found.open().states()["V_m_mV"].values, changed.open().states()["V_m_mV"].values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("population: E, set: {V_thh_mV: 3}", "neither a parameter nor a state variable 'V_thh_mV'"),
        ("population: E, set: {tau_m_ms: -3}", "tau_m_ms is -3 ms; allowed"),
        ("population: E, t_ms: 5, set: {V_reset_mV: -50}", "changes.x.set.V_reset_mV"),
        ("population: E, t_ms: 5, set: {V_reset_mV: -50, V_th_mV: -45}", "changes.x.set.V_reset_mV"),
        ("population: X, set: {V_th_mV: -50}", "no population 'X'"),
        ("population: E, t_ms: 3.33, set: {V_th_mV: -50}", "not a whole number of steps"),
        ("population: E, neurons: [100], set: {V_th_mV: -50}", "there is no neuron 100"),
        ("population: E, neurons: [1, 2], set: {V_th_mV: [-50]}", "1 values for 2 neurons of 'E'"),
        ("population: E, neurons: [1, 1], set: {V_th_mV: -50}", "names 1 twice"),
        ("population: E, regions: left, set: {V_th_mV: -50}", "needs an atlas"),
        ("population: E, set: {V_th_mV: {map: gradient, low: 1, high: 2}}", "a map needs an atlas"),
        ("population: E, on: true", "on switches a drive"),
        (
            "drive: noise, population: E, on: true",
            "give one of population, projection, drive, coupling, noise_seed; got population and drive",
        ),
        ("population: L, set: {V_th_mV: -50}", "only emits spikes"),
        ("population: S, set: {I_syn_in_pA: 50}", "keeps no I_syn_in_pA of its own"),
        ("population: E, sine: {I_e_pA: {mean: 1, amplitude: 1, frequency_hz: 1, interval_ms: 0.15}}", "interval_ms"),
    ],
)
def test_what_cannot_be_is_told_where_it_is(change: str, message: str) -> None:
    more = "  L: {model: poisson_source, size: 3}\n  S: {model: iaf_psc_alpha, size: 3}\nprojections:"
    with pytest.raises(InputError) as caught:
        network_of(BASE.replace("projections:", more) + f"changes: {{x: {{{change}}}}}\n")
    assert message in str(caught.value)
    assert "changes.x" in str(caught.value)


def test_what_a_controller_holds_cannot_change() -> None:
    controller = (
        "controllers: {c: {kind: homeostatic_tonic, population: E, parameter: V_th_mV, target_rate_hz: 4,"
        " interval_ms: 10, gain: 1, stages: [{start_ms: 0, eta: 0.1}]}}\n"
    )
    with pytest.raises(InputError, match=r"V_th_mV is what controllers\.c controls"):
        network_of(BASE + controller + "changes: {x: {population: E, set: {V_th_mV: -50}}}\n")


def test_a_shorter_run_says_what_is_left_out(folder: Path) -> None:
    result = run(folder, BASE + CHANGES, "simulation.duration_ms=30")
    assert result.spike_hash is not None


BESIDE = """\
simulation: {dt_ms: 0.1, duration_ms: 30, block_size: 16, threads: 1}
populations:
  A: {model: aeif_cond_exp, size: 20, parameters: {I_e_pA: 700}, initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}}
  B: {model: iaf_psc_exp, size: 20, parameters: {I_e_pA: 450}}
  C: {model: izhikevich, size: 20, parameters: {I_e_mV_per_ms: 10}}
record:
  states:
    - {population: A, variables: [w_pA, V_m_mV], neurons: 20, interval_ms: 1}
    - {population: B, variables: [I_syn_ex_pA, V_m_mV], neurons: 20, interval_ms: 1}
    - {population: C, variables: [u, V_m_mV], neurons: 20, interval_ms: 1}
"""  # noqa: E501
WAYS = {
    "change": "changes: {c: {population: %s, t_ms: 10, set: {%s: %g}}}",
    "controller": "controllers: {c: {kind: homeostatic_tonic, population: %s, parameter: %s, target_rate_hz: %g, "
    "interval_ms: 10, stages: [{start_ms: 0, eta: 0.1}]}}",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("population", "parameter", "value"), [("A", "E_L_mV", -72.0), ("B", "E_L_mV", -72.0), ("C", "I_e_mV_per_ms", 3.0)]
)
def test_recorded_states_of_other_models_stay_theirs(
    way: str, population: str, parameter: str, value: float, folder: Path
) -> None:
    """What is set of one population reaches neither the states of the others nor how they are shown."""
    before = run(folder, BESIDE).open()
    after = run(
        folder, BESIDE + WAYS[way] % (population, parameter, abs(value) if way == "controller" else value)
    ).open()
    for k, name in enumerate("ABC"):
        now, then = after.states(k), before.states(k)
        assert all(np.array_equal(now[key], then[key]) for key in then.data_vars) == (name != population)
