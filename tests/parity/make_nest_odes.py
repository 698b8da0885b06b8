"""Single neurons that NEST 3.10 integrates adaptively: spike steps and voltages for the parity tests.

    python -m tests.parity.make_nest_odes        # writes tests/parity/data/nest_odes.json

Needs the extra `reference` (nest-simulator==3.10.0). Steps and inputs as in `make_nest_neurons.py`. Names of
parameters are those of NEST with the unit appended.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from tests.parity.make_nest_neurons import VOLTAGE_EVERY, Spike, case, random_input

DATA = Path(__file__).with_name("data") / "nest_odes.json"
TIGHT = 1e-8
"""Error tolerance given to NEST's integrator where it can be set."""
NEST_MODELS = {"iaf_wang_2002": "iaf_bw_2001"}
WANG_PORTS = ["ampa", "gaba", "nmda"]
"""NEST's receptor types 1, 2, 3."""

ADEX = {"t_ref_ms": 0.0, "V_reset_mV": -58.0}
BURSTING = {
    "C_m_pF": 200.0, "g_L_nS": 10.0, "E_L_mV": -58.0, "V_th_mV": -50.0, "Delta_T_mV": 2.0, "a_nS": 2.0,
    "tau_w_ms": 120.0, "b_pA": 100.0, "V_reset_mV": -46.0, "V_peak_mV": 0.0,
}  # fmt: skip
CONDUCTANCES = {"tau_syn_ex_ms": 1.7, "tau_syn_in_ms": 6.3}


TRAUB_GATES = {"Act_m": 0.01, "Inact_h": 0.99, "Act_n": 0.02}
"""NEST starts the gates of hh_cond_exp_traub in equilibrium at -60 mV above V_T, dtbsim at V_m."""


def adex_cases() -> list[dict[str, Any]]:
    """Brette and Gerstner's default cell, a bursting one, conductance input, refractoriness, another time step.

    The seeds are ones without near misses of the threshold: there any two integrators part by many steps.
    """
    name = "aeif_cond_exp"
    inhibited = {"in": (0.03, [4.0, 8.0])}
    driven = random_input(21, 10_000, {"ex": (0.15, [16.0, 24.0])} | inhibited)
    fast = random_input(23, 10_000, {"ex": (0.3, [50.0, 90.0])} | inhibited)
    weak = random_input(13, 10_000, {"ex": (0.05, [1.5, 3.0]), "in": (0.03, [2.0])})
    kicks = random_input(12, 10_000, {"ex": (0.2, [16.0, 30.0])} | inhibited)
    coarse = random_input(23, 2_000, {"ex": (0.5, [14.0, 20.0]), "in": (0.1, [2.0])})
    return [
        case("AdEx, constant current", name, 0.1, 10_000, ADEX | {"I_e_pA": 800.0}),
        case("AdEx, current in a window", name, 0.1, 5_000, ADEX | {"t_ref_ms": 2.0}, current=[501, 4000, 1000.0]),
        case("AdEx, fast spiking", name, 0.1, 10_000, ADEX | {"b_pA": 5.0, "tau_w_ms": 20.0, "I_e_pA": 1000.0}),
        case("AdEx, bursts", name, 0.1, 5_000, BURSTING | {"I_e_pA": 210.0}),
        case("AdEx, conductances", name, 0.1, 10_000, CONDUCTANCES | {"t_ref_ms": 1.0}, spikes=driven),
        case("AdEx, fast conductances", name, 0.1, 10_000, {"I_e_pA": 100.0}, spikes=fast),
        case("AdEx, below threshold", name, 0.1, 10_000, CONDUCTANCES, spikes=weak),
        case("AdEx, fast conductances below threshold", name, 0.1, 10_000, {"I_e_pA": 100.0}, spikes=kicks),
        case("AdEx, small Delta_T", name, 0.1, 5_000, ADEX | {"Delta_T_mV": 0.5, "I_e_pA": 800.0}),
        case("AdEx, initial potential above the peak", name, 0.1, 1_000, ADEX | {"I_e_pA": 700.0},
             initial={"V_m_mV": 5.0, "w_pA": 20.0}),
        case("AdEx, dt 0.5 ms", name, 0.5, 2_000, CONDUCTANCES | {"I_e_pA": 300.0}, spikes=coarse),
    ]  # fmt: skip


