"""Integrate-and-fire neuron of Wang's decision circuit with AMPA, GABA and NMDA conductances."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.integration import refractory_steps
from dtbsim.models.language.elementary import exp
from dtbsim.models.neurons.ode_common import PADE, mean_decay, refuse_order, relaxed
from dtbsim.models.tables import Current, Derived, Parameter, Receptor, State

LARGEST_DT = 0.2
"""Longest time step in units of C_m / g_L."""


def unblocked(y: float, mg: float) -> Any:
    """Part of the NMDA channels that magnesium leaves open at the potential y above E_L."""
    return 1.0 / (1.0 + mg * exp(y * -0.062))


class IafWang2002(NeuronModel):
    """NEST's `iaf_bw_2001` but for the gating of NMDA, which belongs to the presynaptic side."""

    name = "iaf_wang_2002"
    summary = "Leaky integrate-and-fire neuron with AMPA, GABA and magnesium-blocked NMDA conductances"
    citation = (
        "Wang 2002 (doi:10.1016/S0896-6273(02)01092-9); Brunel, Wang 2001 (doi:10.1023/A:1011204814320); magnesium "
        "block of Jahr, Stevens 1990; defaults of NEST 3.10, iaf_bw_2001"
    )
    integration = (
        "second order: half a step with the magnesium block at the start gives the block at the middle, with which the "
        f"whole step is done; each is a linear equation with mean conductances over the step, solved {PADE}. The "
        "conductances decay exactly. A neuron with V >= V_th at the end of a step spikes there, is set to V_reset and "
        "stays there for ceil(t_ref / dt) steps, as in NEST. The port nmda takes increments of sum_j w_j s_j, which "
        "decays with tau_decay_NMDA: the saturation of s_j depends on the spikes of neuron j alone, so it is the "
        "synapse's presynaptic factor that makes the increment (in Brunel and Wang's equations about "
        "k_0 + k_1 s_j, k_1 = exp(-alpha tau_rise) - 1, as NEST's iaf_bw_2001 does); through an ordinary synapse every "
        "spike adds its whole weight and nothing saturates. NEST has no I_e. Needs dt <= 0.2 C_m / g_L. V - E_L and "
        "conductances below 1e-15 are set to 0"
    )
    equations = (
        "C_m dV/dt = -g_L (V - E_L) - s_AMPA (V - E_ex) - s_GABA (V - E_in)\n"
        "            - s_NMDA (V - E_ex) / (1 + [Mg] exp(-0.062 V) / 3.57) + I_e + I_stim\n"
        "ds_x/dt = -s_x / tau_x + sum_k w_k delta(t - t_k),   x = AMPA, GABA, NMDA\n"
        "V >= V_th:  V = V_reset for t_ref"
    )
    parameters = (
        Parameter("C_m_pF", "pF", 500.0, "membrane capacitance", low=0.0, open_low=True),
        Parameter("g_L_nS", "nS", 25.0, "leak conductance", low=0.0, open_low=True),
        Parameter("E_L_mV", "mV", -70.0, "leak reversal potential"),
        Parameter("V_th_mV", "mV", -55.0, "threshold"),
        Parameter("V_reset_mV", "mV", -60.0, "potential after a spike and during refractoriness"),
        Parameter("t_ref_ms", "ms", 2.0, "refractory period, rounded up to whole steps", low=0.0),
        Parameter("E_ex_mV", "mV", 0.0, "reversal potential of AMPA and NMDA"),
        Parameter("E_in_mV", "mV", -70.0, "reversal potential of GABA"),
        Parameter("tau_AMPA_ms", "ms", 2.0, "time constant of AMPA", low=0.0, open_low=True),
        Parameter("tau_GABA_ms", "ms", 5.0, "time constant of GABA", low=0.0, open_low=True),
        Parameter("tau_decay_NMDA_ms", "ms", 100.0, "decay of NMDA", low=0.0, open_low=True),
        Parameter("conc_Mg2_mM", "mM", 1.0, "magnesium outside the cell", low=0.0),
        Parameter("I_e_pA", "pA", 0.0, "constant input current"),
    )
    states = (
        State("V_m_mV", "mV", "membrane potential (kept relative to E_L_mV)", default="E_L_mV", offset="E_L_mV"),
        State("s_AMPA_nS", "nS", "AMPA conductance"),
        State("s_GABA_nS", "nS", "GABA conductance"),
        State("s_NMDA_nS", "nS", "NMDA conductance without block"),
        State("refractory", "steps", "steps left in the refractory period", dtype="i32"),
    )
    derived = (
        Derived("leak", "1", "dt g_L / C_m"),
        Derived("per_pA", "mV/pA", "dt / C_m"),
        Derived("mg", "1", "[Mg] exp(-0.062 E_L) / 3.57"),
        Derived("E_ex_rel_mV", "mV", "E_ex - E_L"),
        Derived("E_in_rel_mV", "mV", "E_in - E_L"),
        Derived("theta_mV", "mV", "V_th - E_L"),
        Derived("reset_mV", "mV", "V_reset - E_L"),
        *(
            row
            for kind in ("AMPA", "GABA", "NMDA")
            for row in (
                Derived(f"P_{kind}", "1", f"decay of the {kind} conductance over one step"),
                Derived(f"mean_{kind}", "1/nS", f"{kind} conductance at the start to its mean over the step, dt / C_m"),
            )
        ),
        Derived("refractory_steps", "steps", "t_ref in steps", dtype="i32"),
    )
    synaptic_currents = (
        Current("s_AMPA_nS", "E_ex_mV", effect="excites"),
        Current("s_GABA_nS", "E_in_mV", effect="inhibits"),
        Current("s_NMDA_nS", "E_ex_mV", magnesium="conc_Mg2_mM", effect="excites"),
    )
    functions = (relaxed, unblocked)
    receptors = (
        Receptor("ampa", "nS", "conductance with tau_AMPA_ms; not below 0", channel=0, takes="positive"),
        Receptor("gaba", "nS", "conductance with tau_GABA_ms; not below 0", channel=1, takes="positive"),
        Receptor(
            "nmda",
            "nS",
            "increments of the NMDA conductance, decaying with tau_decay_NMDA_ms",
            channel=2,
            takes="positive",
        ),
    )

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Decays and mean conductances over a step."""
        per_pA = dt_ms / p["C_m_pF"]
        constants: Constants = {
            "leak": p["g_L_nS"] * per_pA,
            "per_pA": per_pA,
            "mg": p["conc_Mg2_mM"] / 3.57 * np.exp(-0.062 * np.asarray(p["E_L_mV"])),
            "E_ex_rel_mV": p["E_ex_mV"] - p["E_L_mV"],
            "E_in_rel_mV": p["E_in_mV"] - p["E_L_mV"],
            "theta_mV": p["V_th_mV"] - p["E_L_mV"],
            "reset_mV": p["V_reset_mV"] - p["E_L_mV"],
            "refractory_steps": refractory_steps(p["t_ref_ms"], dt_ms),
        }
        for kind, tau in (("AMPA", "tau_AMPA_ms"), ("GABA", "tau_GABA_ms"), ("NMDA", "tau_decay_NMDA_ms")):
            constants[f"P_{kind}"] = np.exp(-dt_ms / p[tau])
            constants[f"mean_{kind}"] = mean_decay(p[tau], dt_ms) * per_pA
        return constants

    def check_together(self, p: Values, dt_ms: float) -> None:
        """V_reset < V_th."""
        refuse_order(p, "V_reset_mV", "<", "V_th_mV")

    def largest_dt_ms(self, p: Values) -> float | npt.NDArray[np.float64]:
        """Well below the membrane time constant."""
        return LARGEST_DT * p["C_m_pF"] / p["g_L_nS"]

    @staticmethod
    def update(
        V_m_mV: float,
        s_AMPA_nS: float,
        s_GABA_nS: float,
        s_NMDA_nS: float,
        refractory: int,
        in_ampa: float,
        in_gaba: float,
        in_nmda: float,
        I_stim: float,
        I_e_pA: float,
        leak: float,
        per_pA: float,
        mg: float,
        E_ex_rel_mV: float,
        E_in_rel_mV: float,
        theta_mV: float,
        reset_mV: float,
        P_AMPA: float,
        P_GABA: float,
        P_NMDA: float,
        mean_AMPA: float,
        mean_GABA: float,
        mean_NMDA: float,
        refractory_steps: int,
    ) -> tuple[float, float, float, float, int, bool]:
        """Half a step for the block at the middle, the whole step, threshold; then the spikes that arrive."""
        ampa = mean_AMPA * s_AMPA_nS
        gaba = mean_GABA * s_GABA_nS
        nmda = mean_NMDA * s_NMDA_nS
        rate = leak + ampa + gaba
        drive = (I_e_pA + I_stim) * per_pA + gaba * E_in_rel_mV
        open_now = nmda * unblocked(V_m_mV, mg)
        excited = drive + (ampa + open_now) * E_ex_rel_mV
        middle = relaxed(V_m_mV, 0.5 * (rate + open_now), 0.5 * excited)
        open_now = nmda * unblocked(middle, mg)
        v = relaxed(V_m_mV, rate + open_now, drive + (ampa + open_now) * E_ex_rel_mV)
        v = 0.0 if abs(v) < 1e-15 else v
        v = v if refractory == 0 else reset_mV
        spiked = refractory == 0 and v >= theta_mV
        v = reset_mV if spiked else v
        left = max(refractory - 1, 0)
        left = refractory_steps if spiked else left
        s_AMPA_nS = s_AMPA_nS * P_AMPA + in_ampa
        s_GABA_nS = s_GABA_nS * P_GABA + in_gaba
        s_NMDA_nS = s_NMDA_nS * P_NMDA + in_nmda
        s_AMPA_nS = 0.0 if abs(s_AMPA_nS) < 1e-15 else s_AMPA_nS
        s_GABA_nS = 0.0 if abs(s_GABA_nS) < 1e-15 else s_GABA_nS
        s_NMDA_nS = 0.0 if abs(s_NMDA_nS) < 1e-15 else s_NMDA_nS
        return v, s_AMPA_nS, s_GABA_nS, s_NMDA_nS, left, spiked
