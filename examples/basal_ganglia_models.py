"""The neurons of hybrid_basal_ganglia.yaml: Izhikevich's equations with conductances.

Equations and parameters of the populations are those of Maith et al. 2021 (doi:10.1111/ejn.14868) as Meier et al. 2022
(doi:10.1016/j.expneurol.2022.114111) use them; docs/hybrid.md says what the example takes from there and what not.
"""

import numpy as np

from dtbsim.models import Derived, NeuronModel, Parameter, Receptor, State


class ConductanceIzhikevich(NeuronModel):
    """v' = n2 v^2 + n1 v + n0 - u / C + I - (g_ex + g_base) (v - E_ex) - g_in (v - E_in), u' = a (b (v - V_r) - u)."""

    name = "conductance_izhikevich"
    summary = "Izhikevich neuron with excitatory and inhibitory conductances and a refractory period"
    citation = "Maith et al. 2021 (doi:10.1111/ejn.14868)"
    integration = "two half steps of forward Euler for v, one step for u; conductances decay exactly"
    equations = (
        "dv/dt = n2 v^2 + n1 v + n0 - u / C + I_e + I_stim - (g_ex + g_base) (v - E_ex) - g_in (v - E_in)\n"
        "du/dt = a (b (v - V_r) - u)\n"
        "dg_x/dt = -g_x / tau_x + sum_k w_k delta(t - t_k),   x = ex, base, in\n"
        "v >= V_th:  v = c, u = u + d, and both stay so for t_ref"
    )
    current_unit = "mV/ms"
    parameters = (
        Parameter("a", "1/ms", 0.005, "rate of recovery"),
        Parameter("b", "1/ms", 0.585, "sensitivity of the recovery to v"),
        Parameter("c_mV", "mV", -65.0, "potential after a spike"),
        Parameter("d", "mV/ms", 4.0, "jump of the recovery at a spike"),
        Parameter("C", "1", 1.0, "divisor of the recovery", low=0.0, open_low=True),
        Parameter("n0", "mV/ms", 140.0, "constant term"),
        Parameter("n1", "1/ms", 5.0, "linear term"),
        Parameter("n2", "1/(mV ms)", 0.04, "square term"),
        Parameter("V_r_mV", "mV", 0.0, "potential without recovery"),
        Parameter("V_th_mV", "mV", 30.0, "peak at which a spike is detected"),
        Parameter("E_ex_mV", "mV", 0.0, "excitatory reversal potential"),
        Parameter("E_in_mV", "mV", -90.0, "inhibitory reversal potential"),
        Parameter("tau_ex_ms", "ms", 10.0, "time constant of the excitatory conductance", low=0.0, open_low=True),
        Parameter("tau_in_ms", "ms", 10.0, "time constant of the inhibitory conductance", low=0.0, open_low=True),
        Parameter(
            "tau_base_ms", "ms", 1.0, "time constant of the conductance of baseline input", low=0.0, open_low=True
        ),
        Parameter("t_ref_ms", "ms", 10.0, "refractory period, rounded up to whole steps", low=0.0),
        Parameter("I_e_mV_per_ms", "mV/ms", 0.0, "constant input current"),
    )
    states = (
        State("V_m_mV", "mV", "membrane potential", default=-70.0),
        State("u", "mV/ms", "recovery", default=-18.55),
        State("g_ex", "1/ms", "excitatory conductance"),
        State("g_in", "1/ms", "inhibitory conductance"),
        State("g_base", "1/ms", "conductance of baseline input"),
        State("refractory", "steps", "steps left of the refractory period", dtype="i32"),
    )
    derived = (
        Derived("half_dt_ms", "ms", "half a step"),
        Derived("recovery", "1", "a dt"),
        Derived("per_C", "1", "1 / C"),
        Derived("decay_ex", "1", "decay of the excitatory conductance over one step"),
        Derived("decay_in", "1", "decay of the inhibitory conductance over one step"),
        Derived("decay_base", "1", "decay of the conductance of baseline input over one step"),
        Derived("refractory_steps", "steps", "t_ref in steps", dtype="i32"),
    )
    receptors = (
        Receptor("ex", "1", "jump of the excitatory conductance, in 1/ms", channel=0),
        Receptor("in", "1", "jump of the inhibitory conductance, in 1/ms", channel=1),
        Receptor("base", "1", "jump of the conductance of baseline input, in 1/ms", channel=2),
    )

    def derive(self, p, dt_ms):
        """Step sizes and decays."""
        decays = {f"decay_{port}": np.exp(-dt_ms / p[f"tau_{port}_ms"]) for port in ("ex", "in", "base")}
        steps = np.ceil(p["t_ref_ms"] / dt_ms - 1e-9)
        return {"half_dt_ms": 0.5 * dt_ms, "recovery": p["a"] * dt_ms, "per_C": 1.0 / p["C"],
                "refractory_steps": steps, **decays}  # fmt: skip

    def largest_dt_ms(self, p):
        """Spikes rise by hundreds of mV in a ms."""
        return 0.25

    @staticmethod
    def update(V_m_mV, u, g_ex, g_in, g_base, refractory, in_ex, in_in, in_base, I_stim, I_e_mV_per_ms, c_mV, d, b, n0,
               n1, n2, V_r_mV, V_th_mV, E_ex_mV, E_in_mV, half_dt_ms, recovery, per_C, decay_ex, decay_in, decay_base,
               refractory_steps):  # fmt: skip
        """Membrane and recovery with the conductances of the step; then these decay, and spikes arrive."""
        total = n0 + I_e_mV_per_ms + I_stim - u * per_C + (g_ex + g_base) * E_ex_mV + g_in * E_in_mV
        leak = n1 - g_ex - g_base - g_in
        v = V_m_mV + half_dt_ms * ((n2 * V_m_mV + leak) * V_m_mV + total)
        v = v + half_dt_ms * ((n2 * v + leak) * v + total)
        w = u + recovery * (b * (v - V_r_mV) - u)
        v = v if refractory == 0 else V_m_mV
        w = w if refractory == 0 else u
        left = max(refractory - 1, 0)
        spiked = v >= V_th_mV
        v = c_mV if spiked else v
        w = w + d if spiked else w
        left = refractory_steps if spiked else left
        ex = decay_ex * g_ex + in_ex
        inh = decay_in * g_in + in_in
        base = decay_base * g_base + in_base
        ex = 0.0 if abs(ex) < 1e-15 else ex
        inh = 0.0 if abs(inh) < 1e-15 else inh
        base = 0.0 if abs(base) < 1e-15 else base
        return v, w, ex, inh, base, left, spiked