def hh_cases() -> list[dict[str, Any]]:
    """Constant currents, a window, synaptic input that makes and delays spikes, both models."""
    alpha, traub = "hh_psc_alpha", "hh_cond_exp_traub"
    currents = random_input(31, 10_000, {"ex": (0.02, [600.0, 900.0]), "in": (0.01, [-150.0])})
    weak = random_input(32, 5_000, {"ex": (0.02, [100.0, 150.0]), "in": (0.01, [-100.0])})
    conductances = random_input(33, 10_000, {"ex": (0.02, [6.0, 12.0]), "in": (0.01, [8.0])})
    small = random_input(34, 5_000, {"ex": (0.01, [0.25, 0.5]), "in": (0.01, [2.0])})
    resting = {"E_L_mV": -67.0}
    gates = {"V_m_mV": -60.0} | TRAUB_GATES
    return [
        case("Hodgkin-Huxley, constant current", alpha, 0.1, 5_000, {"I_e_pA": 1000.0}),
        case("Hodgkin-Huxley, current in a window", alpha, 0.1, 3_000, {}, current=[501, 2000, 700.0]),
        case("Hodgkin-Huxley, synapses", alpha, 0.1, 10_000, {"tau_syn_ex_ms": 0.5}, spikes=currents),
        case("Hodgkin-Huxley, below threshold", alpha, 0.1, 5_000, {}, spikes=weak),
        case("Hodgkin-Huxley, dt 0.05 ms", alpha, 0.05, 5_000, {"I_e_pA": 1500.0}),
        case("Traub, constant current", traub, 0.1, 5_000, {"I_e_pA": 500.0}, initial=gates),
        case("Traub, current in a window", traub, 0.1, 3_000, resting, current=[501, 2000, 600.0], initial=gates),
        case("Traub, synapses", traub, 0.1, 10_000, resting, spikes=conductances, initial=gates),
        case("Traub, below threshold", traub, 0.1, 5_000, resting, spikes=small, initial=gates),
    ]


def wang_cases() -> list[dict[str, Any]]:
    """AMPA and GABA input, the NMDA current of neurons of NEST's kind, refractoriness, Wang's interneuron.

    `presynaptic` is a list of constant currents (pA), one per neuron that connects to the port nmda, with the weight.
    """
    name = "iaf_wang_2002"
    mixed = random_input(41, 10_000, {"ampa": (0.15, [4.0, 6.0]), "gaba": (0.05, [2.0, 6.0])})
    weak = random_input(42, 10_000, {"ampa": (0.1, [2.0, 3.0]), "gaba": (0.05, [2.0, 6.0])})
    interneuron = {"C_m_pF": 200.0, "g_L_nS": 20.0, "t_ref_ms": 1.0}
    return [
        case("Wang, AMPA and GABA", name, 0.1, 10_000, {}, spikes=mixed),
        case("Wang, interneuron", name, 0.1, 10_000, interneuron, spikes=mixed),
        case("Wang, below threshold", name, 0.1, 10_000, {}, spikes=weak),
        case("Wang, NMDA", name, 0.1, 10_000, {}, presynaptic=[[400.0, 30.0], [450.0, 40.0], [600.0, 50.0]]),
        case("Wang, NMDA below threshold", name, 0.1, 10_000, {}, spikes=weak,
             presynaptic=[[400.0, 1.0], [500.0, 1.5]]),
        case("Wang, one NMDA synapse", name, 0.1, 5_000, {}, presynaptic=[[500.0, 1.0]]),
        case("Wang, little magnesium", name, 0.1, 5_000, {"conc_Mg2_mM": 0.1, "tau_decay_NMDA_ms": 40.0},
             presynaptic=[[500.0, 9.0], [420.0, 6.0]], current=[501, 3000, 200.0]),
    ]  # fmt: skip


def cases() -> list[dict[str, Any]]:
    """All experiments."""
    return [*adex_cases(), *hh_cases(), *wang_cases()]


def nest_name(name: str) -> str:
    """C_m_pF -> C_m."""
    return name if name in TRAUB_GATES else name.rsplit("_", 1)[0]


