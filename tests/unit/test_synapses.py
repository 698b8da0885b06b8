"""Synapses that change: errors with their place, tables, records of weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from tests.helpers.networks import network_of

import dtbsim
from dtbsim.errors import InputError
from dtbsim.kernels.decay import decay, decay_table
from dtbsim.kernels.elementary import exp, log
from dtbsim.models.language.checked import own_functions
from dtbsim.models.language.emit_numba import own_function_text
from dtbsim.models.synapses import parts
from dtbsim.models.synapses.saturating_nmda import saturating_jump
from dtbsim.mpi import run_ranks

NETWORK = """\
simulation: {dt_ms: 0.1, duration_ms: 100, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 40, parameters: {I_e_pA: 390}}
  I: {model: iaf_psc_exp, size: 20, parameters: {I_e_pA: 380}}
projections:
  EE:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 6}
    weight_pA: 50
    delay_ms: 1.5
    synapse: {kind: stdp, weight_max: 100}
  IE:
    source: I
    target: E
    rule: {kind: fixed_indegree, indegree: 5}
    weight_pA: {distribution: uniform, low: -90, high: -20}
    delay_ms: {distribution: uniform, low: 0.5, high: 2.0}
    synapse: {kind: stdp, weight_max: -100, alpha: 0.3, learning_rate: 0.05}
record: {weights: [{projection: IE, neurons: 3, interval_ms: 20}, {projection: EE, neurons: [0, 39]}]}
"""
STDP = "{kind: stdp, weight_max: 100}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (STDP, "{kind: stpd, weight_max: 100}", "projections.EE.synapse"),
        (STDP, "{kind: stdp}", "projections.EE.synapse.weight_max"),
        (STDP, "{kind: stdp, weight_max: 100, lambda: 0.1}", "unknown key 'lambda'"),
        (STDP, "{kind: stdp, weight_max: 40}", "weights up to 50 are beyond the largest weight 40 (raise weight_max)"),
        (STDP, "{kind: stdp, weight_max: -100}", "weight_max -100 does not have the sign of the weights"),
        (STDP, "{kind: stdp, weight_max: 100, frozen_ms: [[20, 10]]}", "frozen_ms: 20 must be before 10"),
        (STDP, "{kind: stdp, weight_max: 100, frozen_ms: [[20]]}", "projections.EE.synapse.frozen_ms"),
        (STDP, "{kind: tsodyks_markram, U: 1.5, tau_rec_ms: 100}", "projections.EE.synapse.U"),
        (STDP, "{kind: tsodyks_markram, U: 0.5, tau_rec: 100}", "unknown key 'tau_rec'"),
        (STDP, "{kind: saturating_nmda, tau_rise_ms: 100}", "tau_rise_ms (100) must be below tau_decay_ms (100)"),
        ("low: -90, high: -20", "low: -90, high: 20", "projections.IE.synapse: weights from -90 to 20 have both signs"),
        ("projection: IE", "projection: EI", "record.weights.0.projection: no projection 'EI'"),
        (STDP, "{kind: tsodyks_markram, U: 0.5, tau_rec_ms: 9}", "the weights of projection 'EE' do not change"),
        ("neurons: [0, 39]", "neurons: [0, 40]", "record.weights.1.neurons"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, message: str) -> None:
    assert NETWORK.count(old) == 1
    with pytest.raises(InputError) as caught:
        network_of(NETWORK.replace(old, new))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tau_ms", [0.05, 2.0, 300.0, 5000.0])
def test_a_decay_is_the_exponential(tau_ms: float) -> None:
    table = decay_table(tau_ms, 0.1)
    steps = np.unique(np.geomspace(1, 40 * tau_ms / 0.1 + 2, 400).astype(int))
    found = np.array([decay(table, int(n)) for n in steps], dtype=np.float64)
    expected = np.exp(-steps * 0.1 / tau_ms)
    np.testing.assert_allclose(found[expected > 1e-13], expected[expected > 1e-13], rtol=3e-7)
    assert decay(table, 0) == 1.0
    assert decay(table, int(60 * tau_ms / 0.1) + 600) == 0.0


def test_without_time_constant_everything_decays_at_once() -> None:
    table = decay_table(0.0, 0.1)
    assert [float(decay(table, n)) for n in (0, 1, 255, 256, 100_000)] == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_power_is_exact_where_exponents_are_whole() -> None:
    scope: dict[str, Any] = {"_f32": nb.float32, "_exp": exp, "_log": log}
    exec(own_function_text(own_functions((parts.power,))["power"]), scope)
    power = nb.njit(error_model="numpy")(scope["_own_power"])
    x = np.linspace(0, 1, 101, dtype=np.float32)
    assert all(power(v, np.float32(0)) == 1 and power(v, np.float32(1)) == v for v in x)
    assert power(np.float32(0), np.float32(0.4)) == 0
    found = np.array([power(v, np.float32(0.4)) for v in x[1:]])
    np.testing.assert_allclose(found, x[1:].astype(np.float64) ** 0.4, rtol=1e-6)


@pytest.mark.parametrize("before", [0.0, 0.2, 0.7])
def test_the_saturating_jump_is_that_of_the_differential_equation(before: float) -> None:
    """ds/dt = -s / tau_d + alpha x (1 - s), x = exp(-t / tau_r), from s = before; compared long after the rise."""
    alpha, rise, fall, late = 0.5, 2.0, 100.0, 40.0
    solution = solve_ivp(
        lambda t, s: -s / fall + alpha * np.exp(-t / rise) * (1 - s), (0, late), [before], rtol=1e-10, atol=1e-12
    )
    k0, k1 = saturating_jump(alpha, rise, fall)
    after = before + k0 + k1 * before
    assert after * np.exp(-late / fall) == pytest.approx(solution.y[0, -1], rel=1e-6)


def weights_of(run: dtbsim.Run) -> list[Any]:
    return [run.weights(k) for k in range(2)]


def test_recorded_weights_do_not_depend_on_ranks_and_threads(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NETWORK)
    alone = dtbsim.run(tmp_path / "net.yaml", out=tmp_path / "alone", set=["simulation.threads=1"]).open()
    results = run_ranks(3, lambda comm: dtbsim.run(tmp_path / "net.yaml", out=tmp_path / "three", comm=comm))
    assert results[0].spike_hash == alone.spike_hash().digest
    for a, b in zip(weights_of(alone), weights_of(results[0].open()), strict=True):
        assert a.identical(b)


def test_recorded_weights_say_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NETWORK)
    run = dtbsim.run(tmp_path / "net.yaml", out=tmp_path / "run").open()
    inhibitory, excitatory = weights_of(run)
    assert inhibitory.time_ms.values == pytest.approx([0, 20, 40, 60, 80, 100])
    assert excitatory.time_ms.values == pytest.approx([0, 100])
    assert inhibitory.target.values.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert set(inhibitory.source.values.tolist()) <= set(range(40, 60))
    assert excitatory.target.values.tolist() == [0] * 6 + [39] * 6
    assert excitatory.delay_ms.values == pytest.approx(1.5)
    assert inhibitory.delay_ms.values.min() >= 0.5
    assert inhibitory.values.max() <= 0
    assert inhibitory.values.min() >= -100
    assert excitatory.values[0] == pytest.approx(50.0, abs=1e-4)
    for weights in (inhibitory, excitatory):
        changes = np.abs(weights.values[-1] - weights.values[0])
        assert changes.min() > 1e-3
        assert changes.mean() > 0.1
