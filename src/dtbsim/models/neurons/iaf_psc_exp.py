"""Leaky integrate-and-fire neuron with exponential synaptic currents: NEST's `iaf_psc_exp`."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from dtbsim.models.base import Constants, NeuronModel, Values, same_values
from dtbsim.models.integration import propagator_exp
from dtbsim.models.neurons.iaf_common import (
    EXACT,
    MEMBRANE,
    MEMBRANE_CONSTANTS,
    MEMBRANE_EQUATIONS,
    POTENTIAL,
    REFRACTORY,
    check_membrane,
    derive_membrane,
    shared_initial,
)
from dtbsim.models.tables import Current, Derived, Parameter, Receptor, State

_CITATION = "Tsodyks, Uziel, Markram 2000 (doi:10.1523/JNEUROSCI.20-01-j0003.2000); Rotter, Diesmann 1999"


class IafPscExp(NeuronModel):
    """NEST's `iaf_psc_exp` with a hard threshold (delta = 0)."""

    name = "iaf_psc_exp"
    summary = "Leaky integrate-and-fire neuron with exponential excitatory and inhibitory currents"
    citation = _CITATION
    integration = EXACT
    equations = MEMBRANE_EQUATIONS + "dI_x/dt = -I_x / tau_syn_x + sum_k w_k delta(t - t_k),   x = ex, in\n"
    parameters = (
        *MEMBRANE,
        Parameter("tau_syn_ex_ms", "ms", 2.0, "time constant of the excitatory current", low=0.0, open_low=True),
        Parameter("tau_syn_in_ms", "ms", 2.0, "time constant of the inhibitory current", low=0.0, open_low=True),
    )
    states = (
        POTENTIAL,
        State("I_syn_ex_pA", "pA", "excitatory synaptic current"),
        State("I_syn_in_pA", "pA", "inhibitory synaptic current (negative for negative weights)"),
        REFRACTORY,
    )
    derived = (
        *MEMBRANE_CONSTANTS,
        Derived("P21_ex", "mV/pA", "excitatory current to potential"),
        Derived("P21_in", "mV/pA", "inhibitory current to potential"),
        Derived("P11_ex", "1", "decay of the excitatory current over one step"),
        Derived("P11_in", "1", "decay of the inhibitory current over one step"),
    )
    synaptic_currents = (Current("I_syn_ex_pA"), Current("I_syn_in_pA"))
    receptors = (
        Receptor("ex", "pA", "current with tau_syn_ex_ms; weights of either sign", channel=0),
        Receptor("in", "pA", "current with tau_syn_in_ms; weights of either sign", channel=1),
    )

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Propagators of the exact solution."""
        constants = derive_membrane(p, dt_ms)
        for port in ("ex", "in"):
            tau = p[f"tau_syn_{port}_ms"]
            constants[f"P11_{port}"] = np.exp(-dt_ms / tau)
            constants[f"P21_{port}"] = propagator_exp(tau, p["tau_m_ms"], p["C_m_pF"], dt_ms)
        return constants

    def check_together(self, p: Values, dt_ms: float) -> None:
        """The reset must lie below the threshold."""
        check_membrane(p)

    def simplify(self, p: Values, initial: Values | None = None) -> NeuronModel:
        """One current for both ports where their time constants are the same for every neuron."""
        values = self.complete(p)
        return _SHARED_CURRENT if same_values(values["tau_syn_ex_ms"], values["tau_syn_in_ms"]) else self

    @staticmethod
    def update(
        V_m_mV: float,
        I_syn_ex_pA: float,
        I_syn_in_pA: float,
        refractory: int,
        in_ex: float,
        in_in: float,
        I_stim: float,
        P22: float,
        P21_ex: float,
        P21_in: float,
        P20: float,
        P11_ex: float,
        P11_in: float,
        I_e_pA: float,
        theta_mV: float,
        reset_mV: float,
        refractory_steps: int,
    ) -> tuple[float, float, float, int, bool]:
        """Potential from the currents at the start of the step, then decay, then the spikes that arrive at its end."""
        v = V_m_mV * P22 + I_syn_ex_pA * P21_ex + I_syn_in_pA * P21_in + (I_e_pA + I_stim) * P20
        v = 0.0 if abs(v) < 1e-15 else v
        v = v if refractory == 0 else V_m_mV
        left = max(refractory - 1, 0)
        I_syn_ex_pA = I_syn_ex_pA * P11_ex + in_ex
        I_syn_in_pA = I_syn_in_pA * P11_in + in_in
        I_syn_ex_pA = 0.0 if abs(I_syn_ex_pA) < 1e-15 else I_syn_ex_pA
        I_syn_in_pA = 0.0 if abs(I_syn_in_pA) < 1e-15 else I_syn_in_pA
        spiked = v >= theta_mV
        v = reset_mV if spiked else v
        left = refractory_steps if spiked else left
        return v, I_syn_ex_pA, I_syn_in_pA, left, spiked


class IafPscExpSharedCurrent(NeuronModel):
    """`iaf_psc_exp` for tau_syn_ex == tau_syn_in: the two currents obey the same equation, so their sum is kept."""

    name = IafPscExp.name
    summary = IafPscExp.summary
    citation = IafPscExp.citation
    integration = IafPscExp.integration
    equations = IafPscExp.equations
    parameters = IafPscExp.parameters
    states: tuple[State, ...] = (POTENTIAL, State("I_syn_pA", "pA", "synaptic current of both ports"), REFRACTORY)
    derived = (
        *MEMBRANE_CONSTANTS,
        Derived("P21", "mV/pA", "current to potential"),
        Derived("P11", "1", "decay of the current over one step"),
    )
    receptors: tuple[Receptor, ...] = (
        Receptor("ex", "pA", "the shared current", channel=0),
        Receptor("in", "pA", "the shared current", channel=0),
    )

    @property
    def inputs(self) -> tuple[str, ...]:
        """One channel for both ports."""
        return ("syn",)

    def with_states(self, names: Collection[str]) -> NeuronModel:
        """With the currents of both ports beside their sum, for those who record them."""
        return self if {row.name for row in self.states}.issuperset(names) else _WATCHED_CURRENTS

    def own_initial(self, given: Values) -> Values:
        """The shared current starts at the sum of both."""
        return shared_initial(given, {"I_syn_pA": ("I_syn_ex_pA", "I_syn_in_pA")})

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Propagators of the exact solution."""
        tau = p["tau_syn_ex_ms"]
        P21 = propagator_exp(tau, p["tau_m_ms"], p["C_m_pF"], dt_ms)
        return derive_membrane(p, dt_ms) | {"P11": np.exp(-dt_ms / tau), "P21": P21}

    def check_together(self, p: Values, dt_ms: float) -> None:
        """The reset must lie below the threshold."""
        check_membrane(p)

    @staticmethod
    def update(
        V_m_mV: float,
        I_syn_pA: float,
        refractory: int,
        in_syn: float,
        I_stim: float,
        P22: float,
        P21: float,
        P20: float,
        P11: float,
        I_e_pA: float,
        theta_mV: float,
        reset_mV: float,
        refractory_steps: int,
    ) -> tuple[float, float, int, bool]:
        """As `IafPscExp.update` with one current."""
        v = V_m_mV * P22 + I_syn_pA * P21 + (I_e_pA + I_stim) * P20
        v = 0.0 if abs(v) < 1e-15 else v
        v = v if refractory == 0 else V_m_mV
        left = max(refractory - 1, 0)
        I_syn_pA = I_syn_pA * P11 + in_syn
        I_syn_pA = 0.0 if abs(I_syn_pA) < 1e-15 else I_syn_pA
        spiked = v >= theta_mV
        v = reset_mV if spiked else v
        left = refractory_steps if spiked else left
        return v, I_syn_pA, left, spiked


