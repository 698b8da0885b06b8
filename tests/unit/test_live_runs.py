"""Runs in pieces: the same bits as whole ones, what is set as in `changes`, and what cannot be asked."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.shim_device import GXX, ShimDevice

import dtbsim
from dtbsim.errors import InputError
from dtbsim.mpi import run_ranks

NET = """\
simulation: {dt_ms: 0.1, duration_ms: 60, block_size: 16, threads: 1}
populations:
  E:
    model: iaf_psc_exp
    size: 60
    parameters: {tau_syn_in_ms: 4, I_e_pA: {distribution: uniform, low: 380, high: 560}}
    initial: {V_m_mV: -66}
  I: {model: iaf_psc_exp, size: 20, parameters: {I_e_pA: 420}}
projections:
  EE:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 10}
    weight_pA: 60
    delay_ms: 0.8
    synapse: {kind: stdp, weight_max: 120, learning_rate: 0.02}
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 60, delay_ms: 0.8}
  IE: {source: I, target: E, rule: {kind: fixed_indegree, indegree: 8}, weight_pA: -200, delay_ms: 0.5}
drives:
  noise: {kind: poisson, target: E, rate_hz: 2000, weight_pA: 40}
  wander: {kind: ou_current, target: E, mean: 10, sigma: 60, tau_ms: 5}
  hiss: {kind: noise_current, target: I, mean: 10, std: 60, dt_ms: 0.7}
  regular: {kind: gamma, target: I, rate_hz: 800, shape: 3, processes: 2, weight_pA: 150}
record:
  states: [{population: E, variables: [V_m_mV], neurons: 5, interval_ms: 0.5}]
  weights: [{projection: EE, neurons: 5}]
