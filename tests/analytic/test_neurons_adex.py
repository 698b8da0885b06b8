"""Firing patterns of the AdEx neuron: table 1 of Naud, Marcille, Clopath, Gerstner 2008.

doi:10.1007/s00422-008-0264-7. The criteria are facts that can be counted; they hold at two time steps.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation

from dtbsim.errors import InputError
from dtbsim.models import get_model

ADEX = get_model("aeif_cond_exp")
COLUMNS = ("C_m_pF", "g_L_nS", "E_L_mV", "V_th_mV", "Delta_T_mV", "a_nS", "tau_w_ms", "b_pA", "V_reset_mV", "I_e_pA")
TABLE = {
    "tonic spiking": (200.0, 10.0, -70.0, -50.0, 2.0, 2.0, 30.0, 0.0, -58.0, 500.0),
    "adaptation": (200.0, 12.0, -70.0, -50.0, 2.0, 2.0, 300.0, 60.0, -58.0, 500.0),
    "initial burst": (130.0, 18.0, -58.0, -50.0, 2.0, 4.0, 150.0, 120.0, -50.0, 400.0),
    "regular bursting": (200.0, 10.0, -58.0, -50.0, 2.0, 2.0, 120.0, 100.0, -46.0, 210.0),
    "delayed accelerating": (200.0, 12.0, -70.0, -50.0, 2.0, -10.0, 300.0, 0.0, -58.0, 300.0),
    "delayed regular bursting": (100.0, 10.0, -65.0, -50.0, 2.0, -10.0, 90.0, 30.0, -47.0, 110.0),
    "transient spiking": (100.0, 10.0, -65.0, -50.0, 2.0, 10.0, 90.0, 100.0, -47.0, 180.0),
    "irregular spiking": (100.0, 12.0, -60.0, -50.0, 2.0, -11.0, 130.0, 30.0, -48.0, 160.0),
}
"""The step current of the table's last column begins at 0."""


@cache
def spike_times_ms(pattern: str, dt_ms: float, duration_ms: float = 1000.0) -> Any:
    parameters = dict(zip(COLUMNS, TABLE[pattern], strict=True))
    (steps,) = SinglePopulation(ADEX, 1, dt_ms, parameters).run(round(duration_ms / dt_ms))
    return steps * dt_ms


def burst_sizes(times: Any, pause_ms: float = 20.0) -> list[int]:
    """Spikes between intervals longer than `pause_ms`, the last (perhaps cut) burst left out."""
    starts = np.flatnonzero(np.diff(times) > pause_ms) + 1
    return [int(n) for n in np.diff([0, *starts])]


def test_a_potential_exactly_at_the_peak_is_a_spike() -> None:
    start = {"V_m_mV": -49.0}
    before = SinglePopulation(ADEX, 1, 0.1, {"E_L_mV": 0.0, "V_th_mV": -50.0}, start)
    assert not before.step()[0]
    reached = float(before.state("V_m_mV")[0])
    for peak, spikes in ((reached, True), (float(np.nextafter(np.float32(reached), np.float32(0.0))), False)):
        parameters = {"E_L_mV": 0.0, "V_th_mV": -50.0, "V_peak_mV": peak}
        assert bool(SinglePopulation(ADEX, 1, 0.1, parameters, start).step()[0]) == spikes


