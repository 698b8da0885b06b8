"""Leaky integrate-and-fire neuron with AMPA, NMDA, GABAa and GABAb receptors of Fudan's Digital Twin Brain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dtbsim.errors import InputError
from dtbsim.models.base import Constants, NeuronModel, Values, same_values
from dtbsim.models.integration import refractory_steps
from dtbsim.models.language.subset import function_from_text
from dtbsim.models.neurons.iaf_common import REFRACTORY, check_membrane
from dtbsim.models.tables import Current, Derived, MG_HALF_mM, MG_PER_mV, Parameter, Receptor, State

PORTS = {
    "AMPA": (0.0, 2.0, 5.0 / 275.0),
    "NMDA": (0.0, 40.0, 5.0 / 4000.0),
    "GABAa": (-70.0, 10.0, 3.0 / 30.0),
    "GABAb": (-100.0, 50.0, 3.0 / 730.0),
}
"""Port: reversal potential (mV), decay time (ms), conductance of a unit of weight (mS/cm2); the library's defaults."""
LARGEST_DT_MS = 1.0
"""The step for which the scheme was published."""

_UPDATE = """\
def update(
    V_m_mV,
    {states},
    refractory,
    {inputs},
    I_stim,
    I_e_uA_per_cm2,
    g_L_mS_per_cm2,
    {conductances},
    {reversals},
    {block}dt_per_C,
    {decays},
    theta_mV,
    reset_mV,
    refractory_steps,
):
    {opened}
    {blocked}current = I_e_uA_per_cm2 + I_stim - g_L_mS_per_cm2 * V_m_mV
    {sums}
    v = V_m_mV + dt_per_C * current
    v = 0.0 if abs(v) < 1e-15 else v
    v = v if refractory == 0 else reset_mV
    left = max(refractory - 1, 0)
    {arrivals}
    {cuts}
    spiked = v >= theta_mV
    v = reset_mV if spiked else v
    left = refractory_steps if spiked else left
    return v, {states}, left, spiked
"""


def _text(blocked: bool) -> str:
    def each(pattern: str, separator: str = ", ") -> str:
        return separator.join(pattern.format(u=port) for port in PORTS)

    lines = "\n    "
    return _UPDATE.format(
        states=each("J_{u}"),
        inputs=each("in_{u}"),
        conductances=each("g_{u}_mS_per_cm2"),
        reversals=each("reversal_{u}_mV"),
        block="block, " if blocked else "",
        decays=each("decay_{u}"),
        opened=each("g_{u} = g_{u}_mS_per_cm2 * J_{u}", lines),
        blocked=f"g_NMDA = g_NMDA / (1.0 + block * exp(-{MG_PER_mV} * V_m_mV)){lines}" if blocked else "",
        sums=each("current = current + g_{u} * (reversal_{u}_mV - V_m_mV)", lines),
        arrivals=each("J_{u} = J_{u} * decay_{u} + in_{u}", lines),
        cuts=each("J_{u} = 0.0 if J_{u} < 1e-15 else J_{u}", lines),
    )