"""
CHANGES = """\
changes:
  a: {population: E, neurons: {stop: 20}, t_ms: 20, set: {V_th_mV: -54, E_L_mV: -69}}
  b: {drive: noise, t_ms: 20, set: {rate_hz: 6000, weight_pA: 55}}
  c: {drive: wander, t_ms: 20, set: {sigma: 150}}
  d: {population: E, fraction: 0.4, t_ms: 33.3, set: {V_m_mV: -56}}
  e: {drive: wander, t_ms: 33.3, on: false}
  f: {drive: hiss, t_ms: 33.3, set: {std: 120}}
  g: {drive: wander, t_ms: 41, on: true}
  g2: {drive: regular, t_ms: 41, set: {rate_hz: 1700}}
  h: {drive: noise, t_ms: 41, on: false}
  i: {drive: noise, t_ms: 45, on: true}
  j: {drive: noise, t_ms: 45, set: {rate_hz: 7000}}
  k: {projection: EI, t_ms: 45, set: {weight_factor: 0.5}}
  l: {projection: IE, t_ms: 45, set: {weight_pA: -90}}
  m: {projection: EI, t_ms: 50, set: {weight_factor: 2}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(NET)
    return path


def in_pieces(file: Path, **options: Any) -> Any:
    """The changes, asked for one after the other."""
    with dtbsim.start(file, **options) as sim:
        sim.run(20)
        sim.set("E", V_th_mV=-54, E_L_mV=-69.0, neurons=range(20))
        sim.set("noise", rate_hz=6000.0, weight_pA=55.0)
        sim.set("wander", "sigma", 150.0)
        sim.run(13.3)
        sim.set("E", {"V_m_mV": -56.0}, fraction=0.4)
        sim.set("wander", on=False)
        sim.set("hiss", std=120.0)
        sim.run(7.7)
        sim.set("wander", on=True)
        sim.set("regular", rate_hz=1700.0)
        sim.set("noise", on=False)
        sim.run(4)
        sim.set("noise", rate_hz=7000.0, on=True)
        sim.set("EI", weight_factor=0.5)
        sim.set("IE", weight_pA=-90.0)
        sim.run(5)
        sim.set("EI", weight_factor=2.0)
        sim.run(10)
    return sim


def test_pieces_give_the_whole(file: Path) -> None:
    whole = dtbsim.run(file, temporary=True)
    with dtbsim.start(file) as sim:
        for duration_ms in (0.1, 10, 0, 22.2, 27.7):
            sim.run(duration_ms)
        assert sim.time_ms == 60
        spikes = sim.spikes()
    assert sim.result.spike_hash == whole.spike_hash
    found, expected = sim.result.open(), whole.open()
    np.testing.assert_array_equal(spikes.step, expected.spikes().step)
    np.testing.assert_array_equal(spikes.gid, expected.spikes().gid)
    np.testing.assert_array_equal(found.states()["V_m_mV"].values, expected.states()["V_m_mV"].values)
    np.testing.assert_array_equal(found.weights().values, expected.weights().values)
    np.testing.assert_array_equal(found.rates().values, expected.rates().values)
    for name in ("neurons", "synapses", "spikes", "events", "biological_s", "mean_rate_hz"):
        assert sim.result.summary[name] == whole.summary[name]
    assert not sim.result.interrupted


def test_what_is_set_is_what_a_configuration_changes(file: Path, tmp_path: Path) -> None:
    whole = dtbsim.run(file, temporary=True)
    (tmp_path / "changes.yaml").write_text(NET + CHANGES)
    changed = dtbsim.run(tmp_path / "changes.yaml", temporary=True)
    sim = in_pieces(file)
    assert sim.result.spike_hash == changed.spike_hash != whole.spike_hash
    values = [result.open().states()["V_m_mV"].values for result in (sim.result, changed)]
    np.testing.assert_array_equal(*values)


def test_the_folder_repeats_the_run(file: Path, tmp_path: Path) -> None:
    sim = in_pieces(file, out=tmp_path / "live")
    again = dtbsim.run(tmp_path / "live" / "config.yaml", temporary=True)
    assert again.spike_hash == sim.result.spike_hash
    assert dtbsim.hash_run(tmp_path / "live").digest == sim.result.spike_hash
    assert dtbsim.load_config(tmp_path / "live" / "config.yaml").simulation.duration_ms == 60


@pytest.mark.parametrize("n_ranks", [2, 3])
def test_ranks_do_not_matter(n_ranks: int, file: Path, tmp_path: Path) -> None:
    alone = in_pieces(file)

    def work(comm: Any) -> Any:
        sim = dtbsim.start(file, out=tmp_path / "ranks", comm=comm)
        sim.run(20)
        values = sim.get("E", "V_m_mV"), sim.spikes("E").time_ms
        sim.close()
        return values

    with dtbsim.start(file) as sim:
        sim.run(20)
        expected = sim.get("E", "V_m_mV"), sim.spikes("E").time_ms
    for values in run_ranks(n_ranks, work):
        np.testing.assert_array_equal(values[0], expected[0])
        np.testing.assert_array_equal(values[1], expected[1])
    results = run_ranks(n_ranks, lambda comm: in_pieces(file, out=tmp_path / "all", comm=comm).result.spike_hash)
    assert set(results) == {alone.result.spike_hash}


@pytest.mark.skipif(GXX is None, reason="g++ is not installed")
def test_a_gpu_gives_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = in_pieces(file).result.spike_hash
    monkeypatch.setattr("dtbsim.backends.cuda.choose.open_device", lambda local_rank: ShimDevice())
    assert in_pieces(file, set=["simulation.backend=cuda", "simulation.gpu_plan=general"]).result.spike_hash == expected


def test_what_was_set_can_be_read(file: Path) -> None:
    with dtbsim.start(file) as sim:
        assert sim.get("E", "V_th_mV").tolist() == [-55.0] * 60
        np.testing.assert_array_equal(sim.get("E", "V_m_mV"), np.full(60, -66.0))
        values = np.linspace(-60, -57, 60)
        sim.set("E", "V_m_mV", values)
        np.testing.assert_allclose(sim.get("E", "V_m_mV"), values, atol=1e-5)
        sim.set("E", "tau_m_ms", [8.0, 9.0], neurons=[5, 3])
        assert sim.get("E", "tau_m_ms", neurons=[3, 4, 5]).tolist() == [9.0, 10.0, 8.0]
        sim.set("E", "tau_m_ms", 7.0, neurons=np.arange(60) > 57)
        assert sim.get("E", "tau_m_ms")[-3:].tolist() == [10.0, 7.0, 7.0]
        sim.set("E", "E_L_mV", -68.0)
        np.testing.assert_allclose(sim.get("E", "V_m_mV"), values, atol=1e-5)
        sim.set("noise", rate_hz=123)
        assert sim.get("noise", "rate_hz") == 123


def test_it_goes_on_beyond_the_duration_of_its_configuration(file: Path) -> None:
    longer = dtbsim.run(file, set={"simulation.duration_ms": 90}, temporary=True)
    with dtbsim.start(file) as sim:
        sim.run(90)
    assert sim.result.spike_hash == longer.spike_hash
    assert sim.result.summary["biological_s"] == pytest.approx(0.09)


def test_two_runs_can_take_turns(file: Path) -> None:
    whole = dtbsim.run(file, set={"simulation.duration_ms": 30}, temporary=True)
    one, other = dtbsim.start(file), dtbsim.start(file)
    for sim in (one, other, one, other):
        sim.run(15)
    assert one.close().spike_hash == other.close().spike_hash == whole.spike_hash


def test_a_temporary_folder_goes_with_the_run(file: Path) -> None:
    sim = dtbsim.start(file)
    sim.run(5)
    folder = sim.close().run_dir
    assert folder.is_dir()
    del sim
    gc.collect()
    assert not folder.exists()


def test_a_run_that_is_not_closed_says_so(file: Path, tmp_path: Path) -> None:
    def fail() -> None:
        with dtbsim.start(file, out=tmp_path / "left") as sim:
            sim.run(5)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert dtbsim.open_run(tmp_path / "left").state == "interrupted"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda sim: sim.run(-1), "duration_ms"),
        (lambda sim: sim.run("5"), "duration_ms"),
        (lambda sim: sim.run(float("nan")), "duration_ms"),
        (lambda sim: sim.run(0.05), "not a whole number of steps"),
        (lambda sim: sim.run(1e9), "steps"),
        (lambda sim: sim.set("X", "V_th_mV", 1.0), "there is no population, drive, projection or coupling 'X'"),
        (lambda sim: sim.set("E", "V_thh_mV", 1.0), "neither a parameter nor a state variable"),
        (lambda sim: sim.set("E", "V_th_mV", "high"), "E"),
        (lambda sim: sim.set("E", "V_th_mV", float("inf")), "E"),
        (lambda sim: sim.set("E", "tau_m_ms", -1.0), "tau_m_ms is -1 ms"),
        (lambda sim: sim.set("E"), "nothing changes"),
        (lambda sim: sim.set("E", "V_th_mV", -50.0, neurons=[60]), "there is no neuron 60"),
        (lambda sim: sim.set("E", "V_th_mV", -50.0, neurons=[-1]), "neurons"),
        (lambda sim: sim.set("E", "V_th_mV", -50.0, neurons=0.5), "neurons"),
        (lambda sim: sim.set("E", "V_th_mV", [1.0, 2.0]), "2 values for 60 neurons"),
        (lambda sim: sim.set("E", on=True), "on switches a drive"),
        (lambda sim: sim.set("noise", amplitude=4.0), "'amplitude' of a poisson drive cannot change"),
        (lambda sim: sim.set("noise", weight_pA=1e9), "too large"),
        (lambda sim: sim.set("noise", weight_pA=-40.0, rate_hz=-1.0), "rate_hz"),
        (lambda sim: sim.set("I", "tau_syn_in_ms", 9.0), "a simpler form of model 'iaf_psc_exp'"),
        (lambda sim: sim.set("EI", weight_factor=1e6), "does not fit the synapses"),
        (lambda sim: sim.set("EI", weight_factor=-1.0), "a factor is a number, not below 0"),
        (lambda sim: sim.set("EE", weight_pA=1e4), "beyond the largest weight"),
        (lambda sim: sim.get("E", "nothing"), "keeps no 'nothing'"),
        (lambda sim: sim.get("noise", "nothing"), "has no 'nothing'"),
        (lambda sim: sim.get("E", "V_m_mV", neurons=[60]), "neurons 0 to 59"),
        (lambda sim: sim.get(5, "V_m_mV"), "name"),
        (lambda sim: sim.spikes("X"), "no population or family 'X'"),
        (lambda sim: sim.result, "the run goes on"),
    ],
)
def test_what_cannot_be_asked_changes_nothing(call: Any, message: str, file: Path) -> None:
    with dtbsim.start(file) as sim:
        sim.run(1)
        with pytest.raises(InputError) as caught:
            call(sim)
        assert message in str(caught.value)
        assert "changes.set" not in str(caught.value)
        sim.run(1)
    assert sim.result.spike_hash == dtbsim.run(file, set={"simulation.duration_ms": 2}, temporary=True).spike_hash


def test_a_closed_run_can_be_read_but_not_go_on(file: Path) -> None:
    sim = dtbsim.start(file)
    sim.run(5)
    assert sim.close() is sim.close() is sim.result
    assert sim.spikes("E").chosen == ("E",)
    for call in (lambda: sim.run(5), lambda: sim.set("E", "V_th_mV", -50.0), lambda: sim.get("E", "V_th_mV")):
        with pytest.raises(InputError, match="has been closed"):
            call()


def test_ranks_that_ask_for_different_things_are_told(file: Path, tmp_path: Path) -> None:
    def work(comm: Any) -> str:
        sim = dtbsim.start(file, out=tmp_path / "run", comm=comm)
        with pytest.raises(InputError) as caught:
            sim.run(5 + comm.rank)
        sim.close()
        return str(caught.value)

    assert all("the ranks differ" in message for message in run_ranks(2, work))