@pytest.mark.parametrize("dt_ms", [0.1, 0.025])
class TestPatterns:
    def test_tonic_spiking_becomes_regular(self, dt_ms: float) -> None:
        intervals = np.diff(spike_times_ms("tonic spiking", dt_ms))
        assert len(intervals) > 90
        assert np.ptp(intervals[10:]) <= 2.5 * dt_ms
        assert intervals[0] < intervals[-1]

    def test_adaptation_lengthens_the_intervals_several_times(self, dt_ms: float) -> None:
        intervals = np.diff(spike_times_ms("adaptation", dt_ms))
        assert (np.diff(intervals[:7]) > 2.0).all()
        assert intervals[-1] > 5.0 * intervals[0]
        assert np.ptp(intervals[10:]) < 1.0

    def test_an_initial_burst_is_followed_by_single_spikes(self, dt_ms: float) -> None:
        sizes = burst_sizes(spike_times_ms("initial burst", dt_ms))
        assert sizes[0] == 3
        assert len(sizes) > 10
        assert set(sizes[1:]) == {1}

    def test_regular_bursting_repeats_bursts_of_two(self, dt_ms: float) -> None:
        sizes = burst_sizes(spike_times_ms("regular bursting", dt_ms))
        assert sizes[0] == 3
        assert len(sizes) > 5
        assert set(sizes[1:]) == {2}

    def test_delayed_accelerating_begins_late_and_shortens_its_intervals(self, dt_ms: float) -> None:
        times = spike_times_ms("delayed accelerating", dt_ms)
        intervals = np.diff(times)
        assert times[0] > 1.5 * intervals[0]
        assert (np.diff(intervals[:30]) < 1.5 * dt_ms).all()
        assert intervals[40] < 0.6 * intervals[0]

    def test_delayed_regular_bursting_begins_late_and_repeats_bursts_of_four(self, dt_ms: float) -> None:
        times = spike_times_ms("delayed regular bursting", dt_ms)
        assert times[0] > 40.0
        sizes = burst_sizes(times)
        assert len(sizes) > 8
        assert set(sizes) == {4}

    def test_transient_spiking_stops(self, dt_ms: float) -> None:
        times = spike_times_ms("transient spiking", dt_ms)
        assert 1 <= len(times) <= 3
        assert times[-1] < 100.0

    def test_irregular_spiking_never_settles(self, dt_ms: float) -> None:
        intervals = np.diff(spike_times_ms("irregular spiking", dt_ms, 3000.0))[10:]
        assert np.std(intervals) > 0.3 * np.mean(intervals)
        cycles = [np.abs(intervals[n:] - intervals[:-n]).max() for n in range(1, 13)]
        assert min(cycles) > 0.5


def test_the_rheobase_is_that_of_the_equations() -> None:
    """Touboul, Brette 2008: for a tau_w < C_m the fixed points merge at V_th + Delta_T log(1 + a / g_L)."""
    p = {"g_L_nS": 30.0, "C_m_pF": 281.0, "E_L_mV": -70.6, "V_th_mV": -50.4, "Delta_T_mV": 2.0, "a_nS": 1.0}
    g, a, Delta = p["g_L_nS"], p["a_nS"], p["Delta_T_mV"]
    rheobase = (g + a) * (p["V_th_mV"] - p["E_L_mV"] - Delta + Delta * np.log1p(a / g))
    start = p["V_th_mV"] + Delta * np.log1p(a / g) - 2.0
    initial = {"V_m_mV": start, "w_pA": a * (start - p["E_L_mV"])}
    currents = rheobase + np.array([-1.0, 1.0])
    quiet, firing = SinglePopulation(ADEX, 2, 0.1, p | {"I_e_pA": currents}, initial).run(20_000)
    assert len(quiet) == 0
    assert len(firing) >= 1


def test_the_longest_time_step_is_refused_beyond_and_fair_at_the_bound() -> None:
    parameters = dict(zip(COLUMNS, TABLE["tonic spiking"], strict=True)) | {"C_m_pF": 50.0}
    with pytest.raises(InputError, match=r"dt_ms is 1.01; model 'aeif_cond_exp' needs dt_ms <= 1 with"):
        SinglePopulation(ADEX, 1, 1.01, parameters)
    (coarse,) = SinglePopulation(ADEX, 1, 1.0, parameters).run(1000)
    (fine,) = SinglePopulation(ADEX, 1, 0.01, parameters).run(100_000)
    assert len(coarse) == pytest.approx(len(fine), rel=0.05)
