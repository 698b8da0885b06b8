"""Firing patterns of Izhikevich (2003), figure 2, under a constant current of 10."""

from __future__ import annotations

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation

from dtbsim.models import get_model

TYPES = {
    "RS": {"a": 0.02, "b": 0.2, "c_mV": -65.0, "d": 8.0},
    "IB": {"a": 0.02, "b": 0.2, "c_mV": -55.0, "d": 4.0},
    "CH": {"a": 0.02, "b": 0.2, "c_mV": -50.0, "d": 2.0},
    "FS": {"a": 0.1, "b": 0.2, "c_mV": -65.0, "d": 2.0},
    "LTS": {"a": 0.02, "b": 0.25, "c_mV": -65.0, "d": 2.0},
}


def intervals_ms(kind: str, dt_ms: float, current: float = 10.0, duration_ms: float = 1000.0) -> np.ndarray:
    population = SinglePopulation(get_model("izhikevich"), 1, dt_ms, TYPES[kind] | {"I_e_mV_per_ms": current})
    (steps,) = population.run(int(duration_ms / dt_ms))
    return np.diff(steps) * dt_ms


def bursts(intervals: np.ndarray, within_ms: float = 12.0) -> list[int]:
    """Numbers of spikes in runs of intervals shorter than `within_ms`."""
    sizes, size = [], 1
    for interval in intervals:
        if interval <= within_ms:
            size += 1
        else:
            sizes.append(size)
            size = 1
    return [*sizes, size]


def published(parameters: dict[str, float], current: float, steps: int) -> list[tuple[float, float]]:
    """The loop of the paper's program for one neuron (reset at the start of a step), in float64."""
    v, u = -65.0, parameters["b"] * -65.0
    trace = []
    for _ in range(steps):
        if v >= 30.0:
            v, u = parameters["c_mV"], u + parameters["d"]
        v = v + 0.5 * (0.04 * v**2 + 5 * v + 140 - u + current)
        v = v + 0.5 * (0.04 * v**2 + 5 * v + 140 - u + current)
        u = u + parameters["a"] * (parameters["b"] * v - u)
        trace.append((v, u))
    return trace


@pytest.mark.parametrize("kind", list(TYPES))
def test_the_published_program_gives_the_same_first_spikes(kind: str) -> None:
    population = SinglePopulation(get_model("izhikevich"), 1, 1.0, TYPES[kind] | {"I_e_mV_per_ms": 10.0})
    seen = 0
    for v, u in published(TYPES[kind], 10.0, 200):
        spiked = bool(population.step()[0])
        assert spiked == (v >= 30.0)
        if not spiked:
            assert population.state("V_m_mV")[0] == pytest.approx(v, abs=0.05)
            assert population.state("u")[0] == pytest.approx(u, abs=0.05)
        seen += spiked
        if seen == 3:
            return
    pytest.fail("fewer than three spikes")


@pytest.mark.parametrize("dt_ms", [1.0, 0.25])
class TestPatterns:
    """The criteria are the paper's descriptions; they hold at the published and at a finer time step."""

    def test_regular_spiking_adapts(self, dt_ms: float) -> None:
        intervals = intervals_ms("RS", dt_ms)
        assert intervals[0] < 0.75 * np.median(intervals[3:])
        assert max(bursts(intervals)) == 1
        assert 10 <= len(intervals) <= 40

    def test_intrinsic_bursting_begins_with_a_burst_then_single_spikes(self, dt_ms: float) -> None:
        sizes = bursts(intervals_ms("IB", dt_ms))
        assert sizes[0] >= 2
        assert np.mean(np.array(sizes[2:]) == 1) > 0.8

    def test_chattering_repeats_bursts(self, dt_ms: float) -> None:
        intervals = intervals_ms("CH", dt_ms)
        sizes = bursts(intervals)
        assert len(sizes) >= 6
        assert np.mean(np.array(sizes[:-1]) >= 2) > 0.9
        assert np.median(intervals[intervals > 12.0]) > 20.0

    def test_fast_spiking_is_fast_and_does_not_adapt(self, dt_ms: float) -> None:
        intervals = intervals_ms("FS", dt_ms)
        late = intervals[5:]
        assert np.mean(late[: len(late) // 2]) == pytest.approx(np.mean(late[len(late) // 2 :]), rel=0.15)
        assert len(intervals) > 2 * len(intervals_ms("RS", dt_ms))

    def test_low_threshold_spiking_is_fast_and_adapts(self, dt_ms: float) -> None:
        intervals = intervals_ms("LTS", dt_ms)
        assert np.mean(intervals[:3]) < 0.75 * np.mean(intervals[-8:])
        assert len(intervals) > 1.5 * len(intervals_ms("RS", dt_ms))

    def test_low_threshold_spiking_has_a_low_threshold(self, dt_ms: float) -> None:
        """LTS cells fire at currents at which RS and FS cells are silent."""
        quiet = {kind: len(intervals_ms(kind, dt_ms, current=3.0)) for kind in ("LTS", "RS", "FS")}
        assert quiet["LTS"] > 5
        assert quiet["RS"] == 0
        assert quiet["FS"] == 0


def test_a_kick_has_the_same_effect_at_any_time_step() -> None:
    """A weight is a voltage kick in mV: away from the other terms, V rises by it."""
    for dt_ms in (1.0, 0.5, 0.1):
        both = SinglePopulation(get_model("izhikevich"), 2, dt_ms, {"b": 0.2}, {"V_m_mV": -70.0}, [0.25])
        both.step({0: [0, 8]})
        rise = np.diff(both.state("V_m_mV"))[0]
        assert rise == pytest.approx(2.0, abs=0.35 * dt_ms)


def test_resting_neuron_stays_at_its_fixed_point() -> None:
    """0.04 v^2 + (5 - b) v + 140 = 0 has the stable root v = -70 for b = 0.2."""
    population = SinglePopulation(get_model("izhikevich"), 1, 1.0, TYPES["RS"])
    (spikes,) = population.run(3000)
    assert len(spikes) == 0
    assert population.state("V_m_mV")[0] == pytest.approx(-70.0, abs=1e-3)
    assert population.state("u")[0] == pytest.approx(-14.0, abs=1e-3)
