"""Leaky integrate-and-fire neuron with any number of named current ports: NEST's `iaf_psc_exp_multisynapse`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.integration import propagator_exp
from dtbsim.models.language.subset import function_from_text
from dtbsim.models.neurons.iaf_common import (
    EXACT,
    MEMBRANE,
    MEMBRANE_CONSTANTS,
    MEMBRANE_EQUATIONS,
    POTENTIAL,
    REFRACTORY,
    check_membrane,
    check_port_names,
    derive_membrane,
)
from dtbsim.models.tables import Current, Derived, Parameter, Receptor, State

_UPDATE = """\
def update(
    V_m_mV,
    {currents},
    refractory,
    {inputs},
    I_stim,
    I_e_pA,
    P22,
    P20,
    {constants},
    theta_mV,
    reset_mV,
    refractory_steps,
):
    v = V_m_mV * P22 + (I_e_pA + I_stim) * P20
    {sums}
    v = 0.0 if abs(v) < 1e-15 else v
    v = v if refractory == 0 else V_m_mV
    left = max(refractory - 1, 0)
    {decays}
    {cuts}
    spiked = v >= theta_mV
    v = reset_mV if spiked else v
    left = refractory_steps if spiked else left
    return v, {currents}, left, spiked
"""


class IafPscExpMultisynapse(NeuronModel):
    """NEST's `iaf_psc_exp_multisynapse` with named ports.

    `receptors` maps port names to the default of their time constant tau_syn_<port>_ms, in order; the update function
    is written out for these ports.
    """

    name = "iaf_psc_exp_multisynapse"
    summary = "Leaky integrate-and-fire neuron with any number of named exponential current ports"
    citation = "NEST 3.10, iaf_psc_exp_multisynapse; Rotter and Diesmann 1999 (doi:10.1007/s004220050570)"
    integration = EXACT
    equations = MEMBRANE_EQUATIONS + "dI_x/dt = -I_x / tau_syn_x + sum_k w_k delta(t - t_k)   for every port x"
    derived: tuple[Derived, ...] = MEMBRANE_CONSTANTS

    def __init__(self, receptors: Mapping[str, float]) -> None:
        check_port_names(receptors)
        self._ports = tuple(receptors)
        self.parameters = (
            *MEMBRANE,
            *(
                Parameter(f"tau_syn_{port}_ms", "ms", tau, f"time constant of port {port}", low=0.0, open_low=True)
                for port, tau in receptors.items()
            ),
        )
        self.states = (
            POTENTIAL,
            *(State(f"I_syn_{port}_pA", "pA", f"synaptic current of port {port}") for port in self._ports),
            REFRACTORY,
        )
        self.derived = MEMBRANE_CONSTANTS + tuple(
            row
            for port in self._ports
            for row in (
                Derived(f"P21_{port}", "mV/pA", f"current of port {port} to potential"),
                Derived(f"P11_{port}", "1", f"decay of the current of port {port} over one step"),
            )
        )
        self.synaptic_currents = tuple(Current(f"I_syn_{port}_pA") for port in self._ports)
        self.receptors = tuple(
            Receptor(port, "pA", f"current with tau_syn_{port}_ms; weights of either sign", channel)
            for channel, port in enumerate(self._ports)
        )
        self.update = function_from_text(self._text(), f"{self.name}({', '.join(self._ports)})")  # type: ignore[method-assign]

    def _text(self) -> str:
        def each(pattern: str, separator: str = ", ") -> str:
            return separator.join(pattern.format(p=port) for port in self._ports)

        return _UPDATE.format(
            currents=each("I_syn_{p}_pA"),
            inputs=each("in_{p}"),
            constants=each("P21_{p}, P11_{p}"),
            sums=each("v = v + P21_{p} * I_syn_{p}_pA", "\n    "),
            cuts=each("I_syn_{p}_pA = 0.0 if abs(I_syn_{p}_pA) < 1e-15 else I_syn_{p}_pA", "\n    "),
            decays=each("I_syn_{p}_pA = I_syn_{p}_pA * P11_{p} + in_{p}", "\n    "),
        )

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Propagators of the exact solution."""
        constants = derive_membrane(p, dt_ms)
        for port in self._ports:
            tau = p[f"tau_syn_{port}_ms"]
            constants[f"P11_{port}"] = np.exp(-dt_ms / tau)
            constants[f"P21_{port}"] = propagator_exp(tau, p["tau_m_ms"], p["C_m_pF"], dt_ms)
        return constants

    def check_together(self, p: Values, dt_ms: float) -> None:
        """The reset must lie below the threshold."""
        check_membrane(p)
