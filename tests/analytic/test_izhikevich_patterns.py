"""The twenty patterns of Izhikevich 2004 (doi:10.1109/TNN.2004.832719), figure 1, with the model `izhikevich`.

Parameters and inputs are those of the paper's published program (figure1.m); criteria are the paper's descriptions as
countable facts. Two panels use 0.04 V^2 + 4.1 V + 108: the same model with a shifted potential (`Pattern.integrator`).
The program advances V by one Euler step, dtbsim by two half ones, so panels that sit on a threshold need another value:
I 7.1 for 7.04 (latency), P the second pulse at 210 for 216 ms, T d = 0 for -2 (with -2 the bursts end only by the error
of Euler steps of 0.5 ms). In R the program integrates u' = 0.02 (V + 65) without decay: here a is small, a b = 0.02.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation

from dtbsim.models import get_model

SHIFT_MV = 11.25
"""V = w + 11.25 turns 0.04 V^2 + 4.1 V + 108 into 0.04 w^2 + 5 w + 140 + 19.1875."""
SHIFT_CURRENT = 19.1875


@dataclass(frozen=True)
class Pattern:
    """One panel: parameters a, b, c, d, initial V, time step, duration, current as a function of the time (ms)."""

    a: float
    b: float
    c: float
    d: float
    V: float
    dt_ms: float
    duration_ms: float
    current: Callable[[Any], Any]
    integrator: bool = False
    recovery_from: float = 0.0
    u: float | None = None

    def run(self) -> tuple[Any, Any]:
        """Return spike times (ms) and V at the end of every step."""
        shift = SHIFT_MV if self.integrator else 0.0
        constant = (SHIFT_CURRENT if self.integrator else 0.0) - self.b * (shift - self.recovery_from)
        steps = round(self.duration_ms / self.dt_ms)
        parameters = {"a": self.a, "b": self.b, "c_mV": self.c - shift, "d": self.d, "V_th_mV": 30.0 - shift}
        u = self.b * self.V if self.u is None else self.u
        initial = {"V_m_mV": self.V - shift, "u": u - self.b * (shift - self.recovery_from)}
        model = get_model("izhikevich")
        population = SinglePopulation(model, 1, self.dt_ms, parameters, initial, use_stim=True)
        currents = self.current(np.arange(steps) * self.dt_ms) + constant
        spikes, V = [], []
        for k in range(steps):
            if population.step(current=currents[k])[0]:
                spikes.append((k + 1) * self.dt_ms)
            V.append(float(population.state("V_m_mV")[0]) + shift)
        return np.array(spikes), np.array(V)


def step(start: float, amplitude: float) -> Callable[[Any], Any]:
    return lambda t: np.where(t > start, amplitude, 0.0)


def pulses(amplitude: float, length: float, *starts: float, base: float = 0.0) -> Callable[[Any], Any]:
    return lambda t: base + amplitude * np.any([(t > s) & (t < s + length) for s in starts], axis=0)


def accommodating(t: Any) -> Any:
    """A slow ramp up to 8, then a fast one up to 4."""
    return np.where(t < 200, t / 25, np.where((t >= 300) & (t < 312.5), (t - 300) / 12.5 * 4, 0.0))


def variable(t: Any) -> Any:
    return pulses(1.0, 5.0, 10.0, 80.0)(t) + pulses(-6.0, 5.0, 70.0)(t)


def inhibited(t: Any) -> Any:
    return np.where((t < 50) | (t > 250), 80.0, 75.0)


PATTERNS = {
    "A tonic spiking": Pattern(0.02, 0.2, -65, 6, -70, 0.25, 100, step(10, 14)),
    "B phasic spiking": Pattern(0.02, 0.25, -65, 6, -64, 0.25, 200, step(20, 0.5)),
    "C tonic bursting": Pattern(0.02, 0.2, -50, 2, -70, 0.25, 220, step(22, 15)),
    "D phasic bursting": Pattern(0.02, 0.25, -55, 0.05, -64, 0.2, 200, step(20, 0.6)),
    "E mixed mode": Pattern(0.02, 0.2, -55, 4, -70, 0.25, 160, step(16, 10)),
    "F spike frequency adaptation": Pattern(0.01, 0.2, -65, 8, -70, 0.25, 85, step(8.5, 30)),
    "G class 1": Pattern(
        0.02, -0.1, -55, 6, -60, 0.25, 300, lambda t: np.where(t > 30, 0.075 * (t - 30), 0.0), integrator=True
    ),
    "H class 2": Pattern(0.2, 0.26, -65, 0, -64, 0.25, 300, lambda t: -0.5 + np.where(t > 30, 0.015 * (t - 30), 0.0)),
    "I spike latency": Pattern(0.02, 0.2, -65, 6, -70, 0.2, 100, pulses(7.1, 3, 10)),
    "J subthreshold oscillations": Pattern(0.05, 0.26, -60, 0, -62, 0.25, 200, pulses(2, 5, 20)),
    "K resonator": Pattern(0.1, 0.26, -60, -1, -62, 0.25, 400, pulses(0.65, 4, 40, 60, 280, 320)),
    "L integrator": Pattern(
        0.02, -0.1, -55, 6, -60, 0.25, 100, pulses(9, 2, 100 / 11, 100 / 11 + 5, 70, 80), integrator=True
    ),
    "M rebound spike": Pattern(0.03, 0.25, -60, 4, -64, 0.2, 200, pulses(-15, 5, 20)),
    "N rebound burst": Pattern(0.03, 0.25, -52, 0, -64, 0.2, 200, pulses(-15, 5, 20)),
    "O threshold variability": Pattern(0.03, 0.25, -60, 4, -64, 0.25, 100, variable),
    "P bistability": Pattern(0.1, 0.26, -60, 0, -61, 0.25, 300, pulses(1, 5, 37.5, 210, base=0.24)),
    "Q depolarizing afterpotential": Pattern(1, 0.2, -60, -21, -70, 0.1, 50, lambda t: 20.0 * (np.abs(t - 10) < 1)),
    "R accommodation": Pattern(1e-4, 200, -55, 4, -65, 0.5, 400, accommodating, recovery_from=-65, u=-16),
    "S inhibition-induced spiking": Pattern(-0.02, -1, -60, 8, -63.8, 0.5, 350, inhibited),
    "T inhibition-induced bursting": Pattern(-0.026, -1, -45, 0, -63.8, 0.5, 350, inhibited),
}


def bursts(times: Any, pause_ms: float) -> list[int]:
    """Numbers of spikes between pauses."""
    starts = np.flatnonzero(np.diff(times) > pause_ms) + 1
    return [len(part) for part in np.split(times, starts)]


def maxima(V: Any) -> Any:
    return V[1:-1][(V[1:-1] > V[:-2]) & (V[1:-1] >= V[2:])]


Facts = Callable[[Any, Any], dict[str, bool]]
FACTS: dict[str, Facts] = {
    "A tonic spiking": lambda t, V: {"all after the step": t[0] > 10, "goes on": len(t) >= 4 and t[-1] > 75},
    "B phasic spiking": lambda t, V: {"one spike at the onset": len(t) == 1 and 20 < t[0] < 60},
    "C tonic bursting": lambda t, V: {"four bursts": len(bursts(t, 20)) >= 4, "of 3 and more": min(bursts(t, 20)) >= 3},
    "D phasic bursting": lambda t, V: {"one burst": len(t) >= 4 and len(bursts(t, 20)) == 1, "ends": t[-1] < 100},
    "E mixed mode": lambda t, V: {"burst, then single": bursts(t, 10)[0] >= 3 and set(bursts(t, 10)[1:]) == {1}},
    "F spike frequency adaptation": lambda t, V: {"intervals grow": len(t) >= 5 and bool((np.diff(t, n=2) > 0).all())},
    "G class 1": lambda t, V: {
        "low rate first": np.diff(t)[0] > 30,
        "rate follows": np.diff(t)[0] > 2.5 * np.diff(t)[-1],
    },
    "H class 2": lambda t, V: {
        "high rate first": t[0] > 60 and np.diff(t)[0] < 25,
        "narrow range": np.diff(t)[0] < 2.5 * np.diff(t)[-1],
    },
    "I spike latency": lambda t, V: {"one, late": len(t) == 1 and t[0] > 18},
    "J subthreshold oscillations": lambda t, V: {
        "one spike": len(t) == 1,
        "damped waves after it": len(maxima(V[200:])) >= 3 and bool((np.diff(maxima(V[200:])[:4]) < 0).all()),
    },
    "K resonator": lambda t, V: {"only the pair at its period": len(t) == 1 and 320 < t[0] < 345},
    "L integrator": lambda t, V: {"only the close pair": len(t) == 1 and t[0] < 30},
    "M rebound spike": lambda t, V: {"one after inhibition": len(t) == 1 and t[0] > 25},
    "N rebound burst": lambda t, V: {"a burst after inhibition": len(t) >= 4 and t[0] > 25 and len(bursts(t, 20)) == 1},
    "O threshold variability": lambda t, V: {"only after inhibition": len(t) == 1 and t[0] > 80},
    "P bistability": lambda t, V: {
        "switched on": len(t) >= 4 and 37.5 < t[0] < 60 and bool(np.ptp(np.diff(t)) < 1),
        "and off": t[-1] < 210,
    },
    "Q depolarizing afterpotential": lambda t, V: {
        "one spike": len(t) == 1,
        "V rises again after it": bool(V[120:160].max() > V[115] + 3),
        "and back": abs(V[-1] + 70) < 1,
    },
    "R accommodation": lambda t, V: {"the fast ramp only": len(t) == 1 and 300 < t[0] < 320},
    "S inhibition-induced spiking": lambda t, V: {"during inhibition": len(t) >= 2 and t[0] > 50 and t[-1] < 260},
    "T inhibition-induced bursting": lambda t, V: {
        "during inhibition": t[0] > 50 and t[-1] < 270,
        "bursts": len(bursts(t, 20)) >= 2 and min(bursts(t, 20)) >= 3,
    },
}


@pytest.mark.parametrize("name", list(PATTERNS))
def test_pattern(name: str) -> None:
    times, V = PATTERNS[name].run()
    assert len(times) >= 1
    failed = [fact for fact, holds in FACTS[name](times, V).items() if not holds]
    assert failed == []


def test_the_facts_are_not_those_of_tonic_spiking() -> None:
    times, V = PATTERNS["A tonic spiking"].run()
    for name, facts in FACTS.items():
        assert all(facts(times, V).values()) == (name[0] == "A"), name


def test_the_shifted_integrator_is_the_equation_of_the_paper() -> None:
    """Fine steps of V' = 0.04 V^2 + 4.1 V + 108 - u + I give the same first spike."""
    pattern = PATTERNS["G class 1"]
    V, u, dt = pattern.V, pattern.b * pattern.V, 0.01
    for k in range(30_000):
        current = float(pattern.current(k * dt))
        V, u = V + dt * (0.04 * V * V + 4.1 * V + 108 - u + current), u + dt * pattern.a * (pattern.b * V - u)
        if V >= 30:
            break
    assert pattern.run()[0][0] == pytest.approx(k * dt, abs=1.0)
