"""Non-resetting neuron with a threshold of two time scales: NEST's `mat2_psc_exp`."""

from __future__ import annotations

import numpy as np

from dtbsim.errors import InputError
from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.integration import propagator_exp, refractory_steps
from dtbsim.models.neurons.iaf_common import MEMBRANE_EQUATIONS, POTENTIAL
from dtbsim.models.tables import Current, Derived, Parameter, Receptor, State

INTEGRATION = (
    "exact integration (Rotter and Diesmann 1999) of potential, currents and threshold; spikes that arrive at the end "
    "of the step are added to the decayed currents; a neuron with V >= threshold at the end of a step spikes there if "
    "its last spike is more than ceil(t_ref / dt) steps old; V is not reset; V - E_L, currents and components of the "
    "threshold below 1e-15 are set to 0"
)
EQUATIONS = (
    MEMBRANE_EQUATIONS + "dI_x/dt = -I_x / tau_syn_x + sum_k w_k delta(t - t_k),   x = ex, in\n"
    "dV_th_alpha_j/dt = -V_th_alpha_j / tau_j + alpha_j sum_k delta(t - own spikes),   j = 1, 2\n"
)
PORT_CONSTANTS = (
    Derived("P21_ex", "mV/pA", "excitatory current to potential"),
    Derived("P21_in", "mV/pA", "inhibitory current to potential"),
    Derived("P11_ex", "1", "decay of the excitatory current over one step"),
    Derived("P11_in", "1", "decay of the inhibitory current over one step"),
)
CONSTANTS = (  # changes instead of decays: an error of their float32 would add up in what is never reset
    Derived("leak", "1", "relative change of the potential over one step, exp(-dt / tau_m) - 1"),
    Derived("P20", "mV/pA", "constant current to potential"),
    *PORT_CONSTANTS,
    Derived("fade_1", "1", "relative change of V_th_alpha_1 over one step, exp(-dt / tau_1) - 1"),
    Derived("fade_2", "1", "relative change of V_th_alpha_2 over one step, exp(-dt / tau_2) - 1"),
    Derived("theta_mV", "mV", "omega - E_L"),
    Derived("refractory_steps", "steps", "t_ref in steps", dtype="i32"),
)
STATES = (
    POTENTIAL,
    State("I_syn_ex_pA", "pA", "excitatory synaptic current"),
    State("I_syn_in_pA", "pA", "inhibitory synaptic current (negative for negative weights)"),
    State("V_th_alpha_1_mV", "mV", "short component of the threshold"),
    State("V_th_alpha_2_mV", "mV", "long component of the threshold"),
)
LEFT = State("refractory", "steps", "steps left in which no spike is emitted", dtype="i32")


def parameters(C_m_pF: float, tau_m_ms: float, omega_mV: float, alpha_mV: tuple[float, float]) -> tuple[Parameter, ...]:
    """Return the parameters with the defaults in which NEST's two models differ."""

    def time(name: str, value: float, words: str) -> Parameter:
        return Parameter(name, "ms", value, words, low=0.0, open_low=True)

    return (
        Parameter("C_m_pF", "pF", C_m_pF, "membrane capacitance", low=0.0, open_low=True),
        time("tau_m_ms", tau_m_ms, "membrane time constant"),
        Parameter("E_L_mV", "mV", -70.0, "resting potential"),
        Parameter("omega_mV", "mV", omega_mV, "resting threshold (absolute)"),
        time("t_ref_ms", 2.0, "time without spikes after a spike, rounded up to whole steps, at least one"),
        Parameter("I_e_pA", "pA", 0.0, "constant input current"),
        time("tau_syn_ex_ms", 1.0, "time constant of the excitatory current"),
        time("tau_syn_in_ms", 3.0, "time constant of the inhibitory current"),
        time("tau_1_ms", 10.0, "short time constant of the threshold"),
        time("tau_2_ms", 200.0, "long time constant of the threshold"),
        Parameter("alpha_1_mV", "mV", alpha_mV[0], "jump of the short component at a spike"),
        Parameter("alpha_2_mV", "mV", alpha_mV[1], "jump of the long component at a spike"),
    )


