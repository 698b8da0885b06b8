"""The circuits: published numbers of the microcircuit, its down-scaling, and the balanced circuit's charges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr
from tests.helpers.networks import network_of

from dtbsim.atlas import load_local_circuits
from dtbsim.models.circuits import potjans_diesmann as pd
from dtbsim.spec import Network

PUBLISHED: dict[str, Any] = load_local_circuits()["potjans_diesmann_2014"]
TAU_S = 0.5e-3


def microcircuit(**options: Any) -> Network:
    given = ", ".join(f"{key}: {value}" for key, value in options.items())
    return network_of(
        "simulation: {dt_ms: 0.1, duration_ms: 10}\n"
        f"circuits: {{ctx: {{kind: potjans_diesmann{', ' * bool(given)}{given}}}}}\n"
    )


def totals(network: Network) -> Any:
    """Expected synapses [target, source]."""
    matrix = np.zeros((8, 8))
    np.add.at(matrix, (network.entries.target, network.entries.source), network.entries.synapses)
    return matrix


def mean_weights(network: Network) -> Any:
    matrix = np.zeros((8, 8))
    for projection in network.projections:
        matrix[projection.target_family, projection.source_family] = projection.weight.mean
    return matrix


def mean_input(network: Network, rates: Any) -> tuple[Any, Any]:
    """Mean and variance (up to a factor) of the input current of each population at the given rates."""
    sizes = np.array([population.size for population in network.populations])
    indegree, weight = totals(network) / sizes[:, None], mean_weights(network)
    mean = TAU_S * (indegree * weight) @ rates
    variance = (indegree * weight**2) @ rates
    for drive in network.drives:
        if drive.kind == "poisson":
            rate, quanta = drive.mean / 0.1e-3, network.families[drive.population].channels[drive.channel].quantum
            mean[drive.population] += TAU_S * rate * drive.weight * quanta
            variance[drive.population] += rate * (drive.weight * quanta) ** 2
        else:
            mean[drive.population] += drive.wave.offset
    return mean, variance


def test_constants_are_the_published_ones() -> None:
    assert list(pd.POPULATIONS) == PUBLISHED["populations"]
    assert list(pd.SIZES) == PUBLISHED["N"]
    assert [list(row) for row in pd.PROBABILITIES] == PUBLISHED["conn_prob_target_x_source"]
    assert list(pd.EXTERNAL_INDEGREES) == PUBLISHED["K_ext"]
    assert list(pd.FULL_RATES_HZ) == PUBLISHED["mean_rates_full_hz_nest"]
    assert (PUBLISHED["bg_rate_hz"], PUBLISHED["g"]) == (pd.BACKGROUND_RATE_HZ, pd.INHIBITION)
    for key, value in PUBLISHED["neuron"].items():
        if key in pd.NEURON:
            assert pd.NEURON[key] == value, key
    assert pd.psc_amplitude_pA(0.15) == pytest.approx(PUBLISHED["PSC_e_pA"], abs=0.01)


def test_full_scale_has_the_published_numbers() -> None:
    network = microcircuit()
    assert network.n_neurons == 77_169
    assert [population.size for population in network.populations] == PUBLISHED["N"]
    matrix = totals(network)
    assert matrix.sum() == pytest.approx(0.299e9, rel=0.001)
    assert matrix.sum() == pytest.approx(298_880_941, abs=64), "the reference rounds each of 64 numbers down"
    sizes, p = np.array(PUBLISHED["N"]), np.array(PUBLISHED["conn_prob_target_x_source"])
    expected = np.log(1 - p) / np.log(1 - 1 / np.outer(sizes, sizes))
    assert np.abs(matrix - expected).max() <= 0.5
    probability = 1 - np.exp(totals(network) * np.log1p(-1 / np.outer(sizes, sizes)))
    np.testing.assert_allclose(probability, p, atol=2e-6)


def test_weights_and_delays_of_the_microcircuit() -> None:
    network = microcircuit()
    weight = mean_weights(network)
    expected = np.where(np.arange(8) % 2, -4.0, 1.0) * pd.psc_amplitude_pA(0.15) * np.ones((8, 1))
    expected[0, 2] *= 2
    np.testing.assert_allclose(weight[weight != 0], expected[weight != 0], rtol=1e-6)
    for projection in network.projections:
        inhibitory = projection.source_family % 2
        assert projection.delay is not None
        assert projection.delay.low == pytest.approx(0.05, abs=1e-3)
        mean = 0.75 if inhibitory else 1.5
        edge = (0.05 - mean) / (mean / 2)
        shift = math.exp(-edge * edge / 2) / math.sqrt(2 * math.pi) / (1 - ndtr(edge)) * mean / 2
        assert projection.delay.mean == pytest.approx(mean + shift, rel=1e-4)
        assert (projection.weight.high <= 0) if inhibitory else (projection.weight.low >= 0)
        spread = (projection.weight.quantiles[55_138] - projection.weight.quantiles[10_398]) / 2  # one sd either side
        assert spread == pytest.approx(0.1 * abs(projection.weight.mean), rel=1e-3)
    assert [drive.mean / 0.1e-3 for drive in network.drives] == pytest.approx([8 * k for k in PUBLISHED["K_ext"]])
    assert {drive.kind for drive in network.drives} == {"poisson"}


@pytest.mark.parametrize("scale", [0.1, 0.5])
def test_fewer_neurons_keep_their_indegrees(scale: float) -> None:
    full, network = microcircuit(), microcircuit(scale=scale)
    sizes = np.array([population.size for population in network.populations])
    assert sizes.tolist() == [round(n * scale) for n in PUBLISHED["N"]]
    full_sizes = np.array(PUBLISHED["N"])
    np.testing.assert_allclose(
        totals(network) / sizes[:, None], totals(full) / full_sizes[:, None], atol=1.01 / sizes.min()
    )
    np.testing.assert_allclose(mean_weights(network), mean_weights(full), rtol=1e-9)
    assert len(network.drives) == 8, "nothing to correct"


@pytest.mark.parametrize("drive", ["poisson", "dc"])
@pytest.mark.parametrize("factor", [0.1, 0.5, 0.73])
def test_fewer_synapses_keep_mean_and_variance_of_the_input(factor: float, drive: str) -> None:
    """Down-scaling of van Albada et al. 2015: weights grow by 1/sqrt(k), a current restores the mean."""
    rates = np.array(PUBLISHED["mean_rates_full_hz_nest"])
    full, network = microcircuit(drive=drive), microcircuit(drive=drive, indegree_scale=factor)
    assert totals(network).sum() == pytest.approx(factor * totals(full).sum(), rel=1e-5)
    np.testing.assert_allclose(mean_weights(network), mean_weights(full) / math.sqrt(factor), rtol=1e-6)
    (mean, variance), (full_mean, full_variance) = mean_input(network, rates), mean_input(full, rates)
    np.testing.assert_allclose(mean, full_mean, atol=0.3)  # pA of hundreds: weights in quanta, whole synapses
    np.testing.assert_allclose(variance, full_variance, rtol=2e-3)
    assert np.abs(full_mean).min() > 100


def test_a_constant_current_may_stand_for_the_background() -> None:
    rates = np.array(PUBLISHED["mean_rates_full_hz_nest"])
    spikes, current = microcircuit(), microcircuit(drive="dc")
    assert {drive.kind for drive in current.drives} == {"current"}
    np.testing.assert_allclose(mean_input(current, rates)[0], mean_input(spikes, rates)[0], atol=0.3)


# -- balanced circuit -------------------------------------------------------------------------------------------------


def balanced(**options: Any) -> Network:
    given = "".join(f", {key}: {value}" for key, value in options.items())
    return network_of(f"simulation: {{dt_ms: 0.1, duration_ms: 10}}\ncircuits: {{ctx: {{kind: balanced_ei{given}}}}}\n")


def charge_mV(network: Network, name: str) -> float:
    """Total charge of an event of a projection over the capacitance of its target."""
    tau = np.array([2.0, 100.0, 5.0])
    projection = next(item for item in network.projections if item.name == f"ctx.{name}")
    family = network.families[projection.target_family]
    mix = dict(family.channels[projection.channel].mix)
    return projection.weight.mean * sum(f * tau[i] for i, f in mix.items()) / float(family.parameters["C_m_pF"])


@pytest.mark.parametrize("nmda", [0.0, 0.5, 1.0])
def test_a_balanced_circuit_keeps_the_charge_of_its_events(nmda: float) -> None:
    network = balanced(nmda_fraction=nmda)
    charges = [charge_mV(network, name) for name in ("EE", "EI", "IE", "II")]
    assert charges == pytest.approx([0.34, 0.45, -3.3, -1.65])
    drives = [drive for drive in network.drives if drive.kind == "poisson"]
    assert [drive.mean for drive in drives] == pytest.approx([0.17, 0.28])
    for drive in drives:
        family = network.families[drive.population]
        pA = drive.weight * family.channels[drive.channel].quantum
        assert pA * 2.0 / float(family.parameters["C_m_pF"]) == pytest.approx(0.6, rel=1e-3)
    ports = dict(network.families[0].channels[network.projections[0].channel].mix)
    assert set(ports) == ({0} if nmda == 0 else {1} if nmda == 1 else {0, 1})


def test_a_balanced_circuit_follows_its_options() -> None:
    network = balanced(size_E=60, size_I=20, indegree_E=7, indegree_I=3, delay_ms=0.7, parameters_I="{C_m_pF: 50}")
    assert [population.size for population in network.populations] == [60, 20]
    assert [int(item.piece_number[0]) for item in network.projections] == [7, 7, 3, 3]
    assert network.max_delay_steps == 7
    assert charge_mV(network, "EI") == pytest.approx(0.45), "the amplitude follows the capacitance"
    assert balanced().max_delay_steps == 1
