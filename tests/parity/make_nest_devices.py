"""Current devices of NEST 3.10 on one neuron, and its correlation_detector: numbers for the parity tests.

    python -m tests.parity.make_nest_devices        # writes tests/parity/data/nest_devices.json

Needs the extra `reference` (nest-simulator==3.10.0). A device acts on its target one step after the time it is set for,
the shortest delay; a drive acts at that time. So voltage k, after k steps, is the one that NEST has after k + 1 steps.
What a device of NEST would send at time 0 does not reach its target: the drive that is on from the beginning starts a
step later, too.
"""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

DATA = Path(__file__).with_name("data") / "nest_devices.json"
DT_MS = 0.1
STEPS = 3000
VOLTAGE_EVERY = 7
NEURON = {
    "C_m_pF": 250.0, "tau_m_ms": 10.0, "E_L_mV": -65.0, "V_th_mV": -50.0, "V_reset_mV": -65.0, "t_ref_ms": 2.0,
    "tau_syn_ex_ms": 0.5, "tau_syn_in_ms": 0.5,
}  # fmt: skip
RAMP_MS = (20.0, 180.0)
"""Start, and duration of the ramp."""


def ramp_list() -> dict[str, Any]:
    """The ramp from -100 to 700 pA as a step current that changes in every step."""
    start, steps = round(RAMP_MS[0] / DT_MS), round(RAMP_MS[1] / DT_MS)
    return {
        "amplitude_times": [round((start + k) * DT_MS, 6) for k in range(steps + 1)],
        "amplitude_values": [-100.0 + 800.0 * k / steps for k in range(steps + 1)],
    }


CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "dc in a window": (
        "dc_generator",
        {"amplitude": 430.0, "start": 30.0, "stop": 210.5},
        {"kind": "dc", "amplitude": 430.0, "start_ms": 30.0, "stop_ms": 210.5},
    ),
    "ac": (
        "ac_generator",
        {"amplitude": 350.0, "frequency": 7.0, "phase": 50.0, "offset": 260.0},
        {
            "kind": "ac", "amplitude": 350.0, "frequency_hz": 7.0, "phase_deg": 50.0, "offset": 260.0,
            "start_ms": DT_MS,
        },
    ),
    "ac in a window": (
        "ac_generator",
        {"amplitude": 500.0, "frequency": 33.0, "phase": -70.0, "offset": 250.0, "start": 41.3, "stop": 222.2},
        {
            "kind": "ac", "amplitude": 500.0, "frequency_hz": 33.0, "phase_deg": -70.0, "offset": 250.0,
            "start_ms": 41.3, "stop_ms": 222.2,
        },
    ),
    "steps": (
        "step_current_generator",
        {"amplitude_times": [10.0, 50.5, 120.0, 240.0], "amplitude_values": [300.0, 600.0, -150.0, 450.0]},
        {"kind": "step_current", "times_ms": [10.0, 50.5, 120.0, 240.0], "amplitudes": [300.0, 600.0, -150.0, 450.0]},
    ),
    "steps in a window": (
        "step_current_generator",
        {
            "amplitude_times": [10.0, 50.5, 120.0], "amplitude_values": [300.0, 600.0, 400.0],
            "start": 20.0, "stop": 260.0,
        },
        {
            "kind": "step_current", "times_ms": [10.0, 50.5, 120.0], "amplitudes": [300.0, 600.0, 400.0],
            "start_ms": 20.0, "stop_ms": 260.0,
        },
    ),
    "ramp": (
        "step_current_generator",
        ramp_list(),
        {
            "kind": "ramp", "from_amplitude": -100.0, "to_amplitude": 700.0, "start_ms": RAMP_MS[0],
            "duration_ms": RAMP_MS[1],
        },
    ),
}  # fmt: skip
"""Device of NEST, its parameters, and the drive that is to do the same."""


def run_nest(name: str) -> dict[str, Any]:
    """Return spike steps and V_m (mV) every VOLTAGE_EVERY steps, both counted as a drive would have them."""
    import nest

    device, parameters, _ = CASES[name]
    nest.ResetKernel()
    nest.resolution = DT_MS
    names = {key.rsplit("_", 1)[0]: value for key, value in NEURON.items()}
    neuron = nest.Create("iaf_psc_exp", params=names | {"V_m": NEURON["E_L_mV"]})
    nest.Connect(nest.Create(device, params=parameters), neuron, syn_spec={"delay": DT_MS})
    meter = nest.Create("multimeter", params={"interval": DT_MS, "record_from": ["V_m"]})
    recorder = nest.Create("spike_recorder")
    nest.Connect(meter, neuron)
    nest.Connect(neuron, recorder)
    nest.Simulate((STEPS + 2) * DT_MS)
    spikes = [round(float(t) / DT_MS) - 1 for t in recorder.events["times"]]
    voltages = [float(v) for v in meter.events["V_m"]][1 : STEPS + 1]
    return {
        "spikes": [step for step in spikes if step <= STEPS],
        "voltages": [round(v, 5) for v in voltages[VOLTAGE_EVERY - 1 :: VOLTAGE_EVERY]],
    }


LAGS = 12
"""Largest lag of the correlation, in steps."""


def correlated_trains() -> tuple[list[int], list[int]]:
    """Spike steps of two trains, the second partly the first four steps later."""
    draw = random.Random(3)
    first = sorted(draw.sample(range(1, 401), 60))
    second = {step + 4 for step in first if draw.random() < 0.5 and step < 396} | set(draw.sample(range(1, 401), 30))
    return first, sorted(second)


def nest_correlation() -> list[int]:
    """Histogram of NEST's correlation_detector of the two trains with bins of a step."""
    import nest

    nest.ResetKernel()
    nest.resolution = DT_MS
    detector = nest.Create("correlation_detector", params={"delta_tau": DT_MS, "tau_max": LAGS * DT_MS})
    for port, steps in enumerate(correlated_trains()):
        train = nest.Create("spike_generator", params={"spike_times": [round(step * DT_MS, 6) for step in steps]})
        nest.Connect(train, detector, syn_spec={"receptor_type": port, "delay": DT_MS})
    nest.Simulate(50.0)
    return [int(n) for n in detector.get("count_histogram")]


def main() -> None:
    """Run everything and write the file."""
    results = {name: run_nest(name) for name in CASES}
    assert all(math.isfinite(v) for result in results.values() for v in result["voltages"])
    lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(x, separators=(',', ':'))}" for name, x in results.items())
    correlation = json.dumps(nest_correlation(), separators=(",", ":"))
    text = f'{{"nest":"3.10.0","correlation":{correlation},"cases":{{\n{lines}\n}}}}\n'
    DATA.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