def connect_spikes(nest: Any, experiment: dict[str, Any], neuron: Any) -> None:
    """Ports ex and in by the sign of the weight, as these models of NEST do."""
    dt = experiment["dt_ms"]
    conductances = experiment["model"] != "hh_psc_alpha"
    for port in sorted({spike[1] for spike in experiment.get("spikes", [])}):
        mine: list[Spike] = [spike for spike in experiment["spikes"] if spike[1] == port]
        times = [round((step - 1) * dt, 6) for step, _, _ in mine]
        sign = -1.0 if port == "in" and conductances else 1.0
        weights = [sign * weight for _, _, weight in mine]
        source = nest.Create("spike_generator", params={"spike_times": times, "spike_weights": weights})
        synapse = {"weight": 1.0, "delay": dt}
        if port in WANG_PORTS:
            synapse["receptor_type"] = 1 + WANG_PORTS.index(port)
        nest.Connect(source, neuron, syn_spec=synapse)


def connect_nmda(nest: Any, experiment: dict[str, Any], neuron: Any, parameters: dict[str, float]) -> None:
    """Neurons of the same kind under constant currents, which alone can send NMDA events in NEST."""
    for amplitude, weight in experiment.get("presynaptic", []):
        cell = nest.Create("iaf_bw_2001", params=parameters)
        nest.Connect(nest.Create("dc_generator", params={"amplitude": amplitude}), cell)
        synapse = {"weight": weight, "delay": experiment["dt_ms"], "receptor_type": 3}
        nest.Connect(cell, neuron, syn_spec=synapse)


def increments_of(s_NMDA: Any, decay: float) -> list[list[float]]:
    """[step, increment] wherever the recorded sum of NMDA gates (nS) jumps."""
    jumps = s_NMDA[1:] - s_NMDA[:-1] * decay
    return [[int(k) + 2, round(float(jumps[k]), 7)] for k in (jumps > 1e-4).nonzero()[0]]


def run_nest(experiment: dict[str, Any]) -> dict[str, Any]:
    """Return spike steps and V_m (mV) every VOLTAGE_EVERY steps, and for NMDA what arrived there."""
    import nest

    dt, steps, model = experiment["dt_ms"], experiment["steps"], experiment["model"]
    nest.ResetKernel()
    nest.resolution = dt
    parameters = {nest_name(key): value for key, value in experiment["parameters"].items()}
    if "gsl_error_tol" in nest.GetDefaults(NEST_MODELS.get(model, model)):
        parameters["gsl_error_tol"] = TIGHT
    if "E_L" in parameters:
        parameters["V_m"] = parameters["E_L"]
    parameters |= {nest_name(key): value for key, value in experiment.get("initial", {}).items()}
    neuron = nest.Create(NEST_MODELS.get(model, model), params=parameters)
    connect_spikes(nest, experiment, neuron)
    connect_nmda(nest, experiment, neuron, parameters)
    if "current" in experiment:
        first, last, amplitude = experiment["current"]
        window = {"start": (first - 2) * dt, "stop": (last - 1) * dt, "amplitude": amplitude}
        nest.Connect(nest.Create("dc_generator", params=window), neuron, syn_spec={"delay": dt})
    recorder = nest.Create("spike_recorder", params={"time_in_steps": True})
    names = ["V_m", "s_NMDA"] if "presynaptic" in experiment else ["V_m"]
    meter = nest.Create("multimeter", params={"interval": dt, "record_from": names})
    nest.Connect(neuron, recorder)
    nest.Connect(meter, neuron)
    nest.Simulate((steps + 1) * dt)
    voltages = [round(float(v), 4) for v in meter.events["V_m"][VOLTAGE_EVERY - 1 : steps : VOLTAGE_EVERY]]
    result: dict[str, Any] = {"spikes": [int(t) for t in recorder.events["times"] if t <= steps], "voltages": voltages}
    if "presynaptic" in experiment:
        decay = math.exp(-dt / experiment["parameters"].get("tau_decay_NMDA_ms", 100.0))
        result["nmda"] = [pair for pair in increments_of(meter.events["s_NMDA"], decay) if pair[0] <= steps]
    return result


def main() -> None:
    """Run everything and write the file."""
    DATA.parent.mkdir(exist_ok=True)
    results = {experiment["name"]: run_nest(experiment) for experiment in cases()}
    lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(x, separators=(',', ':'))}" for name, x in results.items())
    DATA.write_text(f'{{"nest":"3.10.0","cases":{{\n{lines}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
