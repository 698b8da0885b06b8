"""Single neurons of the current- and conductance-based models in NEST 3.10: spike steps and voltages for the tests.

    python -m tests.parity.make_nest_currents        # writes tests/parity/data/nest_currents.json

Needs the extra `reference` (nest-simulator==3.10.0). Steps and input are those of `make_nest_neurons`. Weights have the
signs that NEST takes: input of a conductance's port `in` is negative here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.parity.make_nest_neurons import VOLTAGE_EVERY, case, random_input

DATA = Path(__file__).with_name("data") / "nest_currents.json"
UNITS = ("_pF", "_ms", "_mV", "_pA", "_nS", "_per_ms")
"""Ends of parameter names that NEST leaves out."""
MEMBRANE = {
    "C_m_pF": 250.0, "tau_m_ms": 13.0, "E_L_mV": -65.0, "V_th_mV": -50.0, "V_reset_mV": -61.5, "t_ref_ms": 2.0,
}  # fmt: skip
ALPHA = MEMBRANE | {"tau_syn_ex_ms": 1.7, "tau_syn_in_ms": 6.3}

CONDUCTANCE = {
    "C_m_pF": 250.0, "g_L_nS": 17.0, "E_L_mV": -70.0, "E_ex_mV": 0.0, "E_in_mV": -85.0, "V_th_mV": -52.0,
    "V_reset_mV": -61.5, "t_ref_ms": 2.0, "tau_syn_ex_ms": 0.3, "tau_syn_in_ms": 2.0,
}  # fmt: skip


def nest_name(name: str) -> str:
    """C_m_pF -> C_m."""
    for unit in UNITS[::-1]:
        if name.endswith(unit):
            return name.removesuffix(unit)
    return name


def delta_cases() -> list[dict[str, Any]]:
    """`iaf_psc_delta`: jumps, spikes lost during refractoriness, current."""
    name, steps = "iaf_psc_delta", 20_000
    kicks = {"syn": (0.2, [1.5, 0.75, 3.0, -1.0])}
    found = [
        case("delta, constant current", name, 0.1, 5_000, MEMBRANE | {"I_e_pA": 401.0}),
        case("delta, jumps", name, 0.1, steps, MEMBRANE, spikes=random_input(11, steps, kicks)),
        case("delta, jumps and a current", name, 0.1, steps, MEMBRANE | {"t_ref_ms": 5.0, "I_e_pA": 150.0},
             spikes=random_input(12, steps, kicks), current=[501, 15_000, 80.0]),
        case("delta, dt 1 ms, no refractoriness", name, 1.0, 5_000, MEMBRANE | {"t_ref_ms": 0.0},
             spikes=random_input(13, 5_000, {"syn": (0.5, [4.0, 3.0, -2.0])})),
        case("delta, initial potential", name, 0.1, 500, MEMBRANE | {"I_e_pA": 400.0}, initial={"V_m_mV": -50.01}),
    ]  # fmt: skip
    return found


def alpha_cases() -> list[dict[str, Any]]:
    """`iaf_psc_alpha`: time constants apart, equal and nearly equal."""
    name, steps = "iaf_psc_alpha", 20_000
    spikes = {"ex": (0.06, [150.0, 250.0]), "in": (0.02, [-100.0, -50.0])}
    few = {"ex": (0.02, [80.0]), "in": (0.02, [-60.0])}
    return [
        case("alpha, constant current", name, 0.1, 5_000, ALPHA | {"I_e_pA": 401.0}),
        case("alpha, distinct time constants", name, 0.1, steps, ALPHA, spikes=random_input(14, steps, spikes)),
        case("alpha, equal tau_syn", name, 0.1, steps, ALPHA | {"tau_syn_in_ms": 1.7},
             spikes=random_input(19, steps, spikes)),
        case("alpha, short currents", name, 0.1, steps, ALPHA | {"tau_syn_ex_ms": 0.3, "tau_syn_in_ms": 0.5},
             spikes=random_input(15, steps, {"ex": (0.3, [175.0, 300.0]), "in": (0.05, [-300.0])})),
        case("alpha, tau_syn_ex equals tau_m", name, 0.1, steps, ALPHA | {"tau_syn_ex_ms": 13.0},
             spikes=random_input(16, steps, few)),
        case("alpha, tau_syn_in nearly tau_m", name, 0.1, steps, ALPHA | {"tau_syn_in_ms": 13.000001},
             spikes=random_input(17, steps, {"ex": (0.05, [300.0]), "in": (0.02, [-60.0])})),
        case("alpha, dt 1 ms, long refractoriness", name, 1.0, 5_000, ALPHA | {"t_ref_ms": 5.0},
             spikes=random_input(18, 5_000, {"ex": (0.5, [200.0]), "in": (0.1, [-80.0])}), current=[501, 3000, 100.0]),
    ]  # fmt: skip


def conductance_cases() -> list[dict[str, Any]]:
    """`iaf_cond_exp` and `iaf_cond_alpha`: short and long conductances, strong inhibition, currents, coarse steps."""
    found, steps = [], 20_000
    for kind, scale in (("exp", 1.0), ("alpha", 0.5)):
        name = f"iaf_cond_{kind}"
        short = {"ex": (0.3, [12.0 * scale, 25.0 * scale]), "in": (0.05, [-10.0 * scale, -20.0 * scale])}
        long = {"ex": (0.12, [4.0 * scale, 6.0 * scale]), "in": (0.03, [-3.0 * scale, -5.0 * scale])}
        slow = CONDUCTANCE | {"tau_syn_ex_ms": 1.7, "tau_syn_in_ms": 6.3}
        found += [
            case(f"cond {kind}, constant current", name, 0.1, 5_000, CONDUCTANCE | {"I_e_pA": 401.0}),
            case(f"cond {kind}, short conductances", name, 0.1, steps, CONDUCTANCE,
                 spikes=random_input(21, steps, short)),
            case(f"cond {kind}, long conductances", name, 0.1, steps, slow, spikes=random_input(22, steps, long)),
            case(f"cond {kind}, high conductance and current", name, 0.1, steps, slow | {"t_ref_ms": 5.0},
                 spikes=random_input(23, steps, {"ex": (0.3, [8.0 * scale]), "in": (0.2, [-5.0 * scale])}),
                 current=[501, 15_000, 400.0]),
            case(f"cond {kind}, dt 0.5 ms", name, 0.5, 5_000, slow,
                 spikes=random_input(24, 5_000, {"ex": (0.6, [5.0 * scale]), "in": (0.1, [-4.0 * scale])})),
            case(f"cond {kind}, dt 1 ms, no refractoriness", name, 1.0, 3_000, slow | {"t_ref_ms": 0.0},
                 current=[501, 3_000, 400.0]),
            case(f"cond {kind}, initial potential", name, 0.1, 500, CONDUCTANCE | {"I_e_pA": 400.0},
                 initial={"V_m_mV": -50.01}),
        ]  # fmt: skip
    return found


def mat_cases() -> list[dict[str, Any]]:
    """`mat2_psc_exp` and `amat2_psc_exp`: adaptation to spikes, and to the potential with either sign of beta."""
    steps = 20_000
    spikes = {"ex": (0.2, [200.0, 350.0]), "in": (0.04, [-250.0])}
    mat = {"C_m_pF": 200.0, "tau_m_ms": 9.0, "E_L_mV": -70.0, "omega_mV": -60.0, "tau_syn_ex_ms": 1.2,
           "tau_syn_in_ms": 3.3, "alpha_1_mV": 12.0, "alpha_2_mV": 1.5, "t_ref_ms": 2.0}  # fmt: skip
    return [
        case("mat2, constant current", "mat2_psc_exp", 0.1, 10_000, mat | {"I_e_pA": 600.0}),
        case("mat2, input", "mat2_psc_exp", 0.1, steps, mat, spikes=random_input(31, steps, spikes)),
        case("mat2, dt 0.5 ms and a current", "mat2_psc_exp", 0.5, 6_000, mat | {"t_ref_ms": 5.0},
             spikes=random_input(32, 6_000, spikes), current=[501, 4_000, 400.0]),
        case("amat2, no dependence on V", "amat2_psc_exp", 0.1, steps, mat | {"beta_per_ms": 0.0},
             spikes=random_input(33, steps, spikes)),
        case("amat2, negative beta", "amat2_psc_exp", 0.1, steps, mat | {"beta_per_ms": -0.3, "tau_v_ms": 5.0},
             spikes=random_input(34, steps, spikes), current=[501, 15_000, 300.0]),
        case("amat2, positive beta", "amat2_psc_exp", 0.1, steps, mat | {"beta_per_ms": 0.2, "tau_v_ms": 4.0,
             "I_e_pA": 300.0}, spikes=random_input(35, steps, spikes)),
        case("amat2, dt 1 ms", "amat2_psc_exp", 1.0, 5_000, mat | {"beta_per_ms": -0.2, "tau_v_ms": 5.0},
             spikes=random_input(36, 5_000, {"ex": (0.6, [300.0]), "in": (0.2, [-250.0])}),
             current=[501, 3_000, 200.0]),
    ]  # fmt: skip


def glif_cases() -> list[dict[str, Any]]:
    """The GLIF models, each with current, with spikes at two ports, and with a coarse step."""
    found, steps = [], 20_000
    membrane = {"C_m_pF": 60.0, "g_nS": 9.0, "E_L_mV": -78.0, "V_th_mV": -52.0, "t_ref_ms": 3.75}
    resets = {"th_spike_add_mV": 1.37, "th_spike_decay_per_ms": 0.009, "voltage_reset_fraction": 0.2,
              "voltage_reset_add_mV": 10.5}  # fmt: skip
    after_spike = {"V_reset_mV": -75.0, "asc_amps_1_pA": -9.18, "asc_amps_2_pA": -150.0, "asc_decay_1_per_ms": 0.003,
                   "asc_decay_2_per_ms": 0.1, "asc_r_1": 0.9, "asc_r_2": 0.7}  # fmt: skip
    both = resets | {key: value for key, value in after_spike.items() if key != "V_reset_mV"}
    follows = both | {"th_voltage_index_per_ms": 0.004, "th_voltage_decay_per_ms": 0.09}
    for name, own in (
        ("glif1_psc", {"V_reset_mV": -75.0}), ("glif2_psc", resets), ("glif3_psc", after_spike), ("glif4_psc", both),
        ("glif5_psc", follows),
    ):  # fmt: skip
        spikes = {"fast": (0.15, [60.0, 90.0]), "slow": (0.05, [-20.0, -40.0])}
        ports = {"fast": 2.0, "slow": 7.0}
        found += [
            case(f"{name}, current", name, 0.1, steps, membrane | own, receptors=ports, current=[501, 15_000, 300.0]),
            case(f"{name}, input", name, 0.1, steps, membrane | own, receptors=ports,
                 spikes=random_input(41, steps, spikes), current=[5_001, 15_000, 120.0]),
            case(f"{name}, dt 0.5 ms, equal time constants", name, 0.5, 6_000, membrane | own,
                 receptors={"fast": 60.0 / 9.0, "slow": 1.0},
                 spikes=random_input(42, 6_000, {"fast": (0.3, [60.0, 90.0]), "slow": (0.1, [-20.0, -40.0])})),
        ]  # fmt: skip
    return found


def cases() -> list[dict[str, Any]]:
    """All experiments."""
    return [*delta_cases(), *alpha_cases(), *conductance_cases(), *mat_cases(), *glif_cases()]


def connect_spikes(nest: Any, neuron: Any, experiment: dict[str, Any]) -> None:
    """Spikes of every port from a generator of its own."""
    dt, receptors = experiment["dt_ms"], experiment.get("receptors")
    for port in sorted({spike[1] for spike in experiment.get("spikes", [])}):
        mine = [spike for spike in experiment["spikes"] if spike[1] == port]
        times = [round((step - 1) * dt, 6) for step, _, _ in mine]
        source = nest.Create("spike_generator", params={"spike_times": times, "spike_weights": [w for _, _, w in mine]})
        synapse: dict[str, Any] = {"weight": 1.0, "delay": dt}
        if receptors:
            synapse["receptor_type"] = 1 + list(receptors).index(port)
        nest.Connect(source, neuron, syn_spec=synapse)


def create(nest: Any, experiment: dict[str, Any], parameters: dict[str, Any]) -> Any:
    """The neuron; `glif_psc` takes its mechanisms as flags and its after-spike currents as vectors."""
    model: str = experiment["model"]
    if not model.startswith("glif"):
        return nest.Create(model, params=parameters)
    flags = {
        "spike_dependent_threshold": model[4] in "245",
        "after_spike_currents": model[4] in "345",
        "adapting_threshold": model[4] == "5",
    }
    for name in ("asc_amps", "asc_decay", "asc_r"):
        pair = [value for key, value in experiment["parameters"].items() if key.startswith(f"{name}_")]
        parameters = {key: value for key, value in parameters.items() if not key.startswith(f"{name}_")}
        parameters |= {name: pair} if pair else {}
    times = {"tau_syn": list(experiment["receptors"].values())}
    return nest.Create("glif_psc", params=parameters | flags | times)


def run_nest(experiment: dict[str, Any]) -> dict[str, Any]:
    """Return spike steps and V_m (mV) every VOLTAGE_EVERY steps."""
    import nest

    dt, steps = experiment["dt_ms"], experiment["steps"]
    nest.ResetKernel()
    nest.resolution = dt
    parameters: dict[str, Any] = {nest_name(key): value for key, value in experiment["parameters"].items()}
    parameters["V_m"] = experiment.get("initial", {}).get("V_m_mV", parameters["E_L"])
    neuron = create(nest, experiment, parameters)
    connect_spikes(nest, neuron, experiment)
    if "current" in experiment:
        first, last, amplitude = experiment["current"]
        window = {"start": (first - 2) * dt, "stop": (last - 1) * dt, "amplitude": amplitude}
        nest.Connect(nest.Create("dc_generator", params=window), neuron, syn_spec={"delay": dt})
    recorder = nest.Create("spike_recorder")
    meter = nest.Create("multimeter", params={"interval": dt, "record_from": ["V_m"]})
    nest.Connect(neuron, recorder)
    nest.Connect(meter, neuron)
    nest.Simulate((steps + 1) * dt)
    times = [round(float(t) / dt) for t in recorder.events["times"]]
    voltages = [round(float(v), 5) for v in meter.events["V_m"][VOLTAGE_EVERY - 1 : steps : VOLTAGE_EVERY]]
    return {"spikes": [t for t in times if t <= steps], "voltages": voltages}


def main() -> None:
    """Run everything and write the file."""
    results = {experiment["name"]: run_nest(experiment) for experiment in cases()}
    lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(x, separators=(',', ':'))}" for name, x in results.items())
    DATA.write_text(f'{{"nest":"3.10.0","cases":{{\n{lines}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
