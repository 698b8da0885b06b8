"""Weights of conductances: signs as in NEST, and no conductance below 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of, simulate

from dtbsim.errors import InputError

BASE = """\
simulation: {dt_ms: 0.1, duration_ms: 200}
populations:
  S: {model: iaf_psc_exp, size: 10, parameters: {I_e_pA: 900}}
  C: {model: iaf_cond_exp, size: 12, parameters: {I_e_pA: 600}}
"""
RULE = "source: S, target: C, rule: {kind: all_to_all}, delay_ms: 1.0"


def with_projection(rest: str) -> Any:
    return network_of(BASE, f"projections.P={{{RULE}, {rest}}}")


@pytest.mark.parametrize(
    ("rest", "mix"),
    [
        ("weight_nS: 4", (0, 1.0)),
        ("weight_nS: -4", (1, -1.0)),
        ("weight_nS: 4, receptor: in", (1, 1.0)),
        ("weight_nS: -4, receptor: in", (1, -1.0)),
        ("weight_nS: {distribution: uniform, low: -5, high: -3}", (1, -1.0)),
        ("weight_nS: 4, receptor: {in: 0.5}", (1, 0.5)),
        ("weight_nS: 4, receptor: {in: -0.5}", (1, 0.5)),
    ],
)
def test_the_port_and_its_sign(rest: str, mix: tuple[int, float]) -> None:
    network = with_projection(rest)
    assert [channel.mix for channel in network.families[1].channels] == [(mix,)]


def test_the_size_of_an_inhibitory_weight_counts() -> None:
    """Given as NEST gives it or by its size: the same spikes; excitation gives more, no synapses give others."""
    alone = simulate(network_of(BASE))
    inhibited = simulate(with_projection("weight_nS: -4"))
    assert np.array_equal(simulate(with_projection("weight_nS: 4, receptor: in")), inhibited)
    assert np.array_equal(simulate(with_projection("weight_nS: -4, receptor: in")), inhibited)
    excited = simulate(with_projection("weight_nS: 4"))
    counts = [int((spikes[:, 1] >= 10).sum()) for spikes in (inhibited, alone, excited)]
    assert 0 < counts[0] < counts[1] < counts[2]


def test_a_drive_of_negative_weight_inhibits() -> None:
    drive = "drives.bg={{kind: poisson, target: C, rate_hz: 2000, weight_nS: {}}}"
    alone, inhibited = simulate(network_of(BASE)), simulate(network_of(BASE, drive.format("-4")))
    assert np.array_equal(inhibited, simulate(network_of(BASE, drive.format("4, receptor: in"))))
    assert len(inhibited) < len(alone)


@pytest.mark.parametrize(
    ("rest", "said", "remedy"),
    [
        (
            "weight_nS: -4, receptor: ex",
            "a weight of -4 nS into port 'ex' of model 'iaf_cond_exp': a conductance must not become negative",
            "choose an inhibitory port, or give weights of 0 or more",
        ),
        (
            "weight_nS: -4, receptor: {in: 0.5, ex: 0.25}",
            "a weight of -1 nS into port 'ex' of model 'iaf_cond_exp': a conductance must not become negative",
            "choose an inhibitory port, or give weights of 0 or more",
        ),
        (
            "weight_nS: {distribution: uniform, low: -1, high: 3}, receptor: in",
            "weights from -1 to 3 nS into port 'in' of model 'iaf_cond_exp': a conductance must not become negative",
            "bound the distribution, for example with low: 0",
        ),
        (
            "weight_nS: {distribution: uniform, low: -1, high: 3}",
            "weights have both signs",
            "say which port: receptor: ex or receptor: in",
        ),
        ("weight_pA: 4", "model 'iaf_cond_exp' takes weight_nS, not weight_pA", None),
    ],
)
def test_a_conductance_never_becomes_negative(rest: str, said: str, remedy: str | None) -> None:
    with pytest.raises(InputError) as caught:
        with_projection(rest)
    assert caught.value.message == said
    assert caught.value.remedy == remedy
    assert "projections.P" in (caught.value.where or "")


def test_receptors_of_the_digital_twin_brain_in_a_configuration() -> None:
    """Dimensionless weights shared between ports, the published step, and the form without magnesium block."""
    text = """\
simulation: {dt_ms: 1.0, duration_ms: 400}
populations:
  E: {model: lif_dtb, size: 40, parameters: {I_e_uA_per_cm2: 0.6}}
projections:
  EE:
    {source: E, target: E, rule: {kind: fixed_indegree, indegree: 5}, receptor: {AMPA: 0.8, NMDA: 0.2}, weight: 0.5,
     delay_ms: 1}
drives:
  bg: {kind: poisson, target: E, receptor: AMPA, rate_hz: 200, weight: 1}
"""
    network = network_of(text)
    assert [channel.mix for channel in network.families[0].channels] == [((0, 0.8), (1, 0.2)), ((0, 1.0),)]
    assert "block" not in network.families[0].model.constant_names
    spikes = simulate(network)
    assert len(spikes) > 100
    assert np.array_equal(simulate(network, threads=2), spikes)
    with pytest.raises(InputError, match="a conductance must not become negative"):
        network_of(text, "projections.EE.receptor=GABAa", "projections.EE.weight=-0.5")