class LifDtb(NeuronModel):
    """The neuron of the Digital Twin Brain; per area as published, so currents are in uA/cm2."""

    name = "lif_dtb"
    summary = "Leaky integrate-and-fire neuron with AMPA, NMDA, GABAa, GABAb conductances (Digital Twin Brain)"
    citation = (
        "Lu et al. 2024 (doi:10.1038/s43588-024-00731-3), defaults of the Digital Twin Brain library; magnesium block: "
        "Jahr and Stevens 1990 (doi:10.1523/JNEUROSCI.10-09-03178.1990)"
    )
    integration = (
        "forward Euler for V with J_u at the start of the step, exact decay of J_u, as published for dt = 1 ms. Needs "
        "dt <= 1 ms and dt <= C_m / g_L; it is stable while dt (g_L + sum of g_u J_u) < 2 C_m. Spikes that arrive at "
        "the end of a step are added to J_u; a neuron with V >= V_th at the end of a step spikes there and is set to "
        "V_reset; its first integrated step is the one that ends t_ref later (so t_ref = 2 ms at dt = 1 ms leaves out "
        "one step, as in the published loop); V - E_L and J_u below 1e-15 are set to 0"
    )
    equations = (
        "C_m dV/dt = -g_L (V - E_L) + sum_u g_u B_u(V) J_u (E_u - V) + I_e + I_stim,   u = AMPA, NMDA, GABAa, GABAb\n"
        "dJ_u/dt = -J_u / tau_u + sum_k w_k delta(t - t_k)\n"
        "B_NMDA(V) = 1 / (1 + Mg / 3.57 mM exp(-0.062 V / mV)), the other B_u = 1\n"
    )
    parameters = (
        Parameter("C_m_uF_per_cm2", "uF/cm2", 1.0, "membrane capacitance", low=0.0, open_low=True),
        Parameter("g_L_mS_per_cm2", "mS/cm2", 0.03, "leak conductance", low=0.0, open_low=True),
        Parameter("E_L_mV", "mV", -75.0, "resting potential (V_L)"),
        Parameter("V_th_mV", "mV", -50.0, "threshold"),
        Parameter("V_reset_mV", "mV", -65.0, "potential after a spike and during refractoriness"),
        Parameter("t_ref_ms", "ms", 5.0, "refractory period", low=0.0),
        *(Parameter(f"E_{u}_mV", "mV", row[0], f"reversal potential of {u}") for u, row in PORTS.items()),
        *(
            Parameter(f"tau_{u}_ms", "ms", row[1], f"decay time of {u}", low=0.0, open_low=True)
            for u, row in PORTS.items()
        ),
        *(
            Parameter(f"g_{u}_mS_per_cm2", "mS/cm2", row[2], f"{u} conductance of one unit of weight", low=0.0)
            for u, row in PORTS.items()
        ),
        Parameter("Mg_mM", "mM", 0.0, "magnesium that blocks NMDA receptors; 0: no block", low=0.0),
        Parameter("I_e_uA_per_cm2", "uA/cm2", 0.0, "constant input current"),
    )
    states = (
        State(
            "V_m_mV", "mV", "membrane potential (kept relative to E_L_mV)", offset="E_L_mV", default="E_L_mV",
            starts_at="(V_th_mV + V_reset_mV) / 2",
        ),
        *(State(f"J_{u}", "1", f"{u} activation, in units of weight") for u in PORTS),
        REFRACTORY,
    )  # fmt: skip
    derived: tuple[Derived, ...] = (
        *(Derived(f"reversal_{u}_mV", "mV", f"E_{u} - E_L") for u in PORTS),
        Derived("dt_per_C", "ms cm2/uF", "dt / C_m"),
        *(Derived(f"decay_{u}", "1", f"decay of J_{u} over one step") for u in PORTS),
        Derived("theta_mV", "mV", "V_th - E_L"),
        Derived("reset_mV", "mV", "V_reset - E_L"),
        Derived("refractory_steps", "steps", "steps left out after that of the spike", dtype="i32"),
        Derived("block", "1", "Mg / 3.57 mM exp(-0.062 E_L / mV)"),
    )
    receptors = tuple(
        Receptor(u, "1", f"jump of J_{u}; not below 0", channel, takes="positive") for channel, u in enumerate(PORTS)
    )
    synaptic_currents = tuple(
        Current(
            f"J_{u}",
            f"E_{u}_mV",
            per_unit=f"g_{u}_mS_per_cm2",
            magnesium="Mg_mM" if u == "NMDA" else None,
            unit="uA/cm2",
            effect="inhibits" if u.startswith("GABA") else "excites",
        )
        for u in PORTS
    )
    current_unit = "uA/cm2"
    update = staticmethod(function_from_text(_text(blocked=True), name))

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Constants of the Euler step."""
        E_L = p["E_L_mV"]
        constants: Constants = {f"reversal_{u}_mV": p[f"E_{u}_mV"] - E_L for u in PORTS}
        constants |= {f"decay_{u}": np.exp(-dt_ms / p[f"tau_{u}_ms"]) for u in PORTS}
        return constants | {
            "dt_per_C": dt_ms / p["C_m_uF_per_cm2"],
            "theta_mV": p["V_th_mV"] - E_L,
            "reset_mV": p["V_reset_mV"] - E_L,
            "refractory_steps": np.maximum(refractory_steps(p["t_ref_ms"], dt_ms) - 1.0, 0.0),
            "block": p["Mg_mM"] / MG_HALF_mM * np.exp(-MG_PER_mV * E_L),
        }

    def derive_initial(self, p: Values, initial: Mapping[str, Any]) -> Constants:
        """The library starts half-way between reset and threshold."""
        return {"V_m_mV": 0.5 * (p["V_th_mV"] + p["V_reset_mV"])}

    def check_together(self, p: Values, dt_ms: float) -> None:
        """The reset must lie below the threshold, the step within the bound of forward Euler."""
        check_membrane(p)
        tau_m_ms = float(np.min(p["C_m_uF_per_cm2"] / p["g_L_mS_per_cm2"]))
        longest = min(LARGEST_DT_MS, tau_m_ms)
        if dt_ms > longest:
            raise InputError(
                f"dt_ms is {dt_ms:g}; forward Euler of model '{self.name}' needs dt_ms <= {LARGEST_DT_MS:g} and "
                f"dt_ms <= C_m / g_L, here {tau_m_ms:g} ms",
                remedy=f"set simulation.dt_ms to {longest:g} or less",
            )

    def simplify(self, p: Values, initial: Values | None = None) -> NeuronModel:
        """Without magnesium the block is left out: the same bits."""
        return _WITHOUT_BLOCK if same_values(self.complete(p)["Mg_mM"], 0.0) else self


class LifDtbWithoutBlock(LifDtb):
    """`lif_dtb` for Mg = 0."""

    derived = LifDtb.derived[:-1]
    update = staticmethod(function_from_text(_text(blocked=False), LifDtb.name))


_WITHOUT_BLOCK = LifDtbWithoutBlock()
