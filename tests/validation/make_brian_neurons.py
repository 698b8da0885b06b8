"""Single neurons under constant currents in Brian2, with small steps: potentials and spikes for the tests without it.

    python -m venv BRIAN && BRIAN/bin/pip install brian2
    BRIAN/bin/python -m tests.validation.make_brian_neurons

writes data/brian_neurons.json. Brian2 needs an older numpy than dtbsim has, so this imports nothing of dtbsim; the
equations are those of the papers, written down once more.
"""

from __future__ import annotations

from typing import Any

from tests.validation.storage import DATA, store

PATH = DATA / "brian_neurons.json"
DURATION_MS, SAMPLED_MS = 300.0, 1.0

ADEX = """
dv/dt = (-g_L*(v - E_L) + g_L*Delta_T*exp(clip((v - V_th)/Delta_T, -100, 12)) - w + I)/C_m/ms : 1
dw/dt = (a*(v - E_L) - w)/tau_w/ms : 1
"""
HODGKIN_HUXLEY = """
dv/dt = (-12000*m**3*h*(v - 50) - 3600*n**4*(v + 77) - 30*(v + 54.402) + I)/100/ms : 1
dm/dt = (0.1*(v + 40)/(1 - exp(-(v + 40)/10))*(1 - m) - 4*exp(-(v + 65)/18)*m)/ms : 1
dh/dt = (0.07*exp(-(v + 65)/20)*(1 - h) - h/(1 + exp(-(v + 35)/10)))/ms : 1
dn/dt = (0.01*(v + 55)/(1 - exp(-(v + 55)/10))*(1 - n) - 0.125*exp(-(v + 65)/80)*n)/ms : 1
"""
IZHIKEVICH = """
v += 0.5*step*(0.04*v**2 + 5*v + 140 - u + I)
v += 0.5*step*(0.04*v**2 + 5*v + 140 - u + I)
u += step*a*(b*v - u)
"""
"""The scheme of the paper belongs to this model: a step of it."""

CASES: dict[str, dict[str, Any]] = {
    # Naud et al. 2008, table 1
    "AdEx, tonic": {"kind": "adex", "C_m": 200.0, "g_L": 10.0, "E_L": -70.0, "V_th": -50.0, "Delta_T": 2.0, "a": 2.0,
                    "tau_w": 30.0, "b": 0.0, "V_reset": -58.0, "I": 500.0},
    "AdEx, adapting": {"kind": "adex", "C_m": 200.0, "g_L": 12.0, "E_L": -70.0, "V_th": -50.0, "Delta_T": 2.0, "a": 2.0,
                       "tau_w": 300.0, "b": 60.0, "V_reset": -58.0, "I": 500.0},
    "AdEx, bursting": {"kind": "adex", "C_m": 200.0, "g_L": 10.0, "E_L": -58.0, "V_th": -50.0, "Delta_T": 2.0, "a": 2.0,
                       "tau_w": 120.0, "b": 100.0, "V_reset": -46.0, "I": 210.0},
    "Hodgkin-Huxley": {"kind": "hh", "I": 1000.0},
    # Izhikevich 2003, figure 2
    "Izhikevich, RS": {"kind": "izhikevich", "a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0, "I": 10.0},
    "Izhikevich, CH": {"kind": "izhikevich", "a": 0.02, "b": 0.2, "c": -50.0, "d": 2.0, "I": 10.0},
    "Izhikevich, FS": {"kind": "izhikevich", "a": 0.1, "b": 0.2, "c": -65.0, "d": 2.0, "I": 10.0},
}  # fmt: skip
STEP_MS = {"adex": 0.005, "hh": 0.005, "izhikevich": 0.1}


def run_brian(case: dict[str, Any]) -> dict[str, list[float]]:
    """Potentials (mV) every SAMPLED_MS, from there on, and spike times (ms)."""
    import brian2 as b

    b.prefs.codegen.target = "numpy"
    b.start_scope()
    b.defaultclock.dt = STEP_MS[case["kind"]] * b.ms
    numbers = {key: value for key, value in case.items() if key != "kind"}
    if case["kind"] == "adex":
        more = {"threshold": "v > -26", "reset": "v = V_reset; w += b"}
        group = b.NeuronGroup(1, ADEX, method="rk4", namespace=numbers, **more)
        group.v = case["E_L"]
    elif case["kind"] == "izhikevich":
        more = {"threshold": "v >= 30", "reset": "v = c; u += d"}
        group = b.NeuronGroup(1, "v : 1\nu : 1", namespace={**numbers, "step": STEP_MS["izhikevich"]}, **more)
        group.run_regularly(IZHIKEVICH, when="groups")
        group.v, group.u = -65.0, -65.0 * case["b"]
    else:
        group = b.NeuronGroup(1, HODGKIN_HUXLEY, method="rk4", namespace=numbers, threshold="v > 0", refractory="v > 0")
        group.v, group.m, group.h, group.n = -65.0, *resting_gates(-65.0)
    trace = b.StateMonitor(group, "v", record=True, dt=SAMPLED_MS * b.ms)
    spikes = b.SpikeMonitor(group)
    b.run((DURATION_MS + SAMPLED_MS) * b.ms, namespace={})
    step_ms = STEP_MS[case["kind"]]
    return {
        "V_m_mV": [round(float(value), 4) for value in trace.v[0][1 : round(DURATION_MS / SAMPLED_MS) + 1]],
        "spikes_ms": [round(float(t / b.ms) + step_ms, 4) for t in spikes.t if t / b.ms < DURATION_MS],
    }


def resting_gates(v: float) -> tuple[float, float, float]:
    """Equilibrium of m, h, n."""
    from math import exp

    m = 0.1 * (v + 40) / (1 - exp(-(v + 40) / 10)), 4 * exp(-(v + 65) / 18)
    h = 0.07 * exp(-(v + 65) / 20), 1 / (1 + exp(-(v + 35) / 10))
    n = 0.01 * (v + 55) / (1 - exp(-(v + 55) / 10)), 0.125 * exp(-(v + 65) / 80)
    return tuple(alpha / (alpha + beta) for alpha, beta in (m, h, n))  # type: ignore[return-value]


def main() -> None:
    """Run Brian2 and write the file."""
    import brian2

    runs = {name: [run_brian(case)] for name, case in CASES.items()}
    store(PATH, {"brian2": brian2.__version__, "duration_ms": DURATION_MS, "sampled_ms": SAMPLED_MS}, runs)


if __name__ == "__main__":
    main()
