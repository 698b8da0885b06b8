"""izhikevich_2007: cell classes of the book by countable facts, and the equations by Runge-Kutta in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation

from dtbsim.errors import InputError
from dtbsim.models import get_model

MODEL = get_model("izhikevich_2007")
COLUMNS = ("C_m_pF", "k", "V_r_mV", "V_t_mV", "V_peak_mV", "a", "b_nS", "c_mV", "d_pA")
CELLS = {
    "RS": (100.0, 0.7, -60.0, -40.0, 35.0, 0.03, -2.0, -50.0, 100.0),
    "IB": (150.0, 1.2, -75.0, -45.0, 50.0, 0.01, 5.0, -56.0, 130.0),
    "CH": (50.0, 1.5, -60.0, -40.0, 25.0, 0.03, 1.0, -40.0, 150.0),
    "LTS": (100.0, 1.0, -56.0, -42.0, 40.0, 0.03, 8.0, -53.0, 20.0),
    "FS": (20.0, 1.0, -55.0, -40.0, 25.0, 0.15, 8.0, -55.0, 200.0),
}
"""Book, figures 8.12 (RS), 8.19 (IB), 8.23 (CH), 8.25 (LTS, its reset and peak without their dependence on u); FS: the
basket cell of Izhikevich, Edelman 2008 (doi:10.1073/pnas.0712231105), whose recovery is linear."""


def parameters_of(cell: str) -> dict[str, float]:
    return dict(zip(COLUMNS, CELLS[cell], strict=True))


def spike_times_ms(cell: str, I_pA: float, dt_ms: float = 0.1, duration_ms: float = 1000.0) -> Any:
    population = SinglePopulation(MODEL, 1, dt_ms, parameters_of(cell) | {"I_e_pA": I_pA})
    (steps,) = population.run(round(duration_ms / dt_ms))
    return steps * dt_ms


def reference_times_ms(cell: str, I_pA: float, duration_ms: float, dt_ms: float = 0.005) -> list[float]:
    """Classical Runge-Kutta; the peak is located by linear interpolation of 1 / V, the rest of the step follows."""
    C, k, V_r, V_t, V_peak, a, b, c, d = CELLS[cell]

    def slope(y: Any) -> Any:
        V, u = y
        return np.array([(k * (V - V_r) * (V - V_t) - u + I_pA) / C, a * (b * (V - V_r) - u)])

    def step(y: Any, h: float) -> Any:
        s1 = slope(y)
        s2 = slope(y + 0.5 * h * s1)
        s3 = slope(y + 0.5 * h * s2)
        return y + h / 6 * (s1 + 2 * s2 + 2 * s3 + slope(y + h * s3))

    y, found = np.array([V_r, 0.0]), []
    for n in range(round(duration_ms / dt_ms)):
        new = step(y, dt_ms)
        if new[0] >= V_peak:
            part = dt_ms * (V_peak - y[0]) / (new[0] - y[0])
            found.append(n * dt_ms + part)
            at_peak = step(y, part)
            new = step(np.array([c, at_peak[1] + d]), dt_ms - part)
        y = new
    return found


@pytest.mark.parametrize(("cell", "I_pA"), [("RS", 100.0), ("IB", 500.0), ("CH", 300.0), ("LTS", 200.0), ("FS", 400.0)])
def test_spikes_within_two_steps_of_runge_kutta(cell: str, I_pA: float) -> None:
    expected = reference_times_ms(cell, I_pA, 400.0)
    times = spike_times_ms(cell, I_pA, duration_ms=400.0)
    assert len(expected) >= 5
    assert len(times) == len(expected)
    assert np.abs(np.round(times / 0.1) - np.ceil(np.array(expected) / 0.1)).max() <= 2


def burst_sizes(times: Any, pause_ms: float) -> list[int]:
    starts = np.flatnonzero(np.diff(times) > pause_ms) + 1
    return [int(n) for n in np.diff([0, *starts])]


@pytest.mark.parametrize("dt_ms", [0.1, 0.5])
class TestCells:
    def test_regular_spiking_is_regular_and_of_class_1(self, dt_ms: float) -> None:
        """Rheobase (book, section 8.2): 51.4 pA, where the fixed points merge."""
        b, k, half = -2.0, 0.7, 10.0
        rheobase = (b + k * 2 * half) ** 2 / (4 * k)
        assert len(spike_times_ms("RS", rheobase - 2.0, dt_ms, 3000.0)) == 0
        slow = spike_times_ms("RS", rheobase + 2.0, dt_ms, 3000.0)
        assert 2 <= len(slow) < 20
        intervals = np.diff(spike_times_ms("RS", 100.0, dt_ms))
        assert np.ptp(intervals[3:]) <= 2.5 * dt_ms

    def test_intrinsic_bursting_begins_with_a_burst_then_single_spikes(self, dt_ms: float) -> None:
        intervals = np.diff(spike_times_ms("IB", 500.0, dt_ms))
        assert intervals[0] < 0.35 * intervals[-1]
        assert np.ptp(intervals[4:]) < 3.0

    def test_chattering_repeats_bursts(self, dt_ms: float) -> None:
        sizes = burst_sizes(spike_times_ms("CH", 200.0, dt_ms), 20.0)
        assert len(sizes) > 5
        assert min(sizes[1:]) >= 2

    def test_low_threshold_spiking_adapts_and_rebounds(self, dt_ms: float) -> None:
        intervals = np.diff(spike_times_ms("LTS", 200.0, dt_ms))
        assert intervals[-1] > 1.5 * intervals[0]
        population = SinglePopulation(MODEL, 1, dt_ms, parameters_of("LTS"), use_stim=True)
        steps = round(500.0 / dt_ms)
        (rebound,) = population.run(2 * steps, current=np.repeat([-1000.0, 0.0], steps))
        assert len(rebound) >= 1
        assert rebound[0] > steps

    def test_fast_spiking_is_fast_and_does_not_adapt(self, dt_ms: float) -> None:
        times = spike_times_ms("FS", 400.0, dt_ms)
        intervals = np.diff(times)
        assert len(times) > 3 * len(spike_times_ms("RS", 100.0, dt_ms))
        assert np.ptp(intervals[3:]) <= 2.5 * dt_ms


def test_a_potential_at_the_peak_is_a_spike_and_the_reset_follows() -> None:
    population = SinglePopulation(MODEL, 2, 0.1, {"c_mV": -55.0}, {"V_m_mV": np.array([35.0, 34.0]), "u_pA": 7.0})
    assert list(population.step()) == [1, 1]
    assert population.recorded("V_m_mV") == pytest.approx([-55.0, -55.0], abs=0.5)
    assert population.recorded("u_pA") == pytest.approx([107.0, 107.0], abs=1.0)


def test_synaptic_currents_decay_from_the_weight() -> None:
    population = SinglePopulation(MODEL, 1, 0.1, {"tau_syn_ex_ms": 3.0, "tau_syn_in_ms": 7.0})
    population.step({0: 40, 1: -30})
    assert [population.state(f"I_syn_{port}_pA")[0] for port in ("ex", "in")] == [40.0, -30.0]
    population.run(10)
    assert population.state("I_syn_ex_pA")[0] == pytest.approx(40.0 * np.exp(-1.0 / 3.0), rel=1e-5)
    assert population.state("I_syn_in_pA")[0] == pytest.approx(-30.0 * np.exp(-1.0 / 7.0), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "dt_ms", "said"),
    [
        ({}, 1.1, "needs dt_ms <= 1 "),
        ({"a": 2.0}, 0.3, "needs dt_ms <= 0.25 "),
        ({"c_mV": 35.0}, 0.1, "c_mV is 35 mV with V_peak_mV 35 mV"),
        ({"V_t_mV": -61.0}, 0.1, "V_r_mV is -60 mV with V_t_mV -61 mV"),
    ],
)
def test_what_is_refused(changes: dict[str, float], dt_ms: float, said: str) -> None:
    with pytest.raises(InputError) as caught:
        MODEL.check(changes, dt_ms)
    assert said in caught.value.message