class Mat2PscExp(NeuronModel):
    """NEST's `mat2_psc_exp`; tau_m may equal tau_syn here."""

    name = "mat2_psc_exp"
    summary = "Non-resetting leaky integrator with a threshold that adapts on two time scales (MAT)"
    citation = "Kobayashi, Tsubo, Shinomoto 2009 (doi:10.3389/neuro.10.009.2009); defaults of NEST 3.10, mat2_psc_exp"
    integration = INTEGRATION
    equations = EQUATIONS + "spike where V >= omega + V_th_alpha_1 + V_th_alpha_2\n"
    parameters = parameters(C_m_pF=100.0, tau_m_ms=5.0, omega_mV=-51.0, alpha_mV=(37.0, 2.0))
    states: tuple[State, ...] = (*STATES, LEFT)
    derived: tuple[Derived, ...] = CONSTANTS
    synaptic_currents = (Current("I_syn_ex_pA"), Current("I_syn_in_pA"))
    receptors = (
        Receptor("ex", "pA", "current with tau_syn_ex_ms; weights of either sign", channel=0),
        Receptor("in", "pA", "current with tau_syn_in_ms; weights of either sign", channel=1),
    )

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Propagators of the exact solution."""
        tau_m = p["tau_m_ms"]
        constants: Constants = {
            "leak": np.expm1(-dt_ms / tau_m),
            "P20": -np.expm1(-dt_ms / tau_m) * tau_m / p["C_m_pF"],
            "fade_1": np.expm1(-dt_ms / p["tau_1_ms"]),
            "fade_2": np.expm1(-dt_ms / p["tau_2_ms"]),
            "theta_mV": p["omega_mV"] - p["E_L_mV"],
            "refractory_steps": refractory_steps(p["t_ref_ms"], dt_ms),
        }
        for port in ("ex", "in"):
            tau = p[f"tau_syn_{port}_ms"]
            constants[f"P11_{port}"] = np.exp(-dt_ms / tau)
            constants[f"P21_{port}"] = propagator_exp(tau, tau_m, p["C_m_pF"], dt_ms)
        return constants

    def check_together(self, p: Values, dt_ms: float) -> None:
        """At least one step without spikes: nothing else keeps a neuron from spiking at every step."""
        if np.any(np.asarray(refractory_steps(p["t_ref_ms"], dt_ms)) < 1):
            raise InputError(
                f"t_ref_ms is {float(np.min(p['t_ref_ms'])):g}; model '{self.name}' needs at least one step",
                remedy=f"give t_ref_ms of {dt_ms:g} or more",
            )

    @staticmethod
    def update(
        V_m_mV: float,
        I_syn_ex_pA: float,
        I_syn_in_pA: float,
        V_th_alpha_1_mV: float,
        V_th_alpha_2_mV: float,
        refractory: int,
        in_ex: float,
        in_in: float,
        I_stim: float,
        leak: float,
        P21_ex: float,
        P21_in: float,
        P20: float,
        P11_ex: float,
        P11_in: float,
        I_e_pA: float,
        fade_1: float,
        fade_2: float,
        alpha_1_mV: float,
        alpha_2_mV: float,
        theta_mV: float,
        refractory_steps: int,
    ) -> tuple[float, float, float, float, float, int, bool]:
        """Potential, threshold and currents over the step, then the comparison."""
        v = V_m_mV * leak + I_syn_ex_pA * P21_ex + I_syn_in_pA * P21_in + (I_e_pA + I_stim) * P20 + V_m_mV
        v = 0.0 if abs(v) < 1e-15 else v
        i_ex = I_syn_ex_pA * P11_ex + in_ex
        i_in = I_syn_in_pA * P11_in + in_in
        i_ex = 0.0 if abs(i_ex) < 1e-15 else i_ex
        i_in = 0.0 if abs(i_in) < 1e-15 else i_in
        fast = V_th_alpha_1_mV * fade_1 + V_th_alpha_1_mV
        slow = V_th_alpha_2_mV * fade_2 + V_th_alpha_2_mV
        fast = 0.0 if abs(fast) < 1e-15 else fast
        slow = 0.0 if abs(slow) < 1e-15 else slow
        spiked = refractory == 0 and v >= theta_mV + slow + fast
        fast = fast + alpha_1_mV if spiked else fast
        slow = slow + alpha_2_mV if spiked else slow
        left = refractory_steps if spiked else max(refractory - 1, 0)
        return v, i_ex, i_in, fast, slow, left, spiked
