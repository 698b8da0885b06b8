"""Single neurons in NEST 3.10 with given input: spike steps and voltages for the parity tests.

    python tests/parity/make_nest_neurons.py        # writes tests/parity/data/nest_neurons.json

Needs the extra `reference` (nest-simulator==3.10.0). Steps: a spike that NEST stamps t is at step t / dt. An input
spike at step s is one that arrives at the end of step s, that is, one that left with a delay of one step at step s - 1.
An input current of step s flows from the end of step s - 1 to the end of step s.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

DATA = Path(__file__).with_name("data") / "nest_neurons.json"
VOLTAGE_EVERY = 40
Spike = tuple[int, str, float]
"""(step, port, weight)"""
STATE_STEPS = 250
NEST_NAMES = {
    "C_m_pF": "C_m", "tau_m_ms": "tau_m", "E_L_mV": "E_L", "V_th_mV": "V_th", "V_reset_mV": "V_reset",
    "t_ref_ms": "t_ref", "I_e_pA": "I_e", "tau_syn_ex_ms": "tau_syn_ex", "tau_syn_in_ms": "tau_syn_in",
    "a": "a", "b": "b", "c_mV": "c", "d": "d", "I_e_mV_per_ms": "I_e",
}  # fmt: skip
PD14 = {
    "C_m_pF": 250.0, "tau_m_ms": 10.0, "E_L_mV": -65.0, "V_th_mV": -50.0, "V_reset_mV": -65.0, "t_ref_ms": 2.0,
    "tau_syn_ex_ms": 0.5, "tau_syn_in_ms": 0.5,
}  # fmt: skip
DISTINCT = PD14 | {"tau_syn_ex_ms": 1.7, "tau_syn_in_ms": 6.3, "V_reset_mV": -61.5, "tau_m_ms": 13.0}
PORTS = {"ampa": 2.0, "nmda": 100.0, "gaba": 5.0}
IZHIKEVICH = {
    "RS": {"a": 0.02, "b": 0.2, "c_mV": -65.0, "d": 8.0},
    "IB": {"a": 0.02, "b": 0.2, "c_mV": -55.0, "d": 4.0},
    "CH": {"a": 0.02, "b": 0.2, "c_mV": -50.0, "d": 2.0},
    "FS": {"a": 0.1, "b": 0.2, "c_mV": -65.0, "d": 2.0},
    "LTS": {"a": 0.02, "b": 0.25, "c_mV": -65.0, "d": 2.0},
}


def random_input(seed: int, steps: int, ports: dict[str, tuple[float, list[float]]]) -> list[Spike]:
    """Every port with a probability per step and weights to choose from; multiples of 1/64, so exact in both."""
    draw = random.Random(seed)
    spikes = []
    for step in range(2, steps):
        for port, (probability, weights) in ports.items():
            if draw.random() < probability:
                spikes.append((step, port, weights[int(draw.random() * len(weights))]))
    return spikes


def case(name: str, model: str, dt_ms: float, steps: int, parameters: dict[str, float], **more: Any) -> dict[str, Any]:
    """One experiment; `more`: spikes, current [first step, last step, amplitude], receptors, initial."""
    return {"name": name, "model": model, "dt_ms": dt_ms, "steps": steps, "parameters": parameters, **more}


def cases() -> list[dict[str, Any]]:
    """All experiments."""
    iaf, multi, izh = "iaf_psc_exp", "iaf_psc_exp_multisynapse", "izhikevich"
    strong = {"ex": (0.06, [350.0, 700.0]), "in": (0.02, [-200.0, -450.0])}
    found = [
        case("constant current", iaf, 0.1, 10_000, PD14 | {"I_e_pA": 501.0}),
        case("input current in a window", iaf, 0.1, 4_000, PD14, current=[501, 3000, 555.0]),
        case("PD14 input", iaf, 0.1, 20_000, PD14,
             spikes=random_input(1, 20_000, {"ex": (0.9, [87.75, 175.5]), "in": (0.15, [-351.25])})),
        case("distinct time constants", iaf, 0.1, 20_000, DISTINCT, spikes=random_input(2, 20_000, strong)),
        case("tau_syn_ex equals tau_m", iaf, 0.1, 10_000, DISTINCT | {"tau_syn_ex_ms": 13.0},
             spikes=random_input(3, 10_000, {"ex": (0.05, [150.0]), "in": (0.03, [-120.0])})),
        case("initial potential", iaf, 0.1, 500, PD14 | {"I_e_pA": 400.0}, initial={"V_m_mV": -50.01}),
        case("initial potential above threshold", iaf, 0.1, 500, PD14 | {"I_e_pA": 400.0}, initial={"V_m_mV": -40.0}),
        case("spikes during refractoriness", iaf, 0.1, 3_000, DISTINCT | {"t_ref_ms": 5.0},
             spikes=random_input(4, 3_000, {"ex": (0.3, [300.0]), "in": (0.05, [-300.0])})),
    ]  # fmt: skip
    for dt, t_ref in ((0.1, 0.0), (0.1, 0.1), (0.1, 0.3), (0.1, 2.04), (0.1, 2.06), (0.5, 1.2), (1.0, 1.0), (1.0, 0.4)):
        parameters = PD14 | {"I_e_pA": 2000.0, "t_ref_ms": t_ref}
        found.append(case(f"t_ref {t_ref} ms at dt {dt} ms", iaf, dt, 1_000, parameters))
    membrane = {key: value for key, value in PD14.items() if not key.startswith("tau_syn")}
    three = {"ampa": (0.2, [150.0, 250.0]), "nmda": (0.02, [6.0, -2.0]), "gaba": (0.1, [-150.0])}
    found.append(
        case("three ports", multi, 0.1, 20_000, membrane, receptors=PORTS, spikes=random_input(5, 20_000, three))
    )
    more = {port: (2 * probability, [4 * w for w in weights]) for port, (probability, weights) in three.items()}
    coarse = random_input(6, 5_000, more)
    found.append(case("three ports, dt 1 ms", multi, 1.0, 5_000, membrane, receptors=PORTS, spikes=coarse))
    kicks = {"syn": (0.1, [6.0, 9.0, -4.0])}
    for kind, parameters in IZHIKEVICH.items():
        initial = {"V_m_mV": -65.0, "u": parameters["b"] * -65.0}
        found.append(case(f"Izhikevich {kind}, constant current", izh, 1.0, 1_000, parameters | {"I_e_mV_per_ms": 10.0},
                          initial=initial))  # fmt: skip
        found.append(case(f"Izhikevich {kind}, kicks", izh, 1.0, 2_000, parameters, initial=initial,
                          spikes=random_input(7, 2_000, kicks), current=[101, 1500, 4.0]))  # fmt: skip
    return found


def run_nest(experiment: dict[str, Any]) -> dict[str, Any]:
    """Return spike steps, V_m (mV) every VOLTAGE_EVERY steps; for Izhikevich also V_m and U_m of the first steps."""
    import nest

    dt, steps = experiment["dt_ms"], experiment["steps"]
    nest.ResetKernel()
    nest.resolution = dt
    parameters = {NEST_NAMES[key]: value for key, value in experiment["parameters"].items()}
    receptors = experiment.get("receptors")
    if receptors:
        parameters["tau_syn"] = list(receptors.values())
    if experiment["model"] == "izhikevich":
        parameters["consistent_integration"] = False
    initial = experiment.get("initial", {"V_m_mV": parameters.get("E_L", -65.0)})
    parameters |= {{"V_m_mV": "V_m", "u": "U_m"}[key]: value for key, value in initial.items()}
    neuron = nest.Create(experiment["model"], params=parameters)
    for port in sorted({spike[1] for spike in experiment.get("spikes", [])}):
        mine = [spike for spike in experiment["spikes"] if spike[1] == port]
        times = [round((step - 1) * dt, 6) for step, _, _ in mine]
        source = nest.Create("spike_generator", params={"spike_times": times, "spike_weights": [w for _, _, w in mine]})
        synapse = {"weight": 1.0, "delay": dt}
        if receptors:
            synapse["receptor_type"] = 1 + list(receptors).index(port)
        nest.Connect(source, neuron, syn_spec=synapse)
    if "current" in experiment:
        first, last, amplitude = experiment["current"]
        window = {"start": (first - 2) * dt, "stop": (last - 1) * dt, "amplitude": amplitude}
        nest.Connect(nest.Create("dc_generator", params=window), neuron, syn_spec={"delay": dt})
    recorder = nest.Create("spike_recorder")
    states = ["V_m", "U_m"] if experiment["model"] == "izhikevich" else ["V_m"]
    meter = nest.Create("multimeter", params={"interval": dt, "record_from": states})
    nest.Connect(neuron, recorder)
    nest.Connect(meter, neuron)
    nest.Simulate((steps + 1) * dt)
    times = [round(float(t) / dt) for t in recorder.events["times"]]
    voltages = [round(float(v), 5) for v in meter.events["V_m"][VOLTAGE_EVERY - 1 : steps : VOLTAGE_EVERY]]
    result: dict[str, Any] = {"spikes": [t for t in times if t <= steps], "voltages": voltages}
    if "U_m" in states:
        result["states"] = [[round(float(x), 9) for x in meter.events[key][:STATE_STEPS]] for key in states]
    return result


def main() -> None:
    """Run everything and write the file."""
    DATA.parent.mkdir(exist_ok=True)
    results = {experiment["name"]: run_nest(experiment) for experiment in cases()}
    lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(x, separators=(',', ':'))}" for name, x in results.items())
    DATA.write_text(f'{{"nest":"3.10.0","cases":{{\n{lines}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