class IafPscExpWatchedCurrents(IafPscExpSharedCurrent):
    """The shared current, and beside it those of both ports, which feed nothing: they are there to be recorded."""

    states = (*IafPscExpSharedCurrent.states, *IafPscExp.states[1:3])
    receptors = (
        Receptor("ex", "pA", "the shared current", channel=0, watched=1),
        Receptor("in", "pA", "the shared current", channel=0, watched=2),
    )
    n_watched_inputs = 2
    watched = frozenset({"I_syn_ex_pA", "I_syn_in_pA"})

    @property
    def inputs(self) -> tuple[str, ...]:
        """Both ports together, then each alone."""
        return ("syn", "ex", "in")

    def own_initial(self, given: Values) -> Values:
        """The shared current starts at the sum of both."""
        return {**super().own_initial(given), **{name: given[name] for name in self.watched if name in given}}

    @staticmethod
    def update(  # type: ignore[override]
        V_m_mV: float,
        I_syn_pA: float,
        refractory: int,
        I_syn_ex_pA: float,
        I_syn_in_pA: float,
        in_syn: float,
        in_ex: float,
        in_in: float,
        I_stim: float,
        P22: float,
        P21: float,
        P20: float,
        P11: float,
        I_e_pA: float,
        theta_mV: float,
        reset_mV: float,
        refractory_steps: int,
    ) -> tuple[float, float, int, float, float, bool]:
        """As `IafPscExpSharedCurrent.update`."""
        v = V_m_mV * P22 + I_syn_pA * P21 + (I_e_pA + I_stim) * P20
        v = 0.0 if abs(v) < 1e-15 else v
        v = v if refractory == 0 else V_m_mV
        left = max(refractory - 1, 0)
        I_syn_pA = I_syn_pA * P11 + in_syn
        I_syn_pA = 0.0 if abs(I_syn_pA) < 1e-15 else I_syn_pA
        I_syn_ex_pA = I_syn_ex_pA * P11 + in_ex
        I_syn_in_pA = I_syn_in_pA * P11 + in_in
        I_syn_ex_pA = 0.0 if abs(I_syn_ex_pA) < 1e-15 else I_syn_ex_pA
        I_syn_in_pA = 0.0 if abs(I_syn_in_pA) < 1e-15 else I_syn_in_pA
        spiked = v >= theta_mV
        v = reset_mV if spiked else v
        left = refractory_steps if spiked else left
        return v, I_syn_pA, left, I_syn_ex_pA, I_syn_in_pA, spiked


_SHARED_CURRENT = IafPscExpSharedCurrent()
_WATCHED_CURRENTS = IafPscExpWatchedCurrents()
