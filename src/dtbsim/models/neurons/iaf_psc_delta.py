"""Leaky integrate-and-fire neuron whose potential jumps with every spike: NEST's `iaf_psc_delta`."""

from __future__ import annotations

from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.neurons.iaf_common import (
    MEMBRANE,
    MEMBRANE_CONSTANTS,
    POTENTIAL,
    REFRACTORY,
    check_membrane,
    derive_membrane,
)
from dtbsim.models.tables import Receptor


class IafPscDelta(NeuronModel):
    """NEST's `iaf_psc_delta` with `refractory_input` false and without the lower bound V_min."""

    name = "iaf_psc_delta"
    summary = "Leaky integrate-and-fire neuron whose potential jumps with every incoming spike"
    citation = "NEST 3.10, iaf_psc_delta; Rotter and Diesmann 1999 (doi:10.1007/s004220050570)"
    integration = (
        "exact integration (Rotter and Diesmann 1999): V decays over the step, then the spikes that arrive at its end "
        "are added; a neuron with V >= V_th then spikes and is set to V_reset, where it stays for ceil(t_ref / dt) "
        "steps; spikes that arrive during these steps are lost (refractory_input false in NEST); V - E_L below 1e-15 "
        "is set to 0"
    )
    equations = "dV/dt = -(V - E_L) / tau_m + (I_e + I_stim) / C_m + sum_k w_k delta(t - t_k)\n"
    parameters = MEMBRANE
    states = (POTENTIAL, REFRACTORY)
    derived = MEMBRANE_CONSTANTS
    receptors = (Receptor("syn", "mV", "jump of the potential; weights of either sign", channel=0),)

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Propagators of the exact solution."""
        return derive_membrane(p, dt_ms)

    def check_together(self, p: Values, dt_ms: float) -> None:
        """The reset must lie below the threshold."""
        check_membrane(p)

    @staticmethod
    def update(
        V_m_mV: float,
        refractory: int,
        in_syn: float,
        I_stim: float,
        P22: float,
        P20: float,
        I_e_pA: float,
        theta_mV: float,
        reset_mV: float,
        refractory_steps: int,
    ) -> tuple[float, int, bool]:
        """Decay, then the jumps of the spikes that arrive at the end of the step, then the threshold."""
        v = V_m_mV * P22 + (I_e_pA + I_stim) * P20 + in_syn
        v = 0.0 if abs(v) < 1e-15 else v
        v = v if refractory == 0 else V_m_mV
        left = max(refractory - 1, 0)
        spiked = v >= theta_mV
        v = reset_mV if spiked else v
        left = refractory_steps if spiked else left
        return v, left, spiked
