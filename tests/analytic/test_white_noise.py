"""white_noise: the potential of a membrane has the standard deviation sigma and its own correlation, for every step."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.helpers.networks import built_rank, network_of

from dtbsim.backends.cpu import CpuBackend

N = 20_000
TEXT = """\
simulation: {{dt_ms: {dt}, duration_ms: 300}}
seed: 4
populations:
  P:
    model: {model}
    size: {n}
    parameters: {{{parameters}}}
    initial: {{V_m_mV: -70}}
drives: {{noise: {{kind: white_noise, target: P, {drive}}}}}
"""
PSC = "E_L_mV: -70, V_th_mV: 1000, C_m_pF: 200"


def potentials(dt: float, drive: str, *at_ms: float, model: str = "iaf_psc_exp", parameters: str = PSC) -> list[float]:
    """float64[n] of all neurons at each of some times."""
    network = network_of(TEXT.format(dt=dt, model=model, n=N, parameters=parameters, drive=drive))
    backend = CpuBackend(built_rank(network), None, 1)
    found, step = [], 0
    for time_ms in at_ms:
        stop = round(time_ms / dt)
        backend.advance(step, stop)
        backend.collect()
        found.append(backend.neuron_values(0, "V_m_mV")[1])
        step = stop
    backend.close()
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("dt", [0.05, 0.5, 5.0])
@pytest.mark.parametrize("tau", [10.0, 20.0])
def test_the_standard_deviation_is_sigma_for_every_step(dt: float, tau: float) -> None:
    """And the autocorrelation over s is exp(-s / tau), as of the continuous process at the ends of steps."""
    first, second = potentials(dt, "sigma_mV: 3", 150, 160, parameters=f"{PSC}, tau_m_ms: {tau}")
    assert np.mean(first) == pytest.approx(-70, abs=0.1)
    assert np.std(first) == pytest.approx(3, rel=0.02)  # four standard errors
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(math.exp(-10 / tau), abs=0.03)


def test_how_it_begins_and_what_the_mean_does() -> None:
    """From a fixed potential the variance grows as 1 - exp(-2 t / tau); a mean of 100 pA is 5 mV at 0.05 GOhm."""
    early, late = potentials(0.1, "sigma_mV: 3, mean: 100", 5, 150, parameters=f"{PSC}, tau_m_ms: 10")
    assert np.std(early) == pytest.approx(3 * math.sqrt(1 - math.exp(-1)), rel=0.02)
    assert np.mean(late) == pytest.approx(-65, abs=0.1)


def test_in_pA_it_is_sigma_over_the_resistance() -> None:
    (found,) = potentials(0.1, "sigma_pA: 60", 150, parameters=f"{PSC}, tau_m_ms: 10")
    assert np.std(found) == pytest.approx(3, rel=0.02)
    (same,) = potentials(0.1, "sigma_mV: 3", 150, parameters=f"{PSC}, tau_m_ms: 10")
    np.testing.assert_allclose(found, same, rtol=1e-6)


def test_a_membrane_with_a_leak_conductance() -> None:
    """Without synaptic input the conductance-based membrane is the same; it is stepped by a Runge-Kutta scheme."""
    (found,) = potentials(
        0.1, "sigma_mV: 2", 150, model="iaf_cond_exp",
        parameters="E_L_mV: -70, V_th_mV: 1000, C_m_pF: 200, g_L_nS: 20",
    )  # fmt: skip
    assert np.std(found) == pytest.approx(2, rel=0.02)
